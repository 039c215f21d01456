"""The events of the device itself: pages, fields, dialogs, the clipboard, permissions."""

from collections.abc import Mapping

from gym_reason.envs.mobile.app import App, Handler
from gym_reason.envs.mobile.phone import Phone, Request, Route
from gym_reason.envs.mobile.system.tables import (
    GRANT,
    NOTICE,
    Grant,
    read_clip,
    write_clip,
)
from gym_reason.envs.mobile.widgets import Event
from gym_reason.verifiers.state.world import Key, Value

EDIT_MENU = "edit_menu"
"""The dialog over a field: copy, cut, paste, clear."""


def go(page: str, key: Key | None = None) -> Event:
    """Return the event that opens another page of the same app, about a row."""
    return Event("go", page, key)


def put(field: str, value: Value) -> Event:
    """Return the event that enters a value on the open page, without writing the world."""
    return Event("put", field, value)


def ask(dialog: str, subject: Value = None) -> Event:
    """Return the event that opens a dialog of the open page; an empty name closes it."""
    return Event("dialog", dialog, subject)


def copy(words: str) -> Event:
    """Return the event that copies a text."""
    return Event("copy", None, words)


BACK = Event("back")
CLOSE = ask("")


def handle(phone: Phone, event: Event, apps: Mapping[str, App]) -> Phone:
    """Return the device after an event. Raises KeyError for an event that nobody handles."""
    handler = _DEVICE_HANDLERS.get(event.name)
    if handler is None:
        handler = apps[event.name.partition(".")[0]].handlers[event.name]
    request = phone.request
    phone = handler(phone, event)
    if request is not None and event.name == "answer_request" and event.value:
        return handle(phone, request.then, apps)
    return phone


def require(phone: Phone, permission: str, then: Event) -> Phone | None:
    """Return None where the open app has a permission; else the device that asks for it.

    A handler begins with it and returns what it gets; once the user allows it, `then` is handled.
    """
    app = phone.route.app
    grant = phone.world.find(GRANT, f"{app}:{permission}")
    if grant is not None and grant.granted:
        return None
    return phone._replace(request=Request(app, permission, then))


def write_field(phone: Phone, words: str) -> Phone:
    """Return the device with a text in the field that is being written in, if there is one."""
    route = phone.route
    return phone.turn(route.put(**{route.focus: words})) if route.focus else phone


def _go(phone: Phone, event: Event) -> Phone:
    value = event.value
    return phone.push(str(event.key), value if isinstance(value, int | str) else None)


def _back(phone: Phone, event: Event) -> Phone:
    """Close what is on top: a request, a cover, a dialog, the keyboard, the page."""
    route = phone.route
    if phone.request is not None:
        return phone._replace(request=None)
    if phone.overlay:
        return phone._replace(overlay="", scroll=0)
    if route.dialog:
        return phone.turn(route.open_dialog(""))
    if route.focus:
        return phone.turn(route._replace(focus=""))
    return phone.pop()


def _home(phone: Phone, event: Event) -> Phone:
    return phone._replace(request=None).go_home()


def _cover(phone: Phone, event: Event) -> Phone:
    return phone._replace(overlay=str(event.key), scroll=0)


def _open(phone: Phone, event: Event) -> Phone:
    return phone.open(str(event.key))


def _put(phone: Phone, event: Event) -> Phone:
    return phone.turn(phone.route.put(**{str(event.key): event.value}))


def _focus(phone: Phone, event: Event) -> Phone:
    return phone.turn(phone.route._replace(focus=str(event.key)))


def _dialog(phone: Phone, event: Event) -> Phone:
    return phone.turn(phone.route.open_dialog(str(event.key), event.value))


def _edit_menu(phone: Phone, event: Event) -> Phone:
    route = phone.route._replace(focus=str(event.key))
    return phone.turn(route._replace(dialog=EDIT_MENU, subject=event.key))


def _edit(phone: Phone, event: Event) -> Phone:
    """Copy, cut, paste or clear, in the field that the menu is about."""
    route = phone.route
    name = str(route.subject)
    route = route._replace(dialog="", subject=None, focus=name)
    phone, world, words = phone.turn(route), phone.world, str(event.value or "")
    if event.key in ("copy", "cut"):
        phone = phone.write(write_clip(world, words))
    if event.key in ("cut", "clear"):
        return phone.turn(route.put(**{name: ""}))
    if event.key == "paste":
        return phone.turn(route.put(**{name: words + read_clip(world)}))
    return phone


def _copy(phone: Phone, event: Event) -> Phone:
    phone = phone.write(write_clip(phone.world, str(event.value)))
    return phone.turn(phone.route.open_dialog("")).say("Copied")


def _answer_request(phone: Phone, event: Event) -> Phone:
    request = phone.request
    if request is None:
        return phone
    granted, key = bool(event.value), f"{request.app}:{request.permission}"
    world = phone.world
    if world.find(GRANT, key) is None:
        world = world.insert(GRANT, Grant(key, granted))
    else:
        world = world.update(GRANT, key, granted=granted)
    if granted:
        world = world.record("system.permission_granted", app=request.app, what=request.permission)
    return phone._replace(request=None, world=world)


def _open_notice(phone: Phone, event: Event) -> Phone:
    notice = phone.world.find(NOTICE, event.key)
    if notice is None:
        return phone
    phone = phone.write(phone.world.delete(NOTICE, notice.id))
    main = Route(notice.app)
    if notice.page == "main" and notice.key is None:
        return phone.open(notice.app, main)
    return phone.open(notice.app, main, Route(notice.app, notice.page, notice.key))


def _dismiss(phone: Phone, event: Event) -> Phone:
    keys = list(phone.world.rows(NOTICE)) if event.key is None else [event.key]
    return phone.write(phone.world.delete(NOTICE, *keys))


def _close_app(phone: Phone, event: Event) -> Phone:
    recents = tuple(stack for stack in phone.recents if stack[0].app != event.key)
    return phone._replace(recents=recents if event.key else ())


_DEVICE_HANDLERS: Mapping[str, Handler] = {
    "go": _go,
    "back": _back,
    "home": _home,
    "cover": _cover,
    "open": _open,
    "put": _put,
    "focus": _focus,
    "dialog": _dialog,
    "edit_menu": _edit_menu,
    "edit": _edit,
    "copy": _copy,
    "answer_request": _answer_request,
    "open_notice": _open_notice,
    "dismiss": _dismiss,
    "close_app": _close_app,
}
