"""`gym-reason compare`, `reverify` and `export` on evaluations that were really made."""

import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.cli import main

ARITHMETIC = "gym_reason/Arithmetic-v0"
POLICIES = {"oracle": ["oracle"], "wrong": ["wrong"], "both": ["wrong", "oracle"]}
EPISODES = Path("trajectories") / "episodes.jsonl"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of evaluations: `oracle`, `wrong`, and `both` in one."""
    folder = tmp_path_factory.mktemp("runs")
    words = ["eval", ARITHMETIC, "--limit", "12", "--samples", "2", "--json"]
    for name, policies in POLICIES.items():
        named = [word for policy in policies for word in ("--policy", f"engine:{policy}")]
        assert main([*words, *named, "--out", str(folder / name)]) == 0
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, Any]:
    """Run a command with `--json` and return what it printed."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_two_runs_are_compared_problem_by_problem(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([runs / "wrong", runs / "oracle"], [runs / "both"],
                  [runs / "wrong" / "results.jsonl", runs / "oracle"]):  # fmt: skip
        (found,) = run(capsys, "compare", *words)["comparisons"]
        assert (found["difference"], found["tasks"], len(found["gained"])) == (1.0, 12, 12)
        assert found["p_value"] == pytest.approx(2 / 2**12)
        assert (found["first"], found["second"]) == ("engine:wrong", "engine:oracle")
    assert main(["compare", str(runs / "oracle"), str(runs / "wrong"), "--flips", "3"]) == 0
    shown = capsys.readouterr().out
    assert "engine:wrong: 12 lost\n" in shown
    assert "  and 9 more: --flips N, or --json\n" in shown


def test_a_killed_run_is_compared_by_its_episodes(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut"
    (cut / EPISODES).parent.mkdir(parents=True)
    (cut / "config.json").write_bytes((runs / "oracle" / "config.json").read_bytes())
    whole = (runs / "oracle" / EPISODES).read_bytes()
    (cut / EPISODES).write_bytes(whole[: len(whole) // 2])
    (found,) = run(capsys, "compare", runs / "wrong", cut)["comparisons"]
    assert 0 < found["tasks"] < 12
    assert found["tasks"] + found["only_first"] == 12
    assert (cut / EPISODES).read_bytes() == whole[: len(whole) // 2]


def test_what_was_stored_is_judged_anew(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, "reverify", runs / "both")
    assert (found["episodes"], found["changed"]) == (48, [])
    found = run(
        capsys, "reverify", runs / "both", "--verifier", "no_think", "--out", tmp_path / "new"
    )
    # The demonstrations think before they answer; the wrong answers do not.
    assert len(found["changed"]) == 48
    assert found["changed"][0]["outcome"] == ["fail", "pass"]
    assert [row["accuracy"] for row in found["agents"]] == [[0.0, 1.0], [1.0, 0.0]]
    (first, second) = run(capsys, "compare", runs / "oracle", tmp_path / "new")["comparisons"]
    assert (first["difference"], second["difference"]) == (0.0, -1.0)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    assert config["settings"]["verifier"] == "no_think"
    assert main(["reverify", str(runs / "both"), "--verifier", "no_think"]) == 0
    assert "48 of 48 episodes are judged otherwise\n" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["hf", "parquet", "trl", "sft", "dpo", "inspect"])
def test_what_was_stored_is_exported(
    form: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, "export", runs / "both", "--to", form, "--out", tmp_path / "out")
    # Twice the same demonstration is one conversation, and one pair.
    rows = {"sft": 12, "dpo": 12}
    assert found["rows"] == rows.get(form, 48)
    assert (tmp_path / "out").exists()
    assert main(["export", str(runs / "both"), "--to", "parquet", "--right",
                 "--out", str(tmp_path / "right")]) == 0  # fmt: skip
    assert capsys.readouterr().out == f"24 episodes in {tmp_path / 'right'}\n"


def test_the_episodes_of_a_training_run_are_read_too(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gym_reason.records import write_jsonl_zst

    lines = (runs / "wrong" / EPISODES).read_text().splitlines()
    place = ("env", "policy", "agent", "sample", "key")
    rows = [{k: v for k, v in json.loads(line).items() if k not in place} for line in lines]
    (tmp_path / "run" / "trajectories").mkdir(parents=True)
    (tmp_path / "run" / "recipe.toml").write_text(f'[env]\nid = "{ARITHMETIC}"\n')
    write_jsonl_zst(tmp_path / "run" / "trajectories" / "rl-000001.jsonl.zst", rows)
    found = run(capsys, "reverify", tmp_path / "run")
    assert (found["episodes"], found["changed"]) == (24, [])
    assert found["agents"][0]["policy"] == "run/rl-000001"
    run(capsys, "export", tmp_path / "run", "--to", "trl", "--out", tmp_path / "trl.jsonl")
    assert len((tmp_path / "trl.jsonl").read_text().splitlines()) == 24


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "{runs}/oracle"], "two in one environment"),
        (["compare", "{runs}/oracle", "{runs}/nowhere"], "cannot read"),
        (["compare", "{runs}/oracle", "{runs}"], "holds no evaluation"),
        (["compare", "{runs}/both", "--flips", "-1"], "0 or more"),
        (["reverify", "{runs}"], "holds no run"),
        (["reverify", "{runs}/both", "--verifier", "exat"], "did you mean 'exact'"),
        (["reverify", "{runs}/both", "--out", "{runs}/wrong"], "holds an evaluation"),
        (["export", "{runs}/wrong", "--to", "sft", "--out", "{tmp}/x"], "no episode makes a row"),
        (["export", "{runs}/wrong", "--to", "trl", "--out", "{tmp}"], "is a folder"),
        (["export", "{runs}", "--to", "trl", "--out", "{tmp}/x"], "holds no run"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], message: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main([word.format(runs=runs, tmp=tmp_path) for word in words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
