"""The first page of the media app, and its gallery: pictures and videos, wherever they lie."""

from gym_reason.envs.mobile.apps.files import (
    FILE,
    PICTURES_OF_KINDS,
    File,
    open_picker,
    write_moment,
    write_size,
)
from gym_reason.envs.mobile.apps.media.tables import MEDIA
from gym_reason.envs.mobile.device_events import CLOSE, ask, go, put
from gym_reason.envs.mobile.drawing import show_strokes
from gym_reason.envs.mobile.forms import confirm
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    heading,
    icon,
    image,
    item,
    row,
    text,
)
from gym_reason.verifiers.state.world import World

PARTS = (
    ("Gallery", "gallery", "photo"),
    ("Camera", "camera", "camera"),
    ("Audio recorder", "recorder", "microphone"),
    ("Songs", "songs", "music"),
    ("Playlists", "playlists", "list"),
    ("Playing queue", "queue", "queue"),
    ("New drawing", "drawing", "edit"),
)
"""The app's parts: label, page and picture."""
SHOWN_KINDS = ("image", "drawing", "video")
"""The kinds of files that the gallery shows."""


@MEDIA.page("main")
def show_parts(world: World, route: Route, look: Look) -> Page:
    """Return the ways to the parts of the app."""
    parts = look.arrange(PARTS, "media")
    lines = (item(look.say(label), "", go(page), picture=picture) for label, page, picture in parts)
    return Page(look.say(MEDIA.label), tuple(lines), root=True)


@MEDIA.page("gallery")
def show_gallery(world: World, route: Route, look: Look) -> Page:
    """Return the pictures and videos, folder by folder, the newest first."""
    files = [one for one in world.rows(FILE).values() if one.kind in SHOWN_KINDS]
    files.sort(key=lambda one: (one.folder, -one.modified, -one.id))
    lines: list[Widget] = []
    folder = ""
    for one in files:
        if one.folder != folder:
            folder = one.folder
            lines.append(heading(folder))
        picture = PICTURES_OF_KINDS[one.kind]
        lines.append(
            item(one.name, write_moment(one.modified), go("view", one.id), picture=picture)
        )
    return Page(look.say("Gallery"), tuple(lines) or (text(look.say("No pictures yet")),))


@MEDIA.page("view")
def show_media(world: World, route: Route, look: Look) -> Page:
    """Return a picture, or a frame of a video."""
    one = world.find(FILE, route.key)
    if one is None:
        return Page("", (text(look.say("This file is gone")),))
    about = f"{one.folder} · {write_size(one.size)} · {write_moment(one.modified)}"
    shown: tuple[Widget, ...] = (image("photo", one.name, 20, one.content),)
    if one.kind == "video":
        shown = _show_frame(one, route, look)
    elif one.kind == "drawing":
        shown = (show_strokes(one.name, one.content),)
    return Page(
        one.name,
        (heading(about), *shown),
        (icon("menu", look.say("Menu"), ask("menu")),),
        dialog=_show_dialog(one, route, look),
    )


def _show_frame(one: File, route: Route, look: Look) -> tuple[Widget, ...]:
    frames = one.content.splitlines() or [""]
    chosen = route.value("frame", 0)
    number = min(chosen if isinstance(chosen, int) else 0, len(frames) - 1)
    back = button(look.say("Previous frame"), put("frame", number - 1), number > 0)
    on = button(look.say("Next frame"), put("frame", number + 1), number + 1 < len(frames))
    return (
        image("video", one.name, 18, frames[number]),
        text(f"{number + 1} / {len(frames)}"),
        row(back, on),
    )


def _show_dialog(one: File, route: Route, look: Look) -> Dialog | None:
    if route.dialog == "delete":
        event = Event("media.delete_file", one.id)
        return confirm("Delete this file?", one.name, "Delete", event, look)
    if route.dialog != "menu":
        return None
    lines = (
        item(look.say("Copy to"), "", Event("media.pick", one.id, "copy")),
        item(look.say("Move to"), "", Event("media.pick", one.id, "move")),
        item(look.say("Delete"), "", ask("delete")),
    )
    return Dialog("", look.arrange(lines, "media.view"), (button(look.say("Cancel"), CLOSE),))


@MEDIA.on("pick")
def pick(phone: Phone, event: Event) -> Phone:
    """Choose, in the files app, a folder to move or copy a file to."""
    phone = phone.turn(phone.route.open_dialog(""))
    return open_picker(phone, event.key, str(event.value))


@MEDIA.on("delete_file")
def delete_file(phone: Phone, event: Event) -> Phone:
    """Delete a file, and go back to the gallery."""
    return phone.write(phone.world.delete(FILE, event.key or 0)).pop().say("Deleted")
