"""What goes to vLLM and what comes back: tokens, never text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gym_reason.agents.engines.local.detokenizer import Detokenizer, StopSearch
from gym_reason.agents.engines.local.sampling import is_greedy
from gym_reason.agents.policy import PromptWithImages, SamplingParams
from gym_reason.errors import RunError
from gym_reason.types import Completion, FinishReason, say_versions

NEVER = -100.0
"""Least that vLLM adds to a logit: its token gets a probability of some e ** -100."""
SEEDS = 2**63
"""vLLM's seeds are signed numbers of 64 bits."""


@dataclass(frozen=True, slots=True)
class Order:
    """A prompt, and how it is to be completed."""

    prompt: tuple[int, ...]
    """Token ids, at least one; a PromptWithImages where images are among them."""
    params: SamplingParams
    """How tokens are drawn."""
    limit: int
    """Most tokens to emit: `max_tokens`, or less where the model's positions end."""
    stop_ids: tuple[int, ...]
    """Tokens that end a completion."""
    count: int = 1
    """How many completions."""
    unsaid_ids: tuple[int, ...] = ()
    """Tokens that no completion may hold, because they stand for images."""

    @property
    def sent_ids(self) -> list[int]:
        """The prompt as vLLM takes it: it expands images itself, with the model's processor."""
        prompt = self.prompt
        return list(prompt.unexpanded if isinstance(prompt, PromptWithImages) else prompt)

    @property
    def images(self) -> tuple[bytes, ...]:
        """The images of the prompt."""
        return self.prompt.images if isinstance(self.prompt, PromptWithImages) else ()


@dataclass(frozen=True, slots=True)
class Sampled:
    """One completion as vLLM gives it."""

    token_ids: tuple[int, ...]
    """Every sampled token, the stop token included."""
    logprobs: tuple[float, ...]
    """One for each token."""
    versions: tuple[int, ...] = ()
    """Version of the weights behind each token; empty where all are of that it was asked under."""


def sampling_arguments(order: Order, *, own_seeds: bool) -> dict[str, Any]:
    """Return the arguments of vLLM's SamplingParams, as a server reads them too.

    End-of-sequence tokens are among `stop_ids` where they are to end anything, so vLLM's own idea
    of them is switched off. Stop strings are looked for in the tokens, by `find_end`.
    """
    params = order.params
    arguments: dict[str, Any] = {
        "n": order.count,
        "max_tokens": order.limit,
        "temperature": 0.0 if is_greedy(params) else params.temperature,
        "top_k": params.top_k,
        "top_p": params.top_p,
        "min_p": params.min_p,
        "stop_token_ids": list(order.stop_ids),
        "ignore_eos": True,
        "logprobs": 0,
        "detokenize": False,
        "skip_special_tokens": False,
    }
    if order.unsaid_ids:
        arguments["logit_bias"] = dict.fromkeys(order.unsaid_ids, NEVER)
    if own_seeds and not is_greedy(params):
        arguments["seed"] = params.seed % SEEDS
    return arguments


def check_expansion(order: Order, seen: Sequence[int] | None) -> None:
    """Check that vLLM read a prompt with images as the tokens that stand in the trajectory.

    Raises RunError where it did not, or where it does not say: one of before 0.32 would leave the
    images out.
    """
    if not order.images or (seen is not None and tuple(seen) == tuple(order.prompt)):
        return
    if seen is None:
        raise RunError("vLLM does not say how it read a prompt with images", "vllm 0.32 or later")
    raise RunError(
        f"vLLM read a prompt with images as {len(seen)} tokens, the model's processor as "
        f"{len(order.prompt)}, or as others",
        "the same tokens",
        "ask a server that runs the model: --policy openai:URL",
    )


def merge_orders(orders: Sequence[Order], *, own_seeds: bool) -> list[tuple[Order, list[int]]]:
    """Return orders to send, and for each which of those given it stands for.

    Without seeds of their own, orders that differ in nothing else become one order of several
    completions.
    """
    if own_seeds:
        return [(order, [index]) for index, order in enumerate(orders)]
    places: dict[Order, list[int]] = {}
    for index, order in enumerate(orders):
        alike = replace(order, params=replace(order.params, seed=0))
        places.setdefault(alike, []).append(index)
    return [(replace(order, count=len(found)), found) for order, found in places.items()]


def find_end(search: StopSearch, token_ids: Sequence[int], stop_ids: Sequence[int]) -> int | None:
    """Return how many tokens there are up to the first stop string; None without one."""
    for index, token in enumerate(token_ids):
        if token not in stop_ids and search.feed(token):
            return index + 1
    return None


def make_completion(
    order: Order, sampled: Sampled, detokenizer: Detokenizer, version: int
) -> Completion:
    """Return what an engine returns, its text without what ended it.

    Raises RunError where vLLM broke its word: no token, or not one log-probability for each.
    """
    ids, logprobs, versions = sampled.token_ids, sampled.logprobs, sampled.versions
    if not ids or len(ids) != len(logprobs):
        raise RunError(
            f"vLLM returned {len(ids)} tokens and {len(logprobs)} log-probabilities",
            "a token or more, and one log-probability for each",
        )
    text, found = None, False
    if order.params.stop:
        search = StopSearch(detokenizer, order.params.stop)
        end = find_end(search, ids, order.stop_ids)
        ids, logprobs, versions = ids[:end], logprobs[:end], versions[:end]
        text, found = search.text(), end is not None
    stopped = ids[-1] in order.stop_ids
    if text is None:
        text = detokenizer.decode(ids[:-1] if stopped else ids)
    finish: FinishReason = "stop" if stopped or found else "length"
    oldest = min(versions, default=version)
    return Completion(ids, logprobs, text, finish, oldest, say_versions(versions))
