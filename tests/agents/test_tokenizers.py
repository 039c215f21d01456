"""The character tokenizer: exact round trips, ids, templates, files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import UsageError

ALPHABET = "0123456789+=, \n<>é日"
TOKENIZER = build_character_tokenizer(ALPHABET)
PIECES = st.lists(st.sampled_from([*ALPHABET, "<think>", "</think>"])).map("".join)


def test_ids_follow_the_documented_order() -> None:
    names = ["<pad>", "<bos>", "<eos>", "<unk>", "<think>", "</think>", *ALPHABET]
    assert TOKENIZER.convert_tokens_to_ids(names) == list(range(len(names)))
    assert len(TOKENIZER) == len(names)
    assert (TOKENIZER.pad_token_id, TOKENIZER.bos_token_id) == (0, 1)
    assert (TOKENIZER.eos_token_id, TOKENIZER.unk_token_id) == (2, 3)


@given(PIECES)
def test_text_over_the_alphabet_comes_back(text: str) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == text
    assert TOKENIZER.encode(text) == [1, *ids]


@given(PIECES)
def test_one_token_per_character_and_tag(text: str) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    shortened = text.replace("<think>", "a").replace("</think>", "b")
    assert len(ids) == len(shortened)


def test_unknown_characters_become_unk() -> None:
    assert TOKENIZER.encode("1x2", add_special_tokens=False) == [7, 3, 8]


def test_special_tokens_are_dropped_and_think_tags_kept() -> None:
    ids = TOKENIZER.encode("<think>7</think>7<eos><pad>")
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "<think>7</think>7"


def test_chat_template() -> None:
    question = {"role": "user", "content": "347+285="}
    answer = {"role": "assistant", "content": "<think></think>632"}
    assert TOKENIZER.apply_chat_template([question], tokenize=False) == "<bos>347+285="
    both = TOKENIZER.apply_chat_template([question, answer], tokenize=False)
    assert both == "<bos>347+285=<think></think>632<eos>"


def test_files_load_with_transformers(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(str(tmp_path))
    loaded = AutoTokenizer.from_pretrained(str(tmp_path))
    text = "<think>1+1=2</think> 2\n日x"
    assert loaded.encode(text) == TOKENIZER.encode(text)
    ids = loaded.encode(text)
    expected = TOKENIZER.decode(ids, skip_special_tokens=True)
    assert loaded.decode(ids, skip_special_tokens=True) == expected
    assert loaded.chat_template == TOKENIZER.chat_template


@pytest.mark.parametrize("alphabet", ["", "aba"])
def test_bad_alphabets(alphabet: str) -> None:
    with pytest.raises(UsageError):
        build_character_tokenizer(alphabet)
