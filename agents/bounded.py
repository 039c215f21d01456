"""A policy that ends an episode, not the run, where a prompt leaves it no room."""

from collections.abc import Sequence

from gym_reason.agents.policy import CertainPolicy, Policy, SamplingParams
from gym_reason.types import Completion


class BoundedPolicy:
    """A policy that says nothing where a prompt leaves it no room, in place of an error.

    The completion is empty and cut by length, so that one long prompt ends one episode.
    """

    def __init__(self, policy: Policy, positions: int | None) -> None:
        """Keep the policy and how many tokens it can see and emit together; None is no limit."""
        self._policy = policy
        self._positions = positions

    @property
    def version(self) -> int:
        """Counts the weight updates that the policy has received."""
        return self._policy.version

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the policy's completion, or an empty one."""
        if self._positions is not None and len(prompt_ids) >= self._positions:
            return Completion((), (), "", "length", self.version)
        return await self._policy.sample(prompt_ids, params)

    def measure_certainty(
        self, prompt_ids: Sequence[int], token_ids: Sequence[int]
    ) -> float | None:
        """Return the policy's certainty of what it said; None where it cannot tell."""
        if not isinstance(self._policy, CertainPolicy):
            return None
        return self._policy.measure_certainty(prompt_ids, token_ids)
