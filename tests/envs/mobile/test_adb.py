"""A phone over adb: gestures, hostile texts, screens of any kind, and a phone that goes away."""

import base64
import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gym_reason.envs.mobile.actions.reading import ActionError
from gym_reason.envs.mobile.devices.adb import connection
from gym_reason.envs.mobile.devices.adb.device import MAX_LOOKS, AdbDevice
from gym_reason.envs.mobile.devices.adb.hierarchy import (
    MAX_NODES,
    ScreenError,
    lay_out_dump,
    read_dump,
)
from gym_reason.envs.mobile.devices.adb.keyboard import ADB_KEYBOARD, MAX_PIECE, split_text
from gym_reason.envs.mobile.episode import find_missing
from gym_reason.envs.mobile.gestures import (
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH
from gym_reason.errors import EnvError, RunError
from tests.envs.mobile.fake_phone import SERIAL, FakePhone, field, hierarchy, node, run_phone

pytest.importorskip("adbutils")

ATTACKS = (
    "milk",
    'it\'s "quoted"',
    "a; touch canary",
    "$(touch canary) `touch canary`",
    "' ; touch canary ; '",
    "a && touch canary || touch canary",
    "> canary",
    "100%s %s%",
    "-d 3",
    "\\",
    "*",
    "~",
    "${HOME}",
    "!x",
)


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePhone]:
    with run_phone(tmp_path, sys.executable) as found:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(found.port))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        found.show(hierarchy(field()))
        yield found


@pytest.fixture
def device(phone: FakePhone) -> AdbDevice:
    found = AdbDevice(pause=lambda seconds: None)
    phone.calls()
    return found


def test_gestures_are_commands_at_pixels(phone: FakePhone, device: AdbDevice) -> None:
    for gesture, expected in (
        (Tap(0, 0), ["tap", "1", "1"]),
        (Tap(359, 799), ["tap", "1078", "2398"]),
        (LongPress(180, 400), ["swipe", "541", "1201", "541", "1201", "1000"]),
        (Drag(180, 600, 180, -50), ["swipe", "541", "1801", "541", "0", "800"]),
        (Press("back"), ["keyevent", "4"]),
    ):
        device.act(gesture)
        assert phone.calls("input", "am") == [["input", *expected]]
    device.act(Wait(5))
    assert phone.calls("input", "am") == []
    with pytest.raises(ActionError):
        device.act(Press("power"))


def test_an_app_is_opened_by_its_activity_or_refused(phone: FakePhone, device: AdbDevice) -> None:
    activity = "net.gsantner.markor/.activity.MainActivity"
    phone.answer(
        ["cmd", "package", "resolve-activity", "--brief", "net.gsantner.markor"],
        f"priority=0\n{activity}\n",
    )
    device.act(OpenApp("notes"))
    assert phone.calls("am") == [["am", "start", "-n", activity]]
    with pytest.raises(ActionError, match="no program"):
        device.act(OpenApp("calendar"))
    phone.answer(["cmd", "package", "resolve-activity", "--brief", "net.gsantner.markor"], "x; y\n")
    with pytest.raises(ActionError, match="cannot be opened"):
        device.act(OpenApp("notes"))


@pytest.mark.parametrize("words", ATTACKS)
def test_a_text_is_typed_as_it_is_and_runs_nothing(
    phone: FakePhone, device: AdbDevice, words: str
) -> None:
    device.act(TypeText(words))
    typed = phone.calls("input", "am")
    assert all(call[:2] == ["input", "text"] and len(call) == 3 for call in typed)
    assert "".join(call[2] for call in typed) == words
    assert not (phone.home / "canary").exists()


def test_lines_are_parted_by_enter_and_long_texts_by_commands(
    phone: FakePhone, device: AdbDevice
) -> None:
    device.act(TypeText("a\n$(b)\n"))
    assert [call[1:] for call in phone.calls("input")] == [
        ["text", "a"],
        ["keyevent", "66"],
        ["text", "$(b)"],
        ["keyevent", "66"],
    ]
    device.act(TypeText("x" * (2 * MAX_PIECE + 1)))
    assert [len(call[2]) for call in phone.calls("input")] == [MAX_PIECE, MAX_PIECE, 1]


def typed_by_android(piece: str) -> str:
    """Return what the program `input` makes of a text."""
    return piece.replace("%s", " ")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=500))
@example("%%s%s%" * 100)
def test_pieces_hold_nothing_that_is_typed_as_something_else(words: str) -> None:
    assert "".join(map(typed_by_android, split_text(words))) == words


def test_what_no_key_gives_needs_the_adb_keyboard(phone: FakePhone, device: AdbDevice) -> None:
    phone.answer(["settings", "get", "secure", "default_input_method"], "com.other/.Ime\n")
    for words in ("牛奶", "a\x07", "\t"):
        with pytest.raises(ActionError) as caught:
            device.act(TypeText(words))
        assert "\n" not in str(caught.value)
        assert phone.calls("input", "am") == []
    phone.answer(["settings", "get", "secure", "default_input_method"], f"{ADB_KEYBOARD}\n")
    words = "牛奶 '; touch canary; $(touch canary)"
    device.act(TypeText(words))
    (call,) = phone.calls("am")
    assert call[:-1] == ["am", "broadcast", "-a", "ADB_INPUT_B64", "--es", "msg"]
    assert base64.b64decode(call[-1]).decode() == words
    assert not (phone.home / "canary").exists()


def test_a_field_is_cleared_on_both_sides_of_the_cursor(phone: FakePhone) -> None:
    phone.show(hierarchy(field("abc")))
    device = AdbDevice(pause=lambda seconds: None)
    phone.calls()
    device.act(TypeText("x", clear=True))
    assert [call[1:] for call in phone.calls("input")] == [
        ["keyevent", "123"],
        ["keyevent", "67", "67", "67"],
        ["keyevent", "112", "112", "112"],
        ["text", "x"],
    ]
    phone.show(hierarchy(field("abc", focused=False)))
    device.act(Press("back"))
    phone.calls()
    device.act(TypeText("x", clear=True))
    assert phone.calls("input") == []


def test_it_settles_when_two_looks_are_equal_or_after_some(
    phone: FakePhone, device: AdbDevice
) -> None:
    device.act(Wait(0))
    assert len(phone.calls("uiautomator")) == 2
    text = hierarchy(node("[0,0][10,10]", text="TIME"))
    program = phone.home / "bin" / "uiautomator"
    program.write_text(
        f"#!/bin/sh\necho '[\"uiautomator\"]' >> {phone.home}/calls\n"
        f"n=$(wc -l < {phone.home}/calls)\n"
        f"cat > $2 <<END\n{text.replace('TIME', '$n')}\nEND\n"
    )
    device.act(Wait(0))
    assert len(phone.calls("uiautomator")) == MAX_LOOKS
    assert device.observe().elements[-1].text == str(2 * MAX_LOOKS)  # with the time of each


def test_a_screen_reads_like_those_of_the_embedded_device() -> None:
    line = node(
        "[0,300][1080,500]",
        node("[50,310][700,390]", text="Wi-Fi"),
        node("[50,390][700,480]", text="Off, or is it"),
        node("[900,310][1050,480]", kind="android.widget.Switch", checkable="true", checked="true"),
        kind="android.widget.LinearLayout",
        clickable="true",
    )
    inner = node(
        "[900,500][1080,700]",
        kind="android.widget.ImageButton",
        clickable="true",
        content_desc="Delete",
    )
    outer = node(
        "[0,500][1080,700]",
        node("[0,500][800,700]", text="Milk"),
        inner,
        kind="android.view.ViewGroup",
        clickable="true",
        long_clickable="true",
    )
    page = node(
        "[0,200][1080,2200]",
        line,
        outer,
        kind="androidx.recyclerview.widget.RecyclerView",
        scrollable="true",
    )
    extra = (
        node("[0,80][1080,200]", text="Network"),
        node(
            "[0,2200][1080,2400]",
            kind="android.widget.Button",
            text="Save",
            enabled="false",
            clickable="true",
        ),
        node("[0,2300][0,2400]", text="thin"),
        node("[0,2200][540,2300]", kind="android.widget.SeekBar", text="50.0"),
        node("[-5000,0][-10,100]", text="outside"),
        field("Tea"),
    )
    screen = lay_out_dump(read_dump(hierarchy(page, *extra).encode()), (1080, 2400), "09:41")
    seen = [(one.kind, one.text, one.detail, one.value) for one in screen.elements]
    assert seen == [
        ("status", "09:41", "", None),
        ("switch", "Wi-Fi", "Off, or is it", True),
        ("item", "Milk", "", None),
        ("icon", "Delete", "", None),
        ("text", "Network", "", None),
        ("button", "Save", "", None),
        ("slider", "50.0", "", 50),
        ("field", "Title", "Tea", None),
    ]
    assert screen.elements[1].bounds == (0, 100, 360, 167)
    assert screen.elements[2].hold is not None
    assert screen.elements[5].tap is None
    assert screen.elements[7].focused
    assert screen.body == (0, 66, 360, 734)
    assert 0 < screen.scroll < screen.max_scroll


def test_a_turned_screen_has_its_points_turned() -> None:
    xml = hierarchy(node("[1200,0][2400,1080]", text="Right half"), rotation=1)
    screen = lay_out_dump(read_dump(xml.encode()), (1080, 2400))
    assert screen.elements[0].bounds == (180, 0, 360, 800)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><hierarchy>&b;</hierarchy>'


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"ERROR: could not get idle state.",
        b"<hierarchy",
        b"<hierarchy><node></hierarchy>",
        b"<html></html>",
        b"\xff\xfe\x00",
        BOMB,
        b"<hierarchy>" + b"<node>" * (MAX_NODES + 1) + b"</node>" * (MAX_NODES + 1),
        b"x" * (9 * 2**20),
    ],
)
def test_a_dump_that_is_none_is_refused_in_one_line(xml: bytes) -> None:
    with pytest.raises(ScreenError) as caught:
        read_dump(xml)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_dump_is_read_or_refused(xml: bytes) -> None:
    with contextlib.suppress(ScreenError):
        lay_out_dump(read_dump(xml), (1080, 2400))


@given(
    st.dictionaries(
        st.sampled_from(
            ["class", "text", "bounds", "checked", "checkable", "clickable", "resource-id"]
        ),
        st.text(max_size=30),
    )
)
def test_any_attributes_make_elements_within_the_screen(values: dict[str, str]) -> None:
    dump = read_dump(b"<hierarchy><node/></hierarchy>")
    nodes = tuple(one._replace(values=values) for one in dump.nodes)
    for element in lay_out_dump(dump._replace(nodes=nodes), (1080, 2400)).elements:
        left, top, right, bottom = element.bounds
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT


def test_deep_and_large_screens_are_read() -> None:
    depth = 5_000
    deep = b"<hierarchy>" + b'<node clickable="true" text="x" bounds="[0,0][9,9]">' * depth
    dump = read_dump(deep + b"</node>" * depth + b"</hierarchy>")
    assert len(lay_out_dump(dump, (1080, 2400)).elements) == depth


def test_a_malformed_screen_is_looked_at_again(phone: FakePhone, device: AdbDevice) -> None:
    phone.show("<hierarchy")
    with pytest.raises(RunError, match="cannot be read"):
        device.act(Wait(0))
    phone.show(hierarchy(node("[0,0][99,99]", text="Back again")))
    device.act(Wait(0))
    assert device.observe().elements[-1].text == "Back again"


def test_the_app_in_front_is_known_by_its_program(phone: FakePhone, device: AdbDevice) -> None:
    assert device.screen().app == "notes"
    assert device.screen().fields == {"Title": ""}
    phone.show(hierarchy(field().replace("net.gsantner.markor", "com.launcher")))
    device.act(Press("home"))
    assert device.screen().app == ""
    phone.show(hierarchy(field().replace("net.gsantner.markor", "org.unknown")))
    device.act(Press("home"))
    assert device.screen().app == "org.unknown"


def test_photographs_are_of_the_usual_size(phone: FakePhone, device: AdbDevice) -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.new("RGB", (1080, 2400), (200, 30, 60)).save(file, "PNG")
    phone.answer(["screencap"], b"[Warning] Several displays\r\n" + file.getvalue())
    with image.open(io.BytesIO(device.photograph(2))) as picture:
        assert picture.size == (720, 1600)
        assert picture.getpixel((9, 9)) == (200, 30, 60)
    for sent in (b"", b"no picture", file.getvalue()[:60]):
        phone.answer(["screencap"], sent)
        with pytest.raises(RunError, match="no picture"):
            device.photograph()


def test_an_answer_is_told_whole(phone: FakePhone) -> None:
    assert connection.Connection().run("date", "+%s").text == "1700000000\n"


def test_a_phone_that_goes_away_is_one_line(phone: FakePhone, device: AdbDevice) -> None:
    phone.gone_after = 1
    with pytest.raises(RunError) as caught:
        device.act(Tap(1, 1))
    assert SERIAL in str(caught.value)
    assert "\n" not in str(caught.value)
    phone.gone_after = -1
    phone.cut_at = 3
    with pytest.raises(RunError, match="broke off"):
        device.dump()
    phone.close()
    with pytest.raises(RunError, match="adb start-server"):
        device.act(Tap(1, 1))


def test_answers_without_end_are_cut(
    phone: FakePhone, device: AdbDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 100_000)
    phone.answer(["getprop"], "x" * 200_000)
    with pytest.raises(RunError, match="more than"):
        device.dump()


def test_what_is_missing_is_told_in_one_line(
    phone: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_missing("adb") == ""
    with pytest.raises(RunError, match="'other' is absent"):
        AdbDevice("other")
    phone.state = "unauthorized"
    assert "no phone" in find_missing("adb")
    with pytest.raises(RunError, match="unauthorized"):
        AdbDevice(SERIAL)
    phone.state = ""
    assert "no phone" in find_missing("adb")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "many")
    assert "a port" in find_missing("adb")
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    assert find_missing("adb").count("\n") == 0
    assert "gym-reason[adb]" in find_missing("adb")


def test_a_closed_device_is_not_used(device: AdbDevice) -> None:
    device.close()
    device.close()
    with pytest.raises(EnvError, match="closed"):
        device.act(Tap(1, 1))
