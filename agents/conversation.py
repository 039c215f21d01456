"""A conversation as messages and, beside them, as the token stream that the policy saw."""

import dataclasses
from collections import OrderedDict
from typing import Protocol

from gym_reason.agents.images import ImageEncoder
from gym_reason.agents.policy import PromptWithImages, Tokenizer
from gym_reason.errors import UsageError
from gym_reason.types import Completion, Message, TokenTrace


class ChatTokenizer(Tokenizer, Protocol):
    """A tokenizer that may also hold a chat template, as Hugging Face's do."""

    @property
    def chat_template(self) -> object:
        """The template; None where there is none."""
        ...

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> object:
        """Return a conversation as text, or as ids where `tokenize` is set."""
        ...


class ChatEncoder:
    """Turns messages into token ids, with the tokenizer's chat template where it has one."""

    def __init__(
        self,
        tokenizer: ChatTokenizer,
        cache_size: int = 1024,
        images: ImageEncoder | None = None,
    ) -> None:
        """Keep the ids of the `cache_size` latest prompts: the samples of a group share theirs.

        `images` encodes for a model that reads images. Without it, messages with images are
        refused: a policy that is not shown what it is asked about would fail unnoticed.
        """
        self._tokenizer = tokenizer
        self._images = images
        self._cache: OrderedDict[tuple[Message, ...], tuple[int, ...]] = OrderedDict()
        self._cache_size = cache_size

    def encode_prompt(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
        """Return the ids after which the policy is to speak."""
        cached = self._cache.get(messages)
        if cached is None:
            text = self.render(messages)
            if self._images is None:
                cached = tuple(self._encode(text))
            else:
                cached = self._images.encode(text, images_of(messages))
            self._cache[messages] = cached
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return cached

    def encode_extension(
        self, before: tuple[Message, ...], emitted: str, after: tuple[Message, ...]
    ) -> tuple[int, ...] | None:
        """Return the ids that lead from the end of what the policy emitted to its next turn.

        Where images came, the ids are a PromptWithImages.

        Args:
            before: The messages that the policy answered.
            emitted: The text of every token it emitted, special tokens included.
            after: The messages that it is to answer next.

        Returns:
            The ids to append, or None where the template rewrote what was already said.
        """
        said = self.render(before) + emitted
        full = self.render(after)
        if not full.startswith(said):
            return None
        if self._images is None:
            return tuple(self._encode(full[len(said) :]))
        seen, images = images_of(before), images_of(after)
        if images[: len(seen)] != seen:
            return None
        return self._images.encode(full[len(said) :], images[len(seen) :])

    def encode_words(self, words: str) -> tuple[int, ...]:
        """Return the ids of words inside a message, without special tokens."""
        return tuple(self._tokenizer.encode(words, add_special_tokens=False))

    def decode(self, token_ids: tuple[int, ...]) -> str:
        """Return the text of `token_ids`, special tokens included."""
        text = self._tokenizer.decode(list(token_ids), skip_special_tokens=False)
        assert isinstance(text, str)
        return text

    def render(self, messages: tuple[Message, ...]) -> str:
        """Return the conversation as one text, ready for the policy to go on.

        Raises UsageError for images where the policy reads none.
        """
        if self._images is not None:
            return self._images.render(messages)
        if any(message.images for message in messages):
            raise UsageError(
                "a message with images for a policy that reads texts alone",
                "a vision-language model",
                "--policy FOLDER --engine vllm, or --policy openai:URL",
            )
        if getattr(self._tokenizer, "chat_template", None) is None:
            return "\n".join(message.content for message in messages)
        rows = [{"role": message.role, "content": message.content} for message in messages]
        text = self._tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True)
        assert isinstance(text, str)
        return text

    def _encode(self, text: str) -> list[int]:
        # A template writes its own special tokens; adding them again would double the first one.
        has_template = getattr(self._tokenizer, "chat_template", None) is not None
        return self._tokenizer.encode(text, add_special_tokens=not has_template)


def images_of(messages: tuple[Message, ...]) -> tuple[bytes, ...]:
    """Return the images of a conversation, in order."""
    return tuple(image for message in messages for image in message.images)


class Conversation:
    """The messages of one episode and the tokens behind them.

    Nothing is ever decoded and encoded again: what the policy emitted is appended as it is. Where a
    chat template cannot extend the stream, because it rewrites history, a new trace starts and the
    episode holds both.
    """

    def __init__(self, messages: tuple[Message, ...], encoder: ChatEncoder | None) -> None:
        """Start with the task's prompt; `encoder` is None for agents that ask no policy."""
        self.messages = messages
        self._encoder = encoder
        self._finished: list[TokenTrace] = []
        self._answered: tuple[Message, ...] | None = None
        self._emitted: tuple[int, ...] = ()
        self._pieces: tuple[int, ...] = ()
        self._root: Conversation | None = None
        self._asides: list[Conversation] = []
        self._uncredited: set[int] = set()
        self._ids: list[int] = []
        self._mask: list[bool] = []
        self._logprobs: list[float] = []
        self._versions: list[int] = []
        self._turns: list[int] = []
        self._images: tuple[bytes, ...] = ()
        self._unexpanded: list[int] = []
        self._turn = 0

    def prompt_ids(self) -> tuple[int, ...]:
        """Return every token up to the policy's next turn, with images as a PromptWithImages."""
        if self._encoder is None:
            return ()
        if not self._ids:
            self._append(self._encoder.encode_prompt(self.messages), action=False)
        elif self._answered is not None:
            self._extend(self._encoder)
        if self._images:
            return PromptWithImages(self._ids, self._images, self._unexpanded)
        return tuple(self._ids)

    def add_completion(self, completion: Completion, *, trained: bool = True) -> None:
        """Append what the policy emitted after `prompt_ids`, and its text as a message.

        With `trained` False its tokens are read like those of the environment.
        """
        self.add_piece(completion, trained=trained)
        self.end_message(completion.text)

    def add_piece(self, completion: Completion, *, trained: bool = True) -> None:
        """Append what the policy emitted, and leave its message open: it goes on from there."""
        self._append(completion.token_ids, action=trained, said=completion if trained else None)
        self._pieces += completion.token_ids

    def add_words(self, words: str) -> None:
        """Put words into the policy's open message, or begin one with them: read, not trained on.

        What follows is asked for with `prompt_ids`, which must have been called before.
        """
        assert self._encoder is not None
        ids = self._encoder.encode_words(words)
        self._append(ids, action=False)
        self._pieces += ids

    def open_message(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the tokens before the policy's open message, and those in it."""
        count = len(self._ids) - len(self._pieces)
        return tuple(self._ids[:count]), self._pieces

    def retract(self, count: int) -> None:
        """Take back the last tokens of the open message: it goes on as if they had not been said.

        They stay in the episode, as the end of a stream of their own.
        """
        if count == 0:
            return
        assert count <= len(self._pieces)
        kept = len(self._ids) - count
        taken = (self._root or self).open_aside(self.messages)
        taken._ids, taken._turns = list(self._ids), list(self._turns)
        taken._mask = [False] * kept + self._mask[kept:]
        taken._logprobs = [0.0] * kept + self._logprobs[kept:]
        taken._images, taken._unexpanded = self._images, list(self._unexpanded)
        taken._versions = list(self._versions)
        for stream in (self._ids, self._mask, self._logprobs, self._turns, self._versions):
            del stream[kept:]
        del self._unexpanded[-count:]
        self._pieces = self._pieces[:-count]

    def end_message(self, text: str) -> None:
        """Close the policy's open message, whose text this is."""
        self._answered = self.messages
        self._emitted, self._pieces = self._pieces, ()
        self.add_message(Message("assistant", text))

    def decode(self, token_ids: tuple[int, ...]) -> str:
        """Return the text of `token_ids`, special tokens included."""
        assert self._encoder is not None
        return self._encoder.decode(token_ids)

    @property
    def turn(self) -> int:
        """Number of the turn that tokens are counted to."""
        return self._turn

    def uncredit(self, first: int, end: int) -> None:
        """Take the tokens of the turns from `first` to before `end` out of training."""
        self._uncredited.update(range(first, end))
        for aside in self._asides:
            aside.uncredit(first, end)

    def end_turn(self) -> None:
        """Count the tokens that follow to the next turn of the episode."""
        self._turn += 1

    def rejoin_turn(self) -> None:
        """Count the tokens of the turn under way to the one before it; undoes `end_turn`."""
        self._turn -= 1
        self._turns = [min(turn, self._turn) for turn in self._turns]
        self._finished = [
            dataclasses.replace(
                trace, turn_index=tuple(min(turn, self._turn) for turn in trace.turn_index)
            )
            for trace in self._finished
        ]
        for aside in self._asides:
            if aside.turn > self._turn:
                aside.rejoin_turn()

    def open_aside(self, messages: tuple[Message, ...]) -> "Conversation":
        """Return a conversation that hears nothing of this one, of the same turn and episode.

        Its streams stand before the one under way here.
        """
        aside = Conversation(messages, self._encoder)
        aside._turn = self._turn
        self._asides.append(aside)
        return aside

    def fork(self) -> "Conversation":
        """Return a conversation that goes on from here by itself, of the same turn and episode.

        It remembers all that was said so far; only what is said from here on is its own.
        """
        root = self._root or self
        ids = self.prompt_ids()
        fork = root.open_aside(self.messages)
        fork._root, fork._pieces = root, self._pieces
        fork._append(ids, action=False)
        fork._turns = list(self._turns)
        return fork

    def adopt(self, fork: "Conversation") -> None:
        """Go on from where a fork of this conversation, or a fork of a fork, has come to.

        The fork is no conversation of its own from then on. Nothing may have been said here since
        it was made.
        """
        known = len(self.prompt_ids())
        assert fork._ids[:known] == self._ids, "the conversation went on after the fork"
        self._images, self._unexpanded = fork._images, fork._unexpanded
        self._asides.remove(fork)
        self._finished += fork._finished
        self._ids += fork._ids[known:]
        self._mask += fork._mask[known:]
        self._logprobs += fork._logprobs[known:]
        self._versions += fork._versions[known:]
        self._turns += fork._turns[known:]
        self.messages, self._pieces = fork.messages, fork._pieces
        self._answered, self._emitted = fork._answered, fork._emitted

    def add_message(self, message: Message) -> None:
        """Append a message that is not the policy's, or that no policy is behind."""
        self.messages = (*self.messages, message)

    def tell(self, words: str) -> None:
        """Say something as the user, in one message with what nobody answered.

        Chat templates may refuse two messages of the user in a row.
        """
        *before, last = self.messages
        if last.role == "user":
            said = dataclasses.replace(last, content=f"{last.content}\n\n{words}")
            self.messages = (*before, said)
        else:
            self.add_message(Message("user", words))

    def traces(self) -> tuple[TokenTrace, ...]:
        """Return the token streams so far, without what no action follows."""
        traces = self._credited_traces()
        if len(_versions_of(traces)) > 1:
            return traces
        return tuple(dataclasses.replace(trace, versions=()) for trace in traces)

    def oldest_version(self) -> int | None:
        """Return the oldest version of the weights that spoke here; None where none did."""
        return min(_versions_of(self._credited_traces()), default=None)

    def _credited_traces(self) -> tuple[TokenTrace, ...]:
        """Return the traces, each with the version of every token."""
        asides = (trace for aside in self._asides for trace in aside._credited_traces())
        traces = (*self._finished, *asides, *self._snapshot())
        if not self._uncredited:
            return traces
        credited = (self._without_uncredited(trace) for trace in traces)
        return tuple(trace for trace in credited if any(trace.action_mask))

    def _without_uncredited(self, trace: TokenTrace) -> TokenTrace:
        mask = tuple(
            acted and turn not in self._uncredited
            for acted, turn in zip(trace.action_mask, trace.turn_index, strict=True)
        )
        return dataclasses.replace(trace, action_mask=mask)

    def _extend(self, encoder: ChatEncoder) -> None:
        assert self._answered is not None
        emitted = encoder.decode(self._emitted)
        extension = encoder.encode_extension(self._answered, emitted, self.messages)
        self._answered = None
        if extension is not None:
            self._append(extension, action=False)
            return
        self._finished.extend(self._snapshot())
        self._start_trace()
        self._append(encoder.encode_prompt(self.messages), action=False)

    def _start_trace(self) -> None:
        self._ids, self._mask, self._logprobs, self._turns = [], [], [], []
        self._versions = []
        self._images, self._unexpanded = (), []

    def _append(
        self, ids: tuple[int, ...], *, action: bool, said: Completion | None = None
    ) -> None:
        if isinstance(ids, PromptWithImages):
            if not self._images:
                self._unexpanded = list(self._ids)
            self._images += ids.images
            self._unexpanded.extend(ids.unexpanded)
        elif self._images:
            self._unexpanded.extend(ids)
        self._ids.extend(ids)
        self._mask.extend([action] * len(ids))
        self._logprobs.extend([0.0] * len(ids) if said is None else said.logprobs)
        self._versions.extend([0] * len(ids) if said is None else said.token_versions)
        self._turns.extend([self._turn] * len(ids))

    def _snapshot(self) -> tuple[TokenTrace, ...]:
        if not any(self._mask):
            return ()
        return (
            TokenTrace(
                tuple(self._ids),
                tuple(self._mask),
                tuple(self._logprobs),
                tuple(self._turns),
                tuple(self._versions),
            ),
        )


def _versions_of(traces: tuple[TokenTrace, ...]) -> set[int]:
    """Return the versions of the weights behind what a policy emitted."""
    return {
        version
        for trace in traces
        for version, acted in zip(trace.versions, trace.action_mask, strict=True)
        if acted
    }
