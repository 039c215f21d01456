"""Losses on preferences: what they see, their numbers, and their registry.

The losses are in `preference_pairs`, `preference_listwise` and `preference_negative`.

Axes: E examples, each K responses to one prompt, T tokens. `Delta(y)` is
`log pi(y) - log pi_ref(y)` over the tokens of a response. Every loss returns one number an
example; the stage takes their mean.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from gym_reason.registry import Registry

Stream: TypeAlias = Literal["reference", "kl", "contrast"]
"""What a loss needs besides the policy's log-probabilities."""
Shape: TypeAlias = Literal["pair", "list", "negative"]
"""`pair`: K = 2, the preferred one first; `list`: K responses with scores; `negative`: a response
that is not wanted, and what the loss sets beside it."""


@dataclass(frozen=True, slots=True)
class PreferenceNumbers:
    """The numbers of the preference losses; each loss reads those that its formula names."""

    beta: float = 0.1
    """Scale of `Delta`; in SimPO of the mean log-probability."""
    margin: float = 0.0
    """SimPO's gamma: by how much a pair is to be told apart."""
    kl_weight: float = 0.5
    """TDPO2's alpha."""
    length_weight: float = 0.0
    """R-DPO's alpha, for each token by which the preferred response is longer."""
    sft_weight: float = 0.0
    """Weight of the likelihood of the best response beside the loss: RPO's alpha, PRO's beta."""
    contrast_weight: float = 1.0
    """Cringe's alpha: weight of the contrast at the tokens of the rejected response."""
    contrast_candidates: int = 1
    """Cringe's k: how many of the likeliest other tokens stand against a rejected one."""
    contrast_detach: bool = False
    """Whether that other token is left without a gradient."""
    gate_margin: float = math.inf
    """Pairwise Cringe's b: the margin at which the gate is half shut; `inf` leaves it open."""
    gate_temperature: float = 1.0
    """Pairwise Cringe's tau."""
    negative_weight: float = 0.1
    """D2O's alpha: scale of the unwanted response's `Delta`."""
    retain_weight: float = 1.0
    """Weight of the likelihood of what is to be kept, beside NPO."""

    def __post_init__(self) -> None:
        """Refuse scales that turn a loss round."""
        for name in ("beta", "gate_temperature"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} = {getattr(self, name)}; expected more than 0")
        for name in ("kl_weight", "sft_weight", "contrast_weight", "retain_weight"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} = {getattr(self, name)}; expected 0 or more")
        if self.contrast_candidates < 1:
            raise ValueError(
                f"contrast_candidates = {self.contrast_candidates}; expected 1 or more"
            )


@dataclass(frozen=True, slots=True)
class Responses:
    """What a preference loss sees. An example with fewer than K responses has rows of mask 0."""

    logps_EKT: torch.Tensor
    """Log-probabilities under the policy, with their gradient."""
    mask_EKT: torch.Tensor
    """1 on the tokens of a response."""
    scores_EK: torch.Tensor
    """How good each response is; of unwanted ones, 1 on what is to be kept and 0 on the others."""
    ref_logps_EKT: torch.Tensor | None = None
    """Log-probabilities under the reference."""
    kl_EKT: torch.Tensor | None = None
    """`KL(ref || pi)` over the vocabulary at each token, with its gradient."""
    contrast_EKT: torch.Tensor | None = None
    """The contrastive loss of each token; see `preference_tokens.token_contrast`."""

    @property
    def valid_EK(self) -> torch.Tensor:
        """True where there is a response."""
        return (self.mask_EKT > 0).any(-1)

    @property
    def lengths_EK(self) -> torch.Tensor:
        """Tokens of each response."""
        return self.mask_EKT.sum(-1)

    @property
    def logp_EK(self) -> torch.Tensor:
        """`log pi(y)`."""
        return self.total(self.logps_EKT)

    @property
    def mean_logp_EK(self) -> torch.Tensor:
        """`log pi(y)` divided by the tokens of the response; 0 where there is none."""
        return self.logp_EK / self.lengths_EK.clamp(min=1.0)

    @property
    def delta_EK(self) -> torch.Tensor:
        """`log pi(y) - log pi_ref(y)`."""
        return self.total(self.log_ratios_EKT)

    @property
    def log_ratios_EKT(self) -> torch.Tensor:
        """`log pi - log pi_ref` of each token."""
        return self.logps_EKT - _given(self.ref_logps_EKT)

    @property
    def best_E(self) -> torch.Tensor:
        """Index of the response with the highest score, the first of equals."""
        return self.scores_EK.masked_fill(~self.valid_EK, -math.inf).argmax(-1)

    def total(self, stream_EKT: torch.Tensor | None) -> torch.Tensor:
        """Return the sum of a stream over the tokens of each response."""
        return (_given(stream_EKT) * self.mask_EKT).sum(-1)


PreferenceFormula: TypeAlias = Callable[[Responses, PreferenceNumbers], torch.Tensor]
"""`(rows, numbers) -> loss_E`."""


@dataclass(frozen=True, slots=True)
class PreferenceLoss:
    """A loss and what it asks of the stage."""

    formula: PreferenceFormula
    """The loss."""
    shape: Shape
    """What an example of it is."""
    needs: tuple[Stream, ...]
    """Which streams it reads; without `reference` and `kl` no reference is kept."""


preference_losses: Registry[PreferenceLoss] = Registry("preference loss")
"""Preference losses by name."""


def register_loss(
    name: str, shape: Shape, *needs: Stream
) -> Callable[[PreferenceFormula], PreferenceFormula]:
    """Return a decorator that registers a formula under `name`."""

    def decorate(formula: PreferenceFormula) -> PreferenceFormula:
        preference_losses.add(name, PreferenceLoss(formula, shape, needs))
        return formula

    return decorate


def sft_of_best(rows: Responses) -> torch.Tensor:
    """Return the mean negative log-likelihood a token of each example's best response."""
    return -rows.mean_logp_EK.gather(-1, rows.best_E[:, None]).squeeze(-1)


def _given(stream_EKT: torch.Tensor | None) -> torch.Tensor:
    """Return a stream that the loss has asked for."""
    if stream_EKT is None:
        raise ValueError("a preference loss without a stream that it needs")
    return stream_EKT
