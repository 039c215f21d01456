"""An app: its tables, a pure view for each of its pages, and a pure handler for each event."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import Event, Page
from gym_reason.verifiers.state.world import Table, World

View: TypeAlias = Callable[[World, Route, Look], Page]
"""Returns what a page shows. It never writes: it has nothing to write to."""
Handler: TypeAlias = Callable[[Phone, Event], Phone]
"""Returns the device after an event."""


class App:
    """An app, written once and shown on any device.

    A module makes one and adds pages and handlers to it:

        NOTES = App("notes", "Notes", "note", tables=(NOTE,))

        @NOTES.page("main")
        def show_notes(world, route, look): ...

        @NOTES.on("save")
        def save_note(phone, event): ...
    """

    def __init__(
        self, name: str, label: str, picture: str, tables: tuple[Table[Any], ...] = ()
    ) -> None:
        """Make an app without pages.

        Args:
            name: Its name in code, routes and events: one word in small letters.
            label: Its name on the screen, in English.
            picture: The picture on its icon: one of `pictures.PICTURES`.
            tables: The tables that it alone writes.
        """
        self.name, self.label, self.picture, self.tables = name, label, picture, tables
        self.pages: dict[str, View] = {}
        self.handlers: dict[str, Handler] = {}

    def page(self, name: str) -> Callable[[View], View]:
        """Return a decorator that makes a function the view of a page; `main` is the first page."""

        def add(view: View) -> View:
            self.pages[name] = view
            return view

        return add

    def on(self, name: str) -> Callable[[Handler], Handler]:
        """Return a decorator that makes a function the handler of the event `app.name`."""

        def add(handler: Handler) -> Handler:
            self.handlers[f"{self.name}.{name}"] = handler
            return handler

        return add
