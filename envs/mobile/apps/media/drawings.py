"""Drawings: strokes on a canvas, saved as a picture."""

from gym_reason.envs.mobile.apps.files import add_file, find_file
from gym_reason.envs.mobile.apps.media.tables import MEDIA
from gym_reason.envs.mobile.device_events import CLOSE, put
from gym_reason.envs.mobile.drawing import (
    CANVAS_LINES,
    add_stroke,
    choose_colour,
    show_palette,
    wipe,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    button,
    canvas,
    field,
    icon,
    radio,
)
from gym_reason.verifiers.state.world import World

FOLDERS = ("Pictures", "DCIM", "Download")
"""Where a drawing can be saved; the first one if nothing is chosen."""
ENDING = ".png"
"""How the names of drawings end."""


@MEDIA.page("drawing")
def show_drawing(world: World, route: Route, look: Look) -> Page:
    """Return the canvas, and what can be done with it."""
    dialog = None
    if route.dialog == "save":
        chosen = route.get("folder", FOLDERS[0])
        dialog = Dialog(
            look.say("Save drawing"),
            (
                field("name", look.say("Name"), route.get("name")),
                *(radio(one, one == chosen, put("folder", one)) for one in FOLDERS),
            ),
            (
                button(look.say("Cancel"), CLOSE),
                button(look.say("Save"), Event("media.save_drawing")),
            ),
        )
    return Page(
        look.say("New drawing"),
        (
            canvas(
                "strokes",
                look.say("Canvas"),
                Event("media.stroke"),
                route.get("strokes"),
                CANVAS_LINES,
            ),
            *show_palette(route, look, "media.choose_colour"),
            button(look.say("Clear"), Event("media.wipe")),
        ),
        (icon("save", look.say("Save"), Event("media.begin_save")),),
        dialog=dialog,
    )


MEDIA.on("choose_colour")(choose_colour)
MEDIA.on("stroke")(add_stroke)
MEDIA.on("wipe")(wipe)


@MEDIA.on("begin_save")
def begin_save(phone: Phone, event: Event) -> Phone:
    """Ask for the name of the drawing, unless it is empty."""
    if not phone.route.get("strokes"):
        return phone.say("The drawing is empty")
    return phone.turn(phone.route.open_dialog("save"))


@MEDIA.on("save_drawing")
def save_drawing(phone: Phone, event: Event) -> Phone:
    """Save the drawing under the name and in the folder that were entered."""
    route, world = phone.route, phone.world
    name, folder = route.get("name").strip().removesuffix(ENDING), route.get("folder", FOLDERS[0])
    if not name:
        return phone.say("A name is needed")
    if "/" in name:
        return phone.say("A name has no slash")
    if find_file(world, folder, name + ENDING):
        return phone.say("There is one of this name")
    world = add_file(world, folder, name + ENDING, "drawing", route.get("strokes"))
    return phone.write(world).pop().say("Saved")
