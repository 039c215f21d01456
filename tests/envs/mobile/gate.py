"""Drafts of variants without an environment: drawn, done by their scripts, and judged."""

from importlib import import_module
from importlib.util import find_spec

from gym_reason.envs.mobile.actions.types import Say
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import derive_rng
from gym_reason.types import Verdict
from gym_reason.verifiers.state.judge import Ending, judge
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

SEEDS = range(10)
NOW = 1_700_000_000
"""A Tuesday in November 2023, at 22:13."""
TASKS = "gym_reason.envs.mobile.tasks"


def fill_world(values: Values) -> World:
    """Return a world with what is there anyway, of every app that has it."""
    world = EMPTY_WORLD.at(NOW)
    for app in APPS:
        if find_spec(f"{TASKS}.fill_{app}") is not None:
            world = getattr(import_module(f"{TASKS}.fill_{app}"), f"fill_{app}")(world, values)
    return world


def draw_draft(variant: Variant, seed: int, split: str, twin: bool = False) -> Draft:
    """Return the task of a seed: the same for the same seed, its twin beside it."""
    values = Values(derive_rng(seed, "gate", variant.name, split), split)
    return variant.draw(values, fill_world(values), twin)


def begin(draft: Draft, look: Look) -> SimDevice:
    """Return a device at the start of a task."""
    device = SimDevice()
    device.load(draft.world, look)
    if draft.start is not None:
        device.phone = draft.start(device.phone)
    return device


def perform_script(draft: Draft, look: Look) -> tuple[SimDevice, Hand]:
    """Return the device after the oracle, and the hand that has done it."""
    device = begin(draft, look)
    hand = Hand(device, look)
    draft.script(hand)
    return device, hand


def judge_end(
    draft: Draft,
    device: SimDevice,
    status: str = "complete",
    answer: str | None = None,
) -> Verdict:
    """Return the verdict on a device as it is now."""
    ending = Ending(draft.world, device.dump(), device.screen(), status, answer)
    return judge(draft.goal, ending)


def last_answer(hand: Hand) -> str | None:
    """Return what a hand answered last."""
    texts = [one.text for one in hand.actions if isinstance(one, Say) and one.kind == "answer"]
    return texts[-1] if texts else None


def variants_of(templates: tuple[Template, ...]) -> list[tuple[str, Variant]]:
    """Return the variants of some templates, each with the name it is shown under."""
    return [
        (f"{template.name}/{variant.name}", variant)
        for template in templates
        for variant in template.variants
    ]
