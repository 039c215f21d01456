"""A character tokenizer for the embedded models, as an ordinary Hugging Face tokenizer."""

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
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
    repeated = {character for character in alphabet if alphabet.count(character) > 1}
    if not alphabet or repeated:
        found = f"an alphabet that repeats {sorted(repeated)}" if repeated else "an empty alphabet"
        raise UsageError(found, "each character once", "remove the repeated characters")
    names = (*SPECIAL_TOKENS, *THINK_TOKENS, *alphabet)
    vocabulary = {name: index for index, name in enumerate(names)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = decoders.Fuse()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", vocabulary["<bos>"])]
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
