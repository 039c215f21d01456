"""Proofs with Coq: the theorems that come with it, and the environment in both modes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.check import check
from gym_reason.envs.proofs.interactive import UNKNOWN_TURNS
from gym_reason.envs.proofs.rocq import Rocq
from gym_reason.envs.splits import split_of
from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.audit import audit, contract_of, make_case
from gym_reason.verifiers.proofs.interactive.system import Theorem, write_reference
from gym_reason.verifiers.proofs.rocq.session import RocqSession
from tests.verifiers.sandbox.scripts import find_processes

THEOREMS = tuple(Rocq(split="all").all_tasks())
NAMES = [str(task.meta["name"]) for task in THEOREMS]
RULE = "============================"


def play(env: Rocq, task: Task, actions: tuple[str, ...]) -> tuple[float, bool]:
    """Return what an episode pays, and whether it ends with the last action."""
    env.reset(options={"task": task})
    total, ended = 0.0, False
    for action in actions:
        assert not ended
        observation, reward, ended, truncated, info = env.step(action)
        assert not observation.startswith("error"), observation
        assert not truncated
        assert info["task_id"] == task.id
        total += reward
    return total, ended


@pytest.fixture(scope="module")
def steps(needs_coq: None) -> Iterator[Rocq]:
    """An environment with one sentence an action, whose prover serves all tests."""
    env = Rocq(split="all")
    yield env
    env.close()


def find(name: str) -> Task:
    """Return the theorem of a name."""
    return THEOREMS[NAMES.index(name)]


def test_there_are_theorems_of_every_kind() -> None:
    assert len(THEOREMS) >= 40
    assert len({task.id for task in THEOREMS}) == len(set(NAMES)) == len(THEOREMS)
    texts = [task.reference for task in THEOREMS]
    assert sum("Prop" in text for text in texts) >= 10
    assert sum("nat" in text for text in texts) >= 12
    assert sum("list A" in text for text in texts) >= 8


def test_the_names_of_the_tasks_stay() -> None:
    assert find("and_swap").id == "343fb66ee0a7789d"
    train, test = Rocq().tasks(), Rocq(split="test").tasks()
    assert len(train) + len(test) == len(THEOREMS)
    assert test
    assert all(split_of(task.id) == "test" for task in test)


@pytest.mark.parametrize("task", THEOREMS, ids=NAMES)
def test_a_theorem_is_proved_step_by_step_and_at_once(steps: Rocq, task: Task) -> None:
    actions = steps.demonstrate(task)
    assert play(steps, task, actions) == (1.0, True)
    assert steps.max_turns == 2 * len(actions) + 2


def test_whole_proofs(needs_coq: None) -> None:
    env = Rocq(mode="proof", split="all")
    for name in ("and_swap", "add_zero", "mirror_twice"):
        task = find(name)
        assert len(env.demonstrate(task)) == 1
        assert play(env, task, env.demonstrate(task)) == (1.0, True)
        env.reset(options={"task": task})
        observation, reward, ended, _, info = env.step("fail.")
        assert (reward, ended, info["verdict"].outcome) == (0.0, True, Outcome.FAIL)
        assert "sentence 1: Tactic failure" in observation
    assert env._session is None
    assert env.max_turns == 1


def test_a_step_that_fails_costs_a_turn_and_changes_nothing(steps: Rocq) -> None:
    task = find("and_swap")
    first, info = steps.reset(options={"task": task})
    assert first == task.prompt[0].content
    assert "Theorem and_swap : forall P Q : Prop, P /\\ Q -> Q /\\ P." in first
    assert info["messages"] == task.prompt
    goal = f"1 goal\n\n{RULE}\nforall P Q : Prop, P /\\ Q -> Q /\\ P"
    for action, reason in (
        ("exact I.", 'The term "I" has type "True"'),
        ("Admitted.", "'Admitted' is no tactic that may begin a sentence"),
        ("", "there is no sentence"),
        ("intros. auto.", "a step is one sentence, not 2"),
    ):
        observation, reward, ended, truncated, info = steps.step(action)
        assert observation.startswith(f"error: {reason}") or reason in observation
        assert observation.endswith(goal)
        assert (reward, ended, truncated, info["verdict"]) == (0.0, False, False, None)
        assert info["messages"] == (Message("user", observation),)
    observation, *_ = steps.step("<think>Let me see.</think>\n```coq\nintros P Q [p q].\n```")
    assert observation == f"1 goal\n\nP, Q : Prop\np : P\nq : Q\n{RULE}\nQ /\\ P"
    observation, *_ = steps.step("split.")
    assert observation.startswith("2 goals\n\nP, Q : Prop\n")
    for _ in range(steps.max_turns - 7):
        assert not steps.step("fail.")[3]
    assert steps.step("fail.")[3]


def test_what_the_session_believes_is_checked_again(steps: Rocq) -> None:
    # A proof by a loop: the session sees no goal left, but Qed does not take it.
    task = Task("t", (), write_reference(Theorem("nat -> False")))
    steps.reset(options={"task": task})
    assert steps.max_turns == UNKNOWN_TURNS
    steps.step("fix loop 1.")
    observation, reward, ended, _, info = steps.step("exact loop.")
    assert (reward, ended) == (0.0, True)
    assert info["verdict"].outcome is Outcome.FAIL
    assert "ill-formed" in observation


def test_the_prover_serves_one_episode_after_the_other(steps: Rocq) -> None:
    steps.reset(options={"task": find("and_swap")})
    assert isinstance(steps._session, RocqSession)
    process = steps._session.pid
    for name in ("add_zero", "append_nil", "or_swap"):
        assert play(steps, find(name), steps.demonstrate(find(name)))[0] == 1.0
        assert steps._session.pid == process


def test_a_prover_that_is_killed_within_an_episode(steps: Rocq) -> None:
    task = find("and_swap")
    steps.reset(options={"task": task})
    rewards: list[float] = []
    for action in steps.demonstrate(task):
        assert isinstance(steps._session, RocqSession)
        os.kill(steps._session.pid, signal.SIGKILL)
        rewards.append(float(steps.step(action)[1]))
    assert sum(rewards) == rewards[-1] == 1.0


def test_a_prover_that_is_gone_scores_nothing(
    needs_coq: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = Rocq(split="all")
    env.reset(options={"task": find("and_swap")})
    assert isinstance(env._session, RocqSession)
    os.kill(env._session.pid, signal.SIGKILL)
    monkeypatch.setenv("PATH", "/nowhere")
    _, reward, ended, _, info = env.step("intros P Q H.")
    assert (reward, ended, info["verdict"].outcome) == (0.0, True, Outcome.UNSCORABLE)
    monkeypatch.undo()
    assert play(env, find("and_swap"), env.demonstrate(find("and_swap")))[0] == 1.0
    env.close()


def test_a_slow_step_is_stopped(needs_coq: None) -> None:
    env = Rocq(split="all", step_seconds=0.5)
    env.reset(options={"task": find("and_swap")})
    observation, _, ended, _, _ = env.step("repeat (pose proof I).")
    assert observation.startswith("error: longer than 0.5 seconds")
    assert not ended
    env.close()


def test_close_leaves_nothing(needs_coq: None) -> None:
    before = find_processes(os.getpid())
    env = Rocq()
    env.reset(seed=0)
    assert find_processes(os.getpid()) > before
    env.close()
    assert find_processes(os.getpid()) == before
    env.reset(seed=1)
    env.close()


def test_theorems_of_ones_own(needs_coq: None, tmp_path: Path) -> None:
    rows = [
        {"statement": "1 + 1 = 2", "name": "two", "script": ["reflexivity."], "split": "test"},
        {"statement": "two = 2", "preamble": "Definition two := 2.", "script": ["trivial."]},
        {"statement": "True"},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    env = Rocq(path=path, split="all")
    tasks = env.tasks()
    assert [task.meta["name"] for task in tasks] == ["two", "goal", "goal"]
    assert [play(env, task, env.demonstrate(task))[0] for task in tasks[:2]] == [1.0, 1.0]
    with pytest.raises(UsageError, match="no proof of task"):
        env.demonstrate(tasks[2])
    assert play(env, tasks[2], ("exact I.",)) == (1.0, True)
    env.close()
    assert tasks[0] in Rocq(path=path, split="test").tasks()
    assert tasks[0] not in Rocq(path=path, split="train").tasks()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("{}", "line 1 .* has no 'statement'"),
        ('{"statement": 3}', "'statement' in line 1"),
        ('{"statement": " "}', "'statement' in line 1"),
        ('{"statement": "True", "proof": "x"}', "'proof' in line 1"),
        ('{"statement": "True", "script": "x"}', "'script' in line 1 .*a list of steps"),
        ('{"statement": "True", "split": "dev"}', "'split' in line 1 .*train or test"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        Rocq(path=path)
    with pytest.raises(DataError, match="no file"):
        Rocq(path=tmp_path / "other.jsonl")


def test_wrong_arguments_are_refused() -> None:
    wrong: list[dict[str, Any]] = [
        {"mode": "step"}, {"step_seconds": 0}, {"max_turns": 0}, {"split": "dev"}
    ]  # fmt: skip
    for arguments in wrong:
        with pytest.raises(UsageError):
            Rocq(**arguments)


def test_tasks_that_cannot_be_posed_are_refused(steps: Rocq) -> None:
    for reference in ("[1", "{}", "no_such_thing = 1", "True. Axiom c : False"):
        with pytest.raises(UsageError):
            steps.reset(options={"task": Task("t", (), reference)})
    steps.reset(options={"task": find("and_swap")})


def test_without_coq_it_can_be_made_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    env = gymnasium.make("gym_reason/Rocq-v0")
    with pytest.raises(RunError, match=r"not installed.*scripts/install-system-deps"):
        env.reset(seed=0)
    report = check("gym_reason/Rocq-v0")
    assert report.ok
    assert "not installed" in report.missing
    done = subprocess.run(
        [sys.executable, "-m", "gym_reason", "envs", "check", "gym_reason/Rocq-v0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("gym_reason/Rocq-v0: not checked: ")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["steps", "proof"])
def test_the_environment_passes_its_checks(needs_coq: None, mode: str) -> None:
    report = check("gym_reason/Rocq-v0", mode=mode)
    assert not report.missing
    assert report.ok, [item for item in report.checks if not item.ok]


@pytest.mark.slow
def test_the_verifier_passes_its_audit(needs_coq: None) -> None:
    env = Rocq()
    contract = contract_of(env.verifier)
    cases = [
        make_case(task, contract, env.submissions(task), wrong=(env.wrong_action(task),))
        for task in sample_tasks(env, 6, seed=2)
    ]
    report = audit(env.verifier, cases, contract=contract, workers=0)
    assert report.false_positives.judged > 50
    assert report.false_negatives.judged >= 6
    assert report.worst_rate == 0.0
