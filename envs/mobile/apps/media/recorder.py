"""The audio recorder: a sound is recorded, and saved under a name."""

from gym_reason.envs.mobile.apps.files import FILE, add_file, write_moment
from gym_reason.envs.mobile.apps.media.tables import MEDIA, RECORDING, Recording, write_length
from gym_reason.envs.mobile.device_events import require
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    button,
    field,
    heading,
    item,
    text,
)
from gym_reason.verifiers.state.world import World

FOLDER_NAME = "Recordings"
"""Where recordings lie."""
ENDING = ".m4a"
"""How their names end."""
BYTES_PER_S = 16_000
"""How big they are."""


@MEDIA.page("recorder")
def show_recorder(world: World, route: Route, look: Look) -> Page:
    """Return the button that records, and the recordings that there are, the newest first."""
    recording = world.find(RECORDING, "microphone")
    label, event = "Start recording", Event("media.start_sound")
    if recording is not None:
        label, event = "Stop recording", Event("media.stop_sound")
    files = [one for one in world.rows(FILE).values() if one.folder == FOLDER_NAME]
    files.sort(key=lambda one: (-one.modified, -one.id))
    lines = [item(one.name, write_moment(one.modified), picture="music") for one in files]
    dialog = None
    if route.dialog == "save":
        dialog = Dialog(
            look.say("Save recording"),
            (field("name", look.say("Name"), route.get("name")),),
            (
                button(look.say("Discard"), Event("media.discard_sound")),
                button(look.say("Save"), Event("media.save_sound")),
            ),
        )
    return Page(
        look.say("Audio recorder"),
        (
            button(look.say(label), event),
            heading(look.say("Saved recordings")),
            *(lines or [text(look.say("No recordings yet"))]),
        ),
        dialog=dialog,
    )


@MEDIA.on("start_sound")
def start_sound(phone: Phone, event: Event) -> Phone:
    """Begin to record, if the app may."""
    asked = require(phone, "microphone", event)
    if asked is not None:
        return asked
    world = phone.world
    if world.find(RECORDING, "microphone") is not None:
        return phone
    return phone.write(world.insert(RECORDING, Recording("microphone", world.now, "")))


@MEDIA.on("stop_sound")
def stop_sound(phone: Phone, event: Event) -> Phone:
    """End the recording, and ask for a name."""
    world = phone.world
    recording = world.find(RECORDING, "microphone")
    if recording is None:
        return phone
    seconds = max(1, world.now - recording.started)
    route = phone.route.put(name=f"Recording {world.now}", seconds=seconds)
    return phone.write(world.delete(RECORDING, "microphone")).turn(route.open_dialog("save"))


@MEDIA.on("save_sound")
def save_sound(phone: Phone, event: Event) -> Phone:
    """Save what was recorded under the name that was entered."""
    route = phone.route
    name, seconds = route.get("name").strip().removesuffix(ENDING), route.value("seconds")
    if not name:
        return phone.say("A name is needed")
    if "/" in name:
        return phone.say("A name has no slash")
    length = seconds if isinstance(seconds, int) else 1
    size = length * BYTES_PER_S
    world = add_file(phone.world, FOLDER_NAME, name + ENDING, "audio", write_length(length), size)
    return phone.write(world).turn(route.open_dialog("")).say("Saved")


@MEDIA.on("discard_sound")
def discard_sound(phone: Phone, event: Event) -> Phone:
    """Throw what was recorded away."""
    return phone.turn(phone.route.open_dialog("")).say("Discarded")
