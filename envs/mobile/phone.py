"""The state of a whole device: its world, and what is open on it. Immutable, like all here."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from gym_reason.envs.mobile.widgets import Event
from gym_reason.verifiers.state.world import Key, Value, World

Fields: TypeAlias = "tuple[tuple[str, Value], ...]"


class Route(NamedTuple):
    """A page that is open, with what was entered on it and not saved."""

    app: str
    """The app's name."""
    page: str = "main"
    """The page's name."""
    key: Key | None = None
    """The primary key of what it shows."""
    fields: Fields = ()
    """What was entered, by field, in the order of the names."""
    focus: str = ""
    """The field that is being written in; the keyboard is shown for it."""
    scroll: int = 0
    """How far the page is scrolled, in points."""
    dialog: str = ""
    """The dialog that is open; pages decide what it shows."""
    subject: Value = None
    """What the dialog is about."""

    def get(self, name: str, default: str = "") -> str:
        """Return the text entered in a field, or the default."""
        for field, value in self.fields:
            if field == name:
                return value if isinstance(value, str) else str(value)
        return default

    def value(self, name: str, default: Value = None) -> Value:
        """Return what is held under a name, of whatever type."""
        for field, value in self.fields:
            if field == name:
                return value
        return default

    def put(self, **entries: Value) -> "Route":
        """Return the page with entries set."""
        return self._replace(fields=tuple(sorted({**dict(self.fields), **entries}.items())))

    def open_dialog(self, name: str, subject: Value = None) -> "Route":
        """Return the page with a dialog open, or closed for an empty name."""
        return self._replace(dialog=name, subject=subject, focus="")


class Request(NamedTuple):
    """A permission that an app asks for, and what goes on once it is given."""

    app: str
    """Who asks."""
    permission: str
    """What for: `camera`, `microphone`, `location`, `contacts`, `sms`, `files`."""
    then: Event
    """The event that waits for it."""


class Phone(NamedTuple):
    """A device at one moment."""

    world: World
    """Its data: all that tasks and verifiers see, with the page that is open."""
    stack: tuple[Route, ...] = ()
    """The pages of the app in the foreground, the open one last; empty on the home screen."""
    recents: tuple[tuple[Route, ...], ...] = ()
    """The pages of the other apps, the last used first."""
    overlay: str = ""
    """What covers the app: `drawer`, `recents`, `shade`, or nothing."""
    scroll: int = 0
    """How far the overlay is scrolled, in points."""
    request: Request | None = None
    """The permission that is being asked for."""
    toast: str = ""
    """A message at the bottom, until the next action."""

    @property
    def route(self) -> Route:
        """The open page; of no app on the home screen."""
        return self.stack[-1] if self.stack else HOME

    def write(self, world: World) -> "Phone":
        """Return the device with another world."""
        return self._replace(world=world)

    def turn(self, route: Route) -> "Phone":
        """Return the device with the open page replaced."""
        return self._replace(stack=(*self.stack[:-1], route))

    def push(self, page: str, key: Key | None = None, **entries: Value) -> "Phone":
        """Return the device with one more page of the same app open."""
        fields = tuple(sorted(entries.items()))
        under = self.route._replace(focus="", dialog="", subject=None)
        route = Route(under.app, page, key, fields)
        return self._replace(stack=(*self.stack[:-1], under, route))

    def pop(self) -> "Phone":
        """Return the device with the page before, or the home screen after the first."""
        if len(self.stack) > 1:
            return self._replace(stack=self.stack[:-1])
        return self.go_home()

    def go_home(self) -> "Phone":
        """Return the device on its home screen, the app kept among the recent ones."""
        recents = (self.stack, *self.recents) if self.stack else self.recents
        return self._replace(stack=(), recents=recents, overlay="", scroll=0)

    def open(self, app: str, *routes: Route) -> "Phone":
        """Return the device with an app in front: where it was left, or at the given pages."""
        kept = next((stack for stack in self.recents if stack[0].app == app), None)
        home = self if self.route.app == app else self.go_home()
        recents = tuple(stack for stack in home.recents if stack[0].app != app)
        stack = routes or (self.stack if self.route.app == app else kept) or (Route(app),)
        return home._replace(stack=stack, recents=recents, overlay="", scroll=0)

    def say(self, toast: str) -> "Phone":
        """Return the device with a message at its bottom."""
        return self._replace(toast=toast)

    def entries(self) -> Mapping[str, Value]:
        """Return what was entered on the open page."""
        return dict(self.route.fields)


HOME = Route("", "home")
"""What is open where no app is."""
