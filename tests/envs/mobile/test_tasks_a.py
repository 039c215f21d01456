"""The tasks of settings, contacts, messages and clock: what the gate of all does not ask."""

from collections import Counter

import pytest

from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.tasks.clock import CLOCK_TEMPLATES
from gym_reason.envs.mobile.tasks.contacts import CONTACTS_TEMPLATES
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.messages import MESSAGES_TEMPLATES
from gym_reason.envs.mobile.tasks.messages_steps import send_new
from gym_reason.envs.mobile.tasks.settings import SETTINGS_TEMPLATES
from gym_reason.envs.mobile.tasks.system import SYSTEM_TEMPLATES
from gym_reason.envs.mobile.tasks.template import Variant
from tests.envs.mobile.gate import (
    begin,
    draw_draft,
    judge_end,
    perform_script,
    variants_of,
)

TEMPLATES = (
    *SETTINGS_TEMPLATES,
    *SYSTEM_TEMPLATES,
    *CONTACTS_TEMPLATES,
    *MESSAGES_TEMPLATES,
    *CLOCK_TEMPLATES,
)
VARIANTS = dict(variants_of(TEMPLATES))
COVERED = [
    "SystemWifiTurnOn",
    "SystemWifiTurnOff",
    "SystemBluetoothTurnOn",
    "SystemBluetoothTurnOff",
    "SystemBrightnessMax",
    "SystemBrightnessMin",
    "SystemWifiTurnOnVerify",
    "SystemWifiTurnOffVerify",
    "SystemBluetoothTurnOnVerify",
    "SystemBluetoothTurnOffVerify",
    "SystemBrightnessMaxVerify",
    "SystemBrightnessMinVerify",
    "TurnOffWifiAndTurnOnBluetooth",
    "TurnOnWifiAndOpenApp",
    "OpenAppTaskEval",
    "SystemCopyToClipboard",
    "ContactsAddContact",
    "ContactsNewContactDraft",
    "SimpleSmsSend",
    "SimpleSmsReply",
    "SimpleSmsReplyMostRecent",
    "SimpleSmsResend",
    "SimpleSmsSendReceivedAddress",
    "SimpleSmsSendClipboardContent",
    "ClockTimerEntry",
    "ClockStopWatchRunning",
    "ClockStopWatchPausedVerify",
]
"""AndroidWorld's tasks on these apps."""


def test_each_task_of_androidworld_is_covered_once() -> None:
    covered = Counter(task for variant in VARIANTS.values() for task in variant.covers)
    assert covered == Counter(COVERED)


@pytest.mark.parametrize(
    ("name", "param"),
    [
        ("settings.toggle/wifi", "state"),
        ("settings.toggle/airplane", "state"),
        ("settings.level/brightness", "end"),
        ("settings.ensure/bluetooth", "state"),
        ("settings.multi/radios", "wifi"),
        ("phone.edit_or_merge_contact/favourite", "verb"),
        ("clock.alarm/toggle", "state"),
    ],
)
def test_opposites_are_drawn_within_a_variant(name: str, param: str) -> None:
    drawn = {draw_draft(VARIANTS[name], seed, "train").params[param] for seed in range(30)}
    assert len(drawn) == 2


def test_a_state_to_be_ensured_is_right_or_wrong_at_the_start() -> None:
    variant = VARIANTS["settings.ensure/wifi"]
    counts = {
        len(perform_script(draw_draft(variant, seed, "train"), Look())[1].actions)
        for seed in range(20)
    }
    assert counts == {2, 3}


def send(variant: Variant, number: str, text: str) -> tuple[bool, str]:
    draft = draw_draft(variant, 1, "train")
    device = begin(draft, Look())
    words = {key: str(value) for key, value in draft.params.items()}
    send_new(Hand(device, Look()), number.format(**words), text.format(**words))
    verdict = judge_end(draft, device)
    return verdict.correct, verdict.detail


@pytest.mark.parametrize(
    ("number", "text", "right"),
    [
        ("{number}", "{text}", True),
        ("{number}", " {text} ", True),
        ("{number}", "Do not: {text}", False),
        ("{number}", "{text} {text}", False),
        ("{number}1", "{text}", False),
    ],
)
def test_messages_are_compared_whole(number: str, text: str, right: bool) -> None:
    correct, detail = send(VARIANTS["messages.send/number"], number, text)
    assert correct is right, detail


def test_a_message_sent_twice_is_damage_even_where_it_was_deleted() -> None:
    draft = draw_draft(VARIANTS["messages.send/number"], 1, "train")
    device = begin(draft, Look())
    hand, words = Hand(device, Look()), str(draft.params["text"])
    send_new(hand, str(draft.params["number"]), words)
    hand.hold(words, "text")
    hand.tap("Resend", "item")
    hand.hold(words, "text")
    hand.tap("Delete message", "item")
    assert not judge_end(draft, device).correct
