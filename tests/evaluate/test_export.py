"""Stored episodes as training data: what is in the files, and what never is."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate.export import said, write_export
from gym_reason.types import Message, Turn
from tests.evaluate.figures import FAIL, PASS, UNSCORABLE, make_episode

EPISODES = [
    make_episode("a", 0, "42", PASS),
    make_episode("a", 1, "41", FAIL),
    make_episode("a", 2, "42", PASS),
    make_episode("a", 3, "it is 42 \ud800", PASS),
    make_episode("a", 4, "40", FAIL),
    make_episode("a", 5, "39", FAIL),
    make_episode("b", 0, "?", UNSCORABLE),
    make_episode("b", 1, "0", FAIL),
]
PROMPT = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "a: 6*7="},
]


def export(form: str, path: Path) -> list[dict[str, Any]]:
    """Write the episodes and return the rows of the file."""
    count = write_export(form, EPISODES, path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == count
    return rows


def words(messages: list[dict[str, str]]) -> str:
    """Return the last message."""
    return messages[-1]["content"]


def test_sft_holds_the_right_conversations_each_once(tmp_path: Path) -> None:
    rows = export("sft", tmp_path / "sft.jsonl")
    assert rows[0]["messages"] == [*PROMPT, {"role": "assistant", "content": "42"}]
    assert [words(row["messages"]) for row in rows] == ["42", "it is 42 ?"]


def test_trl_holds_what_was_judged(tmp_path: Path) -> None:
    rows = export("trl", tmp_path / "trl.jsonl")
    assert [row["label"] for row in rows] == [True, False, True, True, False, False, False]
    assert all(row.keys() == {"prompt", "completion", "label"} for row in rows)
    assert rows[0]["prompt"] == PROMPT


def test_dpo_pairs_a_right_answer_with_a_wrong_one_of_the_same_task(tmp_path: Path) -> None:
    rows = export("dpo", tmp_path / "dpo.jsonl")
    assert [row["prompt"] for row in rows] == [PROMPT, PROMPT]
    pairs = [(words(row["chosen"]), words(row["rejected"])) for row in rows]
    assert pairs == [("42", "41"), ("it is 42 ?", "40")]


def test_a_table_holds_every_token(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert write_export("hf", EPISODES, tmp_path / "hub") == 8
    table = parquet.read_table(tmp_path / "hub" / "data" / "train.parquet").to_pylist()
    assert write_export("parquet", EPISODES, tmp_path / "one.parquet") == 8
    assert parquet.read_table(tmp_path / "one.parquet").to_pylist() == table
    trace = EPISODES[0].trajectory.traces[0]
    assert table[0]["token_ids"] == [list(trace.ids)]
    assert table[0]["logprobs"] == [list(trace.logprobs)]
    assert table[0]["action_mask"] == [list(trace.action_mask)]
    assert table[0]["prompt"] == PROMPT
    assert [row["correct"] for row in table][5:] == [False, None, False]
    assert table[6]["reward"] is None
    assert (tmp_path / "hub" / "README.md").read_text().startswith("---\nconfigs:")


def test_inspect_logs_tell_the_unscorable_apart(tmp_path: Path) -> None:
    assert write_export("inspect", EPISODES, tmp_path / "logs") == 8
    (path,) = (tmp_path / "logs").iterdir()
    log = json.loads(path.read_text("utf-8"))
    # Right: 3 of 6 on a, 0 of 1 on b.
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == pytest.approx(0.25)
    assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (8, 7)
    values = [
        sample.get("scores", {}).get("verifier", {}).get("value") for sample in log["samples"]
    ]
    assert values == ["C", "I", "C", "C", "I", "I", None, "I"]
    assert "error" in log["samples"][6]
    assert log["samples"][1]["epoch"] == 2


def test_the_reference_is_in_no_training_data(tmp_path: Path) -> None:
    episodes = [make_episode("canary", 0, "x", PASS), make_episode("canary", 1, "y", FAIL)]
    for form in ("sft", "trl", "dpo"):
        assert write_export(form, episodes, tmp_path / form)
        assert "42" not in (tmp_path / form).read_text()


def test_an_older_episode_has_its_conversation_rebuilt() -> None:
    old = dataclasses.replace(EPISODES[0].trajectory, messages=())
    loop = Turn("?", "draft", None, 0.0, None, False, False, {"round": True})
    second = Turn("go on", "43", None, 0.0, FAIL, True, False)
    old = dataclasses.replace(old, turns=(loop, *old.turns, second))
    assert said(old) == (
        PROMPT,
        [
            {"role": "assistant", "content": "42"},
            {"role": "user", "content": "go on"},
            {"role": "assistant", "content": "43"},
        ],
    )
    assert old.task.prompt[0] == Message("system", "be brief")


def test_no_row_and_no_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no episode makes a row"):
        write_export("dpo", EPISODES[:1], tmp_path / "dpo.jsonl")
    for form in ("hf", "parquet", "sft", "inspect"):
        with pytest.raises(DataError, match="no such episode"):
            write_export(form, [], tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="is a folder"):
        write_export("sft", EPISODES, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        write_export("hf", EPISODES, tmp_path / "file")
