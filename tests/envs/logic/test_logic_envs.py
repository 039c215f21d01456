"""The puzzles as environments: whole answers, single moves, and what they pay."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.envs.check import check
from gym_reason.envs.logic import GraphColouring, KnightsAndKnaves, Rewriting, Sudoku
from gym_reason.envs.logic.derivations import successors
from gym_reason.errors import UsageError
from gym_reason.registry import make
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.audit import audit, contract_of, make_case
from gym_reason.verifiers.logic.rewriting import read_system

WAYS: list[tuple[str, dict[str, Any]]] = [
    ("KnightsAndKnaves", {}),
    ("KnightsAndKnaves", {"people": 2, "prompt_style": "bare"}),
    ("KnightsAndKnaves", {"people": 8, "depth": 3, "mode": "steps", "reward": "dense"}),
    ("Sudoku", {}),
    ("Sudoku", {"size": 6, "given": 12, "mode": "steps", "reward": "dense"}),
    (
        "Sudoku",
        {"size": 9, "given": 50, "technique": "any", "reward": "dense", "prompt_style": "bare"},
    ),
    ("GraphColouring", {}),
    ("GraphColouring", {"vertices": 9, "colours": 4, "mode": "steps", "reward": "dense"}),
    ("GraphColouring", {"letters": 5, "reward": "dense", "prompt_style": "bare"}),
    ("Rewriting", {}),
    ("Rewriting", {"steps": 6, "rules": 5, "letters": 3, "reward": "dense", "shortest": True}),
    ("Rewriting", {"mode": "derivation", "prompt_style": "bare"}),
]
KINDS = (KnightsAndKnaves, Sudoku, GraphColouring)


def play(env: ReasoningEnv, actions: tuple[str, ...]) -> tuple[list[float], dict[str, Any], bool]:
    """Return the rewards of actions in the current episode, the last info, and whether it ended."""
    rewards: list[float] = []
    info: dict[str, Any] = {}
    over = False
    for action in actions:
        assert not over
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        over = terminated or truncated
    return rewards, info, over


def first_task(env: ReasoningEnv, seed: int = 0) -> Task:
    """Return a task of an environment, and start it."""
    task = sample_tasks(env, 1, seed)[0]
    env.reset(options={"task": task})
    return task


@pytest.mark.parametrize(("name", "kwargs"), WAYS, ids=json.dumps)
def test_the_checker_has_nothing_to_say(name: str, kwargs: dict[str, Any]) -> None:
    report = check(f"gym_reason/{name}-v0", **kwargs)
    assert [one for one in report.checks if not one.ok] == []


@pytest.mark.parametrize(("name", "kwargs"), WAYS, ids=json.dumps)
def test_the_audit_finds_nothing(name: str, kwargs: dict[str, Any]) -> None:
    env = unwrap(make(f"gym_reason/{name}-v0", **kwargs))
    contract = contract_of(env.verifier)
    cases = [
        make_case(task, contract, env.submissions(task), wrong=(env.wrong_action(task),))
        for task in sample_tasks(env, 6, seed=0)
    ]
    report = audit(env.verifier, cases, contract=contract, workers=0)
    assert report.false_positives.judged > 400
    assert report.false_negatives.judged > 20
    assert report.worst_rate == 0.0
    assert report.unscorable == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_task_does_not_depend_on_how_it_is_asked(kind: type[ReasoningEnv]) -> None:
    ways = [{}, {"mode": "steps"}, {"prompt_style": "bare"}, {"reward": "dense"}]
    drawn = [sample_tasks(kind(**way), 3, seed=5) for way in ways]  # type: ignore[arg-type]
    assert len({tuple((task.id, task.reference) for task in tasks) for tasks in drawn}) == 1


@pytest.mark.parametrize(("name", "kwargs"), WAYS, ids=json.dumps)
def test_no_prompt_tells_the_answer(name: str, kwargs: dict[str, Any]) -> None:
    env = unwrap(make(f"gym_reason/{name}-v0", **kwargs))
    for task in sample_tasks(env, 5, seed=1):
        answer = env.submissions(task)[1].removeprefix("<think></think>")
        assert answer not in task.prompt[0].content


def test_small_puzzles_are_short() -> None:
    for env in (
        KnightsAndKnaves(prompt_style="bare"),
        Sudoku(prompt_style="bare"),
        GraphColouring(prompt_style="bare", letters=5),
        Rewriting(prompt_style="bare", mode="derivation"),
    ):
        longest = max(
            len(task.prompt[0].content) + sum(map(len, env.demonstrate(task)))
            for task in sample_tasks(env, 50, seed=0)
        )
        assert longest < 160, type(env)


@pytest.mark.parametrize("kind", KINDS)
def test_moves_pay_half_together_and_the_end_the_other_half(kind: type[ReasoningEnv]) -> None:
    env = kind(mode="steps", reward="dense")  # type: ignore[call-arg]
    moves = env.demonstrate(first_task(env))
    rewards, info, over = play(env, moves)
    assert rewards[:-1] == pytest.approx([0.5 / len(moves)] * (len(moves) - 1))
    assert sum(rewards) == pytest.approx(1.0)
    assert info["verdict"].correct
    assert over
    sparse = kind(mode="steps")  # type: ignore[call-arg]
    sparse.reset(options={"task": env.task})
    assert play(sparse, moves)[0] == [0.0] * (len(moves) - 1) + [1.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_pays_once(kind: type[ReasoningEnv]) -> None:
    env = kind(mode="steps", reward="dense")  # type: ignore[call-arg]
    moves = env.demonstrate(first_task(env))
    rewards, info, over = play(env, (moves[0],) * (2 * len(moves)))
    assert sum(rewards) == pytest.approx(0.5 / len(moves))
    assert info["verdict"] is None
    assert "settled already" in info["messages"][0].content
    assert over


def test_a_move_without_a_solution_ends_the_episode() -> None:
    env = KnightsAndKnaves(mode="steps", reward="dense")
    first, *_ = env.demonstrate(first_task(env))
    wrong = first[:-1] + ("N" if first.endswith("K") else "K")
    observation, reward, terminated, truncated, info = env.step(f"<think>hm</think> {wrong}\n")
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert info["verdict"].outcome is Outcome.FAIL
    assert observation.endswith(f"no solution has {wrong}")


@pytest.mark.parametrize(
    ("action", "feedback"),
    [
        ("", "a move is written as A="),
        ("A", "a move is written as A="),
        ("A=K B=K", "a move is written as A="),
        ("<think>A=K", "a move is written as A="),
        ("Z=K", "Z is not open"),
        ("A=X", "X is not one of K, N"),
    ],
)
def test_a_move_that_cannot_be_read_costs_a_turn(action: str, feedback: str) -> None:
    env = KnightsAndKnaves(mode="steps", max_turns=2)
    first_task(env)
    observation, reward, terminated, truncated, info = env.step(action)
    assert (reward, terminated, truncated, info["verdict"]) == (0.0, False, False, None)
    assert feedback in observation
    assert env.settled == {}
    assert env.step(action)[3]


def test_an_episode_shows_the_puzzle_and_the_moves() -> None:
    env = GraphColouring(mode="steps", prompt_style="bare")
    task = Task("t", (Message("user", "3: AB AC BC CD"),), "3: AB AC BC CD")
    env.reset(options={"task": task})
    assert env.demonstrate(task) == ("C=1", "A=2", "B=3", "D=2")
    assert env.step("B=1")[0] == "3: AB AC BC CD\nB=1\nok"
    assert env.step("D=1")[0] == "3: AB AC BC CD\nB=1 D=1\nok"
    _, _, terminated, _, info = env.step("C=1")
    assert terminated
    assert info["verdict"].feedback == "no solution has C=1"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_any_proper_colouring_is_a_way_to_the_end(seed: int) -> None:
    env = GraphColouring(mode="steps", reward="dense", vertices=6)
    rng = np.random.default_rng(seed)
    puzzle = env.puzzle_of(first_task(env, seed))
    settled: dict[str, str] = {}
    total, terminated = 0.0, False
    for name in rng.permutation(list(puzzle.open_names)):
        fitting = [v for v in puzzle.values if puzzle.extend({**settled, str(name): v})]
        settled[str(name)] = fitting[int(rng.random() * len(fitting))]
        _, reward, terminated, _, _ = env.step(f"{name}={settled[str(name)]}")
        total += reward
    assert terminated
    assert total == pytest.approx(1.0)


def test_an_episode_of_rewriting_reads_as_it_should() -> None:
    env = Rewriting(prompt_style="bare", reward="dense")
    text = "ab>ba b>bb: aab -> baa"
    task = Task("t", (Message("user", text),), text)
    assert env.reset(options={"task": task})[0] == text
    assert env.step("2@1")[0] == f"{text}\naab\nrule 2 does not apply at 1"
    observation, reward, *_ = env.step("<think>to the left</think>1@2")
    assert (observation, reward) == (f"{text}\naba", 0.25)
    _, reward, terminated, _, info = env.step("1@1")
    assert (reward, terminated, info["verdict"].correct) == (0.75, True, True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_no_walk_earns_more_than_half_without_the_goal(seed: int, shortest: bool) -> None:
    env = Rewriting(reward="dense", shortest=shortest, steps=2, max_turns=30)
    rng = np.random.default_rng(seed)
    system = read_system(first_task(env, seed % 50).reference)
    total = 0.0
    for _ in range(env.max_turns):
        steps = [step for step, _ in successors(system.rules, env.string)] or ["1@99"]
        _, reward, terminated, _, info = env.step(steps[int(rng.random() * len(steps))])
        total += reward
        if terminated:
            assert total == pytest.approx(float(info["verdict"].correct))
            break
        assert -1e-9 <= total <= 0.25 + 1e-9


def test_going_back_and_forth_earns_nothing() -> None:
    env = Rewriting(reward="dense", max_turns=9)
    text = "ab>ba ba>ab a>c: ab -> bc in 2"
    env.reset(options={"task": Task("t", (Message("user", text),), text)})
    rewards, _, _ = play(env, ("1@1", "2@1") * 4)
    assert sum(rewards) == pytest.approx(0.0)
    assert max(rewards) == 0.25


def test_a_detour_is_refused_where_the_shortest_way_is_asked_for() -> None:
    text = "ab>ba ba>ab a>c: ab -> bc in 2"
    task = Task("t", (Message("user", text),), text)
    for shortest, total in ((False, 1.0), (True, 0.0)):
        env = Rewriting(reward="dense", shortest=shortest, max_turns=9)
        env.reset(options={"task": task})
        rewards, info, over = play(env, ("1@1", "2@1", "1@1", "3@2"))
        assert sum(rewards) == pytest.approx(total)
        assert info["verdict"].correct is not shortest
        assert over


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        (KnightsAndKnaves, {"people": 9}, "from 2 to 8"),
        (KnightsAndKnaves, {"depth": 0}, "from 1 to 3"),
        (Sudoku, {"size": 5}, "4, 6 or 9"),
        (Sudoku, {"size": 4.0}, "whole number"),
        (Sudoku, {"given": 3}, "from 4 to 15"),
        (Sudoku, {"technique": "single"}, "did you mean 'singles'"),
        (GraphColouring, {"vertices": 3, "colours": 4}, "from 4 to 12"),
        (GraphColouring, {"density": 0}, "density"),
        (GraphColouring, {"letters": 4}, "from 5 to 26"),
        (GraphColouring, {"mode": "step"}, "did you mean 'steps'"),
        (Rewriting, {"steps": 9}, "from 1 to 8"),
        (Rewriting, {"mode": "derivation", "reward": "dense"}, "mode='steps'"),
    ],
)
def test_settings_out_of_range_are_refused(kind: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind(**kwargs)


@pytest.mark.parametrize("kind", [*KINDS, Rewriting])
def test_a_task_of_another_kind_is_refused(kind: Any) -> None:
    with pytest.raises(UsageError, match="task t "):
        kind(mode="steps").reset(options={"task": Task("t", (Message("user", "?"),), "42")})
    with pytest.raises(UsageError, match="task t "):
        kind().demonstrate(Task("t", (), "42"))


def test_a_puzzle_without_a_solution_is_refused() -> None:
    with pytest.raises(UsageError, match="no solution"):
        GraphColouring().demonstrate(Task("t", (), "2: AB AC BC"))
    with pytest.raises(UsageError, match="no derivation"):
        Rewriting().demonstrate(Task("t", (), "a>b: a -> c"))
