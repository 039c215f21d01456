"""Text from tokens: tables only where they are exact, stop strings across tokens and bytes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from gym_reason.agents.engines.local.detokenizer import Detokenizer, StopSearch
from gym_reason.agents.tokenizers import build_character_tokenizer

CHARACTERS = build_character_tokenizer("abc +=")


def byte_tokenizer() -> Any:
    """Return a tokenizer with one token per byte, most of which are no text by themselves."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate(alphabet)}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    make_tokenizer: Any = PreTrainedTokenizerFast
    return make_tokenizer(tokenizer_object=backend)


BYTES = byte_tokenizer()


@given(st.lists(st.integers(0, len(CHARACTERS) - 1)))
def test_the_table_decodes_what_the_tokenizer_decodes(ids: list[int]) -> None:
    detokenizer = Detokenizer(CHARACTERS)
    assert detokenizer.by_table
    assert detokenizer.decode(ids) == CHARACTERS.decode(ids)


def test_every_token_leaves_text() -> None:
    detokenizer = Detokenizer(CHARACTERS)
    letters = CHARACTERS.encode("ab", add_special_tokens=False)
    for index in range(len(CHARACTERS) + 3):
        shown = detokenizer.decode([letters[0], index, letters[1]])
        assert shown.startswith("a")
        assert shown.endswith("b")
        assert len(shown) > 2


def test_special_tokens_of_a_byte_tokenizer_are_shown() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens(
        {"eos_token": "<|end|>", "additional_special_tokens": ["<|call|>"]}
    )
    detokenizer = Detokenizer(tokenizer)
    assert not detokenizer.by_table
    six, three = tokenizer.encode("6") + tokenizer.encode("3")
    call = tokenizer.convert_tokens_to_ids("<|call|>")
    assert detokenizer.decode([six, call, three]) == "6<|call|>3"
    assert detokenizer.decode([six, tokenizer.eos_token_id, three]) == "6<|end|>3"
    assert detokenizer.decode([six, len(tokenizer) + 5, three]) == "6\ufffd3"


def test_stop_strings_end_at_special_tokens_too() -> None:
    search = StopSearch(Detokenizer(CHARACTERS), ["<bos>"])
    letter, bos = CHARACTERS.encode("<bos>a", add_special_tokens=False)[::-1]
    assert [search.feed(token) for token in (letter, bos)] == [False, True]
    assert search.text() == "a"


def test_no_table_for_bytes() -> None:
    assert not Detokenizer(BYTES).by_table


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3))
def test_stop_strings_are_found_at_the_first_token_that_completes_one(
    text: str, stop: list[str]
) -> None:
    ids = BYTES.encode(text)
    text = BYTES.decode(ids)
    search = StopSearch(Detokenizer(BYTES), stop)
    fed = next((count for count, token in enumerate(ids, 1) if search.feed(token)), None)
    places = [text.find(item) for item in stop if item in text and "\ufffd" not in item]
    if not places and "\ufffd" not in text:
        assert fed is None
        assert search.text() == text
    elif "\ufffd" not in text:
        assert fed is not None
        shown = BYTES.decode(ids[:fed])
        assert any(item in shown for item in stop)
        assert search.text() == text[: min(text.find(i) for i in stop if i in shown)]
