"""The environment: rewards, budgets, dialects, shaping, and tasks from elsewhere."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import gym_reason
from gym_reason.envs.base import sample_tasks
from gym_reason.envs.check import check
from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.env import SURE_TURNS, UNKNOWN_BUDGET, Mobile
from gym_reason.envs.mobile.episode import MALFORMED
from gym_reason.envs.mobile.tasks.catalogue import MOBILE_TEMPLATES
from gym_reason.envs.mobile.tasks.draw import Choice, draw_mobile_task
from gym_reason.errors import EnvError, UsageError
from gym_reason.seeding import derive_rng
from gym_reason.types import Message, Outcome, Task, Verdict
from gym_reason.verifiers.state import StateVerifier, write_reference
from gym_reason.verifiers.state.goals import Goal, Inserted, Want
from gym_reason.verifiers.state.judge import FALSE_CLAIM, Ending
from gym_reason.verifiers.state.verifier import judge_safely
from gym_reason.verifiers.state.world import EMPTY_WORLD

DONE = '{"action": "status", "status": "complete"}'
IMPOSSIBLE = '{"action": "status", "status": "infeasible"}'


def draw_task(env: Mobile, seed: int = 0) -> Task:
    """Return a task of an environment."""
    return env.draw_task(derive_rng(seed, "test"))


def play(env: Mobile, task: Task, actions: tuple[str, ...]) -> list[float]:
    """Return the rewards of an episode."""
    env.reset(options={"task": task})
    rewards = []
    for action in actions:
        _, reward, terminated, truncated, _ = env.step(action)
        rewards.append(reward)
        if terminated or truncated:
            break
    return rewards


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"dialect": "brief", "observation": "brief", "prompt_style": "bare", "look": "random"},
        {"dialect": "androidworld", "observation": "tree", "templates": "notes", "split": "test"},
    ],
)
def test_it_passes_the_checker(kwargs: dict[str, str]) -> None:
    report = check("gym_reason/Mobile-v0", **kwargs)
    assert {one.name: one.detail for one in report.checks if not one.ok} == {}


@pytest.mark.parametrize("dialect", ["native", "brief"])
def test_the_oracle_solves_every_template_through_the_text(dialect: str) -> None:
    for template in MOBILE_TEMPLATES:
        env = Mobile(templates=template.name, dialect=dialect, look="random", twins=0.3)
        for task in sample_tasks(env, 2, seed=len(template.name)):
            rewards = play(env, task, env.demonstrate(task))
            assert rewards[-1] == 1.0, (template.name, task.meta)
            assert sum(rewards) == 1.0


def test_claims_are_paid_by_what_is_so() -> None:
    env = Mobile(templates="notes.create", twins=0.0)
    task = draw_task(env)
    assert play(env, task, (DONE,)) == [FALSE_CLAIM]
    assert play(env, task, (IMPOSSIBLE,)) == [FALSE_CLAIM]
    twin = Mobile(templates="notes.edit", twins=1.0)
    task = next(one for one in sample_tasks(twin, 20, 0) if one.meta["twin"])
    assert play(twin, task, (IMPOSSIBLE,)) == [1.0]
    assert play(twin, task, (DONE,)) == [FALSE_CLAIM]


def test_an_episode_without_a_claim_earns_nothing() -> None:
    env = Mobile(templates="notes.create", twins=0.0)
    task = draw_task(env)
    env.reset(options={"task": task})
    plan = env.demonstrate(task)
    for action in plan[:-1]:
        _, reward, terminated, _, info = env.step(action)
        assert (reward, terminated, info["verdict"]) == (0.0, False, None)
    ended = False
    while not ended:
        _, reward, terminated, ended, info = env.step('{"action": "wait"}')
        assert (reward, terminated, info["verdict"]) == (0.0, False, None)
    with pytest.raises(EnvError):
        env.step(DONE)


@pytest.mark.parametrize(
    "action",
    [
        "",
        "tap 3",
        '{"action": "tap", "index": 999, "obs_id": 0}',
        '{"action": "tap", "index": 2, "obs_id": 5}',
        '{"action": "open_app", "app": "Mail"}',
        "<think>I never stop",
        "x" * 20_000,
        "\ud800",
    ],
)
def test_what_cannot_be_done_costs_a_little_and_changes_nothing(action: str) -> None:
    env = Mobile()
    task = draw_task(env)
    env.reset(options={"task": task})
    before = env.episode.device.dump()
    observation, reward, terminated, truncated, info = env.step(action)
    assert (reward, terminated, truncated) == (MALFORMED, False, False)
    assert "Not done: " in observation
    assert "Not done: " in info["messages"][0].content
    assert env.episode.device.dump() is before


def test_thoughts_in_front_are_no_part_of_the_action() -> None:
    env = Mobile(dialect="brief")
    env.reset(seed=0)
    observation, reward, *_ = env.step("<think>tap 3 or so</think>\n\nopen notes\n")
    assert reward == 0.0
    assert "Notes" in observation


def test_an_index_of_an_older_screen_is_refused_in_the_native_dialect() -> None:
    env = Mobile()
    env.reset(seed=0)
    assert env.step('{"action": "open_app", "app": "notes", "obs": 1}')[1] == MALFORMED
    assert env.step('{"action": "tap", "index": 2, "obs_id": 0}')[1] == MALFORMED
    assert env.step('{"action": "tap", "index": 2, "obs_id": 2}')[1] == 0.0


def test_the_prompt_has_the_task_the_rules_and_the_first_screen() -> None:
    env = Mobile()
    observation, info = env.reset(seed=3)
    asked = str(env.task.meta["asked"])
    assert asked in observation
    assert '"set_level"' in observation
    assert "screen 0, " in observation
    assert 'app "Notes"' in observation
    assert info["messages"] == env.task.prompt
    bare = Mobile(prompt_style="bare", dialect="brief", observation="brief")
    shown, _ = bare.reset(seed=3)
    assert shown.startswith(f"{asked}\n\n# ")
    assert len(shown) < len(observation) - 500


def test_the_answer_that_counts_is_the_last_one() -> None:
    env = Mobile(templates="notes.query", twins=0.0)
    task = draw_task(env)
    *steps, answer, _ = env.demonstrate(task)
    wrong = json.dumps({"action": "answer", "text": "something else"})
    assert play(env, task, (*steps, wrong, answer, DONE))[-1] == 1.0
    assert play(env, task, (*steps, answer, wrong, DONE))[-1] == FALSE_CLAIM
    said = json.loads(answer)["text"]
    both = json.dumps({"action": "status", "status": "complete", "answer": said})
    assert play(env, task, (*steps, both))[-1] == 1.0


def test_the_budget_is_two_and_a_half_oracles_and_three() -> None:
    env = Mobile()
    for task in sample_tasks(env, 10, 1):
        env.reset(options={"task": task})
        budget = math.ceil(2.5 * len(env.demonstrate(task))) + 3
        assert env.max_turns == budget >= SURE_TURNS
        turns = 0
        truncated = False
        while not truncated:
            truncated = env.step('{"action": "wait"}')[3]
            turns += 1
        assert turns == budget
    env = Mobile(max_turns=2)
    env.reset(seed=0)
    assert [env.step("")[3] for _ in range(2)] == [False, True]


def test_shaping_adds_up_to_nothing_and_pays_progress_at_once() -> None:
    plain = Mobile(templates="records.add", twins=0.0)
    shaped = Mobile(templates="records.add", twins=0.0, shaping=0.5)
    several = 0
    for task in sample_tasks(plain, 8, 2):
        actions = plain.demonstrate(task)
        rewards = play(shaped, task, actions)
        assert math.isclose(sum(rewards), 1.0)
        assert math.isclose(max(rewards[:-1]) + rewards[-1] - 0.5, 1.0) or len(rewards) > 8
        several += sum(reward > 0 for reward in rewards[:-1])
        assert math.isclose(sum(play(shaped, task, (*actions[:-1], IMPOSSIBLE))), FALSE_CLAIM)
    assert several >= 8


def test_a_task_by_value_is_the_same_elsewhere_and_through_json() -> None:
    first, second = Mobile(look="random"), Mobile(look="random")
    task = draw_task(first, 7)
    copy = Task(
        task.id, task.prompt, task.reference, task.difficulty, json.loads(json.dumps(task.meta))
    )
    assert first.reset(options={"task": task}) == second.reset(options={"task": copy})
    assert first.demonstrate(task) == second.demonstrate(copy)
    assert play(second, copy, first.demonstrate(task))[-1] == 1.0


def test_a_task_of_ones_own_needs_a_goal_and_a_world_alone() -> None:
    goal = Goal((Inserted(NOTE.name, {"title": Want("Tea", "title")}),))
    world = EMPTY_WORLD.at(1_700_000_000)
    prompt = (Message("user", "Write a note called Tea."),)
    task = Task("own", prompt, write_reference(goal, world))
    env = Mobile(dialect="brief", observation="brief")
    assert env.reset(options={"task": task})[0] == "Write a note called Tea."
    assert env.max_turns == UNKNOWN_BUDGET
    with pytest.raises(EnvError, match="oracle"):
        env.demonstrate(task)
    shown = env.step("open notes")[0]
    for label, action in (("Add", "tap"), ("New note", "tap"), ("Title=", "type"), ("Save", "tap")):
        number = next(line.split()[0] for line in shown.split("\n") if line.endswith(f" {label}"))
        shown = env.step(f"{action} {number} tea".removesuffix("tea" if action == "tap" else ""))[0]
    assert "tea" in shown
    assert env.step("done")[1:3] == (1.0, True)
    full = world.insert(NOTE, Note(0, "Tea", "", "", False, 0))
    other = replace(task, reference=write_reference(goal, full))
    env.reset(options={"task": other})
    assert env.step("done")[1] == FALSE_CLAIM


def test_a_reference_that_nothing_could_meet_is_refused_or_unscorable() -> None:
    env = Mobile()
    task = draw_task(env)
    with pytest.raises(UsageError):
        env.reset(options={"task": replace(task, reference="{}")})
    spoilt = replace(task, reference=task.reference.replace('"feasible"', '"possible"'))
    empty = replace(spoilt, reference=write_reference(Goal(), EMPTY_WORLD))
    with pytest.raises(UsageError):
        env.reset(options={"task": empty})


class Failing(StateVerifier):
    """A verifier whose judge breaks down."""

    def verify_ending(self, task: Task, ending: Ending) -> Verdict:
        """Judge by an expectation that there is not."""
        return judge_safely(Goal((None,)), ending)  # type: ignore[arg-type]


def test_a_verifier_that_breaks_down_is_unscorable() -> None:
    env = Mobile(verifier=Failing())
    env.reset(seed=0)
    *_, info = env.step(DONE)
    assert info["verdict"].outcome is Outcome.UNSCORABLE


def test_another_verifier_gets_the_end_as_text() -> None:
    env = Mobile(verifier="think_tags")
    env.reset(seed=0)
    *_, terminated, _, info = env.step(DONE)
    assert terminated
    assert info["verdict"].outcome is Outcome.FAIL


def test_splits_have_worlds_of_their_own_and_templates_too_where_asked() -> None:
    seen = {
        split: {
            str(task.meta["template"])
            for task in sample_tasks(Mobile(split=split, template_split=True), 60, 0)
        }
        for split in ("train", "test")
    }
    assert not seen["train"] & seen["test"]
    drawn = {one: draw_mobile_task(0, Choice(one)).task.reference for one in ("train", "test")}
    assert drawn["train"] != drawn["test"]


def test_levels_are_chosen_in_several_ways() -> None:
    for levels in ("1", 1, [1], "1,"):
        env = Mobile(levels=levels)
        assert {task.difficulty for task in sample_tasks(env, 10, 0)} == {1.0}
    assert {task.difficulty for task in sample_tasks(Mobile(levels="2,3"), 40, 0)} == {2.0, 3.0}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"templates": "mail"},
        {"levels": "4"},
        {"levels": ""},
        {"device": "nokia"},
        {"observation": "smell"},
        {"dialect": "klingon"},
        {"look": "new"},
        {"twins": 1.5},
        {"twins": float("nan")},
        {"shaping": -1.0},
        {"shaping": float("inf")},
        {"prompt_style": "short"},
        {"split": "dev"},
        {"max_turns": 0},
        {"render_mode": "human"},
    ],
)
def test_values_out_of_range_are_refused(kwargs: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Mobile(**kwargs)  # type: ignore[arg-type]


def test_it_renders_text_and_pixels() -> None:
    env = Mobile(render_mode="ansi")
    assert env.render() == ""
    env.reset(seed=0)
    env.step(DONE)
    assert "reward: " in env.render()
    pytest.importorskip("PIL")
    env = Mobile(render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    assert first.shape == (800, 360, 3)
    assert first.dtype == np.uint8
    env.step('{"action": "open_app", "app": "notes"}')
    assert not np.array_equal(env.render(), first)
    assert Mobile().render() is None


def test_drawing_tasks_does_not_disturb_an_episode() -> None:
    env = gym_reason.make("gym_reason/Mobile-v0").unwrapped
    assert isinstance(env, Mobile)
    env.reset(seed=1)
    env.step('{"action": "open_app", "app": "notes"}')
    before = env.episode.device.dump(), env.episode.observe()
    sample_tasks(env, 5, 0)
    env.demonstrate(env.task)
    assert (env.episode.device.dump(), env.episode.observe()) == before


@pytest.mark.parametrize(
    ("policy", "highest"), [((DONE,), -0.4), ((IMPOSSIBLE,), -0.2), (("ECHO", DONE), -0.4)]
)
def test_no_fixed_policy_earns_anything(policy: tuple[str, ...], highest: float) -> None:
    env = Mobile()
    tasks = sample_tasks(env, 100, 3)
    total = 0.0
    for task in tasks:
        echo = json.dumps({"action": "answer", "text": task.meta["asked"]})
        rewards = play(env, task, tuple(echo if one == "ECHO" else one for one in policy))
        assert rewards[-1] == FALSE_CLAIM or task.meta["twin"]
        total += sum(rewards)
    assert total / len(tasks) < highest
