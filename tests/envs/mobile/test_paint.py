"""Screens as pixels: legible, the same for the same layout, and true to it."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("PIL", reason="needs pillow: pip install 'gym-reason[mobile]'")
from PIL import Image

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import LongPress, OpenApp, Press, Tap
from gym_reason.envs.mobile.layout import Element, Layout, lay_out
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.render import fonts
from gym_reason.envs.mobile.render.marks import mark, marked_elements
from gym_reason.envs.mobile.render.paint import paint, paint_array, paint_png
from gym_reason.envs.mobile.render.painters import PAINTERS
from gym_reason.envs.mobile.render.palette import INKS, PALETTES, Colour
from gym_reason.envs.mobile.render.pictures import PICTURES, find_picture, write_svg
from gym_reason.envs.mobile.render.shapes import picture
from gym_reason.envs.mobile.render.tiles import Pixels
from gym_reason.envs.mobile.widgets import Event, Page, Widget, canvas, image, item, switch
from gym_reason.seeding import derive_rng
from tests.envs.mobile.screens import draw_gesture, fill_world

LOOK = Look()


def walk(seed: int, count: int, look: Look = LOOK) -> Iterator[Layout]:
    """Yield the screens of a random walk through all apps."""
    device, rng = SimDevice(), derive_rng(seed, "paint")
    device.load(fill_world(), look)
    for number in range(count):
        if number % 10 == 0:
            device.act(OpenApp(list(APPS)[(number // 10) % len(APPS)]))
        device.act(draw_gesture(rng, device.observe()))
        yield device.observe()


def cut(pixels: Pixels, element: Element) -> Pixels:
    left, top, right, bottom = element.bounds
    return pixels[top:bottom, left:right]


def contrast(first: Colour, second: Colour) -> float:
    """Return the contrast of two colours as WCAG defines it."""

    def light(colour: Colour) -> float:
        parts = [value / 255 for value in colour]
        red, green, blue = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(first), light(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", PALETTES)
def test_letters_stand_out_from_what_is_under_them(theme: str) -> None:
    one = PALETTES[theme]
    pairs = [
        (one.ink, one.page),
        (one.ink, one.bar),
        (one.ink, one.field),
        (one.ink, one.dialog),
        (one.ink, one.key),
        (one.faint, one.page),
        (one.faint, one.field),
        (one.accent, one.page),
        (one.accent, one.soft),
        (one.on_accent, one.accent),
        (one.on_toast, one.toast),
    ]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


@pytest.mark.parametrize("theme", PALETTES)
def test_every_screen_can_be_painted_and_its_texts_leave_ink(theme: str) -> None:
    inked = 0
    for screen in walk(1, 130, Look(theme, "compact", "zh", 5)):
        pixels = paint_array(screen, Look(theme))
        assert pixels.shape == (800, 360, 3)
        assert pixels.dtype == np.uint8
        for number, element in enumerate(screen.elements):
            seen = element.bounds[3] - element.bounds[1] >= 40 and number >= screen.modal
            if seen and element.text and element.kind in ("item", "title", "button", "switch"):
                assert cut(pixels, element).std() > 2, element
                inked += 1
    assert inked > 300


def test_a_painter_keeps_nothing_that_changes_a_later_picture() -> None:
    screens = list(walk(2, 60))
    first = [paint_array(screen, LOOK) for screen in screens]
    for pixels in first:
        pixels[:] = 7  # the caller owns what it was given
    again = [paint_array(screen, LOOK) for screen in screens]
    code = (
        "import sys, hashlib\n"
        "from tests.envs.mobile.test_paint import *\n"
        "for screen in list(walk(2, 60))[::-1]:\n"
        "    print(hashlib.sha256(paint_array(screen, LOOK).tobytes()).hexdigest())\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    import hashlib

    hashes = [hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in again]
    assert done.stdout.split() == hashes[::-1]
    assert len(set(hashes)) > 20


def test_each_word_on_the_screen_is_seen() -> None:
    for part in ("title", "detail", "on", "picture"):
        pages = []
        for other in (False, True):
            widget = item(
                "Milk" if not (other and part == "title") else "Bread",
                "two" if not (other and part == "detail") else "six",
                picture="note" if not (other and part == "picture") else "folder",
            )
            line = switch("Wi-Fi", other and part == "on", Event("x"))
            pages.append(paint_array(lay_out(Page("Shop", (widget, line)), LOOK), LOOK))
        assert (pages[0] != pages[1]).any(), part


def test_what_a_touch_means_is_not_seen() -> None:
    plain = lay_out(Page("Shop", (item("Milk"),)), LOOK)
    touched = lay_out(Page("Shop", (item("Milk", "", Event("a"), Event("b")),)), LOOK)
    assert (paint_array(plain, LOOK) == paint_array(touched, LOOK)).all()


def test_a_scrolled_page_is_the_same_page_moved() -> None:
    body = tuple(item(f"Line {number}", "more", picture="note") for number in range(30))
    still = paint_array(lay_out(Page("All", body), LOOK), LOOK)
    moved = paint_array(lay_out(Page("All", body), LOOK, scroll=33), LOOK)
    assert (still[80 + 33 : 752] == moved[80 : 752 - 33]).all()
    assert (still[:80] == moved[:80]).all()


def test_an_open_dialog_is_in_front_and_the_page_is_darker() -> None:
    device = SimDevice()
    device.load(fill_world(), LOOK)
    device.act(OpenApp("notes"))
    before = paint_array(device.observe(), LOOK)
    fab = next(one for one in device.observe().elements if one.kind == "fab")
    device.act(Tap(fab.bounds[0] + 5, fab.bounds[1] + 5))
    screen = device.observe()
    after = paint_array(screen, LOOK)
    assert screen.modal
    assert (after[90:140] == before[90:140] >> 1).all()
    box = screen.elements[screen.modal]
    left, top, right, _ = box.bounds
    assert tuple(after[top + 2, (left + right) // 2]) == PALETTES["light"].dialog
    assert (after[top, left] == before[top, left] >> 1).all()  # a round corner
    assert (after[752:] == before[752:]).all()


def test_a_field_shows_what_is_written_and_its_end_with_the_cursor() -> None:
    device = SimDevice()
    device.load(fill_world(), LOOK)
    for gesture in (OpenApp("notes"),):
        device.act(gesture)
    search = next(one for one in device.observe().elements if one.text == "Search")
    device.act(Tap(search.bounds[0] + 9, search.bounds[1] + 9))
    field = next(one for one in device.observe().elements if one.kind == "field")
    device.act(Tap(field.bounds[0] + 30, field.bounds[1] + 9))
    seen: list[bytes] = []
    for _ in range(60):
        key = next(one for one in device.observe().elements if one.text == "w")
        device.act(Tap(key.bounds[0] + 9, key.bounds[1] + 9))
        screen = device.observe()
        written = next(one for one in screen.elements if one.focused)
        seen.append(cut(paint_array(screen, LOOK), written).tobytes())
    assert len(set(seen[:20])) == 20


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_scales_and_files(scale: int) -> None:
    screen = next(walk(3, 1))
    pixels = paint_array(screen, LOOK, scale)
    assert pixels.shape == (800 * scale, 360 * scale, 3)
    with Image.open(io.BytesIO(paint_png(screen, LOOK, scale))) as read:
        assert (np.asarray(read.convert("RGB")) == pixels).all()
    assert (np.asarray(paint(screen, LOOK, scale)) == pixels).all()
    small = np.asarray(Image.fromarray(pixels).resize((360, 800), Image.Resampling.BOX))
    apart = np.abs(small.astype(int) - paint_array(screen, LOOK)).mean()
    assert apart < 6


def test_a_device_can_be_photographed() -> None:
    device = SimDevice()
    device.load(fill_world(), LOOK)
    with Image.open(io.BytesIO(device.photograph(2))) as read:
        assert read.size == (720, 1600)


def test_every_kind_of_the_layout_has_a_painter() -> None:
    kinds = {one.kind for screen in walk(4, 390) for one in screen.elements}
    assert kinds <= set(PAINTERS)
    assert len(kinds) >= 15


def test_every_picture_that_apps_name_is_drawn() -> None:
    named = {app.picture for app in APPS.values()}
    for screen in walk(5, 260):
        named |= {
            one.name for one in screen.elements if one.kind in ("icon", "item", "tab", "fab", "app")
        }
    unknown = {name for name in named - {""} if not find_picture(name)}
    assert unknown == set()


def test_pictures_differ_and_fill_their_place() -> None:
    drawn = {name: picture(name, 48) for name in PICTURES}
    for name, mask in drawn.items():
        assert mask.shape == (48, 48)
        assert 0.03 < (mask > 128).mean() < 0.8, name
        assert write_svg(name).startswith("<svg"), name
    same = {"browser", "globe"}, {"forward", "go_to"}
    looks = {mask.tobytes() for mask in drawn.values()}
    assert len(looks) == len(drawn) - len(same)
    assert write_svg("no such picture") == ""
    assert picture("xylophone", 24).any()
    assert (picture("xylophone", 24) != picture("yacht", 24)).any()


def test_a_drawing_shows_its_strokes() -> None:
    empty = lay_out(Page("Draw", (canvas("c", "Here", Event("d"), ""),)), LOOK)
    drawn = lay_out(
        Page("Draw", (canvas("c", "Here", Event("d"), "red 10,60 200,60;blue 100,20 100,200"),)),
        LOOK,
    )
    page = paint_array(drawn, LOOK)
    assert tuple(page[80 + 60, 50]) == INKS["red"]
    assert tuple(page[80 + 60, 100]) == INKS["blue"]  # above the first one
    assert page[80 + 100, 50].mean() > 250
    shown = lay_out(Page("D", (image("drawing", "x", 14, "red 10,60 200,60"),)), LOOK)
    assert tuple(paint_array(shown, LOOK)[80 + 60, 50]) == INKS["red"]
    assert (page != paint_array(empty, LOOK)).any()


def test_the_text_in_a_picture_is_seen() -> None:
    pages = [
        paint_array(lay_out(Page("P", (image("photo", "Scan", 10, words),)), LOOK), LOOK)
        for words in ("Total 12.50", "Total 12.80")
    ]
    assert (pages[0] != pages[1]).any()


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(PAINTERS)),
    st.text(max_size=80),
    st.text(max_size=80),
    st.sampled_from([None, True, False, 0, 57, 100, "x"]),
    st.integers(1, 200),
    st.booleans(),
)
def test_no_text_breaks_a_painter(
    kind: str, text: str, detail: str, value: str | int | None, height: int, on: bool
) -> None:
    widget = Element(
        kind, (40, 100, 300, 100 + height), text, detail, None, None, None, text, value, on, on, 100
    )
    screen = Layout((widget,), (0, 80, 360, 752), 0)
    assert paint_array(screen, LOOK).shape == (800, 360, 3)


@settings(max_examples=60)
@given(st.text(max_size=60), st.integers(8, 40), st.integers(10, 300))
def test_text_is_cut_to_the_room_that_there_is(text: str, size: int, room: int) -> None:
    kept = fonts.fit(text, size, room)
    assert fonts.measure(kept, size) <= max(room, fonts.measure(fonts.ELLIPSIS, size))
    assert fonts.write(kept, size).shape[0] == fonts.line_height(size)


def test_writing_that_no_font_has_is_boxes_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = (fonts.write, fonts._glyph, fonts._choose, fonts._files, fonts.fit)
    monkeypatch.setattr(fonts, "_folders", list)
    for one in cached:
        one.cache_clear()
    try:
        assert fonts._choose("你") == (-1, "你")
        assert fonts.write("你好", 16).any()
        assert (fonts.write("caf\u00e9 \u2013 5", 16) == fonts.write("cafe - 5", 16)).all()
    finally:
        for one in cached:
            one.cache_clear()


def test_marks_number_what_can_be_touched() -> None:
    device = SimDevice()
    device.load(fill_world(), LOOK)
    device.act(OpenApp("notes"))
    for gesture in (Press("back"), OpenApp("notes"), LongPress(100, 110)):
        device.act(gesture)
        screen = device.observe()
        numbers = marked_elements(screen)
        assert numbers
        for number in numbers:
            one = screen.elements[number]
            assert one.tap or one.hold or one.drag
            assert number >= screen.modal
        plain = paint_array(screen, LOOK)
        kept = plain.copy()
        marked = mark(plain, screen)
        assert (plain == kept).all()
        for number in numbers:
            element = screen.elements[number]
            assert (cut(marked, element) != cut(plain, element)).any()


def test_without_pillow_the_error_is_one_line() -> None:
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from gym_reason.envs.mobile.devices.sim import SimDevice\n"
        "from gym_reason.errors import UsageError\n"
        "try: SimDevice().photograph()\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert 'pip install "gym-reason[mobile]"' in done.stdout


def test_a_widget_in_a_row_is_painted_in_its_part() -> None:
    part = Widget("button", "Yes", tap=Event("x"))
    screen = lay_out(Page("P", (Widget("row", children=(part, Widget("space"))),)), LOOK)
    page = paint_array(screen, LOOK)
    assert page[80:128, :180].std() > 10
    assert (page[80:128, 180:] == PALETTES["light"].page).all()
