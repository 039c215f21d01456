"""`gym-reason envs`, run in this process with its real input and output."""

import argparse
import json
from pathlib import Path

import pytest

import gym_reason
from gym_reason.cli import envs
from gym_reason.envs import TAKEN_IN
from gym_reason.errors import GymReasonError, UnknownNameError, UsageError
from gym_reason.registry import environments


def run(*arguments: str) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser()
    envs.add_parser(parser.add_subparsers())
    return envs.run(parser.parse_args(["envs", *arguments]))


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("gym_reason/Arithmetic-v0  ") for line in lines)
    assert run("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["environments"]
    assert {"gym_reason/Countdown-v0", "gym_reason/Steps-v0"} <= {row["id"] for row in listed}
    assert len(listed) == len(lines)


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "gym_reason/Arithmetic-v0", "digits=2", "operation=subtract") == 0
    shown = capsys.readouterr().out
    for part in ("Compute a sum", "digits = 2", "operation = 'subtract'", "Utf8Text(16384)"):
        assert part in shown
    assert "which no policy sees" in shown
    assert "<think>" in shown


def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "gym_reason/Steps-v0", "digits=2", "--json", "--seed", "4") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["arguments"]["digits"] == 2
    assert shown["tasks"] is None
    assert shown["demonstration"][-1] == shown["task"]["reference"]
    run("show", "gym_reason/Steps-v0", "digits=2", "--json", "--seed", "4")
    assert json.loads(capsys.readouterr().out) == shown
    run("show", "gym_reason/Steps-v0", "digits=2", "--json", "--seed", "5")
    assert json.loads(capsys.readouterr().out)["task"] != shown["task"]


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "gym_reason/Digits-v0", "gym_reason/Arithmetic-v0") == 0
    printed = capsys.readouterr().out
    assert "gym_reason/Digits-v0: passes" in printed
    assert "2 of 2 environments pass" in printed


def test_check_fails_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "gym_reason/Digits-v0", "--set", "count=65") == 1
    assert "FAIL  it can be made: UsageError: count = 65" in capsys.readouterr().out
    assert run("check", "gym_reason/Digits-v0", "--json", "--set", "count=65") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["reports"][0]["checks"][0]["ok"] is False


def test_an_unknown_name_is_told_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("show", "check"):
        with pytest.raises(UnknownNameError, match="did you mean 'gym_reason/Digits-v0'") as caught:
            run(action, "gym_reason/Digit-v0")
        assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="did you mean 'digits'"):
        run("show", "gym_reason/Arithmetic-v0", "digit=2")
    with pytest.raises(GymReasonError, match="key=value"):
        run("show", "gym_reason/Arithmetic-v0", "digits")
    assert capsys.readouterr().out == ""


def test_a_dataset_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "1+1?", "a": "2"}\n')
    path = tmp_path / "rows.jsonl"
    gym_reason.register_dataset("test_cli/Exam-v0", path, prompt="q", reference="a")
    assert run("show", "test_cli/Exam-v0") == 0
    shown = capsys.readouterr().out
    assert "Tasks         1" in shown
    assert "prompt = 'q'" in shown


def test_all_leaves_out_those_of_other_libraries(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: environments.get(name) for name in (*TAKEN_IN, "gym_reason/Digits-v0")}
    monkeypatch.setattr(envs, "environments", known)
    assert run("check", "all") == 0
    out = capsys.readouterr().out
    assert out.count("not checked: another library's") == len(TAKEN_IN)
    assert out.endswith(f"1 of 1 environments pass, {len(TAKEN_IN)} not checked\n")
    assert run("check", TAKEN_IN[0]) == 1  # named alone, it says what it lacks
    assert "FAIL" in capsys.readouterr().out
