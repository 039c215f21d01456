"""Whole runs with weights in flight: tokens of several versions in one episode, none too old."""

import time
from pathlib import Path

from gym_reason.records import read_jsonl
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.train import train
from tests.trainers.rollouts.gated import open_gate, small, steps_of


def test_completions_under_way_go_on_under_the_new_weights(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    # The judging of each answer takes its time, so that updates end while others are under way.
    open_gate(lambda count: time.sleep(0.03))
    recipe = small("rollout.ahead=2", "rollout.in_flight=true", "rl.steps=4", "rl.log_groups=4",
                   "sampling.max_tokens=48")  # fmt: skip
    try:
        train(recipe, folder, SilentObserver())
    finally:
        open_gate()
    rows = steps_of(folder)
    assert all(row["staleness_most"] <= 2 and row["dropped_stale"] == 0 for row in rows)
    assert "no run can be repeated to the bit" in (folder / "log.txt").read_text("utf-8")
    mixed = 0
    for path in sorted((folder / "trajectories").glob("rl-*")):
        for _, row in read_jsonl(path):
            for trace in row["traces"]:
                pairs = zip(trace["versions"], trace["action_mask"], strict=False)
                acted = [version for version, by_policy in pairs if by_policy]
                assert acted == sorted(acted)
                assert not acted or min(acted) == row["policy_version"]
                mixed += len(set(acted)) > 1
    assert mixed > 0


def test_a_run_in_flight_that_is_cut_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(
        small("rollout.ahead=1", "rollout.in_flight=true", "rl.steps=2"), folder, SilentObserver()
    )
    train(small("rollout.ahead=1", "rollout.in_flight=true", "rl.steps=4"), folder,
          SilentObserver(), resume=True)  # fmt: skip
    rows = steps_of(folder)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert all(row["staleness_most"] <= 1 for row in rows)


def test_in_turn_no_episode_says_more_than_its_version(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(small("rl.log_groups=4"), folder, SilentObserver())
    for number, path in enumerate(sorted((folder / "trajectories").glob("rl-*"))):
        for _, row in read_jsonl(path):
            assert row["policy_version"] == number
            assert all(trace["versions"] == [] for trace in row["traces"])
    assert not {"drift", "staleness", "wait_seconds"} & set(steps_of(folder)[0])
