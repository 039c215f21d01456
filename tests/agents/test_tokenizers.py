"""The embedded tokenizers: exact round trips, ids, templates, files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from gym_reason.agents.tokenizers import (
    SPECIAL_TOKENS,
    THINK_TOKENS,
    build_character_tokenizer,
    build_piece_tokenizer,
)
from gym_reason.errors import UsageError
from gym_reason.trainers.model.learner import PRINTABLE

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


def test_pieces_shorten_texts_and_lose_nothing() -> None:
    texts = ["Let a be the sum of n and m.", "Return the sum of a and n.", "Return a times 12."]
    tokenizer = build_piece_tokenizer(PRINTABLE, texts, 60)
    assert len(tokenizer) <= len(SPECIAL_TOKENS) + len(THINK_TOKENS) + len(PRINTABLE) + 60
    for text in (*texts, "<think>the sum</think>42", "~{}\n  odd  spaces"):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text
    assert len(tokenizer.encode(texts[0], add_special_tokens=False)) < len(texts[0]) / 2


def test_a_digit_is_always_a_token_of_its_own() -> None:
    tokenizer = build_piece_tokenizer(PRINTABLE, ["1234 1234 1234 1234"] * 20, 50)
    shown = [tokenizer.decode([one]) for one in tokenizer.encode("1234", add_special_tokens=False)]
    assert shown == ["1", "2", "3", "4"]


def test_the_pieces_of_the_same_texts_are_the_same() -> None:
    texts = [f"open {name} and tap {name}" for name in ("notes", "clock", "files", "tasks")]
    first, second = (build_piece_tokenizer(PRINTABLE, texts, 40) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()


@given(st.text(max_size=60))
def test_what_is_not_in_the_alphabet_is_unknown_and_nothing_breaks(text: str) -> None:
    tokenizer = build_piece_tokenizer("abc ", ["abc cab abc", "é\u4e2d"], 5)
    known = [one for one in tokenizer.encode(text, add_special_tokens=False) if one != 3]
    kept = tokenizer.decode(known)
    assert isinstance(kept, str)


def test_no_pieces_are_refused() -> None:
    with pytest.raises(UsageError, match="0 pieces"):
        build_piece_tokenizer("abc", ["abc"], 0)
