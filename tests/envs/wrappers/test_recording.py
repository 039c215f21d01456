"""Episodes as JSON lines: whole lines, whoever writes and whatever goes wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gym_reason
from gym_reason.envs.base import unwrap
from gym_reason.envs.wrappers import EpisodeRecorder, TimeLimit
from gym_reason.envs.wrappers.recording import append_line
from gym_reason.errors import RunError


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_episode_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "episodes.jsonl"
    env = EpisodeRecorder(gym_reason.make("gym_reason/Steps-v0"), path)
    observation, _ = env.reset(seed=5)
    task = unwrap(env).task
    actions = ("1=1", *unwrap(env).demonstrate(task))
    for action in actions:
        assert not path.exists()
        env.step(action)
    (row,) = rows_of(path)
    assert row["task_id"] == task.id
    assert (row["seed"], row["observation"]) == (5, observation)
    assert row["messages"] == [{"role": "user", "content": observation, "images": []}]
    assert [turn["action"] for turn in row["turns"]] == list(actions)
    assert row["turns"][0]["messages"][0]["content"] == "wrong"
    assert row["turns"][-1]["verdict"]["outcome"] == "pass"
    assert row["turns"][-1]["terminated"]
    assert (row["return"], row["correct"]) == (1.0, True)
    assert "reference" not in row


def test_an_episode_that_is_given_up_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    env = EpisodeRecorder(TimeLimit(gym_reason.make("gym_reason/Steps-v0"), turns=2), path)
    env.reset(seed=0)
    env.step("1=1")
    env.reset()
    env.step("1=1")
    env.step("2=2")
    env.close()
    (row,) = rows_of(path)
    assert row["seed"] is None
    assert [turn["truncated"] for turn in row["turns"]] == [False, True]
    assert (row["return"], row["correct"]) == (0.0, False)


def test_text_that_is_no_unicode_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    env = EpisodeRecorder(gym_reason.make("gym_reason/Arithmetic-v0"), path)
    for action in ("\ud800", "\u2028\n\x85", "x" * 20_000):
        env.reset(seed=0)
        env.step(action)
    lines = path.read_bytes().splitlines(keepends=True)
    actions = [json.loads(line.decode("utf-8", "surrogatepass")) for line in lines]
    assert [row["turns"][0]["action"] for row in actions] == [
        "\ud800",
        "\u2028\n\x85",
        "x" * 20_000,
    ]


def test_a_line_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for tail in (b"", b'{"cut', b"x" * 200_000):
        path.write_bytes(b"first\n" + tail)
        append_line(path, b"second\n")
        assert path.read_bytes() == b"first\nsecond\n"
    path.write_bytes(b"no line at all")
    append_line(path, b"one\n")
    assert path.read_bytes() == b"one\n"


APPEND_MANY = """
import sys
from pathlib import Path
from gym_reason.envs.wrappers.recording import append_line
for _ in range(50):
    append_line(Path(sys.argv[1]), sys.argv[2].encode() * 5_000 + b"\\n")
"""


def test_processes_may_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    words = [sys.executable, "-c", APPEND_MANY, str(path)]
    processes = [subprocess.Popen([*words, letter]) for letter in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == ["a" * 5_000] * 50 + ["b" * 5_000] * 50


def test_a_full_disk_leaves_whole_lines(small_disk: Path) -> None:
    path = small_disk / "lines"
    line = b"x" * 3_000_000 + b"\n"
    append_line(path, line)
    append_line(path, line)
    with pytest.raises(RunError, match="No space left"):
        append_line(path, line)
    assert path.read_bytes() == line * 2


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = EpisodeRecorder(gym_reason.make("gym_reason/Arithmetic-v0"), tmp_path / "file" / "x")
    env.reset(seed=0)
    with pytest.raises(RunError, match="cannot write"):
        env.step("1")
