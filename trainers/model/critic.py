"""The critic: what the state before each token is worth."""

import copy
from typing import Any

import torch
from transformers import PreTrainedModel

from gym_reason.trainers.distributed.shares import forward_passes
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.dual_attention import DualAttentionHead
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.model.logprobs import last_hidden


class Critic(torch.nn.Module):
    """A value head, on the policy's own last layer or on a network that began as a copy of it.

    A linear head begins at zero, so that every value does; one of two attentions at a half.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        separate: bool,
        separators: frozenset[int] | None = None,
    ) -> None:
        """Make a critic for a policy.

        Args:
            model: The policy.
            separate: Whether it has a network of its own, with the policy's weights as they are.
            separators: The tokens that end a step, for a head of two attentions; None for a linear
                one.
        """
        super().__init__()
        config: Any = model.config
        weight = next(model.parameters())
        width = int(config.hidden_size)
        self.head: torch.nn.Linear | DualAttentionHead
        if separators is None:
            self.head = torch.nn.Linear(width, 1)
            torch.nn.init.zeros_(self.head.weight)
            torch.nn.init.zeros_(self.head.bias)
        else:
            self.head = DualAttentionHead(width, separators)
        self.head.to(weight.device, weight.dtype)
        self.network: PreTrainedModel | None = None
        if separate:
            self.network = copy.deepcopy(model)
            self.network.requires_grad_(True)
            head: Any = self.network.get_output_embeddings()  # type: ignore[no-untyped-call]
            tokens: Any = self.network.get_input_embeddings()
            if head is not None and head.weight is not tokens.weight:
                head.requires_grad_(False)  # no value reads it

    def values(self, policy: PreTrainedModel, ids_NT: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Return `values_NS`, the worth of the state after each token from `start` on, float32."""
        if isinstance(self.head, DualAttentionHead):
            hidden_NTC = last_hidden(self.network or policy, ids_NT)
            values_NT: torch.Tensor = self.head(hidden_NTC, ids_NT)
            return values_NT[:, start:].float()
        hidden_NSC = last_hidden(self.network or policy, ids_NT, start)
        values_NS: torch.Tensor = self.head(hidden_NSC).squeeze(-1)
        return values_NS.float()


@torch.no_grad()
def all_values(
    critic: Critic,
    learner: Learner,
    batch: TokenBatch,
    parts: list[list[int]],
    limit_tokens: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `values_NT`, the worth before each token, and `last_N`, that behind the last one."""
    values_NT = torch.zeros_like(batch.mask_NT)
    last_N = torch.zeros_like(batch.mask_NT[:, 0])
    for rows in forward_passes(learner.world, batch, parts, limit_tokens):
        with learner.mixed_precision():
            found_KL = critic.values(learner.model, rows.batch.ids_NL)
        if not rows.counts:
            continue
        ends_K = torch.tensor(rows.batch.lengths, device=values_NT.device) - 1
        values_NT[rows.index_N, : found_KL.shape[1] - 1] = found_KL[:, :-1]
        last_N[rows.index_N] = found_KL.gather(1, ends_K[:, None]).squeeze(1)
    learner.world.add_up([values_NT, last_N], "the values of the critic")
    return values_NT, last_N
