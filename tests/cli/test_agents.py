"""The agents on the command line: their list, their prompts, and comparisons of them."""

import json
from pathlib import Path

import pytest

from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.refine import LOOPS
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.cli import main

ENV = "gym_reason/Arithmetic-v0"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_character_tokenizer("".join(map(chr, range(32, 127))) + "\n")
    save_model(build_preset("0.1m", len(tokenizer), seed=1), tokenizer, folder)
    return folder


def test_every_loop_is_listed_with_its_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(LOOPS) <= set(rows)
    assert rows["volcano"]["paper"] == "Volcano, arXiv 2311.07362"
    assert all(row["summary"] for row in rows.values())


def test_every_loop_stands_in_the_docs(root: Path) -> None:
    page = (root / "docs" / "agents.md").read_text("utf-8")
    assert [name for name, loop in LOOPS.items() if f"| `{name}` | {loop.paper}" not in page] == []


def test_an_agent_is_shown_with_its_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", "show", "volcano"]) == 0
    shown = capsys.readouterr().out
    assert "--- volcano.decide.jinja" in shown
    assert "rounds=3" in shown
    assert main(["agents", "show", "volcan"]) == 2
    assert "did you mean 'volcano'" in capsys.readouterr().err


def test_agents_are_compared_on_the_same_problems(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", ENV, "--policy", str(model), "--limit", "6", "--max-tokens", "8", "--json"]
    agents = ["--agent", "answer", "--agent", "self-refine:rounds=1", "--budget", "20"]
    assert main([*words, *agents, "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["results"]
    assert len(first["rounds"]) == 1
    assert len(second["rounds"]) == 2
    assert first["tokens"] <= 8
    assert 8 < second["tokens"] <= 20
    (compared,) = found["comparisons"]
    assert compared["difference"] == second["accuracy"] - first["accuracy"]
    low, high = compared["interval"]
    assert low <= compared["difference"] <= high
    agents = [first["agent"], second["agent"]]
    assert agents == ["answer:tokens=20", "self-refine:rounds=1,tokens=20"]
    lines = (tmp_path / "out" / "trajectories" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["agent"] for line in lines].count(agents[1]) == 6


def test_a_report_says_where_the_reference_is_heard(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", ENV, "--policy", str(model), "--limit", "2", "--max-tokens", "4"]
    assert main([*words, "--agent", "best-of-n:n=2,by=verifier"]) == 0
    assert "ORACLE" in capsys.readouterr().out
    assert main([*words, "--agent", "best-of-n:n=2,by=likelihood"]) == 0
    assert "ORACLE" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("self-refine:round=1", "no setting of self-refine 'round'"),
        ("nobody", "no agent 'nobody'"),
        ("self-edit", "self-edit needs the tool 'tests'"),
    ],
)
def test_what_cannot_be_is_one_line(
    agent: str, message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", ENV, "--policy", str(model), "--limit", "2", "--max-tokens", "4"]
    assert main([*words, "--agent", agent]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
