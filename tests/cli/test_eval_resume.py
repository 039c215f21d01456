"""`gym-reason eval --resume`: nothing is lost, nothing is played twice, whatever ended it."""

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gym_reason.cli import main
from tests.cli.commands import CommandServer

ARITHMETIC = "gym_reason/Arithmetic-v0"
SLOW = """
import time
import gym_reason
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.spaces import Utf8Text

@gym_reason.register("test_resume/Slow-v0")
class Slow(Arithmetic):
    def __init__(self, **options):
        super().__init__(**options)
        self.action_space = Utf8Text(8)

    def transition(self, action):
        time.sleep(0.002)
        return super().transition(action)
"""
FLAKY = """
import os
import gym_reason
from gym_reason.envs.arithmetic import Arithmetic

@gym_reason.register("test_resume/Flaky-v0")
class Flaky(Arithmetic):
    def transition(self, action):
        if os.path.exists({marker!r}) and self.task.reference.endswith("4"):
            raise ConnectionError("the judge is down")
        return super().transition(action)
"""


def evaluate(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, Any]:
    """Run the command with `--json` and return the figures of the only agent."""
    capsys.readouterr()
    assert main(["eval", *map(str, words), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the results, without how long they took."""
    lines = (folder / "results.jsonl").read_bytes().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


def read_episodes(folder: Path) -> list[dict[str, Any]]:
    """Return the trajectories in the order of their tasks, without how long they took."""
    rows = []
    for line in (folder / "trajectories" / "episodes.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        row["seconds"] = 0
        for turn in row["turns"]:
            turn["verdict"]["seconds"] = 0
        rows.append(row)
    return sorted(rows, key=lambda row: (row["key"], row["sample"]))


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures without how long they took."""
    rows = [{**row, "seconds": 0, "latency": {}} for row in found["results"]]
    return {**found, "results": rows}


def test_kill_9_twenty_times_loses_nothing_and_repeats_nothing(
    commands: CommandServer, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    words = ["eval", "test_resume/Slow-v0", "--load", "slow.py", "--policy", "engine:random"]
    words += ["--limit", "125", "--samples", "4", "--json", "--out"]
    whole = commands.run(*words, "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    kept = tmp_path / "killed" / "trajectories" / "episodes.jsonl"
    moments = random.Random(0)
    grown = set()
    for _ in range(20):
        command = commands.start(*words, "killed", "--resume", cwd=tmp_path)
        before = kept.stat().st_size if kept.exists() else 0
        wanted = before + moments.randrange(1, 12_000)
        deadline = time.monotonic() + 30
        while not kept.exists() or kept.stat().st_size < wanted:
            assert not command.is_over(), command.wait().stderr
            assert time.monotonic() < deadline
            time.sleep(0.001)
        command.kill()
        grown.add(kept.stat().st_size)
    assert len(grown) == 20
    assert kept.read_bytes().count(b"\n") < 500
    done = commands.run(*words, "killed", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    episodes = read_episodes(tmp_path / "killed")
    assert len({(row["key"], row["sample"]) for row in episodes}) == len(episodes) == 500
    assert episodes == read_episodes(tmp_path / "whole")
    assert read_results(tmp_path / "killed") == read_results(tmp_path / "whole")
    first, second = (json.loads(one.stdout) for one in (whole, done))
    assert without_times(first) == without_times(second)


def test_topping_up_gives_the_same_as_asking_for_all_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "--policy", "engine:random", "--temperature", 1]
    whole = evaluate(capsys, *words, "--limit", 8, "--samples", 3, "--out", tmp_path / "whole")
    for more in (("--limit", 4), ("--limit", 6, "--samples", 2), ("--limit", 8, "--samples", 3)):
        resume = () if more == ("--limit", 4) else ("--resume",)
        found = evaluate(capsys, *words, *more, "--out", tmp_path / "cut", *resume)
    assert without_times(found) == without_times(whole)
    assert read_episodes(tmp_path / "cut") == read_episodes(tmp_path / "whole")
    assert read_results(tmp_path / "cut") == read_results(tmp_path / "whole")
    # Fewer problems than are there are summed up alone, and none is lost or played.
    fewer = evaluate(capsys, *words, "--limit", 3, "--out", tmp_path / "cut", "--resume")
    assert fewer["results"][0]["tasks"] == 3
    assert read_episodes(tmp_path / "cut") == read_episodes(tmp_path / "whole")


def test_problems_by_name_draw_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [ARITHMETIC, "--policy", "engine:random", "--limit", 8]
    evaluate(capsys, *words, "--out", tmp_path / "whole")
    rows = read_results(tmp_path / "whole")
    names = f"{rows[5]['task_id']}, {rows[2]['task_id']}"
    evaluate(capsys, *words, "--tasks", names, "--out", tmp_path / "some")
    assert read_results(tmp_path / "some") == [rows[2], rows[5]]


def test_changed_settings_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "--policy", "engine:random", "--limit", "2", "--out", str(tmp_path / "o")]
    evaluate(capsys, *words)
    for name, changed in (
        ("max_tokens", ["--max-tokens", "9"]),
        ("seed", ["--seed", "9"]),
        ("split", ["--split", "train"]),
        ("temperature", ["--samples", "2"]),
        ("agent", ["--agent", "answer:tokens=9"]),
        ("env_arguments", ["digits=2"]),
    ):
        assert main(["eval", *words, *changed, "--resume"]) == 2
        assert f"holds episodes with {name} = " in capsys.readouterr().err


def test_what_our_side_failed_to_judge_is_counted_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "down"
    marker.write_text("")
    (tmp_path / "flaky.py").write_text(FLAKY.format(marker=str(marker)))
    words = ["test_resume/Flaky-v0", "--load", tmp_path / "flaky.py", "--policy", "engine:oracle"]
    words += ["--limit", 40, "--out", tmp_path / "out"]
    found = evaluate(capsys, *words, code=1)
    (row,) = found["results"]
    assert 0 < row["unscorable"] < 40
    assert (row["accuracy"], row["completed"]) == (1.0, 40 - row["unscorable"])
    assert found["asked"] - found["completed"] == row["unscorable"]
    assert "the judge is down" in row["error"]
    # They stay as they are unless they are to be tried again.
    assert main(["eval", *map(str, words), "--resume"]) == 1
    captured = capsys.readouterr()
    assert "--resume --retry-unscorable" in captured.err
    assert "first error: " in captured.out
    marker.unlink()
    found = evaluate(capsys, *words, "--resume", "--retry-unscorable")
    assert found["results"][0]["outcomes"] == {"pass": 40}
    assert len(read_episodes(tmp_path / "out")) == 40


def test_ctrl_c_keeps_and_reports_what_was_finished(
    commands: CommandServer, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    words = ["eval", "test_resume/Slow-v0", "--load", "slow.py", "--policy", "engine:oracle"]
    command = commands.start(*words, "--limit", "400", "--out", "out", cwd=tmp_path)
    kept = tmp_path / "out" / "trajectories" / "episodes.jsonl"
    deadline = time.monotonic() + 30
    while not kept.exists() or not kept.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    command.send_signal(signal.SIGINT)
    done = command.wait()
    assert done.returncode == 130
    assert done.stderr == "gym-reason: stopped by Ctrl-C\n"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert f"  {summary['completed']} problems x 1 episodes by engine:oracle" in done.stdout
    assert 0 < summary["completed"] == len(read_episodes(tmp_path / "out")) < 400
