"""Tokenizers of the embedded models, as ordinary Hugging Face ones: characters, or pieces too."""

from collections.abc import Iterable
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from gym_reason.errors import UsageError

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")
"""The first four ids, in this order. Decoding with `skip_special_tokens` drops them."""
THINK_TOKENS = ("<think>", "</think>")
"""The next two ids. Single tokens that are text: no decoding drops them."""

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
)


def build_character_tokenizer(alphabet: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token per character of `alphabet`.

    Ids: `<pad> <bos> <eos> <unk> <think> </think>`, then the characters in the order given. Any
        other character becomes `<unk>`. Encoding puts `<bos>` in front unless
        `add_special_tokens=False`.

    Raises:
        UsageError: The alphabet is empty or holds a character twice.
    """
    check_alphabet(alphabet)
    names = (*SPECIAL_TOKENS, *THINK_TOKENS, *alphabet)
    vocabulary = {name: index for index, name in enumerate(names)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    return _finish(backend)


def build_piece_tokenizer(
    alphabet: str, texts: Iterable[str], pieces: int
) -> PreTrainedTokenizerFast:
    """Return a tokenizer with the characters of `alphabet` and pieces of words besides.

    The pieces are those that byte-pair encoding finds in `texts`, the most frequent first; a piece
    holds no more than one word with the space before it, and a digit is always a token of its own.
    Ids: as for characters, then the pieces.

    Args:
        alphabet: Every character that there is a token for.
        texts: What the pieces are learned from.
        pieces: How many there are, at most.

    Raises:
        UsageError: The alphabet is empty or holds a character twice, or `pieces` is below 1.
    """
    check_alphabet(alphabet)
    if pieces < 1:
        raise UsageError(f"{pieces} pieces", "1 or more", "use characters alone")
    first = (*SPECIAL_TOKENS, *THINK_TOKENS)
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"[0-9]| ?[^\W0-9_]+| ?[^\w\s]+|[\s\S]"), behavior="isolated"
    )
    make_trainer: Any = trainers.BpeTrainer
    trainer = make_trainer(
        vocab_size=len(first) + len(alphabet) + pieces,
        special_tokens=list(first),
        initial_alphabet=list(alphabet),
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    known = set(alphabet)
    # What is no part of the alphabet would take the place of a character in it.
    readable = ("".join(filter(known.__contains__, text)) for text in texts)
    backend.train_from_iterator(readable, trainer)
    return _finish(backend)


def check_alphabet(alphabet: str) -> None:
    """Raise UsageError for an alphabet that is empty or holds a character twice."""
    repeated = {character for character in alphabet if alphabet.count(character) > 1}
    if not alphabet or repeated:
        found = f"an alphabet that repeats {sorted(repeated)}" if repeated else "an empty alphabet"
        raise UsageError(found, "each character once", "remove the repeated characters")


def _finish(backend: Tokenizer) -> PreTrainedTokenizerFast:
    """Return a tokenizer with what all of ours share: special tokens, decoding, the template."""
    start = backend.token_to_id("<bos>")
    backend.decoder = decoders.Fuse()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", start)]
    )
    backend.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL_TOKENS])
    backend.add_tokens([AddedToken(name, special=False, normalized=False) for name in THINK_TOKENS])
    make_tokenizer: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = make_tokenizer(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
