"""Settings: switches, levels and choices of the device, and what its apps may do."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import CLOSE, ask, go
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.system.tables import GRANT, SETTING, Grant, Setting
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    heading,
    item,
    radio,
    slider,
    switch,
    text,
)
from gym_reason.verifiers.state.world import World

Level: TypeAlias = "str | int | bool"
"""What a setting holds: a choice, a level from 0 to 100, or on and off."""


class Line(NamedTuple):
    """One setting on a page."""

    id: str
    """Its key in the table."""
    label: str
    """Its name on the screen, in English."""
    usual: Level
    """What it is where the table has no row; its type says what kind of setting it is."""
    choices: tuple[str, ...] = ()
    """What can be chosen, for a text."""


class Section(NamedTuple):
    """One page of settings."""

    label: str
    """Its name on the screen, in English."""
    picture: str
    """The picture before it."""
    lines: tuple[Line, ...]
    """What is on it."""


LANGUAGES = ("English", "中文", "Deutsch", "Español", "Français", "Português")
"""Languages that can be chosen, each in its own words."""

SECTIONS: Mapping[str, Section] = {
    "network": Section(
        "Network",
        "wifi",
        (
            Line("wifi", "Wi-Fi", True),
            Line("bluetooth", "Bluetooth", False),
            Line("airplane", "Airplane mode", False),
            Line("mobile_data", "Mobile data", True),
        ),
    ),
    "display": Section(
        "Display",
        "brightness",
        (
            Line("brightness", "Brightness", 50),
            Line("dark_theme", "Dark theme", False),
            Line("auto_rotate", "Auto-rotate", True),
            Line("font_size", "Font size", "Medium", ("Small", "Medium", "Large", "Largest")),
        ),
    ),
    "sound": Section(
        "Sound",
        "speaker",
        (
            Line("volume", "Media volume", 60),
            Line("ring_volume", "Ring volume", 70),
            Line("vibrate", "Vibrate for calls", True),
            Line("do_not_disturb", "Do not disturb", False),
        ),
    ),
    "privacy": Section(
        "Privacy",
        "lock",
        (
            Line("location", "Location", True),
            Line("screen_lock", "Screen lock", "PIN", ("None", "Swipe", "Pattern", "PIN")),
        ),
    ),
    "system": Section(
        "System",
        "settings",
        (
            Line("language", "Language", "English", LANGUAGES),
            Line("battery_saver", "Battery saver", False),
            Line("auto_update", "Automatic updates", True),
        ),
    ),
}
"""The pages of settings, by name, in their usual order."""

LINES: Mapping[str, Line] = {line.id: line for one in SECTIONS.values() for line in one.lines}
"""Every setting, by its key."""

PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("camera",),
    "messages": ("camera", "files"),
    "files": ("files",),
    "media": ("camera", "microphone", "files"),
    "places": ("location",),
    "browser": ("camera", "location"),
}
"""What an app may be allowed to use, by its name; the other apps ask for nothing."""

GROUPS = (("Device", ("network", "display", "sound")), ("General", ("privacy", "system")))
"""The main page: a heading, and the pages under it."""

SETTINGS = App("settings", "Settings", "settings")


def read_setting(world: World, name: str) -> Level:
    """Return what a setting is. Raises KeyError for a name that is not in LINES."""
    row = world.find(SETTING, name)
    return LINES[name].usual if row is None else row.value


def write_setting(world: World, name: str, value: Level) -> World:
    """Return the world with a setting changed. Airplane mode takes the radios with it."""
    if world.find(SETTING, name) is None:
        world = world.insert(SETTING, Setting(name, value))
    else:
        world = world.update(SETTING, name, value=value)
    if name == "airplane" and value is True:
        for radio_name in ("wifi", "bluetooth"):
            world = write_setting(world, radio_name, False)
    return world


def is_granted(world: World, key: str) -> bool:
    """Return whether a permission is given, by the key `app:permission`."""
    grant = world.find(GRANT, key)
    return grant is not None and grant.granted


@SETTINGS.page("main")
def show_settings(world: World, route: Route, look: Look) -> Page:
    """Return the ways to the pages of settings."""
    body: list[Widget] = []
    for title, names in GROUPS:
        body.append(heading(look.say(title)))
        for name in look.arrange(names, f"settings.{title}"):
            section = SECTIONS[name]
            about = ", ".join(look.say(line.label) for line in section.lines[:2])
            body.append(item(look.say(section.label), about, go(name), picture=section.picture))
    about = look.say("Permissions")
    body.append(item(look.say("Apps"), about, go("apps"), picture="list"))
    return Page(look.say(SETTINGS.label), tuple(body), root=True)


def _show_section(name: str, world: World, route: Route, look: Look) -> Page:
    section = SECTIONS[name]
    lines = look.arrange(section.lines, f"settings.{name}")
    dialog = None
    line = LINES.get(str(route.subject))
    if route.dialog == "choice" and line is not None:
        chosen = read_setting(world, line.id)
        dialog = Dialog(
            look.say(line.label),
            tuple(
                radio(look.say(choice), choice == chosen, Event("settings.set", line.id, choice))
                for choice in line.choices
            ),
            (button(look.say("Cancel"), CLOSE),),
        )
    body = tuple(_show_line(line, read_setting(world, line.id), look) for line in lines)
    return Page(look.say(section.label), body, dialog=dialog)


def _show_line(line: Line, value: Level, look: Look) -> Widget:
    label = look.say(line.label)
    if isinstance(value, bool):
        return switch(label, value, Event("settings.set", line.id, not value))
    if isinstance(value, int):
        return slider(label, value, Event("settings.set", line.id))
    return item(label, look.say(value), ask("choice", line.id))


def _add_section(name: str) -> None:
    @SETTINGS.page(name)
    def show(world: World, route: Route, look: Look) -> Page:
        return _show_section(name, world, route, look)


for _name in SECTIONS:
    _add_section(_name)


@SETTINGS.page("apps")
def show_apps(world: World, route: Route, look: Look) -> Page:
    """Return every app of the device."""
    lines = [
        item(look.say(app.label), "", go("app", app.name), picture=app.picture)
        for app in look.arrange(tuple(_list_apps().values()), "settings.apps")
    ]
    return Page(look.say("Apps"), tuple(lines))


@SETTINGS.page("app")
def show_app(world: World, route: Route, look: Look) -> Page:
    """Return what one app may do."""
    app = _list_apps().get(str(route.key))
    if app is None:
        return Page("", (text(look.say("This app is gone")),))
    body: list[Widget] = []
    for name in PERMISSIONS.get(app.name, ()):
        key = f"{app.name}:{name}"
        on = is_granted(world, key)
        body.append(switch(look.say(name.capitalize()), on, Event("settings.grant", key, not on)))
    if not body:
        body.append(text(look.say("This app asks for no permissions")))
    return Page(look.say(app.label), (heading(look.say("Permissions")), *body))


@SETTINGS.on("set")
def set_value(phone: Phone, event: Event) -> Phone:
    """Give a setting the value of the event, and close the choice."""
    line, value = LINES.get(str(event.key)), event.value
    if line is None or not isinstance(value, str | int) or not _takes(line, value):
        return phone
    return phone.write(write_setting(phone.world, line.id, value)).turn(phone.route.open_dialog(""))


def _takes(line: Line, value: Level) -> bool:
    if type(value) is not type(line.usual):
        return False
    if isinstance(value, str):
        return value in line.choices
    return isinstance(value, bool) or 0 <= value <= 100


@SETTINGS.on("grant")
def grant(phone: Phone, event: Event) -> Phone:
    """Allow or forbid an app what the event's key says."""
    key, granted = str(event.key), event.value is True
    app, _, what = key.partition(":")
    if what not in PERMISSIONS.get(app, ()):
        return phone
    return phone.write(write_grant(phone.world, app, what, granted))


def write_grant(world: World, app: str, what: str, granted: bool) -> World:
    """Return the world with a permission given or taken; that it was given is logged."""
    key = f"{app}:{what}"
    if world.find(GRANT, key) is None:
        world = world.insert(GRANT, Grant(key, granted))
    else:
        world = world.update(GRANT, key, granted=granted)
    return world.record("system.permission_granted", app=app, what=what) if granted else world


def _list_apps() -> Mapping[str, App]:
    # The list of all apps holds this one: it can be read only once all are made.
    from gym_reason.envs.mobile.apps import APPS

    return APPS
