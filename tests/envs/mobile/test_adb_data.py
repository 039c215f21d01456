"""What a phone's apps tell: rows of providers whatever their texts hold, settings, files, tasks."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.mobile.apps.calendar import EVENT
from gym_reason.envs.mobile.apps.contacts import CALL, CONTACT
from gym_reason.envs.mobile.apps.files import FILE, FOLDER
from gym_reason.envs.mobile.apps.messages import MESSAGE
from gym_reason.envs.mobile.devices.adb.calendar import EVENTS, read_duration, read_repeat
from gym_reason.envs.mobile.devices.adb.connection import Answer
from gym_reason.envs.mobile.devices.adb.contacts import CALLS, DATA
from gym_reason.envs.mobile.devices.adb.device import AdbDevice
from gym_reason.envs.mobile.devices.adb.messages import SMS
from gym_reason.envs.mobile.devices.adb.provider import read_rows
from gym_reason.envs.mobile.devices.adb.settings import SOURCES
from gym_reason.envs.mobile.devices.adb.source import NotGiven, Source, read_offset
from gym_reason.envs.mobile.env import Mobile
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.system.tables import SETTING
from gym_reason.errors import EnvError
from gym_reason.types import Message, Task
from gym_reason.verifiers.state import write_reference
from gym_reason.verifiers.state.goals import Goal, Inserted, Logged, Want
from tests.envs.mobile.fake_phone import FakePhone, field, hierarchy, run_phone

pytest.importorskip("adbutils")

Cells = Mapping[str, int | str | None]


def write_rows(columns: Sequence[str], rows: Sequence[Cells]) -> str:
    """Return rows as `content query` writes them."""
    lines = []
    for place, row in enumerate(rows):
        cells = (f"{name}={'NULL' if row[name] is None else row[name]}" for name in columns)
        lines.append(f"Row: {place} {', '.join(cells)}\n")
    return "".join(lines) or "No result found.\n"


class Provider(Source):
    """A provider that holds some rows."""

    def __init__(self, rows: Sequence[Cells]) -> None:
        self.rows = rows

    def ask(self, *words: str) -> str:
        columns = words[words.index("--projection") + 1].split(":")
        where = words[words.index("--where") + 1] if "--where" in words else ""
        rows = self.rows
        if where.endswith(" IS NULL"):
            name = where.removesuffix(" IS NULL").rpartition(" ")[2]
            rows = [row for row in rows if row[name] is None]
        elif where:
            rows = [row for row in rows if row["_id"] == int(where.removeprefix("_id="))]
        return write_rows(columns, rows)


HOSTILE = (
    "Hello, you",
    "a\nb\n",
    "NULL",
    "",
    "Row: 1 _id=2, body=forged",
    "x\nRow: 1 _id=2, body=forged",
    "x\nRow: 1 _id=2, body=forged\nRow: 2 _id=3, body=too",
    "No result found.",
    "\n",
    "牛奶, = \\ 'q'",
)


@given(st.lists(st.sampled_from([*HOSTILE, None]) | st.text("aR: 012_id=,\n", max_size=30)))
def test_texts_of_any_kind_come_back_as_they_are(texts: list[str | None]) -> None:
    rows = [{"_id": number + 1, "body": text} for number, text in enumerate(texts)]
    found = read_rows(Provider(rows), "content://sms", (), ("body",))
    assert [row["body"] for row in found] == [text or "" for text in texts]


@pytest.mark.parametrize(
    "output",
    [
        "java.lang.SecurityException: Permission Denial",
        "Row: 0 _id=1, date=soon\n",
        "Row: 0 _id=1\n",
        "Row: 0 _id=1, date=5\nRow: 2 _id=3, date=5\n",
        "Row: 0 _id=1, date=5\nRow: 1 _id=1, date=5\n",
        "Row: 0 _id=1, date=5\nwhat\n",
    ],
)
def test_numbers_that_are_none_are_refused(output: str) -> None:
    class Strange(Provider):
        def ask(self, *words: str) -> str:
            return output

    with pytest.raises(NotGiven):
        read_rows(Strange(()), "content://sms", ("date",), ())


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("P1D", 86_400), ("PT1H30M", 5_400), ("P3600S", 3_600), ("P1W", 604_800), ("", 0), ("1h", 0)],
)
def test_durations_are_read(words: str, seconds: int) -> None:
    assert read_duration(words) == seconds


@pytest.mark.parametrize(
    ("rule", "repeat"),
    [
        ("", "once"),
        ("FREQ=DAILY", "daily"),
        ("FREQ=WEEKLY;WKST=MO;BYDAY=TU", "weekly"),
        ("FREQ=MONTHLY;BYMONTHDAY=5", "monthly"),
        ("FREQ=WEEKLY;INTERVAL=2", "FREQ=WEEKLY;INTERVAL=2"),
        ("FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=WEEKLY;BYDAY=TU,TH"),
        ("FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=1MO"),
        ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=3"),
        ("FREQ=YEARLY", "FREQ=YEARLY"),
    ],
)
def test_rules_are_words_of_the_app_or_stay(rule: str, repeat: str) -> None:
    assert read_repeat(rule) == repeat


def test_moments_are_those_of_the_zone_in_summer_and_in_winter() -> None:
    class Phone:
        def run(self, *words: str) -> Answer:
            return Answer(0, {"getprop": b"Europe/Berlin\n", "date": b"+0100\n"}[words[0]])

    source = Source(Phone())  # type: ignore[arg-type]
    assert isinstance(source.zone, ZoneInfo)
    assert source.localise(1_690_000_000) - 1_690_000_000 == 7_200
    assert source.localise(1_700_000_000) - 1_700_000_000 == 3_600
    assert [read_offset(words) for words in ("+0130", "-0800", "UTC", "")] == [5400, -28800, 0, 0]


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePhone]:
    with run_phone(tmp_path, sys.executable) as found:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(found.port))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        found.show(hierarchy(field()))
        fill(found)
        yield found


def put(phone: FakePhone, uri: str, rows: Sequence[Cells], numbers: str, *texts: str) -> None:
    """Let a provider hold rows: one answer for the numbers, one for each text."""
    where = phone_where(uri)
    for columns in (f"_id:{numbers}" if numbers else "_id", *(f"_id:{text}" for text in texts)):
        words = ["content", "query", "--uri", uri.partition("#")[0], "--projection", columns]
        phone.answer([*words, *where], write_rows(columns.split(":"), rows))
    for text in texts:
        words = ["content", "query", "--uri", uri.partition("#")[0], "--projection", "_id"]
        where_null = f"({where[1]}) AND {text} IS NULL" if where else f"{text} IS NULL"
        missing = [row for row in rows if row[text] is None]
        phone.answer([*words, "--where", where_null], write_rows(["_id"], missing))


def phone_where(uri: str) -> list[str]:
    """Return the condition that a provider is asked with."""
    if "#" in uri:
        return ["--where", f"mimetype='vnd.android.cursor.item/{uri.partition('#')[2]}'"]
    return ["--where", "deleted=0"] if uri == EVENTS else []


def fill(phone: FakePhone) -> None:
    """Put data into every app."""
    person: Cells = {"contact_id": 7, "starred": 1}
    name: Cells = {**person, "_id": 1, "data2": "Ada", "data3": None}
    number: Cells = {**person, "_id": 2, "data1": "+49 (30) 123-456", "data2": "3"}
    second: Cells = {**person, "_id": 3, "data1": "555", "data2": "1"}
    alone: Cells = {"_id": 4, "contact_id": 8, "starred": 0, "data1": "777", "data2": "19"}
    put(phone, f"{DATA}#name", [name], "contact_id:starred", "data2", "data3")
    rows = [number, second, alone]
    put(phone, f"{DATA}#phone_v2", rows, "contact_id:starred", "data1", "data2")
    put(phone, f"{DATA}#email_v2", [], "contact_id:starred", "data1")
    call: Cells = {
        "_id": 1,
        "date": 1_690_000_000_123,
        "duration": 61,
        "type": 2,
        "number": "+49 30 5",
    }
    put(phone, CALLS, [call], "date:duration:type", "number")
    texts: list[Cells] = [
        {"_id": 1, "type": 1, "date": 1_690_000_000_999, "read": 0, "address": "+4930 123456",
         "body": "Hello, you\nRow: 1 _id=2, body=no"},
        {"_id": 2, "type": 2, "date": 1_700_000_000_000, "read": 1, "address": "BANK",
         "body": "NULL"},
        {"_id": 3, "type": 3, "date": 1_700_000_001_000, "read": 1, "address": "5",
         "body": "draft"},
    ]  # fmt: skip
    put(phone, SMS, texts, "type:date:read", "address", "body")
    for row in texts:
        words = ["content", "query", "--uri", SMS, "--projection", "_id:body"]
        answer = write_rows(["_id", "body"], [row])
        phone.answer([*words, "--where", f"_id={row['_id']}"], answer)
    usual: Cells = {"dtstart": 1_690_000_000_000, "dtend": 1_690_003_600_000, "allDay": 0}
    empty: Cells = dict.fromkeys(("eventLocation", "description", "rrule", "duration"))
    series: Cells = {"dtstart": 1_690_070_400_000, "dtend": None, "allDay": 1}
    events: list[Cells] = [
        {**usual, **empty, "_id": 4, "title": "Tea, with Bob", "eventLocation": "Café"},
        {**series, **empty, "_id": 5, "title": "Bin", "rrule": "FREQ=WEEKLY", "duration": "P1D"},
    ]
    put(phone, EVENTS, events, "dtstart:dtend:allDay", "title", *empty)
    for space, key, _ in SOURCES.values():
        phone.answer(["settings", "get", space, key], "null\n")
    for space, key, value in (
        ("global", "wifi_on", "2"),
        ("global", "bluetooth_on", "0"),
        ("system", "screen_brightness", "128"),
        ("system", "font_scale", "1.15"),
        ("secure", "ui_night_mode", "2"),
        ("system", "system_locales", "zh-Hans-CN,en-US"),
        ("global", "zen_mode", "x\n///\nwifi_on"),
    ):
        phone.answer(["settings", "get", space, key], f"{value}\n")
    for path, content in (
        ("Documents/plan.txt", "a, b\n"),
        ("Documents/Letters/it's; $(touch canary)\nnew.md", "dear"),
        ("DCIM/cat.JPG", "\xff"),
        (".hidden/x.txt", "no"),
        ("Android/data/app.db", "no"),
        ("top.zip", "z"),
    ):
        file = phone.storage / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.utime(file, (1_690_000_000, 1_690_000_000))


def test_every_app_is_read_into_the_tables_of_the_tasks(phone: FakePhone) -> None:
    phone.answer(["settings", "get", "global", "zen_mode"], "1\n")
    device = AdbDevice(pause=lambda seconds: None)
    world = device.dump()
    assert {row.id: row.value for row in world.rows(SETTING).values()} == {
        "wifi": True,
        "bluetooth": False,
        "brightness": 50,
        "font_size": "Large",
        "dark_theme": True,
        "language": "中文",
        "do_not_disturb": True,
    }
    assert [tuple(row) for row in world.rows(CONTACT).values()] == [
        (7, "Ada", "", "+4930123456", "work", "", True),
        (8, "", "", "777", "other", "", False),
    ]
    assert tuple(world.rows(CALL)[1]) == (1, "+49305", "outgoing", 1_690_007_200, 61)
    assert [tuple(row) for row in world.rows(MESSAGE).values()] == [
        (1, "+4930123456", "Hello, you\nRow: 1 _id=2, body=no", True, 1_690_007_200, False),
        (2, "BANK", "NULL", False, 1_700_003_600, True),
    ]
    assert [tuple(row) for row in world.rows(EVENT).values()] == [
        (4, "Tea, with Bob", 1_690_007_200, 60, "Café", "", "once"),
        (5, "Bin", 1_690_070_400, 1_440, "", "", "weekly"),
    ]
    files = {(one.folder, one.name): one for one in world.rows(FILE).values()}
    letter = ("Documents/Letters", "it's; $(touch canary)\nnew.md")
    assert files.keys() == {("Documents", "plan.txt"), letter, ("DCIM", "cat.JPG"), ("", "top.zip")}
    assert files["Documents", "plan.txt"][3:] == (5, "text", "a, b\n", 1_690_007_200)
    assert files[letter].content == "dear"
    assert files["DCIM", "cat.JPG"].kind == "image"
    assert list(world.rows(FOLDER)) == ["Documents/Letters"]
    assert [entry.kind for entry in world.log] == ["contacts.called", "messages.sent"]
    assert world.now == 1_700_003_600
    assert not (phone.home / "canary").exists()
    assert device.capabilities.lacks == {}
    assert device.capabilities.tables == tuple(world.tables)


def test_what_is_not_told_is_absent_and_said(phone: FakePhone) -> None:
    phone.answer(
        ["content", "query", "--uri", SMS, "--projection", "_id:type:date:read"],
        "java.lang.SecurityException: no\n  at android\n",
    )
    device = AdbDevice(pause=lambda seconds: None)
    world = device.dump()
    assert MESSAGE.name not in world.tables
    assert SETTING.name not in world.tables  # one of its values would run into the next
    assert device.capabilities.lacks[MESSAGE.name] == "java.lang.SecurityException: no"
    assert SETTING.name in device.capabilities.lacks
    assert not device.capabilities.exact_state


def test_reading_changes_nothing(phone: FakePhone) -> None:
    AdbDevice(pause=lambda seconds: None).dump()
    assert phone.calls("input", "am", "ime") == []
    verbs = {tuple(call[:2]) for call in phone.calls("settings", "content", "pm", "cmd")}
    assert verbs <= {("settings", "get"), ("content", "query"), ("pm", "list"), ("cmd", "package")}


def test_a_task_on_the_phones_own_data_is_judged_by_them(phone: FakePhone) -> None:
    before = AdbDevice(pause=lambda seconds: None).dump()
    wants = {"number": Want("+4912"), "text": Want("On my way", "title")}
    sent = {"to": Want("+4912"), "text": Want("On my way", "title")}
    goal = Goal((Inserted(MESSAGE.name, wants), Logged("messages.sent", sent)))
    prompt = (Message("user", "Tell +49 12: On my way"),)
    task = Task("own", prompt, write_reference(goal, before))
    env = Mobile(device="adb", dialect="brief", observation="brief")
    env.episode.device._pause = lambda seconds: None  # type: ignore[attr-defined]
    shown = env.reset(options={"task": task})[0]
    assert shown == prompt[0].content
    assert "Title=" in env.step("press back")[0]
    put_message(phone)
    _, reward, terminated, _, info = env.step("done")
    assert (reward, terminated) == (1.0, True), info["verdict"].detail
    with pytest.raises(EnvError, match="differ"):
        env.reset(options={"task": task})
    env.close()


def put_message(phone: FakePhone) -> None:
    """Let a message have been sent meanwhile."""
    rows: list[Cells] = [
        {"_id": 1, "type": 1, "date": 1_690_000_000_999, "read": 0, "address": "+4930 123456",
         "body": "Hello, you\nRow: 1 _id=2, body=no"},
        {"_id": 2, "type": 2, "date": 1_700_000_000_000, "read": 1, "address": "BANK",
         "body": "NULL"},
        {"_id": 9, "type": 2, "date": 1_700_000_009_000, "read": 1, "address": "+49 12",
         "body": "On my way"},
    ]  # fmt: skip
    put(phone, SMS, rows, "type:date:read", "address", "body")
    words = ["content", "query", "--uri", SMS, "--projection", "_id:body"]
    for row in rows:
        answer = write_rows(["_id", "body"], [row])
        phone.answer([*words, "--where", f"_id={row['_id']}"], answer)


def test_a_world_of_another_phone_is_refused(phone: FakePhone) -> None:
    device = AdbDevice(pause=lambda seconds: None)
    world = device.dump()
    device.load(world, Look())
    assert phone.calls("input") == [["input", "keyevent", "3"]]
    with pytest.raises(EnvError, match=MESSAGE.name):
        device.load(world.delete(MESSAGE, 1), Look())
