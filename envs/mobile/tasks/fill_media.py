"""The songs, playlists and the playing queue that are there anyway."""

from gym_reason.envs.mobile.apps.media.tables import (
    ENTRY,
    PLAYLIST,
    QUEUED,
    SONG,
    Playlist,
    Song,
    add_entry,
    enqueue,
)
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

SHORTEST_S, LONGEST_S = 95, 425
"""How long a song is."""


def draw_song(values: Values) -> Song:
    """Return a song."""
    artist = " ".join(values.person())
    return Song(0, values.title(), artist, values.integer(SHORTEST_S, LONGEST_S))


def add_songs(world: World, values: Values, count: int) -> tuple[World, list[Song]]:
    """Return the world with more songs in the library, and those songs."""
    songs = []
    for _ in range(count):
        world = world.insert(SONG, draw_song(values))
        songs.append(world.rows(SONG)[world.last_id(SONG)])
    return world, songs


def remove_music(world: World) -> World:
    """Return the world with an empty library, and nothing that refers to it."""
    world = world.delete(SONG, *world.rows(SONG)).delete(PLAYLIST, *world.rows(PLAYLIST))
    return world.delete(ENTRY, *world.rows(ENTRY)).delete(QUEUED, *world.rows(QUEUED))


def fill_media(world: World, values: Values) -> World:
    """Return the world with songs, two playlists of some of them, and a short queue."""
    world, songs = add_songs(world, values, values.integer(6, 9))
    for _ in range(2):
        name = values.title()
        world = world.insert(PLAYLIST, Playlist(name))
        for song in values.sample(songs, values.integer(2, 3)):
            world = add_entry(world, name, "song", song.id)
    for song in values.sample(songs, values.integer(1, 2)):
        world = enqueue(world, song.id)
    return world
