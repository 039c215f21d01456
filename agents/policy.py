"""The interface of a policy: token ids in, token ids and log-probabilities out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

from gym_reason.errors import UsageError
from gym_reason.types import Completion


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How a completion is drawn."""

    max_tokens: int = 256
    """Most tokens a completion may hold."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_k: int = 0
    """Keep only the k likeliest tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of likeliest tokens whose probabilities sum to at least this."""
    min_p: float = 0.0
    """Drop tokens less likely than this share of the likeliest one's probability."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion; cut from its text, not from its tokens."""
    stop_token_ids: tuple[int, ...] = ()
    """Tokens that end a completion, besides the model's own end-of-sequence tokens."""
    seed: int = 0
    """Seed of this completion's draws: equal seeds and prompts give equal tokens, in any batch."""


class PromptWithImages(tuple[int, ...]):
    """The tokens of a prompt, some of which stand for images; equal where the images are too."""

    images: tuple[bytes, ...]
    """Encoded, in the order of the tokens."""
    unexpanded: tuple[int, ...]
    """The tokens with one for each image in place of the many that it becomes."""

    def __new__(
        cls, ids: Iterable[int], images: Iterable[bytes], unexpanded: Iterable[int]
    ) -> Self:
        """Put the three together."""
        prompt = super().__new__(cls, ids)
        prompt.images, prompt.unexpanded = tuple(images), tuple(unexpanded)
        return prompt

    def __getnewargs__(self) -> tuple[tuple[int, ...], tuple[bytes, ...], tuple[int, ...]]:
        """Return what a copy is made from, in another process too."""
        return tuple(self), self.images, self.unexpanded

    def __eq__(self, other: object) -> bool:
        """Return whether tokens and images are the same."""
        same = isinstance(other, PromptWithImages) and self.images == other.images
        return same and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        """Return whether tokens or images differ."""
        return not self == other

    def __hash__(self) -> int:
        """Return a hash of both."""
        return hash((tuple(self), self.images))


def pair_params(
    prompts: Sequence[Sequence[int]], params: Sequence[SamplingParams] | SamplingParams
) -> list[tuple[Sequence[int], SamplingParams]]:
    """Return each prompt with its parameters, which may be one for all.

    Raises UsageError where they are not as many.
    """
    each = [params] * len(prompts) if isinstance(params, SamplingParams) else list(params)
    if len(each) != len(prompts):
        raise UsageError(f"{len(each)} parameters for {len(prompts)} prompts", "one for each")
    return list(zip(prompts, each, strict=True))


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that the library uses."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Return the ids of `text`."""
        ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str | list[str]:
        """Return the text of `token_ids`; Hugging Face's return a list of texts for a batch."""
        ...


@runtime_checkable
class Policy(Protocol):
    """Emits completions. Implementations: `gym_reason.agents.engines`."""

    @property
    def version(self) -> int:
        """Counts the weight updates that the policy has received."""
        ...

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return one completion of `prompt_ids`, which may be a PromptWithImages.

        Thousands of calls may wait at once; the engine batches them.
        """
        ...


class TrainedPolicy(Policy, Protocol):
    """An engine on a model in training. Implementations: `gym_reason.agents.engines`."""

    model: Any
    """Whose weights it samples with."""
    max_positions: int | None
    """Most tokens of a prompt and its completion together; None for no limit."""
    before_refresh: Callable[[], None] | None
    """Called before the weights are read again, by one who prepares them: merges an adapter."""

    @property
    def version(self) -> int:
        """Counts the weight updates that the policy has received."""
        ...

    @version.setter
    def version(self, value: int) -> None: ...

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved, a token or weights: a sign of life."""
        ...

    def follow(self, model: Any) -> None:
        """Sample from another model of the same shape and tokenizer from now on.

        The version stays; what is to be called before a refresh stays too. Raises UsageError while
        completions are under way.
        """
        ...

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        params: Sequence[SamplingParams] | SamplingParams,
    ) -> list[Completion]:
        """Return one completion per prompt, in order."""
        ...

    def update_weights(self, version: int | None = None) -> None:
        """Take note that the model's weights changed, and count that."""
        ...

    def refresh(self) -> None:
        """Read the weights again whatever changed; the version stays."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Return what the last reading of weights took and found, for the metrics of a step."""
        ...

    def rest(self) -> None:
        """Free what the trainer could use, until the next weights or prompt."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...


class AdapterWeights(Protocol):
    """A LoRA adapter: weights that stay, and small matrices whose products are added to them."""

    @property
    def rank(self) -> int:
        """Of the products."""
        ...

    @property
    def alpha(self) -> float:
        """The products are scaled by alpha / rank."""
        ...

    def base_weights(self) -> Mapping[str, Any]:
        """Return the weights that stay, under every name of theirs, as tensors."""
        ...

    def state(self) -> Mapping[str, Any]:
        """Return the matrices as they are now, by their names in peft's format, as tensors."""
        ...


@runtime_checkable
class AdaptedPolicy(Protocol):
    """An engine on a model in training that may take what an adapter learned without the rest."""

    def follow_adapter(self, adapter: AdapterWeights | None) -> None:
        """Know that the model is made of this from now on; None for weights that all learn."""
        ...


@runtime_checkable
class CertainPolicy(Protocol):
    """A policy that may know the whole distributions behind what it said."""

    def measure_certainty(
        self, prompt_ids: Sequence[int], token_ids: Sequence[int]
    ) -> float | None:
        """Return the mean divergence of uniform from them, in nats; None where it cannot tell."""
        ...
