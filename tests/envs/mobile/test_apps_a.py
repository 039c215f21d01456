"""Settings, contacts, messages and clock, used through the screen of the embedded device."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.mobile.apps.clock import ALARM, CITY, LAP, STOPWATCH, TIMER
from gym_reason.envs.mobile.apps.clock_timers import count_elapsed, read_digits
from gym_reason.envs.mobile.apps.contacts import CALL, CONTACT, Contact, tidy_number
from gym_reason.envs.mobile.apps.messages import MESSAGE, Message, find_number
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.apps.settings import (
    LINES,
    SETTINGS,
    read_setting,
    write_setting,
)
from gym_reason.envs.mobile.device_events import handle
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.gestures import Drag, LongPress, OpenApp, Tap, TypeText, Wait
from gym_reason.envs.mobile.look import Look, draw_look
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.system.tables import DUE, GRANT, NOTICE, Due, notify, read_clip
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.envs.mobile.widgets import Event
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.state.world import EMPTY_WORLD, World
from tests.envs.mobile.gate import NOW, fill_world

ADA = Contact(1, "Ada", "Kim", "+15550001", "mobile", "", False)
BEN = Contact(2, "Ben", "", "+15550002", "work", "ben@example.com", True)
START = EMPTY_WORLD.at(NOW).insert(CONTACT, ADA).insert(CONTACT, BEN)


def pick_up(world: World = START) -> Hand:
    device = SimDevice()
    device.load(world, Look())
    return Hand(device, device.look)


def world_of(hand: Hand) -> World:
    return hand.device.dump()


def toast_of(hand: Hand) -> str:
    return next((one.text for one in hand.device.observe().elements if one.kind == "toast"), "")


# Settings


def test_airplane_mode_takes_the_radios_and_gives_nothing_back() -> None:
    hand = pick_up(write_setting(write_setting(START, "wifi", True), "bluetooth", True))
    hand.open("settings")
    hand.tap("Network")
    hand.tap("Airplane mode")
    names = ("airplane", "wifi", "bluetooth")
    assert [read_setting(world_of(hand), name) for name in names] == [True, False, False]
    hand.tap("Wi-Fi", "switch")
    hand.tap("Airplane mode")
    assert [read_setting(world_of(hand), name) for name in names] == [False, True, False]


@given(level=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_sliders_reach_every_level(level: int) -> None:
    hand = pick_up()
    hand.open("settings")
    hand.tap("Sound")
    hand.set_level("Media volume", level)
    assert read_setting(world_of(hand), "volume") == level


def test_choices_close_and_permissions_are_logged_when_given_alone() -> None:
    hand = pick_up()
    hand.open("settings")
    hand.tap("System")
    hand.tap("Language")
    hand.tap("Deutsch", "radio")
    assert read_setting(world_of(hand), "language") == "Deutsch"
    assert hand.read("Language", "item") == "Deutsch"
    hand.press("back")
    hand.tap("Apps")
    hand.tap("Messages", "item")
    hand.tap("Camera", "switch")
    hand.tap("Camera", "switch")
    grant = world_of(hand).find(GRANT, "messages:camera")
    assert grant is not None
    assert not grant.granted
    assert [entry.kind for entry in world_of(hand).log] == ["system.permission_granted"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("wifi", 1), ("brightness", 101), ("brightness", True), ("language", "Klingon"), ("no", True)],
)
def test_settings_take_only_what_they_can_hold(name: str, value: str | int) -> None:
    phone = Phone(START).open("settings")
    after = handle(phone, Event("settings.set", name, value), {"settings": SETTINGS})
    assert after.world is START


def test_every_setting_stands_on_one_page() -> None:
    hand = pick_up()
    for line in LINES.values():
        hand.open("settings")
        for section in ("Network", "Display", "Sound", "Privacy", "System"):
            hand.tap(section, "item")
            if hand.sees(line.label):
                break
            hand.press("back")
        assert hand.sees(line.label)
        hand.press("back")


# Contacts


@given(entered=st.text(alphabet="+0123456789 ()-./*#aé\u0661", max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_number_is_saved_tidy_or_not_at_all(entered: str) -> None:
    hand = pick_up()
    hand.open("contacts")
    hand.tap("New contact", "fab")
    hand.type("First name", "Zoe")
    hand.type("Phone", entered)
    hand.tap("Save", "icon")
    world = world_of(hand)
    number = tidy_number(entered) if entered.strip() else ""
    if number is None:
        assert toast_of(hand) == "This is no phone number"
        assert world.tables is START.tables
    else:
        assert re.fullmatch(r"(\+?[0-9*#]{2,})?", number)
        assert world.rows(CONTACT)[3] == Contact(3, "Zoe", "", number, "mobile", "", False)


def test_a_draft_stays_on_its_page_and_a_nameless_one_is_not_saved() -> None:
    hand = pick_up()
    hand.open("contacts")
    hand.tap("New contact", "fab")
    hand.type("Phone", "555 12")
    hand.tap("Label", "item")
    hand.tap("Work", "radio")
    screen = hand.device.screen()
    assert (screen.app, screen.page, screen.key) == ("contacts", "edit", 0)
    assert screen.fields["phone"] == "555 12"
    assert screen.fields["label"] == "work"
    hand.tap("Save", "icon")
    assert toast_of(hand) == "A name is needed"
    hand.type("Last name", "Roe")
    hand.type("Email", "no mail")
    hand.tap("Save", "icon")
    assert toast_of(hand) == "This is no email address"
    assert world_of(hand).tables is START.tables


def test_search_finds_names_and_numbers_and_favourites_come_first() -> None:
    hand = pick_up()
    hand.open("contacts")
    names = [one.text for one in hand.device.observe().elements if one.kind == "item"]
    assert names == ["Ben", "Ada Kim"]
    hand.tap("Search", "icon")
    hand.type("Search", "0001")
    assert hand.sees("Ada Kim")
    assert not hand.sees("Ben")


def test_merging_adds_what_is_missing_and_deletes_the_other() -> None:
    mail = Contact(0, "Ada", "Kim", "", "mobile", "ada@example.com", True)
    hand = pick_up(START.insert(CONTACT, mail))
    hand.open("contacts")
    hand.tap("Ada Kim", number=1)
    hand.tap("Menu", "icon")
    hand.tap("Merge with another entry")
    hand.tap("Ada Kim", "item")
    rows = world_of(hand).rows(CONTACT)
    assert rows == {1: ADA._replace(email="ada@example.com", starred=True), 2: BEN}


def test_calls_are_logged_and_their_numbers_can_be_kept() -> None:
    hand = pick_up()
    hand.open("contacts")
    hand.tap("Dial", "tab")
    hand.tap("Call", "button") if hand.sees("Call", "button") else None
    for key in ("5", "5", "7", "9"):
        hand.tap(key, "button")
    hand.tap("Erase", "button")
    hand.tap("Call", "button")
    world = world_of(hand)
    assert [(entry.kind, dict(entry.values)) for entry in world.log] == [
        ("contacts.called", {"number": "557"})
    ]
    assert world.rows(CALL)[1].direction == "outgoing"
    hand.tap("End call")
    hand.tap("Calls", "tab")
    hand.tap("557", "item")
    hand.tap("New contact", "item")
    assert hand.read("Phone", "field") == "557"


# Messages


def test_a_new_message_goes_to_a_number_or_to_a_whole_name() -> None:
    hand = pick_up()
    hand.open("messages")
    hand.tap("New message", "fab")
    hand.type("Text", "Hello")
    for wrong in ("", "Ada", "12ab"):
        hand.type("To", wrong)
        hand.tap("Send", "icon")
        assert toast_of(hand) == "No such number or contact"
    assert world_of(hand).log == ()
    hand.type("To", "ada  kim")
    hand.tap("Send", "icon")
    world = world_of(hand)
    assert [dict(entry.values) for entry in world.log] == [{"to": ADA.phone, "text": "Hello"}]
    assert world.rows(MESSAGE)[1][1:4] == (ADA.phone, "Hello", False)
    assert hand.device.screen().key == ADA.phone
    assert find_number(world, "+1 (555) 00-01") == ADA.phone


def test_proposed_people_fill_in_their_number() -> None:
    hand = pick_up()
    hand.open("messages")
    hand.tap("New message", "fab")
    hand.type("To", "be")
    hand.tap("Ben", "item")
    assert hand.read("To", "field") == BEN.phone


def test_opening_a_conversation_reads_it_and_takes_its_notification_away() -> None:
    world = START.insert(MESSAGE, Message(0, ADA.phone, "Hi", True, NOW - 9, False))
    world = notify(world, "messages", "Ada Kim", "Hi", "thread", ADA.phone)
    world = notify(world, "messages", "Ben", "Yo", "thread", BEN.phone)
    hand = pick_up(world)
    hand.open("messages")
    hand.tap("Ada Kim", "item")
    assert world_of(hand).rows(MESSAGE)[1].read
    assert list(world_of(hand).rows(NOTICE)) == [2]
    hand.tap("Send", "icon")
    assert toast_of(hand) == "There is no text"
    hand.hold("Hi", "text")
    hand.tap("Copy text")
    assert read_clip(world_of(hand)) == "Hi"
    hand.hold("Hi", "text")
    assert not hand.sees("Resend")


def test_resending_sends_again_and_a_conversation_goes_as_a_whole() -> None:
    world = START.insert(MESSAGE, Message(0, ADA.phone, "Hi", False, NOW - 9, True))
    world = world.insert(MESSAGE, Message(0, BEN.phone, "Yo", True, NOW - 5, True))
    hand = pick_up(world)
    hand.open("messages")
    hand.tap("Ada Kim", "item")
    hand.hold("Hi", "text")
    hand.tap("Resend", "item")
    assert [dict(one.values) for one in world_of(hand).log] == [{"to": ADA.phone, "text": "Hi"}]
    assert len(world_of(hand).rows(MESSAGE)) == 3
    hand.tap("Menu", "icon")
    hand.tap("Delete conversation", "item")
    hand.tap("Delete", "button")
    assert [one.number for one in world_of(hand).rows(MESSAGE).values()] == [BEN.phone]
    assert hand.device.screen().page == "main"


@pytest.mark.parametrize("watching", [False, True])
def test_a_message_that_is_due_comes_with_a_notification_unless_it_is_watched(
    watching: bool,
) -> None:
    world = START.insert(MESSAGE, Message(0, ADA.phone, "Hi", True, NOW - 9, True))
    hand = pick_up(world.insert(DUE, Due(0, NOW + 60, "messages.receive", ADA.phone, "Again")))
    hand.open("messages")
    if watching:
        hand.tap("Ada Kim", "item")
    hand.wait(50)
    assert len(world_of(hand).rows(MESSAGE)) == 1
    hand.wait(10)
    message = world_of(hand).rows(MESSAGE)[2]
    assert (message.text, message.at, message.read) == ("Again", NOW + 60, watching)
    assert [one.title for one in world_of(hand).rows(NOTICE).values()] == (
        [] if watching else ["Ada Kim"]
    )


def test_a_note_is_shared_by_message() -> None:
    hand = pick_up(START.insert(NOTE, Note(0, "List", "Milk", "", False, NOW)))
    hand.open("notes")
    hand.tap("List", "item")
    hand.tap("Menu", "icon")
    hand.tap("Share by message")
    assert hand.read("Text", "field") == "Milk"


# Clock


@given(keys=st.lists(st.sampled_from([*"0123456789", "00"]), max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_pad_pushes_digits_in_from_the_right(keys: list[str]) -> None:
    hand = pick_up()
    hand.open("clock")
    hand.tap("Timer", "tab")
    for key in keys:
        hand.tap(key, "button")
    expected = ("000000" + "".join(keys))[-6:]
    assert hand.device.screen().fields.get("digits", "000000") == expected
    # A timer of one second ends with the touch that starts it.
    if read_digits(expected) > 1:
        hand.tap("Start", "button")
        assert world_of(hand).rows(TIMER)["timer"].length == read_digits(expected)


def test_a_timer_rings_when_its_time_comes_and_not_while_it_is_paused() -> None:
    hand = pick_up()
    hand.open("clock")
    hand.tap("Timer", "tab")
    hand.tap("9", "button")
    hand.tap("0", "button")
    hand.tap("Start", "button")
    hand.wait(30)
    hand.tap("Pause", "button")
    assert world_of(hand).rows(TIMER)["timer"].left == 90 - 1 - 30
    assert not world_of(hand).rows(DUE)
    hand.wait(500)
    assert not world_of(hand).rows(NOTICE)
    hand.tap("Resume", "button")
    hand.press("home")
    hand.wait(56)
    assert not world_of(hand).rows(NOTICE)
    hand.wait(5)
    assert [one.app for one in world_of(hand).rows(NOTICE).values()] == ["clock"]
    assert world_of(hand).rows(TIMER)["timer"].state == "idle"


def test_the_stopwatch_counts_while_it_runs_alone() -> None:
    hand = pick_up()
    hand.open("clock")
    hand.tap("Stopwatch", "tab")
    hand.tap("Start", "button")
    hand.wait(10)
    hand.tap("Lap", "button")
    hand.tap("Pause", "button")
    hand.wait(100)
    world = world_of(hand)
    assert count_elapsed(world) == 12
    assert [lap.elapsed for lap in world.rows(LAP).values()] == [11]
    hand.tap("Resume", "button")
    hand.wait(5)
    assert count_elapsed(world_of(hand)) == 18
    hand.tap("Reset", "button")
    assert world_of(hand).rows(STOPWATCH)["stopwatch"].state == "idle"
    assert not world_of(hand).rows(LAP)


def test_alarms_take_only_times_and_can_be_changed() -> None:
    hand = pick_up()
    hand.open("clock")
    hand.tap("New alarm", "fab")
    for hour, minute in (("24", "00"), ("7", "60"), ("", "5"), ("x", "1"), ("-1", "0"), ("٣", "1")):
        hand.type("Hour", hour)
        hand.type("Minute", minute)
        hand.tap("Save", "icon")
        assert toast_of(hand) == "A time from 00:00 to 23:59 is needed"
    assert not world_of(hand).rows(ALARM)
    hand.type("Hour", "7")
    hand.type("Minute", "5")
    hand.press("back")
    for day in ("Sun", "Mon", "Tue", "Mon"):
        hand.tap(day, "chip")
    hand.tap("Save", "icon")
    assert world_of(hand).rows(ALARM)[1] == (1, 7, 5, "tue,sun", "", True)
    hand.tap("07:05", "switch")
    assert not world_of(hand).rows(ALARM)[1].on
    hand.hold("07:05", "switch")
    hand.tap("Delete", "item")
    assert not world_of(hand).rows(ALARM)


def test_cities_are_added_once_and_removed() -> None:
    hand = pick_up()
    hand.open("clock")
    hand.tap("World", "tab")
    hand.tap("Add a city", "fab")
    hand.tap("Tokyo", "item")
    assert list(world_of(hand).rows(CITY)) == ["Tokyo"]
    hand.tap("Add a city", "fab")
    assert not hand.sees("Tokyo")
    hand.press("back")
    hand.tap("Remove", "icon")
    assert not world_of(hand).rows(CITY)


# All of them


@pytest.mark.parametrize("app", ["settings", "contacts", "messages", "clock"])
def test_a_restless_hand_breaks_nothing(app: str) -> None:
    rng = derive_rng(7, "restless", app)
    device = SimDevice()
    device.load(fill_world(Values(rng, "all")), draw_look(rng))
    for step in range(1_500):
        if step % 50 == 0:
            device.act(OpenApp(app))
        usable = [one for one in device.observe().elements if one.tap or one.hold]
        left, top, right, bottom = usable[int(rng.integers(len(usable)))].bounds
        point = (left + right) // 2, (top + bottom) // 2
        draw = rng.random()
        if draw < 0.7:
            device.act(Tap(*point))
        elif draw < 0.8:
            device.act(LongPress(*point))
        elif draw < 0.9:
            device.act(TypeText(str(rng.choice(np.array(["7", "Ada", "a@b", "\u4e2d", ""])))))
        elif draw < 0.95:
            device.act(Drag(*point, int(rng.integers(360)), int(rng.integers(800))))
        else:
            device.act(Wait(int(rng.integers(5_000))))
    rows = [row for table in device.dump().tables.values() for row in table.items()]
    assert all(key == row[0] for key, row in rows)
    # It called and wrote to somebody, so that the walk went deep enough to mean something.
    assert device.dump().log or app in ("settings", "clock")
