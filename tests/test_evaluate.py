"""Evaluation: figures worked by hand, intervals, results that depend on the task alone."""

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason import evaluate
from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import ReasoningEnv, Transition
from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.evaluate import (
    ResultFile,
    TaskResult,
    evaluate_tasks,
    interval_over_tasks,
    summarise,
    summarise_group,
)
from gym_reason.rollout import EnvPool, EpisodeLimits, TextEnv, run_groups
from gym_reason.types import (
    Completion,
    Group,
    Message,
    Outcome,
    StopReason,
    Task,
    Trajectory,
    Turn,
    Verdict,
)


def result(task_id: str, correct: Sequence[bool], unscorable: int = 0) -> TaskResult:
    """Return a result whose episodes took 1, 2, 3 ... tokens."""
    outcomes = ["pass" if right else "fail" for right in correct] + ["unscorable"] * unscorable
    return TaskResult(
        task_id=task_id,
        prompt="?",
        reference="1",
        correct=tuple(correct),
        rewards=tuple(map(float, correct)),
        tokens=tuple(range(1, len(correct) + 1)),
        outcomes=tuple(outcomes),
        actions=tuple("1" for _ in outcomes),
    )


def episode(
    task: Task,
    verdict: Verdict | None,
    stop_reason: StopReason = StopReason.ANSWERED,
    completion: Completion | None = None,
) -> Trajectory:
    """Return an episode of one turn."""
    reward = verdict.reward if verdict is not None else 0.0
    turn = Turn("?", "said", completion, reward, verdict, terminated=True, truncated=False)
    return Trajectory(task, (turn,), (), reward, stop_reason, seed=0)


TASK = Task("t", (Message("system", "be brief"), Message("user", "1+0=")), "1")
PASS = Verdict(1.0, True, Outcome.PASS)
FAIL = Verdict(0.0, False, Outcome.FAIL)
UNSCORABLE = Verdict(0.0, False, Outcome.UNSCORABLE)


def test_the_summary_holds_figures_worked_by_hand() -> None:
    results = [
        result("a", [True, True, False, False]),
        result("b", [False, False, False, False]),
        result("c", [True, False], unscorable=2),
        result("d", [], unscorable=4),
    ]
    found = summarise("env", "policy", results, 4, [1, 2, 4], time.monotonic())
    # Means of the tasks that have any scorable episode: 1/2, 0, 1/2.
    assert found.accuracy == pytest.approx(1 / 3)
    # Variance over tasks (1/36 + 1/9 + 1/36) / 2 = 1/12; half width 1.96 * sqrt(1/36) = 0.3267.
    assert found.interval == pytest.approx((1 / 3 - 1.96 / 6, 1 / 3 + 1.96 / 6))
    # pass@2: 1 - C(2,2)/C(4,2) = 5/6; 0; 1 - 0/C(2,2) = 1. pass@4 leaves c out: (1 + 0) / 2.
    assert found.pass_at == pytest.approx({"1": 1 / 3, "2": (5 / 6 + 0 + 1) / 3, "4": 1 / 2})
    assert found.reward == pytest.approx(3 / 10)
    assert found.tokens == pytest.approx((10 + 10 + 3) / 10)
    assert found.outcomes == {"fail": 7, "pass": 3, "unscorable": 6}
    assert found.unscorable == 6
    assert (found.tasks, found.samples, found.without_room) == (4, 4, 0)


def test_pass_at_k_is_left_out_where_no_task_has_enough_episodes() -> None:
    found = summarise("e", "p", [result("a", [True], unscorable=3)], 4, [1, 4], time.monotonic())
    assert found.pass_at == {"1": 1.0}


def test_nothing_scorable_is_no_accuracy_of_zero() -> None:
    with pytest.raises(RunError, match="none of the episodes of 1 problems could be scored"):
        summarise("e", "p", [result("a", [], unscorable=2)], 2, [1], time.monotonic())


def test_equal_shares_on_every_task_leave_some_doubt() -> None:
    low, high = interval_over_tasks([0.5] * 64)
    assert low < 0.5 < high


def test_unscorable_episodes_count_neither_way_and_are_named() -> None:
    empty = Completion((), (), "", "length")
    group = Group(
        TASK,
        (
            episode(TASK, PASS, StopReason.SOLVED),
            episode(TASK, FAIL),
            episode(TASK, UNSCORABLE),
            episode(TASK, None, StopReason.ENV_ERROR),
            # A verdict on the way does not stand where the environment failed later.
            episode(TASK, PASS, StopReason.TIMEOUT),
            episode(TASK, None, StopReason.MAX_TURNS),
            episode(TASK, FAIL, StopReason.MAX_TOKENS, empty),
        ),
    )
    found = summarise_group(group)
    assert found.prompt == "1+0="
    assert found.correct == (True, False, False, False)
    assert found.rewards == (1.0, 0.0, 0.0, 0.0)
    expected = ("pass", "fail", "unscorable", "env_error", "timeout", "max_turns", "no_room")
    assert found.outcomes == expected
    summary = summarise("e", "p", [found], 7, [], time.monotonic())
    assert (summary.unscorable, summary.without_room) == (3, 1)
    assert summary.accuracy == 0.25


def test_the_interval_is_wilsons_where_tasks_are_all_or_nothing() -> None:
    # 8 of 10, z = 1.96: centre 0.7169, half width 0.2265, as Wilson's formula gives by hand.
    assert interval_over_tasks([1.0] * 8 + [0.0] * 2) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert interval_over_tasks([1.0] * 4)[1] == 1.0
    assert 0.0 < interval_over_tasks([1.0] * 4)[0] < 1.0
    assert interval_over_tasks([]) == (0.0, 1.0)


def test_the_interval_is_clustered_otherwise() -> None:
    means = [0.25, 0.5, 0.75, 0.5]
    half = 1.96 * (0.125 / 3 / 4) ** 0.5
    assert interval_over_tasks(means) == pytest.approx((0.5 - half, 0.5 + half))


@given(st.lists(st.fractions(0, 1, max_denominator=8).map(float), max_size=30))
def test_the_interval_holds_the_mean_and_stays_a_share(means: list[float]) -> None:
    low, high = interval_over_tasks(means)
    assert 0.0 <= low <= high <= 1.0
    if len(means) > 1:
        mean = sum(means) / len(means)
        assert low - 1e-12 <= mean <= high + 1e-12


class Guess:
    """Answers with a number that its seed decides."""

    async def act(self, conversation: Conversation, seed: int) -> Action:
        return Action(f"<think></think>{seed % 20}")


def play(tasks: Sequence[Task], samples: int = 3) -> list[TaskResult]:
    """Return the results of guessing."""
    agent: Agent = Guess()
    pool = EnvPool(lambda: Arithmetic(digits=1, split="all"))
    results = evaluate_tasks(
        pool, lambda env, task: agent, tasks, samples, 7, None, EpisodeLimits()
    )
    return list(results)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    env = Arithmetic(digits=1, split="all")
    drawn: dict[str, Task] = {}
    for seed in range(40):
        env.reset(seed=seed)
        drawn[env.task.id] = env.task
    return list(drawn.values())


def test_results_do_not_depend_on_how_many_run_at_once(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = play(tasks)
    assert len({found.actions for found in whole}) > 10
    for at_once in (1, 4, 7, 10_000):
        monkeypatch.setattr(evaluate, "EPISODES_AT_ONCE", at_once)
        assert play(tasks) == whole


def test_results_do_not_depend_on_where_an_evaluation_goes_on(tasks: list[Task]) -> None:
    whole = play(tasks)
    for cut in (1, 5, len(tasks) - 1):
        assert play(tasks[:cut]) + play(tasks[cut:]) == whole


def test_each_episode_is_reported_as_it_ends(tasks: list[Task]) -> None:
    ended: list[Trajectory] = []
    pool = EnvPool(lambda: Arithmetic(digits=1, split="all"))

    def agent_for(env: TextEnv, task: Task) -> Agent:
        return ScriptedAgent([task.reference])

    limits = EpisodeLimits()
    results = evaluate_tasks(pool, agent_for, tasks[:3], 2, 0, None, limits, ended.append)
    assert all(all(found.correct) for found in results)
    assert len(ended) == 6


class Endless(ReasoningEnv):
    """Goes on for ever without ever waiting."""

    max_turns_given: ClassVar[int] = 1_000_000

    def transition(self, action: str) -> Transition:
        return Transition(0.0, False, feedback="more")


def test_an_episode_whose_policy_hangs_is_cut_where_a_limit_is_set() -> None:
    class Agent:
        async def act(self, conversation: Conversation, seed: int) -> Action:
            await asyncio.sleep(30)
            return Action("go on")

    limits = EpisodeLimits(turns=10**9, seconds=0.05)
    pool = EnvPool(lambda: Endless(max_turns=Endless.max_turns_given))
    played = run_groups(pool, lambda env, task: Agent(), [TASK], 1, [0], None, limits)
    (trajectory,) = asyncio.run(played)[0].trajectories
    assert trajectory.stop_reason is StopReason.TIMEOUT
    assert not trajectory.scorable


def test_a_result_file_gives_back_what_it_was_given(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "results.jsonl")
    assert file.read() == []
    kept = [result("a", [True, False], unscorable=1), result("é\n\ud800", [])]
    for row in kept:
        file.append(row)
    assert file.read() == kept


def test_a_half_written_last_line_is_dropped_wherever_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    file = ResultFile(path)
    first, second = result("a", [True]), result("b", [False])
    file.append(first)
    start = path.stat().st_size
    file.append(second)
    whole = path.read_bytes()
    for cut in itertools.chain(range(start, len(whole), 23), [len(whole) - 1]):
        path.write_bytes(whole[:cut])
        assert file.read() == [first]
        file.append(second)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "1+1"}', "holds something else"),
        ('{"task_id": "a"}', "holds something else"),
        ("[1, 2]", "one JSON object a line"),
        ("{", "is not JSON"),
    ],
)
def test_a_file_of_something_else_is_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=message):
        ResultFile(path).read()
    assert path.read_text() == line + "\n"


def test_results_made_with_other_settings_are_refused(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "results.jsonl")
    file.check_settings({"policy": "a", "seed": 0})
    file.check_settings({"policy": "b", "seed": 0})
    file.append(result("a", [True]))
    file.check_settings({"policy": "b", "seed": 0})
    with pytest.raises(UsageError, match="policy = 'b'; expected policy = 'a'"):
        file.check_settings({"policy": "a", "seed": 0})
    assert json.loads((tmp_path / "results.settings.json").read_text())["policy"] == "b"
