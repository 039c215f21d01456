"""The report on teachers: equal texts give equal reports, and what is kept is what passed."""

import json
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.models import load_model
from gym_reason.cli import main
from gym_reason.records import read_jsonl
from gym_reason.trainers.distillation.data import FILE
from gym_reason.trainers.distillation.filters import DUPLICATE, REFUSED, UNSCORED
from gym_reason.trainers.distillation.rows import kept_data
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.train import train
from tests.trainers.distillation.small_runs import small, write_rows


def answer(digits: str, said: str, **more: object) -> dict[str, object]:
    """Return a row of a teacher."""
    return {"prompt": f"m{digits}=", "response": f"<think></think>{said}", **more}


ROWS: list[dict[str, object]] = [
    answer("112", "2", score=1.0, difficulty=1),
    answer("345", "5", correct=True, difficulty=1),
    answer("345", "5", correct=True, difficulty=1),
    answer("770", "9", reward=0.0, difficulty=2),
    answer("909", "9", outcome="unscorable", reward=0.0),
    {"prompt": "m1="},
]


def report(tmp_path: Path, student: Path, *words: str, **files: Path) -> dict[str, Any]:
    """Return the report on some files."""
    out = tmp_path / "report.json"
    teachers = [word for name, file in files.items() for word in ("--teacher", f"{name}={file}")]
    command = ["distill", "report", *teachers, "--student", str(student), "--out", str(out)]
    assert main([*command, *words]) == 0
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def test_two_teachers_of_one_text_have_one_report(teacher: Path, tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one.jsonl", ROWS)
    two = write_rows(tmp_path / "another_name.jsonl", ROWS)
    less = write_rows(tmp_path / "less.jsonl", ROWS[:2])
    teachers = report(tmp_path, teacher, a=one, b=two, c=less)["teachers"]
    assert teachers["a"] == teachers["b"]
    assert teachers["a"] != teachers["c"]


def test_the_report_says_what_there_is(teacher: Path, tmp_path: Path) -> None:
    whole = report(tmp_path, teacher, a=write_rows(tmp_path / "rows.jsonl", ROWS))
    facts = whole["teachers"]["a"]
    assert (facts["rows"], facts["broken"], facts["kept"], facts["unscored"]) == (5, 1, 2, 1)
    assert facts["pass_rate"] == 0.75
    assert facts["dropped"] == {DUPLICATE: 1, REFUSED: 1, UNSCORED: 1}
    assert [row["where"] for row in facts["dropped_rows"]] == [
        *("line 6", "line 3", "line 4", "line 5")
    ]
    # <think>, </think>, a digit and the end
    assert facts["length"] == {"mean": 4.0, "median": 4, "p95": 4, "max": 4}
    assert sum(facts["length_histogram"]) == 5
    assert len(whole["length_edges"]) == len(facts["length_histogram"]) + 1
    strata = facts["length_by_difficulty"]
    assert [(row["difficulty"], row["rows"]) for row in strata] == [("1", 3), ("2", 1)]
    assert [row["pass_rate"] for row in strata] == [1.0, 0.0]
    assert facts["diversity"]["unique_share"] == 3 / 5
    assert facts["diversity"]["distinct_1"] == 3 / 5


def test_the_perplexity_is_the_students(teacher: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", ROWS[:1])
    facts = report(tmp_path, teacher, a=file)["teachers"]["a"]
    model, tokenizer = load_model(teacher, device="cpu", dtype="fp32")
    text = "<bos>m112=<think></think>2<eos>"
    ids = tokenizer.encode(text, add_special_tokens=False)
    with torch.no_grad():
        logps = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    nll = -sum(logps[place, ids[place + 1]].item() for place in range(5, len(ids) - 1)) / 4
    assert log(facts["perplexity"]["of_tokens"]) == pytest.approx(nll, rel=1e-4)
    assert facts["perplexity"]["of_median_answer"] == pytest.approx(exp(nll), rel=1e-4)


def test_what_is_kept_passed_every_test_and_trains(teacher: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", ROWS)
    report(tmp_path, teacher, "--kept", str(tmp_path / "kept"), a=file)
    kept = tmp_path / "kept/a.jsonl"
    rows = [row for _, row in read_jsonl(kept)]
    assert [row["prompt"] for row in rows] == ["m112=", "m345="]
    assert all(row["score"] == 1.0 for row in rows)
    recipe = small("distill.objective=text", f"distill.data.path={kept}", "distill.steps=1")
    train(recipe, tmp_path / "run", SilentObserver())
    assert len(kept_data(tmp_path / "run" / FILE)) == 2


def test_a_verifier_stands_in_for_the_verdicts_of_the_file(teacher: Path, tmp_path: Path) -> None:
    rows = [
        answer("112", "2", reference="2", score=0.0),
        answer("345", "4", reference="5", score=1.0),
        answer("770", "7", score=1.0),
    ]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    facts = report(tmp_path, teacher, "--verifier", "math", a=file)["teachers"]["a"]
    assert facts["dropped"] == {REFUSED: 1, UNSCORED: 1}
    assert facts["kept"] == 1


def test_many_difficulties_are_put_into_quarters(teacher: Path, tmp_path: Path) -> None:
    rows = [answer(str(100 + n), "1", score=1.0, difficulty=n / 2) for n in range(20)]
    facts = report(tmp_path, teacher, a=write_rows(tmp_path / "rows.jsonl", rows))["teachers"]["a"]
    strata = facts["length_by_difficulty"]
    assert [row["difficulty"] for row in strata] == [
        *("0 to 2", "2.5 to 4.5", "5 to 7", "7.5 to 9.5")
    ]
    assert [row["rows"] for row in strata] == [5, 5, 5, 5]


def test_a_file_without_rows_is_reported_and_not_divided_by(teacher: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [{"prompt": "m1="}])
    facts = report(tmp_path, teacher, a=file)["teachers"]["a"]
    assert (facts["rows"], facts["pass_rate"], facts["length"]) == (0, None, {})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "--teacher", "a", "--student", "{t}"], "expected NAME=FILE, each name once"),
        (["report", "--teacher", "a=nowhere.jsonl", "--student", "{t}"], "no file nowhere.jsonl"),
        (["report", "--teacher", "a=x", "--student", "nowhere"], "no folder nowhere"),
        (["cache", "--teacher", "{t}", "--data", "x.jsonl", "--out", "o"], "no file x.jsonl"),
        (["cache", "--teacher", "{t}", "--data", "x", "--out", "o", "--top-k", "0"], "above 0"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    words: list[str], message: str, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["distill", *(word.format(t=teacher) for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
