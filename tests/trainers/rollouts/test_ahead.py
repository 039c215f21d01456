"""Episodes played ahead of the updates: the same bits each time, wherever a run is cut."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gym_reason.errors import ConfigError, GymReasonError, RunError
from gym_reason.records import read_jsonl
from gym_reason.registry import agents, register_agent
from gym_reason.trainers import session as session_module
from gym_reason.trainers.distributed.sharding import gather_state
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.rl import stage
from gym_reason.trainers.rollouts import ahead
from gym_reason.trainers.rollouts.ahead import split_threads
from gym_reason.trainers.rollouts.audit import measure_gap
from gym_reason.trainers.rollouts.engines import check_engine
from gym_reason.trainers.run.checkpoint import CheckpointStore
from gym_reason.trainers.run.stop import Stopped
from gym_reason.trainers.session import Session
from gym_reason.trainers.train import train
from tests.trainers.rollouts.gated import (
    CLOCKED,
    EPISODES,
    Acting,
    Gated,
    open_gate,
    small,
    steps_of,
)


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    """Leave the gate open behind each test."""
    open_gate()
    yield
    open_gate()


def assert_same(left: Path, right: Path, apart: Set[str] = frozenset()) -> None:
    """Assert that two runs ended in the same bits and told the same story but for some figures."""
    name = "checkpoints/last/model/model.safetensors"
    expected, found = (safetensors.torch.load_file(one / name) for one in (left, right))
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    told = [
        [{k: v for k, v in row.items() if k not in CLOCKED | apart} for row in steps_of(one)]
        for one in (left, right)
    ]
    assert told[0] == told[1]
    for path in sorted((left / "trajectories").glob("rl-*")):
        episodes = [
            [row | {"seconds": 0, "turns": []} for _, row in read_jsonl(one)]
            for one in (path, right / "trajectories" / path.name)
        ]
        assert episodes[0] == episodes[1]


def cut_back(whole: Path, part: Path, step: str) -> None:
    """Copy a run as it was after a step."""
    shutil.copytree(whole, part, symlinks=True)
    for later in (part / "checkpoints").glob("step-*"):
        if later.name > step:
            shutil.rmtree(later)


@pytest.mark.parametrize(
    "overrides",
    [
        ("rollout.ahead=1", "rl.expert_samples=1", "rl.policy_loss=mixed_policy"),
        (
            *("rollout.ahead=2", "rl.refill_batches=1", "rl.log_groups=4", "adapter.kind=lora"),
            *("curriculum.levels=[{count=1},{count=2}]", "curriculum.window=8"),
            *("curriculum.lower_at=0.0", "curriculum.raise_at=0.01"),
        ),
    ],
    ids=["one step ahead, with an expert", "two steps, a curriculum and an adapter"],
)
def test_a_run_ahead_resumes_bit_for_bit_from_every_step(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    recipe, whole = small(*overrides), tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    most = recipe.rollout.ahead
    assert [row["staleness_most"] for row in steps_of(whole)] == [min(s, most) for s in range(3)]
    assert all(row["gap"] < 1e-5 and row["dropped_stale"] == 0 for row in steps_of(whole))
    assert steps_of(whole)[2]["drift"] > steps_of(whole)[2]["gap"]
    for step in ("step-000001", "step-000002"):
        cut_back(whole, tmp_path / step, step)
        train(recipe, tmp_path / step, SilentObserver(), resume=True)
        assert_same(whole, tmp_path / step)


def test_episodes_under_way_at_a_checkpoint_are_played_again_with_their_weights(
    tmp_path: Path,
) -> None:
    recipe, whole, held = small("rollout.ahead=2"), tmp_path / "whole", tmp_path / "held"
    saved = held / "checkpoints/step-000001"

    def hold(count: int) -> None:
        while count == EPISODES + 3 and not saved.exists():
            time.sleep(0.01)

    open_gate(hold)
    train(recipe, held, SilentObserver())
    jobs = torch.load(saved / "rollout.pt", weights_only=True)
    assert [("episodes" in job, job["version"]) for job in jobs["jobs"]] == [(False, 0)] * 2
    assert list(jobs["weights"]) == [0]
    open_gate()
    train(recipe, whole, SilentObserver())
    assert_same(whole, held)
    cut_back(held, tmp_path / "part", saved.name)
    train(recipe, tmp_path / "part", SilentObserver(), resume=True)
    assert_same(whole, tmp_path / "part")


def test_a_checkpoint_has_the_curriculum_of_the_episodes_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    held = threading.Event()

    def hold(count: int) -> None:
        if count == EPISODES:  # the second step's first answer
            held.wait()

    def save_slowly(state: Any, *, keep: bool) -> Any:
        if not held.is_set():
            held.set()
            while Gated.answers < 2 * EPISODES:
                time.sleep(0.01)
            time.sleep(0.5)
        return gather_state(state, keep=keep)

    open_gate(hold)
    monkeypatch.setattr(session_module, "gather_state", save_slowly)
    levels = ("curriculum.levels=[{count=1},{count=2}]", "curriculum.window=100")
    recipe = small("rollout.ahead=1", *levels, "cold_start.steps=0")
    train(recipe, folder, SilentObserver())
    saved = torch.load(folder / "checkpoints/step-000001/rollout.pt", weights_only=True)
    assert ["episodes" in job for job in saved["jobs"]] == [True]
    cut_back(folder, tmp_path / "part", "step-000001")
    train(recipe, tmp_path / "part", SilentObserver(), resume=True)
    assert_same(folder, tmp_path / "part")
    for run in (folder, tmp_path / "part"):
        store = CheckpointStore(run / "checkpoints", 100)
        last = store.last()
        assert last is not None
        curriculum = store.load_progress(last).curriculum
        assert curriculum is not None
        results = curriculum["results"]
        assert isinstance(results, list)
        assert len(results) == 3 * EPISODES  # each episode once


def test_what_follows_asks_the_last_weights_however_slow_the_thread_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_long(session: Session, *rest: Any) -> float | None:
        if session.progress.done("rl"):
            time.sleep(1.0)
        return measure_gap(session, *rest)

    monkeypatch.setattr(ahead, "CLOSE_S", 0.1)
    monkeypatch.setattr(ahead, "measure_gap", take_long)
    # As where a run has solved its task: of what is played ahead nothing is wanted any more.
    monkeypatch.setattr(stage, "is_finished", lambda session: session.progress.done("rl") == 2)
    train(small("rollout.ahead=2", "rl.steps=5"), tmp_path / "run", SilentObserver())
    answers = read_jsonl(tmp_path / "run/trajectories/held-out-after.jsonl.zst")
    assert {row["policy_version"] for _, row in answers} == {2}


def test_no_token_older_than_the_limit_enters_an_update(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(small("rollout.ahead=3", "rl.steps=4"), folder, SilentObserver())
    assert [row["staleness_most"] for row in steps_of(folder)] == [0, 1, 2, 3]
    cut_back(folder, tmp_path / "part", "step-000001")
    train(small("rollout.ahead=1", "rl.steps=4"), tmp_path / "part", SilentObserver(), resume=True)
    rows = steps_of(tmp_path / "part")
    # What had been played ahead for the third and the fourth step is too old now.
    assert [row["dropped_stale"] for row in rows] == [0, 0, EPISODES, EPISODES]
    assert [row["updates"] for row in rows[2:]] == [0, 0]
    assert all(row["staleness_most"] <= 1 for row in rows)


class Broken(Exception):
    """What no environment raises."""


def test_a_failure_in_the_thread_reaches_the_trainer_with_its_cause(tmp_path: Path) -> None:
    whole, folder, name = tmp_path / "whole", tmp_path / "run", "broken-for-test"
    train(small("rollout.ahead=1"), whole, SilentObserver())
    make_answer, faults = agents.get("answer"), ["a wire"]

    def make(policy: object, params: object) -> object:
        if Gated.answers >= EPISODES and faults:  # the second step
            raise Broken("a wire came off")
        return make_answer(policy, params)

    register_agent(name)(make)
    try:
        open_gate()
        recipe = small("rollout.ahead=1", f"agent={name}", "checkpoint.every_steps=50")
        with pytest.raises(RunError, match=r"step 2 failed: Broken: a wire") as error:
            train(recipe, folder, SilentObserver())
        assert isinstance(error.value.__cause__, Broken)
        # It was saved because of the failure: no step was due.
        assert (folder / "checkpoints/last").resolve().name == "step-000001"
        faults.clear()
        train(recipe, folder, SilentObserver(), resume=True)
        assert_same(whole, folder)
    finally:
        del agents._items[name]


def test_a_sampler_that_errs_ends_the_run_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []

    def far_off_later(*arguments: Any) -> float | None:
        measured.append(0.0 if len(measured) < 1 else 9.0)
        return measured[-1]

    monkeypatch.setattr(ahead, "measure_gap", far_off_later)
    recipe = small("rollout.ahead=1", "checkpoint.every_steps=50")
    with pytest.raises(RunError, match=r"9(\.0+)? nats"):
        train(recipe, tmp_path / "run", SilentObserver())
    assert (tmp_path / "run/checkpoints/last").resolve().name == "step-000001"


def test_what_would_end_a_program_ends_the_run_and_not_the_wait(tmp_path: Path) -> None:
    def leave(count: int) -> None:
        if count == EPISODES:
            raise SystemExit(3)

    open_gate(leave)
    with pytest.raises(RunError, match=r"step 2 failed: SystemExit: 3"):
        train(small("rollout.ahead=1"), tmp_path / "run", SilentObserver())


@pytest.mark.parametrize("waiting", [False, True], ids=["in an update", "in a wait for episodes"])
def test_a_signal_ends_both_threads_with_a_checkpoint(waiting: bool, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    recipe = small("rollout.ahead=1", "checkpoint.every_steps=50")
    train(recipe, whole, SilentObserver())
    stopped = threading.Event()

    def hold(count: int) -> None:
        if waiting and count == EPISODES:
            signal.raise_signal(signal.SIGTERM)
            stopped.wait(60.0)

    def act(step: int) -> None:
        if step == 1 and not waiting:
            signal.raise_signal(signal.SIGTERM)

    open_gate(hold)
    with pytest.raises(Stopped) as error:
        train(recipe, folder, Acting(act))
    stopped.set()
    assert error.value.exit_code == 128 + signal.SIGTERM
    assert (folder / "checkpoints/last").resolve().name == "step-000001"
    left = [one for one in threading.enumerate() if one.name == "gym_reason.rollout"]
    assert waiting or not left
    open_gate()
    train(recipe, folder, SilentObserver(), resume=True)
    assert_same(whole, folder)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("rollout.ahead=1", "rl.mismatch.correction=none"), "expected truncated or masked"),
        (("rollout.in_flight=true",), "expected ahead = 1 or more"),
        (("rollout.ahead=-1",), "0 or more"),
        (("rollout.stall_seconds=0.0",), "above 0"),
        (("rollout.stall_seconds=nan",), "above 0"),
        (("rollout.ahead=1", "rollout.in_flight=true", "engine=server"), "answers come whole"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(GymReasonError, match=said) as error:
        check_engine(small(*overrides))
    assert isinstance(error.value, ConfigError)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("count", "shares"), [(1, (1, 1)), (2, (1, 1)), (3, (1, 2)), (8, (4, 4))])
def test_the_two_share_the_threads(count: int, shares: tuple[int, int]) -> None:
    assert split_threads(count) == shares
