"""The gate of every variant, through the environment: its oracle wins, and nothing else does."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from gym_reason.envs.mobile.actions.native import write_native
from gym_reason.envs.mobile.actions.reading import Shown
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.env import Mobile
from gym_reason.envs.mobile.tasks.catalogue import MOBILE_TEMPLATES
from gym_reason.envs.mobile.tasks.draw import Drawn, redraw_mobile_task
from gym_reason.envs.mobile.tasks.template import Draft
from gym_reason.seeding import derive_rng
from gym_reason.types import Task
from gym_reason.verifiers.state.difference import Change, compare_worlds
from gym_reason.verifiers.state.goal_json import read_goal, write_goal
from gym_reason.verifiers.state.goals import Expectation, Inserted, Updated
from gym_reason.verifiers.state.world import Row, World
from tests.envs.mobile.gate import variants_of
from tests.envs.mobile.screens import draw_gesture

VARIANTS = dict(variants_of(MOBILE_TEMPLATES))
EACH = pytest.mark.parametrize("name", VARIANTS)
TWINNED = pytest.mark.parametrize("name", [name for name, one in VARIANTS.items() if one.has_twin])
SEEDS = range(8)
SPLITS = ("train", "test")
COMPLETE = '{"action": "status", "status": "complete"}'
INFEASIBLE = '{"action": "status", "status": "infeasible"}'
FLOORS: dict[str, float] = {}
"""Variants that a hand without a mind may do by chance, with the share of its episodes."""
ACTIONS_OF_LEVELS = {1: (1, 5), 2: (1, 12), 3: (9, 60)}
"""How many actions oracles of a level take, the claim left out."""


def make_env(name: str, split: str = "train", look: str = "plain", twins: float = 0.0) -> Mobile:
    """Return the environment of a variant, without a limit to speak of."""
    return Mobile(templates=name, split=split, look=look, twins=twins, max_turns=10_000)


def draw_tasks(name: str, twins: float = 0.0) -> Iterator[tuple[Mobile, Task, Drawn]]:
    """Yield tasks of both splits, in the plain appearance and in random ones."""
    for split in SPLITS:
        envs = [make_env(name, split, look, twins) for look in ("plain", "random")]
        for seed in SEEDS:
            env = envs[seed % 2]
            task = env.draw_task(derive_rng(seed, "gate", name, split))
            drawn = redraw_mobile_task(task.meta)
            assert drawn is not None
            yield env, task, drawn


def start(env: Mobile, task: Task) -> SimDevice:
    """Begin an episode and return its device."""
    env.reset(options={"task": task})
    device = env.episode.device
    assert isinstance(device, SimDevice)
    return device


def claim_with(env: Mobile, device: SimDevice, world: World, text: str = COMPLETE) -> bool:
    """Return whether a claim would be right with another world in the device."""
    phone, obs_id = device.phone, env.episode.obs_id
    device.phone = phone.write(world)
    verdict = env.episode.act(text).verdict
    device.phone, env.episode.obs_id = phone, obs_id
    assert verdict is not None
    return verdict.correct


def break_world(draft: Draft, world: World) -> World:
    """Return a world with one more change that nobody asked for."""
    if draft.break_it is not None:
        return draft.break_it(world)
    return world.insert(NOTE, Note(0, "Written by accident", "", "", False, world.now))


def undo_each(expectations: tuple[Expectation, ...], before: World, after: World) -> list[World]:
    """Return the worlds in which one row that was to be inserted or updated is as it was."""
    return [
        undo(after, change)
        for change in compare_worlds(before, after).changes
        if any(makes(one, change) for one in expectations)
    ]


def makes(one: Expectation, change: Change) -> bool:
    """Return whether an expectation is about a change."""
    if isinstance(one, Inserted):
        return change.table == one.table and change.before is None
    return isinstance(one, Updated) and (change.table, change.key) == (one.table, one.key)


def undo(world: World, change: Change) -> World:
    """Return a world with one row as it was."""
    rows: dict[int | str, Row] = dict(world.tables[change.table])
    if change.before is None:
        del rows[change.key]
    else:
        rows[change.key] = change.before
    return world._replace(tables={**world.tables, change.table: rows})


def check_words(draft: Draft) -> None:
    """Fail unless the sentences take the params, and the goal goes through JSON."""
    assert len(set(draft.sentences)) >= 3
    for sentence in draft.sentences:
        asked = sentence.format(**draft.params)
        assert "{" not in asked
        assert "}" not in asked
    assert read_goal(json.loads(json.dumps(write_goal(draft.goal)))) == draft.goal


def check_oracle(env: Mobile, task: Task, draft: Draft) -> int:
    """Fail unless the oracle wins, and not with another claim, more or less; return its actions."""
    actions = env.demonstrate(task)
    device = start(env, task)
    assert not claim_with(env, device, device.dump()), "nothing is enough"
    for action in actions[:-1]:
        _, reward, terminated, _, _ = env.step(action)
        assert (reward, terminated) == (0.0, False), action
    world = device.dump()
    assert not claim_with(env, device, world, INFEASIBLE)
    assert not claim_with(env, device, break_world(draft, world)), "damage passes"
    undone = undo_each(draft.goal.expectations, draft.world, world)
    assert all(not claim_with(env, device, one) for one in undone), "undone passes"
    _, reward, terminated, _, info = env.step(actions[-1])
    assert (reward, terminated) == (1.0, True), info["verdict"].detail
    return len(actions) - 1


def check_echo(env: Mobile, task: Task) -> None:
    """Fail unless the words of the task, as an action and as an answer, earn nothing."""
    start(env, task)
    asked = str(task.meta["asked"])
    assert env.step(asked)[1] < 0
    assert env.step(json.dumps({"action": "answer", "text": asked}))[1] == 0
    claim = {"action": "status", "status": "complete", "answer": asked}
    assert env.step(json.dumps(claim))[1] < 0


@EACH
def test_the_oracle_wins_and_nothing_else_does(name: str) -> None:
    counts: list[int] = []
    for env, task, drawn in draw_tasks(name):
        check_words(drawn.draft)
        assert drawn.draft.goal.feasible
        counts.append(check_oracle(env, task, drawn.draft))
        check_echo(env, task)
    least, most = ACTIONS_OF_LEVELS[VARIANTS[name].level]
    assert least <= max(counts)
    assert np.median(counts) <= most


@EACH
def test_something_that_is_made_can_be_undone(name: str) -> None:
    env, task, drawn = next(draw_tasks(name))
    if not any(isinstance(one, Inserted | Updated) for one in drawn.draft.goal.expectations):
        return
    device = start(env, task)
    for action in env.demonstrate(task)[:-1]:
        env.step(action)
    assert undo_each(drawn.draft.goal.expectations, drawn.draft.world, device.dump())


@TWINNED
def test_the_twin_reads_alike_and_only_infeasible_is_right(name: str) -> None:
    kinds = {drawn.draft.sentences for _, _, drawn in draw_tasks(name)}
    for env, task, drawn in draw_tasks(name, twins=1.0):
        check_words(drawn.draft)
        assert task.meta["twin"] is True
        assert drawn.draft.sentences in kinds, "the twin is told by its words"
        device = start(env, task)
        world = device.dump()
        assert not claim_with(env, device, world)
        assert not claim_with(env, device, break_world(drawn.draft, world), INFEASIBLE)
        *steps, last = env.demonstrate(task)
        assert not steps
        assert env.step(last)[1] == 1.0


def record(name: str, seed: int) -> tuple[str, ...]:
    """Return all that is seen of a task and of its oracle's episode, in an environment anew."""
    env = make_env(name, look="random")
    task = env.draw_task(derive_rng(seed, "bytes", name))
    seen = [task.id, task.reference, task.prompt[0].content]
    env.reset(options={"task": task})
    return (*seen, *(env.step(action)[0] for action in env.demonstrate(task)))


@EACH
def test_seeds_decide_everything(name: str) -> None:
    first = record(name, 3)
    assert record(name, 3) == first
    assert record(name, 4)[1:3] != first[1:3]


def flail(name: str, seed: int, count: int) -> bool:
    """Return whether gestures without a mind, and a claim, do a task."""
    env = make_env(name)
    task = env.draw_task(derive_rng(seed, "random", name))
    device = start(env, task)
    rng: np.random.Generator = derive_rng(seed, "gestures", name)
    for _ in range(count):
        env.step(write_native(draw_gesture(rng, device.observe()), Shown()))
    return env.step(COMPLETE)[1] == 1.0


@EACH
def test_gestures_without_a_mind_earn_nothing(name: str) -> None:
    assert flail(name, 0, 60) <= (FLOORS.get(name, 0.0) > 0)


@pytest.mark.slow
@EACH
def test_many_gestures_without_a_mind_earn_nothing(name: str) -> None:
    # Another task and another hand than those of the test above.
    assert flail(name, 1, 500) <= (FLOORS.get(name, 0.0) > 0)


def test_there_are_as_many_variants_as_the_gate_lets_through() -> None:
    assert len(VARIANTS) == 153
    assert set(FLOORS) <= set(VARIANTS)
