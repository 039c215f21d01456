"""Rows of files as token streams: what is learned of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import DataError, ModelError
from gym_reason.trainers.supervised.demonstrations import read_demonstrations
from gym_reason.types import TokenTrace

TOKENIZER = build_character_tokenizer("0123456789+=abcdefghijklmnopqrstuvwxyz ")
ENCODER = ChatEncoder(TOKENIZER)

TALK = [
    {"role": "system", "content": "add"},
    {"role": "user", "content": "1+1="},
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "2+2="},
    {"role": "assistant", "content": "4"},
]


def read(tmp_path: Path, *rows: Any) -> list[TokenTrace]:
    """Return the streams of a file of rows."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return read_demonstrations(path, ENCODER, TOKENIZER)


def parts(trace: TokenTrace) -> tuple[str, str]:
    """Return the whole text of a stream, and its learned tokens."""
    learned = [token for token, wanted in zip(trace.ids, trace.action_mask, strict=True) if wanted]
    return str(TOKENIZER.decode(list(trace.ids))), str(TOKENIZER.decode(learned))


def test_the_answer_and_its_end_are_learned(tmp_path: Path) -> None:
    [trace] = read(tmp_path, {"prompt": "1+2=", "response": "<think></think>3"})
    assert parts(trace) == ("<bos>1+2=<think></think>3<eos>", "<think></think>3<eos>")
    asked = [{"role": "user", "content": "1+2="}]
    assert read(tmp_path, {"prompt": asked, "response": "<think></think>3"}) == [trace]
    said = {"role": "assistant", "content": "<think></think>3"}
    assert read(tmp_path, {"messages": [*asked, said], "source": "a"}) == [trace]


def test_every_turn_of_the_assistant_is_learned_or_those_that_loss_names(tmp_path: Path) -> None:
    [trace] = read(tmp_path, {"messages": TALK})
    assert parts(trace) == ("<bos>add1+1=2<eos>2+2=4<eos>", "2<eos>4<eos>")
    [last] = read(tmp_path, {"messages": TALK, "loss": [False] * 4 + [True]})
    assert parts(last) == ("<bos>add1+1=2<eos>2+2=4<eos>", "4<eos>")
    [first] = read(tmp_path, {"messages": TALK, "loss": [False, False, True, False, False]})
    assert parts(first)[1] == "2<eos>"


def test_parquet_is_read_like_json_lines(tmp_path: Path) -> None:
    rows = [{"messages": TALK, "loss": [False] * 4 + [True]}]
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert read_demonstrations(path, ENCODER, TOKENIZER) == read(tmp_path, *rows)


def test_a_template_that_rewrites_history_gives_a_stream_for_each_turn(tmp_path: Path) -> None:
    tokenizer = build_character_tokenizer("0123456789+= ")
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}"
        "{{ m['content'].split('</think>')[-1] }}{{ eos_token }}{% else %}{{ m['content'] }}"
        "{% endif %}{% endfor %}"
    )
    path = tmp_path / "rows.jsonl"
    messages = [dict(message) for message in TALK[1:]]
    messages[1]["content"] = "<think>1</think>2"
    path.write_text(json.dumps({"messages": messages}) + "\n", "utf-8")
    first, second = read_demonstrations(path, ChatEncoder(tokenizer), tokenizer)
    assert tokenizer.decode(list(first.ids)) == "<bos>1+1=<think>1</think>2<eos>"
    assert tokenizer.decode(list(second.ids)) == "<bos>1+1=2<eos>2+2=4<eos>"
    assert sum(second.action_mask) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": TALK, "loss": [False] * 5}, "the loss mask is empty"),
        ({"messages": TALK[:2]}, "the loss mask is empty"),
        ({"messages": TALK, "loss": [True] * 5}, "the assistant does not say"),
        ({"messages": TALK, "loss": [True]}, "loss has 1 entries for 5 messages"),
        ({"messages": TALK, "loss": "all"}, "loss is no list of true and false"),
        ({"messages": []}, "no list with at least one in it"),
        ({"prompt": "1+1=", "response": " "}, "a message to learn is empty"),
        ({"prompt": "1+1=", "response": 2}, "the response is of type int"),
        ({"prompt": "1+1="}, "neither messages nor a prompt and a response"),
        ({"prompt": "1+1=", "response": "\ud800"}, "not valid Unicode"),
    ],
)
def test_a_row_that_teaches_nothing_is_named(tmp_path: Path, row: Any, message: str) -> None:
    good = {"prompt": "1+1=", "response": "2"}
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, good, good, row)
    assert str(error.value).startswith(f"line 3 of {tmp_path}/rows.jsonl: ")
    assert "\n" not in str(error.value)


def test_a_template_that_refuses_a_row_is_named(tmp_path: Path) -> None:
    tokenizer = build_character_tokenizer("0123456789+= ")
    tokenizer.chat_template = "{{ raise_exception('no system message') }}"
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"prompt": "1+1=", "response": "2"}) + "\n", "utf-8")
    with pytest.raises(DataError, match=r"line 1 of .*: the chat template refuses"):
        read_demonstrations(path, ChatEncoder(tokenizer), tokenizer)


def test_a_file_without_rows_and_a_tokenizer_without_an_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        read(tmp_path)
    tokenizer = build_character_tokenizer("0123456789+= ")
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end-of-sequence token; expected one, to learn to"):
        read_demonstrations(tmp_path / "rows.jsonl", ChatEncoder(tokenizer), tokenizer)
