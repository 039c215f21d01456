"""What every variant of a template must pass: its oracle wins, and what is not it does not."""

import json
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from gym_reason.envs.mobile.actions.types import Say
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.look import Look, draw_look
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import derive_rng
from gym_reason.types import Verdict
from gym_reason.verifiers.state.goal_json import read_goal, write_goal
from gym_reason.verifiers.state.judge import Ending, judge
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

SEEDS = range(10)
SPLITS = ("train", "test")
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


def looks_of(seed: int) -> tuple[Look, Look]:
    """Return the plain appearance and a random one."""
    return Look(), draw_look(np.random.default_rng(seed))


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
    after: World | None = None,
) -> Verdict:
    """Return the verdict on a device as it is now, or with another world in it."""
    world = device.dump() if after is None else after
    return judge(draft.goal, Ending(draft.world, world, device.screen(), status, answer))


def last_answer(hand: Hand) -> str | None:
    """Return what a hand answered last."""
    texts = [one.text for one in hand.actions if isinstance(one, Say) and one.kind == "answer"]
    return texts[-1] if texts else None


def break_world(draft: Draft, world: World) -> World:
    """Return a world with one more change that nobody asked for."""
    if draft.break_it is not None:
        return draft.break_it(world)
    return world.insert(NOTE, Note(0, "Written by accident", "", "", False, world.now))


def check_words(draft: Draft) -> None:
    """Fail unless the sentences take the params, and the goal goes through JSON."""
    assert len(set(draft.sentences)) >= 3
    for sentence in draft.sentences:
        asked = sentence.format(**draft.params)
        assert "{" not in asked
        assert "}" not in asked
    assert read_goal(json.loads(json.dumps(write_goal(draft.goal)))) == draft.goal


def check_variant(variant: Variant, floor: bool = False) -> None:
    """Fail unless the oracle wins everywhere, and doing nothing or too much never does.

    Args:
        variant: What is checked.
        floor: Whether doing nothing is right in some tasks of the variant, as it says itself.
    """
    kinds: set[tuple[str, ...]] = set()
    for split in SPLITS:
        for seed in SEEDS:
            draft = draw_draft(variant, seed, split)
            kinds.add(draft.sentences)
            check_words(draft)
            assert draft.goal.feasible
            for look in looks_of(seed):
                where = f"{variant.name}, seed {seed}, {split}, {look}"
                idle = judge_end(draft, begin(draft, look))
                assert floor or not idle.correct, f"nothing is enough: {where}"
                device, hand = perform_script(draft, look)
                answer = last_answer(hand)
                verdict = judge_end(draft, device, answer=answer)
                assert verdict.correct, f"{where}: {verdict.detail}"
                assert not judge_end(draft, device, "infeasible", answer).correct, where
                assert not judge_end(draft, device, "", answer).correct, where
                broken = break_world(draft, device.dump())
                damaged = judge_end(draft, device, answer=answer, after=broken)
                assert not damaged.correct, f"damage passes: {where}"
    if variant.has_twin:
        check_twin(variant, kinds)


def check_twin(variant: Variant, kinds: set[tuple[str, ...]]) -> None:
    """Fail unless the twin reads like the task and only `infeasible` is right, untouched."""
    for split in SPLITS:
        for seed in SEEDS:
            draft = draw_draft(variant, seed, split, twin=True)
            check_words(draft)
            assert draft.sentences in kinds, f"the twin of {variant.name} is told by its words"
            assert not draft.goal.feasible
            for look in looks_of(seed):
                device, _ = perform_script(draft, look)
                assert judge_end(draft, device, "infeasible").correct, variant.name
                assert not judge_end(draft, device, "complete").correct, variant.name
                broken = break_world(draft, device.dump())
                assert not judge_end(draft, device, "infeasible", after=broken).correct


def check_seeds(variant: Variant) -> None:
    """Fail unless a seed always gives the same world, and several seeds give several tasks."""
    first, again = (draw_draft(variant, 3, "train") for _ in range(2))
    assert first.world.to_json() == again.world.to_json()
    assert first.params == again.params
    worlds = {json.dumps(draw_draft(variant, seed, "train").world.to_json()) for seed in SEEDS}
    assert len(worlds) > 1


def variants_of(templates: tuple[Template, ...]) -> list[tuple[str, Variant]]:
    """Return the variants of some templates, each with the name it is shown under."""
    return [
        (f"{template.name}/{variant.name}", variant)
        for template in templates
        for variant in template.variants
    ]
