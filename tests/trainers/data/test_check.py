"""The shared validation: kinds, empty loss masks, repeats, test words, licences, hashes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import UsageError
from gym_reason.trainers.data.check import (
    CheckSettings,
    check_file,
    hash_tokenizer,
)
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.kinds import KINDS, find_kind, kind_of
from gym_reason.trainers.data.overlap import OverlapIndex, SimilarIndex, read_test_texts
from gym_reason.trainers.data.scoring import Scorer

PROMPT: dict[str, Any] = {"prompt": "1+1="}
GOOD: dict[str, dict[str, Any]] = {
    "demo": PROMPT | {"response": "2"},
    "pair": PROMPT | {"chosen": "2", "rejected": "3", "margin": 0.5},
    "ranked": PROMPT | {"responses": ["2", "3"], "scores": [1, 0.5]},
    "offline_group": PROMPT | {"responses": ["2", "3"], "rewards": [1.0, 0.0]},
    "scored": PROMPT | {"response": "2", "score": 1},
    "step_pair": PROMPT | {"prefix": "", "chosen_step": "a", "rejected_step": "b"},
    "step_labelled": PROMPT | {"steps": ["a", "b"], "labels": [1, 0]},
    "negative": PROMPT | {"rejected": "3"},
    "task": PROMPT | {"reference": "2"},
}
BAD: list[tuple[str, dict[str, Any]]] = [
    ("pair", {"rejected": "2"}),
    ("pair", {"margin": "big"}),
    ("pair", {"chosen": 3}),
    ("ranked", {"scores": [1]}),
    ("ranked", {"scores": [1, float("nan")]}),
    ("offline_group", {"responses": [], "rewards": []}),
    ("scored", {"score": 1.5}),
    ("scored", {"score": True}),
    ("step_pair", {"chosen_step": "b"}),
    ("step_labelled", {"steps": "ab"}),
    ("negative", {"prompt": 3}),
    ("task", {"reference": None}),
    ("demo", {"messages": [{"role": "user", "content": "a"}]}),
    ("demo", {"messages": []}),
    ("demo", {"response": None, "messages": "text"}),
]


def check(folder: Path, rows: list[Any], **settings: Any) -> tuple[list[Any], DropLog, Any]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = DropLog()
    sound, report = check_file(path, CheckSettings(**settings), log)
    return sound, log, report


def test_every_kind_is_told_by_its_columns(tmp_path: Path) -> None:
    assert GOOD.keys() == KINDS.keys()
    for name, row in GOOD.items():
        kind = kind_of(row)
        assert kind is not None
        assert kind.name == name
    sound, log, report = check(tmp_path, list(GOOD.values()))
    assert len(sound) == len(GOOD)
    assert log.counts == {}
    assert dict(report.kinds) == dict.fromkeys(GOOD, 1)


@pytest.mark.parametrize(("name", "changes"), BAD)
def test_wrong_fields_are_named(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    _, log, _ = check(tmp_path, [GOOD[name] | changes], kind=find_kind(name))
    assert log.counts == {f"wrong fields of {name}": 1}
    assert log.drops[0].detail


def test_the_kind_may_be_asked_for_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    _, log, _ = check(tmp_path, [GOOD["demo"]], kind=find_kind("pair"))
    assert log.drops[0].detail == "no column 'chosen'"
    with pytest.raises(UsageError, match="did you mean 'pair'"):
        find_kind("pairs")
    _, log, _ = check(tmp_path, [{"text": "a"}])
    assert log.counts == {"no known kind of record": 1}


def test_records_without_anything_to_learn_are_rejected(tmp_path: Path, scorer: Scorer) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rows = [
        PROMPT | {"response": " "},
        {"messages": messages, "loss": [False, False]},
        {"messages": messages, "loss": [False, True]},
        {"prompt": "x" * 200, "response": "2"},
        PROMPT | {"chosen": "", "rejected": "3"},
        {"prompt": "x", "response": "2" * 200},
        {"prompt": "x", "response": "ß"},
    ]
    sound, log, report = check(tmp_path, rows, scorer=scorer)
    assert sound == [rows[2], rows[5]]
    assert log.counts == {"empty loss mask": 4, "characters that the tokenizer lacks": 1}
    assert (report.cut, report.trained_tokens) == (1, 1 + 94)


def test_repeats_are_found_whatever_the_white_space(tmp_path: Path) -> None:
    rows = [
        GOOD["demo"],
        {"messages": [
            {"role": "user", "content": "1+1= "}, {"role": "assistant", "content": " 2"}
        ]},
        GOOD["demo"] | {"source": "other"},
        PROMPT | {"response": "3"},
        GOOD["step_pair"],
        GOOD["step_pair"] | {"prefix": "after this"},
    ]  # fmt: skip
    sound, log, _ = check(tmp_path, rows)
    assert sound == [rows[0], *rows[3:]]
    assert [(drop.where, drop.detail) for drop in log.drops] == [
        ("line 2", "line 1"),
        ("line 3", "line 1"),
    ]


def test_words_of_the_test_file_are_found(tmp_path: Path) -> None:
    test = "Natalia sold clips to 48 of her friends in April, and then half as many in May"
    index = OverlapIndex([test, "short test"], words=5)
    rows = [
        {"prompt": "Natalia SOLD clips -- to 48 people", "response": "a"},
        {"prompt": "Natalia sold many clips to 47 friends", "response": "a"},
        {"prompt": "Short test!", "response": "a long answer to it, of many words"},
    ]
    sound, log, report = check(tmp_path, rows, against=index)
    assert sound == [rows[1]]
    assert log.counts == {"shares words with the test file": 2}
    assert log.drops[0].detail.endswith(": natalia sold clips to 48")
    assert report.shared == 1.0
    _, log, _ = check(tmp_path, [{"prompt": "A short test of it", "response": "a"}], against=index)
    assert log.counts == {}  # a short text has to be there as a whole


@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_overlap_is_what_a_search_for_each_n_gram_finds(left: list[str], right: list[str]) -> None:
    index = OverlapIndex([" ".join(left)], words=3)
    grams = [right[i : i + 3] for i in range(max(len(right) - 2, 1))] if right else []
    known = [left[i : i + 3] for i in range(max(len(left) - 2, 1))] if left else []
    expected = [gram for gram in grams if gram in known]
    found = index.find(" ".join(right))
    assert (found is None) == (not expected)
    if found is not None:
        assert found.share == pytest.approx(len(expected) / len(grams))


def test_small_changes_of_a_test_prompt_are_found() -> None:
    index = SimilarIndex(["How many clips did Natalia sell in May?"], limit=0.8)
    assert index.find("How many clips did Natalie sell in May").startswith("0.875 with")
    assert index.find("How many books did Tom read") == ""
    assert SimilarIndex([], 0.9).find("anything") == ""


def test_licences_are_counted_and_may_be_required(tmp_path: Path) -> None:
    rows = [
        PROMPT | {"response": "2", "licence": "MIT"},
        PROMPT | {"response": "3", "license": "MIT"},
        PROMPT | {"response": "4"},
    ]
    _, log, report = check(tmp_path, rows)
    assert dict(report.licences) == {"MIT": 2, "": 1}
    assert log.counts == {}
    _, log, _ = check(tmp_path, rows, require_licence=True)
    assert log.counts == {"no licence": 1}


def test_records_for_another_tokenizer_or_template_are_rejected(
    tmp_path: Path, scorer: Scorer
) -> None:
    own = hash_tokenizer(scorer.tokenizer)
    other = build_character_tokenizer("abc")
    assert hash_tokenizer(other).tokenizer != own.tokenizer
    assert hash_tokenizer(other).template == own.template
    other.chat_template = "another"
    assert hash_tokenizer(other).template != own.template
    rows = [
        PROMPT | {"response": "2", "tokenizer_hash": own.tokenizer, "template_hash": own.template},
        PROMPT | {"response": "3", "tokenizer_hash": "0"},
        PROMPT | {"response": "4", "template_hash": "0"},
    ]
    sound, log, _ = check(tmp_path, rows, scorer=scorer)
    assert sound == rows[:1]
    assert log.counts == {"made for another tokenizer": 1, "made for another template": 1}


def test_texts_of_a_test_file(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(
        '{"q": "a"}\n{"q": [{"role": "user", "content": "b"}]}\n{"q": 3}\n{\n{"q": []}\n'
    )
    log = DropLog()
    assert list(read_test_texts(path, "q", log)) == ["a", "b"]
    assert len(log.drops) == 3


def test_broken_rows_never_stop_a_check(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{\n[]\n"a"\n{"prompt": "a", "response": "\\ud800"}\n{}\n')
    log = DropLog()
    sound, report = check_file(path, CheckSettings(), log)
    assert sound == []
    assert report.rows == 5
    assert log.counts == {"broken row": 4, "no known kind of record": 1}
