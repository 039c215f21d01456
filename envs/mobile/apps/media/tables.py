"""What the media app keeps. Pictures, videos and recordings are files of the files app."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.verifiers.state.world import Key, Table, World


class Song(NamedTuple):
    """A song of the music library."""

    id: int
    """Its number."""
    title: str
    """Its title."""
    artist: str
    """Who plays it."""
    seconds: int
    """How long it is."""


class Playlist(NamedTuple):
    """A list of songs and videos."""

    id: str
    """Its name."""


class Entry(NamedTuple):
    """A song or a video in a playlist."""

    id: int
    """Its number."""
    playlist: str
    """The name of the playlist."""
    position: int
    """Its place in it, from 1 on, without gaps."""
    kind: str
    """`song` or `video`."""
    item: int
    """The number of the song, or of the file of the video."""


class Queued(NamedTuple):
    """A song that is going to be played."""

    id: int
    """Its number."""
    position: int
    """Its place in the queue, from 1 on, without gaps."""
    song: int
    """The number of the song."""


class Recording(NamedTuple):
    """A recording that goes on."""

    id: str
    """What records: `camera` or `microphone`."""
    started: int
    """When it began, on the world's clock."""
    lens: str
    """The camera that records, `back` or `front`; empty for a sound."""


SONG = Table("media.song", Song)
PLAYLIST = Table("media.playlist", Playlist)
ENTRY = Table("media.entry", Entry)
QUEUED = Table("media.queued", Queued)
RECORDING = Table("media.recording", Recording)
MEDIA = App("media", "Media", "media", (SONG, PLAYLIST, ENTRY, QUEUED, RECORDING))


def write_length(seconds: int) -> str:
    """Return a length as it is shown: `3:45`, or `1:02:00` from an hour on."""
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def list_entries(world: World, playlist: Key | None) -> list[Entry]:
    """Return what is in a playlist, in order."""
    rows = [one for one in world.rows(ENTRY).values() if one.playlist == playlist]
    return sorted(rows, key=lambda one: one.position)


def add_entry(world: World, playlist: str, kind: str, item: int) -> World:
    """Return the world with a song or a video at the end of a playlist."""
    position = 1 + len(list_entries(world, playlist))
    return world.insert(ENTRY, Entry(0, playlist, position, kind, item))


def remove_entry(world: World, key: int) -> World:
    """Return the world without an entry of a playlist; those behind it move up."""
    gone = world.find(ENTRY, key)
    if gone is None:
        return world
    world = world.delete(ENTRY, key)
    for place, one in enumerate(list_entries(world, gone.playlist), 1):
        world = world.update(ENTRY, one.id, position=place)
    return world


def list_queue(world: World) -> list[Queued]:
    """Return the songs that are going to be played, in order."""
    return sorted(world.rows(QUEUED).values(), key=lambda one: one.position)


def enqueue(world: World, song: int) -> World:
    """Return the world with a song at the end of the queue."""
    return world.insert(QUEUED, Queued(0, 1 + len(world.rows(QUEUED)), song))


def remove_queued(world: World, key: int) -> World:
    """Return the world without an entry of the queue; those behind it move up."""
    world = world.delete(QUEUED, key)
    for place, one in enumerate(list_queue(world), 1):
        world = world.update(QUEUED, one.id, position=place)
    return world
