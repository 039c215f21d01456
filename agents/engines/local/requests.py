"""One waiting or running completion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gym_reason.agents.engines.local.detokenizer import StopSearch
from gym_reason.agents.policy import SamplingParams
from gym_reason.types import Completion


@dataclass(slots=True, eq=False)
class Request:
    """A prompt, how to complete it, and whom to tell."""

    prompt: tuple[int, ...]
    """Token ids, at least one."""
    params: SamplingParams
    """How tokens are drawn."""
    limit: int
    """Most tokens to emit: `max_tokens`, or less where the model's positions end."""
    stop_ids: tuple[int, ...]
    """Tokens that end the completion."""
    deliver: Callable[[Completion], None]
    """Called once with the result."""
    fail: Callable[[BaseException], None]
    """Called once in place of `deliver` where the engine fails."""
    search: StopSearch | None = None
    """Looks for stop strings, where there are any."""
    versions: list[tuple[int, int]] = field(default_factory=list)
    """From which of its tokens on which version of the weights spoke, in order."""

    def token_versions(self, count: int) -> tuple[int, ...]:
        """Return the version behind each of its first `count` tokens."""
        ends = [first for first, _ in self.versions[1:]] + [count]
        return tuple(
            version
            for (first, version), end in zip(self.versions, ends, strict=True)
            for _ in range(first, end)
        )


@dataclass(slots=True)
class PrefillGroup:
    """Distinct prompts of similar lengths, and the requests for each."""

    prompts: list[tuple[int, ...]]
    """Without repetition, shortest first."""
    requests: list[Request]
    """Every request for one of the prompts."""
    sources: list[int]
    """Per request, the index of its prompt."""


def group_by_prompt(requests: Sequence[Request], token_limit: int) -> list[PrefillGroup]:
    """Return groups to prefill together, each prompt once.

    Padding stays under a quarter and a group under `token_limit` tokens.

    A single prompt longer than the limit is a group of its own.
    """
    by_prompt: dict[tuple[int, ...], list[Request]] = {}
    for request in requests:
        by_prompt.setdefault(request.prompt, []).append(request)
    groups: list[PrefillGroup] = []
    shortest = 0
    for prompt in sorted(by_prompt, key=len):
        size = len(prompt)
        fits = groups and (len(groups[-1].prompts) + 1) * size <= token_limit
        if not fits or 4 * size > 5 * shortest + 16:
            groups.append(PrefillGroup([], [], []))
            shortest = size
        group = groups[-1]
        group.sources += [len(group.prompts)] * len(by_prompt[prompt])
        group.requests += by_prompt[prompt]
        group.prompts.append(prompt)
    return groups
