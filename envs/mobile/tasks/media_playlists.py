"""Tasks of media in which playlists are made."""

from collections.abc import Sequence
from itertools import combinations

from gym_reason.envs.mobile.apps.files import FILE, File
from gym_reason.envs.mobile.apps.media.playlists import EXPORT_FOLDER
from gym_reason.envs.mobile.apps.media.tables import ENTRY, PLAYLIST, SONG, Song
from gym_reason.envs.mobile.tasks.fill_files import add_row, draw_file
from gym_reason.envs.mobile.tasks.fill_media import add_songs, remove_music
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Expectation, Goal, Inserted, Want
from gym_reason.verifiers.state.world import Value, World

_CREATE = (
    "Make a playlist named {name} with these songs, in this order: {songs}.",
    "I want a new playlist called {name}. Put {songs} into it, one after the other.",
    "Create the playlist {name} from {songs}, in that order.",
)
_EXPORT = (
    "Make a playlist named {name} with these songs, in this order: {songs}. Then export it to the "
    "folder Download.",
    "I want a new playlist called {name} of {songs}, in that order, and its export in Download.",
    "Create the playlist {name} from {songs}, one after the other, and export it to Download.",
)
_LENGTH = (
    "Make a playlist of songs named {name} that lasts longer than {low} and less than {high} "
    "minutes altogether.",
    "I have between {low} and {high} minutes for music. Make a playlist called {name} of songs "
    "from the library whose total length is in between.",
    "Create the playlist {name}. Choose songs for it so that together they take more than {low} "
    "but less than {high} minutes.",
)
_VIDEOS = (
    "Make a playlist named {name} with these videos, in this order: {songs}.",
    "I want a new playlist called {name}. Put the videos {songs} into it, one after the other.",
    "Create the playlist {name} from the videos {songs}, in that order.",
)
_TWO = (
    "Make two playlists of videos: {name} with {songs}, and {other} with {others}, each in this "
    "order.",
    "I want a new playlist called {name} with the videos {songs} and another one called {other} "
    "with {others}, in the order given.",
    "Create the playlist {name} from the videos {songs}, and then the playlist {other} from "
    "{others}. Keep to the order.",
)


def name_songs(songs: Sequence[Song | File]) -> str:
    """Return the names of songs or videos, with commas between them."""
    return ", ".join(_name(one) for one in songs)


def _name(one: Song | File) -> str:
    return one.title if isinstance(one, Song) else one.name


def want_playlist(
    name: str, items: Sequence[Song | File], ordered: bool = True
) -> list[Expectation]:
    """Return that there is a new playlist of some songs or videos."""
    wanted: list[Expectation] = [Inserted(PLAYLIST.name, {"id": Want(name, "text")})]
    for position, one in enumerate(items, 1):
        kind = "song" if isinstance(one, Song) else "video"
        wants = {"playlist": Want(name, "text"), "kind": Want(kind), "item": Want(one.id)}
        if ordered:
            wants["position"] = Want(position)
        wanted.append(Inserted(ENTRY.name, wants))
    return wanted


def make_playlist(hand: Hand, name: str, items: Sequence[Song | File]) -> None:
    """Make a playlist, from the first page of the media app."""
    hand.tap("Playlists")
    hand.tap("New playlist")
    hand.type("Name", name)
    hand.tap("Save")
    hand.tap("Add songs or videos")
    for one in items:
        hand.tap(_name(one), "check")


def draw_playlist(values: Values, world: World, twin: bool) -> Draft:
    """Draw a playlist to make; in the twin one of its songs is not there."""
    return _draft_songs(values, world, twin, _CREATE, export=False)


def draw_export(values: Values, world: World, twin: bool) -> Draft:
    """Draw a playlist to make and to export; in the twin one of its songs is not there."""
    return _draft_songs(values, world, twin, _EXPORT, export=True)


def _draft_songs(
    values: Values, world: World, twin: bool, sentences: tuple[str, ...], export: bool
) -> Draft:
    world, songs = add_songs(world, values, values.integer(3, 5))
    songs = values.sample(songs, len(songs) - 1)
    name = values.title()
    params: dict[str, Value] = {"name": name, "songs": name_songs(songs)}
    if twin:
        world = world.delete(SONG, values.pick(songs).id)
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    wanted = want_playlist(name, songs)
    if export:
        content = "\n".join(f"{song.artist} - {song.title}" for song in songs)
        wants = {
            "folder": Want(EXPORT_FOLDER),
            "name": Want(f"{name}.m3u"),
            "content": Want(content),
        }
        wanted.append(Inserted(FILE.name, wants))

    def script(hand: Hand) -> None:
        hand.open("media")
        make_playlist(hand, name, songs)
        if export:
            hand.press("back")
            hand.tap("Menu")
            hand.tap("Export to Download")

    return Draft(world, Goal(tuple(wanted)), sentences, params, script)


def draw_by_length(values: Values, world: World, twin: bool) -> Draft:
    """Draw a playlist to make of a total length; in the twin no songs have it together.

    The songs are drawn until there is one choice of them, or none, that has the length.
    """
    while True:
        trial, songs = add_songs(remove_music(world), values, 5)
        total = sum(song.seconds for song in songs[:3])
        low = total // 60
        # Just a minute's window; the twin's lies elsewhere.
        if twin:
            low += values.integer(-3, 3)
        fits = [
            choice
            for count in range(1, len(songs) + 1)
            for choice in combinations(songs, count)
            if low * 60 < sum(song.seconds for song in choice) < (low + 1) * 60
        ]
        if len(fits) == (0 if twin else 1):
            break
    name = values.title()
    params: dict[str, Value] = {"name": name, "low": low, "high": low + 1}
    if twin:
        return Draft(trial, Goal(feasible=False), _LENGTH, params, lambda hand: None)
    chosen = fits[0]

    def script(hand: Hand) -> None:
        hand.open("media")
        make_playlist(hand, name, chosen)

    goal = Goal(tuple(want_playlist(name, chosen, ordered=False)))
    return Draft(trial, goal, _LENGTH, params, script)


def _add_videos(world: World, values: Values, count: int) -> tuple[World, list[File]]:
    videos: list[File] = []
    for _ in range(count):
        world, video = add_row(world, draw_file(values, world, "Movies", ".mp4"))
        videos.append(video)
    return world, values.sample(videos, count)


def draw_videos(values: Values, world: World, twin: bool) -> Draft:
    """Draw a playlist of videos to make; in the twin one of them is not there."""
    world, videos = _add_videos(world, values, values.integer(2, 4))
    name = values.title()
    params: dict[str, Value] = {"name": name, "songs": name_songs(videos)}
    if twin:
        world = world.delete(FILE, values.pick(videos).id)
        return Draft(world, Goal(feasible=False), _VIDEOS, params, lambda hand: None)

    def script(hand: Hand) -> None:
        hand.open("media")
        make_playlist(hand, name, videos)

    return Draft(world, Goal(tuple(want_playlist(name, videos))), _VIDEOS, params, script)


def draw_two(values: Values, world: World, twin: bool) -> Draft:
    """Draw two playlists of videos to make; in the twin one video is not there."""
    world, videos = _add_videos(world, values, values.integer(4, 5))
    first, second = videos[:2], videos[2:]
    name, other = values.title(), values.title()
    params: dict[str, Value] = {
        "name": name,
        "songs": name_songs(first),
        "other": other,
        "others": name_songs(second),
    }
    if twin:
        world = world.delete(FILE, values.pick(videos).id)
        return Draft(world, Goal(feasible=False), _TWO, params, lambda hand: None)

    def script(hand: Hand) -> None:
        hand.open("media")
        make_playlist(hand, name, first)
        for _ in range(3):
            hand.press("back")
        make_playlist(hand, other, second)

    goal = Goal((*want_playlist(name, first), *want_playlist(other, second)))
    return Draft(world, goal, _TWO, params, script)


PLAYLIST_VARIANTS = (
    Variant("songs", draw_playlist, ("RetroCreatePlaylist",), True, 2),
    Variant("length", draw_by_length, ("RetroPlaylistDuration",), True, 2),
    Variant("export", draw_export, ("RetroSavePlaylist",), True, 3),
    Variant("videos", draw_videos, ("VlcCreatePlaylist",), True, 2),
    Variant("two", draw_two, ("VlcCreateTwoPlaylists",), True, 3),
)
