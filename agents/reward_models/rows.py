"""What a classifier reads: a conversation as token ids, with nothing forged in it.

The text of a submission must not act as more than text. A special token that is written out in it
(`<|im_end|>`, `<pad>`) would end the turn, open another one, or move the place where a head reads
its score; it is broken up before the text is encoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gym_reason.agents.build import find_unknown_token
from gym_reason.types import Message

MOST_CHARS_PER_TOKEN = 32
"""Text beyond this many characters for each token of the window is not even encoded."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a reward model says of one submission."""

    value: float
    """The score; not a number where there is none."""
    tokens: int = 0
    """How many tokens the model read."""
    cut_characters: int = 0
    """How many characters at the start of the submission did not fit."""
    problem: str = ""
    """Why there is no score."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """One sequence as the model reads it."""

    ids: tuple[int, ...]
    """Token ids."""
    type_ids: tuple[int, ...] = ()
    """Segment of each token, where the model knows segments."""
    cut_characters: int = 0
    """How many characters at the start of the submission did not fit."""


class UnreadableRowError(Exception):
    """A conversation that the model cannot be shown; the message says why."""


class RowEncoder:
    """Turns conversations into token ids that fit a model's window."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        """Make an encoder.

        Args:
            tokenizer: A Hugging Face tokenizer. Its chat template is used where it has one;
                otherwise prompt and answer are a pair where it separates pairs, or two lines.
            max_tokens: Longest sequence that the model reads.
        """
        self._tokenizer = tokenizer
        self._has_template = getattr(tokenizer, "chat_template", None) is not None
        self._reads_pairs = bool(tokenizer.cls_token and tokenizer.sep_token)
        self._special = _list_special_tokens(tokenizer)
        self.max_tokens = max_tokens
        self.unknown_id: int | None = find_unknown_token(tokenizer)

    def neutralise(self, text: str) -> str:
        """Return `text` with a space inside every special token that is written out in it."""
        for token in self._special:
            if token in text:
                text = text.replace(token, f"{token[0]} {token[1:]}")
        # No text may hold what cannot be encoded: half of a surrogate pair.
        return text.encode("utf-8", "replace").decode("utf-8")

    def encode(self, messages: Sequence[Message], answer: str) -> EncodedRow:
        """Return a conversation that ends with `answer`, its start cut off where it is too long.

        Raises:
            UnreadableRowError: What stands around the answer leaves no room for it, or the chat
                template refuses the conversation.
        """
        whole = len(answer)
        answer = self.neutralise(answer[-MOST_CHARS_PER_TOKEN * self.max_tokens :])
        cut = max(0, whole - MOST_CHARS_PER_TOKEN * self.max_tokens)
        row = self._encode(messages, answer)
        if not row.ids:
            raise UnreadableRowError("there is nothing to read: no prompt and no answer")
        if len(row.ids) <= self.max_tokens:
            return EncodedRow(row.ids, row.type_ids, cut)
        answer_ids = self._tokenizer.encode(answer, add_special_tokens=False)
        keep = len(answer_ids) - (len(row.ids) - self.max_tokens)
        while keep > 0:
            # Characters that the tokenizer has split may come back as replacement characters.
            tail = self.neutralise(self._tokenizer.decode(answer_ids[-keep:]))
            row = self._encode(messages, tail)
            excess = len(row.ids) - self.max_tokens
            if excess <= 0:
                return EncodedRow(row.ids, row.type_ids, cut + max(1, len(answer) - len(tail)))
            keep -= excess
        raise UnreadableRowError(
            f"the prompt fills the model's window of {self.max_tokens} tokens without the answer"
        )

    def encode_start(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the ids after which an answer begins. Raises UnreadableRowError."""
        if self._has_template:
            return self._encode_text(self._render(messages, generate=True), special=False)
        lines = "\n".join(message.content for message in messages)
        ids = self._encode_text(lines, special=False)
        start = self._tokenizer.bos_token_id
        if start is None:
            start = self._tokenizer.cls_token_id
        return ids if start is None else (start, *ids)

    def encode_piece(self, text: str) -> tuple[int, ...]:
        """Return the ids of a piece of an answer, without special tokens."""
        return self._encode_text(self.neutralise(text), special=False)

    def encode_separator(self, text: str) -> tuple[int, ...]:
        """Return the ids of a separator of ours, which may be a special token."""
        return self._encode_text(text, special=False)

    def _encode(self, messages: Sequence[Message], answer: str) -> EncodedRow:
        if self._has_template:
            rendered = self._render((*messages, Message("assistant", answer)), generate=False)
            return EncodedRow(self._encode_text(rendered, special=False))
        prompt = "\n".join(message.content for message in messages)
        if prompt and self._reads_pairs:
            encoded = self._tokenizer(prompt, answer)
        else:
            encoded = self._tokenizer("\n".join(filter(None, (prompt, answer))))
        return EncodedRow(tuple(encoded["input_ids"]), tuple(encoded.get("token_type_ids", ())))

    def _render(self, messages: Sequence[Message], *, generate: bool) -> str:
        from jinja2 import TemplateError  # Only where there is a template to render.

        rows = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text = self._tokenizer.apply_chat_template(
                rows, tokenize=False, add_generation_prompt=generate
            )
        except (TemplateError, ValueError, TypeError, IndexError, KeyError) as error:
            raise UnreadableRowError(f"the chat template refuses the prompt: {error}") from None
        assert isinstance(text, str)
        return text

    def _encode_text(self, text: str, *, special: bool) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=special))


def _list_special_tokens(tokenizer: Any) -> list[str]:
    """Return every special token of two characters or more, the longest first."""
    names = {str(token) for token in tokenizer.all_special_tokens}
    added = getattr(tokenizer, "added_tokens_decoder", {})
    names |= {str(token) for token in added.values() if getattr(token, "special", False)}
    return sorted((name for name in names if len(name) > 1), key=lambda name: (-len(name), name))
