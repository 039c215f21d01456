"""The media and the places app, used through the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.mobile.apps.files import FILE, write_size
from gym_reason.envs.mobile.apps.media.tables import (
    ENTRY,
    PLAYLIST,
    QUEUED,
    RECORDING,
    SONG,
    Playlist,
    Song,
    list_entries,
    list_queue,
    write_length,
)
from gym_reason.envs.mobile.apps.places.tables import (
    ACTIVITY,
    FAVOURITE,
    MARKER,
    PLACE,
    TRACK,
    Activity,
    Place,
    list_waypoints,
    read_degrees,
)
from gym_reason.envs.mobile.dates import DAY_S
from gym_reason.envs.mobile.system.tables import GRANT
from gym_reason.envs.mobile.tasks.strokes import draw_stroke
from gym_reason.verifiers.state.world import World
from tests.envs.mobile.gate import NOW
from tests.envs.mobile.test_apps_c import START, names_in, texts_of, use, with_file


def test_sizes_and_lengths_are_written_as_people_do() -> None:
    assert [write_size(size) for size in (999, 1_000, 2_400_000)] == ["999 B", "1 KB", "2 MB"]
    assert [write_length(seconds) for seconds in (5, 185, 3_725)] == ["0:05", "3:05", "1:02:05"]


def test_the_text_in_a_picture_and_the_frames_of_a_video_are_seen() -> None:
    world = with_file(START, "Pictures", "p.png", "image", "a receipt")
    device, hand = use(with_file(world, "Download", "v.mp4", "video", "one\ntwo"))

    def seen() -> str:
        return next(one.detail for one in device.observe().elements if one.kind == "image")

    hand.open("media")
    hand.tap("Gallery")
    hand.tap("p.png")
    assert seen() == "a receipt"
    hand.press("back")
    hand.tap("v.mp4")
    assert seen() == "one"
    hand.tap("Next frame")
    assert seen() == "two"
    assert not any(one.text == "Next frame" and one.tap for one in device.observe().elements)


def test_the_camera_takes_nothing_until_it_may() -> None:
    device, hand = use(START)
    hand.open("media")
    hand.tap("Camera")
    hand.tap("Take photo")
    hand.tap("Deny")
    assert not device.dump().rows(FILE)
    assert not device.dump().log
    hand.tap("Take photo")
    hand.tap("Allow")
    assert [one.content for one in device.dump().rows(FILE).values()] == ["Back camera"]
    assert [entry.kind for entry in device.dump().log] == ["system.permission_granted"]
    grant = device.dump().find(GRANT, "media:camera")
    assert grant is not None
    assert grant.granted
    hand.tap("Take photo")
    assert len(names_in(device.dump(), "DCIM")) == 2


def test_a_video_goes_on_until_it_is_stopped() -> None:
    device, hand = use(START)
    hand.open("media")
    hand.tap("Camera")
    hand.tap("Video", "chip")
    hand.tap("Front camera")
    hand.tap("Start recording")
    hand.tap("Allow")
    assert not device.dump().rows(FILE)
    hand.wait(10)
    hand.tap("Stop recording")
    (file,) = device.dump().rows(FILE).values()
    assert (file.kind, file.content) == ("video", "Front camera 0:11")
    assert not device.dump().rows(RECORDING)


def test_a_recording_is_saved_under_its_name_or_thrown_away() -> None:
    device, hand = use(START)
    hand.open("media")
    hand.tap("Audio recorder")
    hand.tap("Start recording")
    hand.tap("Allow")
    hand.tap("Stop recording")
    hand.tap("Discard")
    assert not device.dump().rows(FILE)
    hand.tap("Start recording")
    hand.tap("Stop recording")
    hand.type("Name", " ")
    hand.tap("Save")
    assert not device.dump().rows(FILE)
    hand.type("Name", "talk.m4a")
    hand.tap("Save")
    assert names_in(device.dump(), "Recordings") == ["talk.m4a"]


def with_songs(count: int) -> World:
    world = START
    for number in range(count):
        world = world.insert(SONG, Song(0, f"song {number}", "Ada", 60 + number))
    return world


def order_of(world: World, playlist: str) -> list[tuple[int, int]]:
    return [(one.position, one.item) for one in list_entries(world, playlist)]


def test_a_playlist_keeps_its_order_without_gaps() -> None:
    device, hand = use(with_songs(3))
    hand.open("media")
    hand.tap("Playlists")
    hand.tap("New playlist")
    hand.type("Name", "mix")
    hand.tap("Save")
    hand.tap("Add songs or videos")
    for number in (2, 0, 1):
        hand.tap(f"song {number}", "check")
    assert order_of(device.dump(), "mix") == [(1, 3), (2, 1), (3, 2)]
    hand.press("back")
    hand.tap("Move up", number=1)
    assert order_of(device.dump(), "mix") == [(1, 3), (2, 2), (3, 1)]
    hand.tap("Remove", number=0)
    assert order_of(device.dump(), "mix") == [(1, 2), (2, 1)]
    hand.tap("Menu")
    hand.tap("Rename")
    hand.type("Name", "other")
    hand.tap("Save")
    assert list(device.dump().rows(PLAYLIST)) == ["other"]
    assert order_of(device.dump(), "other") == [(1, 2), (2, 1)]
    for _ in range(2):
        hand.tap("Menu")
        hand.tap("Export to Download")
    (file,) = device.dump().rows(FILE).values()
    assert (file.name, file.content) == ("other.m3u", "Ada - song 1\nAda - song 0")
    hand.tap("Menu")
    hand.tap("Delete")
    hand.tap("Delete", "button")
    assert not device.dump().rows(PLAYLIST)
    assert not device.dump().rows(ENTRY)


def test_a_song_is_once_in_a_playlist_and_as_often_in_the_queue_as_it_was_added() -> None:
    device, hand = use(with_songs(2).insert(PLAYLIST, Playlist("mix")))
    hand.open("media")
    hand.tap("Songs")
    hand.tap("song 0", "item")
    for _ in range(2):
        hand.tap("Add to playing queue")
    hand.tap("Add to playlist")
    hand.tap("mix")
    hand.tap("Add to playlist")
    hand.tap("mix")
    assert order_of(device.dump(), "mix") == [(1, 1)]
    hand.open("media")
    for _ in range(3):
        hand.press("back")
    hand.tap("Playing queue")
    hand.tap("Remove", number=0)
    assert [(one.position, one.song) for one in list_queue(device.dump())] == [(1, 1)]
    hand.tap("Clear queue")
    assert not device.dump().rows(QUEUED)


def test_a_drawing_is_saved_with_its_strokes_and_an_empty_one_is_not() -> None:
    device, hand = use(START)
    hand.open("media")
    hand.tap("New drawing")
    hand.tap("Save")
    assert "The drawing is empty" in texts_of(device)
    hand.tap("Red", "chip")
    draw_stroke(hand)
    hand.tap("Save")
    hand.type("Name", "line")
    hand.tap("Save", "button")
    (file,) = device.dump().rows(FILE).values()
    assert (file.folder, file.name, file.kind) == ("Pictures", "line.png", "drawing")
    assert file.content == "red 40,40 320,55"


def with_places(count: int) -> World:
    world = START
    for number in range(count):
        world = world.insert(PLACE, Place(0, f"Place {number}", "park", 1.5, -2.25))
    return world


def test_favourites_come_and_go_with_the_star() -> None:
    device, hand = use(with_places(2))
    hand.open("places")
    hand.tap("Place 1")
    hand.tap("Add to favourites")
    assert list(device.dump().rows(FAVOURITE)) == [2]
    hand.press("back")
    hand.tap("Favourites", "tab")
    hand.tap("Place 1")
    hand.tap("Remove from favourites")
    assert not device.dump().rows(FAVOURITE)


@pytest.mark.parametrize(
    ("name", "north", "east", "saved"),
    [
        ("hut", "47.16601", "-9.5", True),
        ("", "1", "1", False),
        ("hut", "90.1", "1", False),
        ("hut", "1", "180.5", False),
        ("hut", "nan", "1", False),
        ("hut", "1e2", "1", False),
    ],
)
def test_a_marker_takes_a_name_and_two_angles(
    name: str, north: str, east: str, saved: bool
) -> None:
    device, hand = use(START)
    hand.open("places")
    hand.tap("Markers", "tab")
    hand.tap("New marker")
    for label, entered in (("Name", name), ("Latitude", north), ("Longitude", east)):
        hand.type(label, entered)
    hand.tap("Save")
    found = [(one.latitude, one.longitude) for one in device.dump().rows(MARKER).values()]
    assert found == ([(47.166, -9.5)] if saved else [])


@given(st.text(max_size=12), st.sampled_from([90, 180]))
def test_angles_are_read_or_refused(words: str, limit: int) -> None:
    degrees = read_degrees(words, limit)
    assert degrees is None or abs(degrees) <= limit


def test_a_track_keeps_its_order_when_a_place_is_taken_out() -> None:
    device, hand = use(with_places(3))
    hand.open("places")
    hand.tap("Tracks", "tab")
    hand.tap("New track")
    hand.type("Name", "loop")
    hand.tap("Save")
    for number in (2, 0, 1):
        hand.tap("Add a place")
        hand.tap(f"Place {number}", "item")
    hand.tap("Remove", number=1)
    points = list_waypoints(device.dump(), "loop")
    assert [(one.position, one.place) for one in points] == [(1, 3), (2, 2)]
    hand.tap("Delete")
    hand.tap("Delete", "button")
    assert not device.dump().rows(TRACK)


def test_the_log_shows_a_day_a_week_and_a_sport() -> None:
    world = START
    # The world's clock stands on a Tuesday.
    for name, days_ago, sport in (
        ("Tuesday", 0, "running"),
        ("Monday", 1, "cycling"),
        ("Sunday", 2, "running"),
    ):
        start = NOW - days_ago * DAY_S - 3_600
        world = world.insert(ACTIVITY, Activity(0, name, sport, start, 30, 5_000, 10))
    device, hand = use(world)

    def shown() -> set[str]:
        return {"Tuesday", "Monday", "Sunday"} & set(texts_of(device))

    hand.open("places")
    hand.tap("Activities", "tab")
    assert shown() == {"Tuesday", "Monday", "Sunday"}
    hand.tap("Week", "chip")
    assert shown() == {"Tuesday", "Monday"}
    hand.tap("Earlier")
    assert shown() == {"Sunday"}
    hand.tap("Later")
    hand.tap("running", "chip")
    assert shown() == {"Tuesday"}
    hand.tap("All sports", "chip")
    hand.tap("Day", "chip")
    hand.tap("Earlier")
    assert shown() == {"Monday"}
    hand.tap("Monday", "item")
    assert "5,000" in [element.detail for element in device.observe().elements]
