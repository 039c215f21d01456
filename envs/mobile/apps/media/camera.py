"""The camera: photos and videos, by the back camera or the front one."""

from gym_reason.envs.mobile.apps.files import add_file
from gym_reason.envs.mobile.apps.media.tables import MEDIA, RECORDING, Recording, write_length
from gym_reason.envs.mobile.device_events import put, require
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import Event, Page, button, chip, heading, image, row
from gym_reason.verifiers.state.world import World

MODES = (("photo", "Photo"), ("video", "Video"))
"""What the camera makes, with its label."""
LENSES = (("back", "Back camera"), ("front", "Front camera"))
"""The cameras, with their labels."""
FOLDER_NAME = "DCIM"
"""Where photos and videos lie."""
PHOTO_BYTES, VIDEO_BYTES_PER_S = 2_400_000, 1_500_000
"""How big they are."""


@MEDIA.page("camera")
def show_camera(world: World, route: Route, look: Look) -> Page:
    """Return the finder, what the camera makes, and its release."""
    mode, lens = route.get("mode", "photo"), route.get("lens", "back")
    recording = world.find(RECORDING, "camera")
    label, event = "Take photo", Event("media.take_photo")
    if recording is not None:
        mode, lens = "video", recording.lens
        label, event = "Stop recording", Event("media.stop_video")
    elif mode == "video":
        label, event = "Start recording", Event("media.start_video")
    idle = recording is None
    modes = (
        chip(look.say(words), name == mode, put("mode", name))._replace(enabled=idle)
        for name, words in MODES
    )
    lenses = (
        chip(look.say(words), name == lens, put("lens", name))._replace(enabled=idle)
        for name, words in LENSES
    )
    return Page(
        look.say("Camera"),
        (
            image("camera", look.say("Finder"), 18),
            heading(look.say("Ready" if idle else "Recording")),
            row(*look.arrange(tuple(modes), "camera.modes")),
            row(*look.arrange(tuple(lenses), "camera.lenses")),
            button(look.say(label), event),
        ),
    )


@MEDIA.on("take_photo")
def take_photo(phone: Phone, event: Event) -> Phone:
    """Take a photo, if the app may."""
    asked = require(phone, "camera", event)
    if asked is not None:
        return asked
    world, lens = phone.world, phone.route.get("lens", "back")
    name = f"IMG_{world.now}.jpg"
    world = add_file(world, FOLDER_NAME, name, "image", _describe(lens), PHOTO_BYTES)
    return phone.write(world).say("Saved")


@MEDIA.on("start_video")
def start_video(phone: Phone, event: Event) -> Phone:
    """Begin a video, if the app may."""
    asked = require(phone, "camera", event)
    if asked is not None:
        return asked
    world, lens = phone.world, phone.route.get("lens", "back")
    if world.find(RECORDING, "camera") is not None:
        return phone
    return phone.write(world.insert(RECORDING, Recording("camera", world.now, lens)))


@MEDIA.on("stop_video")
def stop_video(phone: Phone, event: Event) -> Phone:
    """End the video and save it."""
    world = phone.world
    recording = world.find(RECORDING, "camera")
    if recording is None:
        return phone
    seconds = max(1, world.now - recording.started)
    content = f"{_describe(recording.lens)} {write_length(seconds)}"
    name, size = f"VID_{world.now}.mp4", seconds * VIDEO_BYTES_PER_S
    world = add_file(world.delete(RECORDING, "camera"), FOLDER_NAME, name, "video", content, size)
    return phone.write(world).say("Saved")


def _describe(lens: str) -> str:
    return dict(LENSES)[lens]
