"""Tasks of media: photos, videos, recordings, the playing queue, drawings."""

from gym_reason.envs.mobile.apps.files import FILE
from gym_reason.envs.mobile.apps.media.camera import LENSES
from gym_reason.envs.mobile.apps.media.drawings import ENDING as DRAWING_ENDING
from gym_reason.envs.mobile.apps.media.drawings import FOLDERS
from gym_reason.envs.mobile.apps.media.recorder import ENDING as SOUND_ENDING
from gym_reason.envs.mobile.apps.media.tables import QUEUED, SONG, list_queue
from gym_reason.envs.mobile.drawing import COLOURS, FIRST_COLOUR
from gym_reason.envs.mobile.system.tables import GRANT, Grant
from gym_reason.envs.mobile.tasks.fill_media import add_songs
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.media_playlists import PLAYLIST_VARIANTS, name_songs
from gym_reason.envs.mobile.tasks.strokes import draw_stroke
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Expectation, Goal, Inserted, Logged, Want
from gym_reason.verifiers.state.world import Value, World

_PHOTO = (
    "Take one photo with the {lens} camera.",
    "Use the {lens} camera to take a single picture.",
    "I need one photo, made by the {lens} camera.",
)
_VIDEO = (
    "Record one video with the camera.",
    "Film a short video and save it.",
    "Use the camera to make a single video. Its length does not matter.",
)
_SOUND = (
    "Make a sound recording with the audio recorder and save it.",
    "Record something with the audio recorder and keep it. The name does not matter.",
    "Use the audio recorder to record and save one clip.",
)
_NAMED_SOUND = (
    "Make a sound recording with the audio recorder and save it as {name}.",
    "Record something with the audio recorder and give it the name {name}.",
    "Use the audio recorder to record one clip, and save it under the name {name}.",
)


def _draw_grant(
    values: Values, world: World, permission: str
) -> tuple[World, tuple[Expectation, ...], bool]:
    """Return the world in which a permission was given or not, and what follows where it was not.

    Returns:
        The world, what giving it changes, and whether it will be asked for.
    """
    key = f"media:{permission}"
    world = world.delete(GRANT, key)
    if values.chance(0.5):
        return world.insert(GRANT, Grant(key, True)), (), False
    given = Inserted(GRANT.name, {"id": Want(key), "granted": Want(True)})
    wants = {"app": Want("media"), "what": Want(permission)}
    return world, (given, Logged("system.permission_granted", wants)), True


def draw_photo(values: Values, world: World, twin: bool) -> Draft:
    """Draw a photo to take, with the front or the back camera."""
    world, given, asks = _draw_grant(values, world, "camera")
    lens, label = values.pick(LENSES)

    def script(hand: Hand) -> None:
        hand.open("media")
        hand.tap("Camera")
        if lens != LENSES[0][0]:
            hand.tap(label, "chip")
        hand.tap("Take photo")
        if asks:
            hand.tap("Allow")

    wants = {"folder": Want("DCIM"), "kind": Want("image"), "content": Want(label)}
    goal = Goal((Inserted(FILE.name, wants), *given))
    return Draft(world, goal, _PHOTO, {"lens": lens}, script)


def draw_video(values: Values, world: World, twin: bool) -> Draft:
    """Draw a video to make."""
    world, given, asks = _draw_grant(values, world, "camera")

    def script(hand: Hand) -> None:
        hand.open("media")
        hand.tap("Camera")
        hand.tap("Video", "chip")
        hand.tap("Start recording")
        if asks:
            hand.tap("Allow")
        hand.tap("Stop recording")

    wants = {"folder": Want("DCIM"), "kind": Want("video")}
    return Draft(world, Goal((Inserted(FILE.name, wants), *given)), _VIDEO, {}, script)


def _record(hand: Hand, asks: bool) -> None:
    hand.open("media")
    hand.tap("Audio recorder")
    hand.tap("Start recording")
    if asks:
        hand.tap("Allow")
    hand.tap("Stop recording")


def draw_sound(values: Values, world: World, twin: bool) -> Draft:
    """Draw a recording to make, under any name."""
    world, given, asks = _draw_grant(values, world, "microphone")

    def script(hand: Hand) -> None:
        _record(hand, asks)
        hand.tap("Save")

    wants = {"folder": Want("Recordings"), "kind": Want("audio")}
    return Draft(world, Goal((Inserted(FILE.name, wants), *given)), _SOUND, {}, script)


def draw_named_sound(values: Values, world: World, twin: bool) -> Draft:
    """Draw a recording to make under a name."""
    world, given, asks = _draw_grant(values, world, "microphone")
    name = values.file_name(SOUND_ENDING)
    if values.chance(0.5):
        name = values.title()

    def script(hand: Hand) -> None:
        _record(hand, asks)
        hand.type("Name", name)
        hand.tap("Save")

    wants = {
        "folder": Want("Recordings"),
        "kind": Want("audio"),
        "name": Want(name.removesuffix(SOUND_ENDING) + SOUND_ENDING),
    }
    goal = Goal((Inserted(FILE.name, wants), *given))
    return Draft(world, goal, _NAMED_SOUND, {"name": name}, script)


_ADD_TO_QUEUE = (
    "Add these songs to the end of my playing queue, in this order: {songs}.",
    "In the music library, put {songs} into the playing queue one after the other, behind what is "
    "there.",
    "My playing queue should go on with {songs}, in that order. Leave what is in it.",
)
_REPLACE_QUEUE = (
    "My playing queue should hold just these songs, in this order: {songs}.",
    "Clear the playing queue and fill it with {songs}, in that order.",
    "Take everything out of the playing queue, and put {songs} into it one after the other.",
)


def draw_queue(values: Values, world: World, twin: bool) -> Draft:
    """Draw songs to queue, behind what is queued or in its place; in the twin one is not there."""
    world, songs = add_songs(world, values, values.integer(2, 4))
    songs = values.sample(songs, len(songs))
    replace = values.chance(0.5)
    sentences = _REPLACE_QUEUE if replace else _ADD_TO_QUEUE
    params: dict[str, Value] = {"songs": name_songs(songs)}
    if twin:
        world = world.delete(SONG, values.pick(songs).id)
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    queue = list_queue(world)
    first = 1 if replace else 1 + len(queue)
    wanted: list[Expectation] = [
        Inserted(QUEUED.name, {"position": Want(first + number), "song": Want(song.id)})
        for number, song in enumerate(songs)
    ]
    if replace:
        wanted.append(Deleted(QUEUED.name, tuple(one.id for one in queue)))

    def script(hand: Hand) -> None:
        hand.open("media")
        if replace:
            hand.tap("Playing queue")
            hand.tap("Clear queue")
            hand.press("back")
        hand.tap("Songs")
        for song in songs:
            hand.hold(song.title, "item")
            hand.tap("Add to playing queue")

    return Draft(world, Goal(tuple(wanted)), sentences, params, script)


_DRAW = (
    "Make a new drawing in the media app and save it as {name} in the folder {folder}. What you "
    "draw does not matter.",
    "Draw something, anything, and save the drawing under the name {name} in {folder}.",
    "I need a drawing named {name} in the folder {folder}. Any line will do.",
)


def draw_drawing(values: Values, world: World, twin: bool) -> Draft:
    """Draw a drawing to make, to be saved under a name in one of some folders."""
    name, folder = values.file_name(DRAWING_ENDING), values.pick(FOLDERS)
    colour = values.pick(COLOURS)

    def script(hand: Hand) -> None:
        hand.open("media")
        hand.tap("New drawing")
        if colour != FIRST_COLOUR:
            hand.tap(colour.capitalize(), "chip")
        draw_stroke(hand)
        hand.tap("Save")
        hand.type("Name", name)
        if folder != FOLDERS[0]:
            hand.tap(folder, "radio")
        hand.tap("Save", "button")

    wants = {"folder": Want(folder), "name": Want(name), "kind": Want("drawing")}
    params: dict[str, Value] = {"name": name, "folder": folder}
    return Draft(world, Goal((Inserted(FILE.name, wants),)), _DRAW, params, script)


MEDIA_TEMPLATES: tuple[Template, ...] = (
    Template(
        "media.capture",
        ("media",),
        (
            Variant("photo", draw_photo, ("CameraTakePhoto",), level=1),
            Variant("video", draw_video, ("CameraTakeVideo",), level=2),
            Variant("sound", draw_sound, ("AudioRecorderRecordAudio",), level=2),
            Variant("named", draw_named_sound, ("AudioRecorderRecordAudioWithFileName",), level=2),
        ),
    ),
    Template("media.playlist", ("media",), PLAYLIST_VARIANTS),
    Template(
        "media.queue",
        ("media",),
        (Variant("songs", draw_queue, ("RetroPlayingQueue",), True, 3),),
    ),
    Template(
        "media.draw_save",
        ("media",),
        (Variant("named", draw_drawing, ("SimpleDrawProCreateDrawing",), level=2),),
    ),
)
