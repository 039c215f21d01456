"""`gym-reason eval`, mostly in this process: scripted actors, a real model, files, bad input."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.cli import main
from gym_reason.envs import TAKEN_IN
from gym_reason.registry import environments

ARITHMETIC = "gym_reason/Arithmetic-v0"
SHIPPED = sorted(
    name for name in environments if name.startswith("gym_reason/") and name not in TAKEN_IN
)
PROVERS = {"gym_reason/Lean-v0": "needs_lean", "gym_reason/Rocq-v0": "needs_coq"}
"""The fixture of each environment that needs a prover of someone else's."""
ALONE = [name for name in SHIPPED if name not in PROVERS]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model with random weights, 32 positions and a small alphabet."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_character_tokenizer("0123456789+-*/=., \n?")
    save_model(build_preset("0.1m", len(tokenizer), max_positions=32), tokenizer, folder)
    return folder


def evaluate_all(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run the command with `--json` and return what it printed."""
    capsys.readouterr()
    code = main(["eval", *map(str, words), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.out.count("\n") == 1
    found: dict[str, Any] = json.loads(captured.out)
    return found


def evaluate(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run the command for one environment, policy and agent, and return its figures."""
    (row,) = evaluate_all(capsys, *words)["results"]
    found: dict[str, Any] = row
    return found


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the results of an evaluation, without how long they took."""
    lines = (folder / "results.jsonl").read_bytes().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """Return figures without how long they took."""
    return {**found, "seconds": 0, "latency": {}}


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Run the command, which must print one line on stderr alone, and return its code and line."""
    capsys.readouterr()
    code = main(["eval", *map(str, words)])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return code, captured.err


def write_dataset(
    folder: Path, name: str, rows: list[dict[str, str]], **columns: str
) -> tuple[str, Path]:
    """Write rows and a file that registers them; return the id and that file."""
    data, script, env_id = folder / "rows.jsonl", folder / f"{name}.py", f"test_eval/{name}-v0"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = {"prompt": "question", "reference": "answer", **columns}
    script.write_text(
        "import gym_reason\n"
        f"gym_reason.register_dataset({env_id!r}, {str(data)!r}, **{arguments!r})\n"
    )
    return env_id, script


@pytest.mark.parametrize("env_id", SHIPPED)
def test_the_oracle_solves_every_environment_and_the_others_do_not(
    env_id: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    tasks = 16
    if env_id in PROVERS:
        request.getfixturevalue(PROVERS[env_id])
        tasks = 8  # a prover takes a second to check a proof
    scores = {
        name: evaluate(capsys, env_id, "--policy", f"engine:{name}", "--limit", tasks)
        for name in ("oracle", "random", "wrong", "empty")
    }
    assert scores["oracle"]["accuracy"] == 1.0
    assert scores["oracle"]["reward"] == pytest.approx(1.0)
    assert scores["oracle"]["outcomes"] == {"pass": tasks}
    assert scores["wrong"]["accuracy"] == scores["empty"]["accuracy"] == 0.0
    assert scores["random"]["accuracy"] <= 0.1
    assert scores["wrong"]["reward"] < 1.0
    assert scores["empty"]["reward"] <= scores["wrong"]["reward"]
    assert all(score["tasks"] == tasks and score["unscorable"] == 0 for score in scores.values())


def test_random_actions_depend_on_the_seed_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "--policy", "engine:random", "--limit", 3]
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        evaluate(capsys, *words, "--seed", seed, "--out", tmp_path / name)
    first, second, other = (read_rows(tmp_path / name) for name in "abc")
    assert first == second != other


def test_text_says_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--policy", "engine:oracle", "--limit", "4", "--samples", "2", "--k", "1,2"]
    assert main(["eval", ARITHMETIC, *words]) == 0
    shown = capsys.readouterr().out
    assert f"{ARITHMETIC}: 100.0% right (95% interval 51.0% to 100.0%)" in shown
    assert "4 problems x 2 episodes by engine:oracle" in shown
    assert "  k                 1       2\n  pass         100.0%  100.0%\n" in shown
    assert "  reward 1.000; pass 8\n  0.0 tokens an episode; median " in shown
    assert "left out" not in shown


def test_several_are_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    words = [ARITHMETIC, "gym_reason/Steps-v0", "--policy", "engine:wrong", "--limit", "4"]
    assert main(["eval", *words, "--policy", "engine:oracle"]) == 0
    table, compared = capsys.readouterr().out.split("\n\n")
    head, *rows = (line.split() for line in table.splitlines())
    assert head[:4] == ["environment", "policy", "right", "95%"]
    assert [row[:3] for row in rows] == [
        [ARITHMETIC, "engine:wrong", "0.0%"],
        [ARITHMETIC, "engine:oracle", "100.0%"],
        ["gym_reason/Steps-v0", "engine:wrong", "0.0%"],
        ["gym_reason/Steps-v0", "engine:oracle", "100.0%"],
    ]
    lines = compared.splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:4] == [ARITHMETIC, "engine:oracle", "engine:wrong", "+100.0"]


def test_several_environments_are_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluate_all(capsys, *ALONE, "--policy", "engine:oracle", "--limit", 2)
    assert [row["env"] for row in found["results"]] == ALONE


def test_an_endless_environment_is_measured_on_its_test_split_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gym_reason.envs.splits import split_of

    def splits(name: str, *words: str) -> set[str]:
        common = ["--policy", "engine:oracle", "--limit", 12, "--out", tmp_path / name]
        evaluate(capsys, ARITHMETIC, *words, *common)
        return {split_of(row["task_id"]) for row in read_rows(tmp_path / name)}

    assert splits("default") == {"test"}
    assert splits("argument", "split=train") == {"train"}
    assert splits("option", "--split", "train") == {"train"}


def test_a_model_is_evaluated(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "digits=2", "--policy", model, "--samples", 4, "--k", "1,2"]
    words += ["--limit", 3, "--max-tokens", 5]
    found = evaluate(capsys, *words, "--out", tmp_path / "a")
    assert (found["tasks"], found["samples"], set(found["pass_at"])) == (3, 4, {"1", "2"})
    assert 0.0 < found["tokens"] <= 5.0
    assert sum(found["outcomes"].values()) == 12
    assert found["without_room"] == found["unreadable"] == 0
    rows = read_rows(tmp_path / "a")
    assert len({(row["likelihood"], row["tokens"]) for row in rows[:4]}) > 1
    assert (tmp_path / "a" / "tokenizers" / "0.json").read_bytes() == (
        model / "tokenizer.json"
    ).read_bytes()
    evaluate(capsys, *words, "--out", tmp_path / "b")
    assert rows == read_rows(tmp_path / "b")


def test_one_sample_is_greedy(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "--policy", model, "--limit", 3, "--max-tokens", 5]
    for seed in (0, 1):
        evaluate(capsys, *words, "--seed", seed, "--out", tmp_path / str(seed))
    assert read_rows(tmp_path / "0") == read_rows(tmp_path / "1")


def test_what_a_model_cannot_read_is_said_and_ends_no_evaluation(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"question": "1+1=", "answer": "2"},
        {"question": "1+" * 40, "answer": "40"},
        {"question": "日本 + é", "answer": "2"},
    ]
    env_id, script = write_dataset(tmp_path, "Unreadable", rows)
    words = [env_id, "--load", script, "--policy", model, "--samples", 2, "--max-tokens", 4]
    found = evaluate(capsys, *words)
    assert (found["tasks"], found["without_room"], found["unreadable"]) == (3, 2, 1)
    assert found["outcomes"]["no_room"] == 2
    assert found["unscorable"] == 0
    assert main(["eval", *map(str, words)]) == 0
    shown = capsys.readouterr().out
    assert "counted as wrong, with no room to answer after the prompt: 2\n" in shown
    assert "problems with characters that the tokenizer lacks: 1\n" in shown


def test_a_conversation_that_outgrows_the_model_ends_its_episode(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluate(capsys, "gym_reason/Steps-v0", "--policy", model, "--limit", 4, "--samples", 4)
    assert sum(found["outcomes"].values()) == 16
    assert found["accuracy"] < 1.0


def test_a_dataset_is_evaluated_whole_and_each_problem_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"{i}+{i}?", "answer": str(2 * i)} for i in (1, 2, 3, 1, 2, 1)]
    env_id, script = write_dataset(tmp_path, "Repeated", rows)
    words = [env_id, "--load", script, "--policy", "engine:oracle"]
    found = evaluate(capsys, *words, "--out", tmp_path / "out")
    assert (found["tasks"], found["repeated"], found["accuracy"]) == (3, 3, 1.0)
    assert [row["prompt"] for row in read_rows(tmp_path / "out")] == ["1+1?", "2+2?", "3+3?"]
    assert main(["eval", *map(str, words), "--limit", "2"]) == 0
    shown = capsys.readouterr().out
    assert "2 problems x 1 episodes" in shown
    assert "problems left out as repeated: 3" in shown


def test_two_problems_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"{i}?", "answer": "1", "name": "same"} for i in range(2)]
    env_id, script = write_dataset(tmp_path, "SameName", rows, id="name")
    code, line = refuse(capsys, env_id, "--load", script, "--policy", "engine:oracle")
    assert code == 2
    assert "two different tasks are called 'same'" in line


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["gym_reason/Arithmetik-v0", "--policy", "engine:oracle"], 2, f"mean '{ARITHMETIC}'"),
        ([ARITHMETIC, "--policy", "engine:orcle"], 2, "did you mean 'oracle'"),
        ([ARITHMETIC, "--policy", "nowhere"], 2, "no folder nowhere"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--agent", "x"], 2, "no agent 'x'"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--samples", "0"], 2, "--samples 0"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--limit", "0"], 2, "--limit 0"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--max-tokens", "0"], 2, "--max-tokens 0"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--temperature", "nan"], 2, "0 or more"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--temperature", "-1"], 2, "0 or more"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--samples", "4", "--k", "8"], 2, "--k 8"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--k", "one"], 2, "whole numbers"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--resume"], 2, "add --out DIR"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--split", "tets"], 2, "mean 'test'"),
        ([ARITHMETIC, ARITHMETIC, "--policy", "engine:oracle"], 2, "each environment once"),
        ([ARITHMETIC, *("--policy", "engine:oracle") * 2], 2, "each policy once"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--policy", "engine:x"], 2, "no engine 'x'"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--policy", "nowhere"], 2, "no folder nowhere"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--tasks", "x"], 2, "no problem 'x'"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--retry-unscorable"], 2, "without --resume"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--study", "length"], 2, "such as 10"),
        ([ARITHMETIC, "digit=2", "--policy", "engine:oracle"], 2, "digit"),
        ([ARITHMETIC, "digits=0", "--policy", "engine:oracle"], 2, "digits = 0"),
        (["digits=2", "--policy", "engine:oracle"], 2, "at least one id"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--out", "/proc/x"], 1, "cannot write /proc/x"),
        ([ARITHMETIC, "--policy", "engine:oracle", "--load", "no.py"], 2, "cannot load no.py"),
    ],
)
def test_bad_input_is_one_line_and_the_right_code(
    words: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found, line = refuse(capsys, *words)
    assert message in line
    assert found == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "no config.json in"),
        ("tokenizer*", "no tokenizer in"),
        ("model.safetensors", "no weights in"),
    ],
)
def test_a_model_folder_that_lacks_a_part_is_refused(
    missing: str,
    message: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    for path in copy.glob(missing):
        path.unlink()
    code, line = refuse(capsys, ARITHMETIC, "--policy", copy, "--limit", 2)
    assert code == 2
    assert message in line


def test_an_out_that_is_taken_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [ARITHMETIC, "--policy", "engine:oracle", "--limit", 2, "--out", tmp_path / "out"]
    evaluate(capsys, *words)
    before = read_rows(tmp_path / "out")
    code, line = refuse(capsys, *words)
    assert code == 2
    assert "go on with --resume" in line
    code, line = refuse(capsys, "gym_reason/Digits-v0", *words, "--resume")
    assert code == 2
    assert 'env = ["gym_reason/Arithmetic-v0"]' in line
    words[2] = "engine:wrong"
    code, line = refuse(capsys, *words, "--resume")
    assert code == 2
    assert 'policy = ["engine:oracle"]' in line
    assert read_rows(tmp_path / "out") == before


def test_an_out_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    words = [ARITHMETIC, "--policy", "engine:oracle", "--out", tmp_path / "file"]
    code, line = refuse(capsys, *words)
    assert code == 1
    assert "cannot write" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "1+1?", "answer": "2"}\n{"question": \n', "line 2 of"),
        ('{"question": "1+1?"}\n', "has no column 'answer'"),
        ("", "has no rows"),
    ],
)
def test_a_broken_dataset_is_one_line(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"Broken{abs(hash(content))}"
    env_id, script = write_dataset(tmp_path, name, [])
    (tmp_path / "rows.jsonl").write_text(content)
    code, line = refuse(capsys, env_id, "--load", script, "--policy", "engine:oracle")
    assert code == 2
    assert message in line
