"""EXPERIMENTAL: a critic of two attentions, and the rule that would prune by it.

Known from a survey alone (arXiv 2503.06072), which gives no architecture; this one is ours. It is
often told as a part of DeepSeek-R1, whose own report says otherwise.
"""

from dataclasses import dataclass

import torch


class DualAttentionHead(torch.nn.Module):
    """Values in (0, 1): `sigmoid(Local + Global)` of what a token attends to.

    `Local` reads the hidden states of the token's own step up to itself, `Global` those of the
    whole text up to itself; steps end with a separator. Nothing later can change a value. The
    sigmoid is needed: with values below 0 the rule would prune paths that improve.
    """

    def __init__(self, hidden: int, separators: frozenset[int]) -> None:
        """Make a head for hidden states of a width; `separators` are the tokens that end a step."""
        super().__init__()
        self.separators = sorted(separators)
        self.query = torch.nn.Linear(hidden, hidden, bias=False)
        self.key = torch.nn.Linear(hidden, hidden, bias=False)
        self.local = torch.nn.Linear(hidden, 1)
        self.world = torch.nn.Linear(hidden, 1)
        for layer in (self.local, self.world):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, hidden_NTC: torch.Tensor, ids_NT: torch.Tensor) -> torch.Tensor:
        """Return `values_NT`, each in (0, 1)."""
        step_NT = step_index(ids_NT, self.separators)
        length = ids_NT.shape[1]
        earlier_TT = torch.ones(length, length, dtype=torch.bool, device=ids_NT.device).tril()
        same_NTT = step_NT[:, :, None] == step_NT[:, None, :]
        scores_NTT = self.query(hidden_NTC) @ self.key(hidden_NTC).transpose(1, 2)
        scores_NTT = scores_NTT / hidden_NTC.shape[-1] ** 0.5
        seen = []
        for allowed_NTT, layer in ((earlier_TT & same_NTT, self.local), (earlier_TT, self.world)):
            masked_NTT = scores_NTT.masked_fill(~allowed_NTT, -torch.inf)
            seen.append(layer(masked_NTT.softmax(-1) @ hidden_NTC).squeeze(-1))
        return torch.sigmoid(seen[0] + seen[1])


def step_index(ids_NT: torch.Tensor, separators: list[int]) -> torch.Tensor:
    """Return the number of each token's step, from 0; a separator belongs to the step it ends."""
    ends_NT = torch.isin(ids_NT, torch.tensor(separators, device=ids_NT.device, dtype=ids_NT.dtype))
    before_NT = torch.nn.functional.pad(ends_NT[:, :-1].long(), (1, 0))
    return before_NT.cumsum(1)


def first_pruned(values_K: torch.Tensor, share: float) -> int | None:
    """Return the first step at which the rule stops, `V_t < share * max(V_1 .. V_t)`, or None.

    Args:
        values_K: The value at the end of each step.
        share: The survey's gamma; 0 never prunes.
    """
    best_K = values_K.cummax(0).values
    hits = (values_K < share * best_K).nonzero()
    return int(hits[0]) if len(hits) else None


@dataclass(frozen=True, slots=True)
class PruningReport:
    """What pruning would have done to episodes that were played to their end."""

    tokens_saved: float
    """Share of the policy's tokens that would not have been sampled."""
    right_lost: float
    """Share of the right episodes that would have been stopped."""


def judge_pruning(
    values_NT: torch.Tensor,
    ids_NT: torch.Tensor,
    mask_NT: torch.Tensor,
    right_N: torch.Tensor,
    separators: list[int],
    share: float,
) -> PruningReport:
    """Return what the rule would have saved and lost, over finished episodes.

    Args:
        values_NT: The critic's value behind each token.
        ids_NT: The tokens.
        mask_NT: 1 on the policy's tokens.
        right_N: Whether each episode was right.
        separators: The tokens that end a step.
        share: The rule's gamma.
    """
    step_NT = step_index(ids_NT, separators)
    saved, lost = 0.0, 0
    for row in range(len(ids_NT)):
        acted = mask_NT[row] > 0
        steps, values = step_NT[row][acted], values_NT[row][acted]
        if not len(steps):
            continue
        is_end = torch.ones_like(steps, dtype=torch.bool)
        is_end[:-1] = steps[1:] != steps[:-1]
        ends = is_end.nonzero().flatten()
        at = first_pruned(values[ends], share)
        if at is not None:
            saved += len(steps) - int(ends[at]) - 1
            lost += int(right_N[row])
    total, right = mask_NT.sum().item(), int(right_N.sum())
    return PruningReport(saved / max(total, 1.0), lost / max(right, 1))
