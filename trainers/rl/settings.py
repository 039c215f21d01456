"""The settings of the RL loop: which formula of each kind, and its numbers."""

from dataclasses import dataclass, field
from typing import Literal

from gym_reason.trainers.formulas import (
    advantages,
    aggregations,
    filters,
    kl_estimators,
    mismatch_weights,
    policy_losses,
)
from gym_reason.trainers.formulas.advantage import AdvantageSettings
from gym_reason.trainers.formulas.entropy import EntropySettings
from gym_reason.trainers.formulas.policy_loss import ClipSettings
from gym_reason.trainers.formulas.teacher import TeacherMask
from gym_reason.trainers.formulas.token_weights import TokenWeightSettings
from gym_reason.trainers.settings import OptimiserSettings, check_at_least


@dataclass(frozen=True, slots=True)
class KlSettings:
    """The divergence from the weights with which RL began."""

    weight: float = 0.0
    """Its weight; 0 keeps no reference model."""
    estimator: str = "k3"
    """Name in `formulas.kl_estimators`."""
    place: Literal["loss", "reward"] = "loss"
    """Whether it is a term of the loss or is taken off the reward of each token."""

    def __post_init__(self) -> None:
        """Refuse an unknown estimator."""
        kl_estimators.get(self.estimator)
        if self.weight < 0.0:
            raise ValueError(f"weight = {self.weight}; expected 0 or more")


@dataclass(frozen=True, slots=True)
class TeacherPullSettings:
    """How the recipe's teacher draws the policy to itself, on the policy's own tokens."""

    weight: float = 0.0
    """Weight of the pull at the first step; 0 asks no teacher."""
    decay: float = 0.0
    """What is taken off the weight at each step."""
    least: float = 0.0
    """The weight falls to this and stays."""
    mask: TeacherMask = "all"
    """Whom it pulls: `all`, `response` (those without a reward), `group` (nothing rewarded)."""


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """What is done to rewards before advantages are taken."""

    overlong_cache: int = 0
    """Tokens before `sampling.max_tokens` over which the penalty of length grows; 0 for none."""
    overlong_factor: float = 1.0
    """The penalty at `sampling.max_tokens`."""
    answered: float = 0.0
    """Reward of an answer that could be read and is wrong, as in ReFT."""
    mask_truncated: bool = False
    """Whether responses that were cut off are left out of the loss."""
    shuffle: bool = False
    """A control: the rewards of a step are dealt out anew among its episodes, so that they say
    nothing. What still improves does not learn from them."""
    self_consistency: bool = False
    """Whether the reward is the share of the group that gives the same answer: no label."""


@dataclass(frozen=True, slots=True)
class MismatchSettings:
    """What is done where the sampler's probabilities are not the trainer's."""

    correction: str = "truncated"
    """Name in `formulas.mismatch_weights`."""
    cap: float = 2.0
    """Largest importance weight."""
    gap_limit: float = 0.1
    """Alarm: the run stops where both differ by more nats a token, on average."""

    def __post_init__(self) -> None:
        """Refuse an unknown correction."""
        mismatch_weights.get(self.correction)
        if self.cap < 1.0:
            raise ValueError(f"cap = {self.cap}; expected 1 or more")


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """The critic of PPO and its like."""

    kind: Literal["none", "separate", "shared", "dual_attention"] = "none"
    """`separate` is a network of its own; `shared` a value head on the policy's last layer;
    `dual_attention` a network of its own under two attentions (experimental)."""
    separators: str = ",.\n"
    """Characters that end a step, for `dual_attention`."""
    prune_below: float = 0.0
    """Experimental: the share of its best value under which the survey's rule would stop an
    episode. Nothing is stopped; what it would have saved and lost is in the metrics. 0 is off."""
    weight: float = 0.1
    """Weight of the value loss beside the policy's, with a shared network."""
    clip: float = 0.2
    """How far a value may move within one window; 0 sets no limit."""
    warmup_steps: int = 0
    """Steps at the start of RL in which the critic alone learns."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=1e-3))
    """AdamW of a separate network."""


@dataclass(frozen=True, slots=True)
class RlSettings:
    """The RL loop: which formulas, how many episodes, how they are split into updates."""

    steps: int = 0
    """Most steps, each a set of rollouts and the updates on them; 0 leaves the stage out."""
    solved_at: float = 0.0
    """Ends early at this sampled accuracy, on average over 10 steps; 0 never does."""
    tasks_per_step: int = 64
    """Groups of a step."""
    samples_per_task: int = 8
    """Episodes of a group."""
    expert_samples: int = 0
    """Verified demonstrations that join each group, as an expert's off-policy rows."""
    refill_batches: int = 0
    """Most further batches that are played until `tasks_per_step` groups pass the filter."""
    advantage: str = "group_zscore"
    """Name in `formulas.advantages`."""
    returns: AdvantageSettings = field(default_factory=AdvantageSettings)
    """Its numbers."""
    rewards: RewardSettings = field(default_factory=RewardSettings)
    """What is done to rewards first."""
    filter: str = "drop_zero_variance"
    """Name in `formulas.filters`."""
    policy_loss: str = "clipped_ratio"
    """Name in `formulas.policy_losses`."""
    clip: ClipSettings = field(default_factory=ClipSettings)
    """Its numbers."""
    aggregation: str = "token_mean"
    """Name in `formulas.aggregations`."""
    tokens: TokenWeightSettings = field(default_factory=TokenWeightSettings)
    """How single tokens are weighed."""
    kl: KlSettings = field(default_factory=KlSettings)
    """The divergence from the weights at the start of RL."""
    teacher: TeacherPullSettings = field(default_factory=TeacherPullSettings)
    """The pull of a teacher beside the reward."""
    entropy: EntropySettings = field(default_factory=EntropySettings)
    """The entropy term."""
    critic: CriticSettings = field(default_factory=CriticSettings)
    """The critic."""
    mismatch: MismatchSettings = field(default_factory=MismatchSettings)
    """The correction between sampler and trainer."""
    minibatches: int = 4
    """Most optimiser steps a pass."""
    minibatch_rows: int = 64
    """Fewest episodes of an optimiser step; a step with fewer has one optimiser step."""
    epochs: int = 1
    """Passes over the episodes of a step."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""
    log_groups: int = 2
    """Groups of a step whose episodes are kept in `trajectories/`."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=3e-4))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse names that no registry holds, and sizes that no step can have."""
        advantages.get(self.advantage)
        filters.get(self.filter)
        policy_losses.get(self.policy_loss)
        aggregations.get(self.aggregation)
        for key in ("steps", "log_groups", "expert_samples", "refill_batches"):
            check_at_least(0, **{key: getattr(self, key)})
        for key in ("tasks_per_step", "samples_per_task", "minibatches", "minibatch_rows"):
            check_at_least(1, **{key: getattr(self, key)})
        check_at_least(1, epochs=self.epochs, micro_batch_tokens=self.micro_batch_tokens)
        self._check_parts_fit()

    def _check_parts_fit(self) -> None:
        if self.advantage == "gae" and self.critic.kind == "none":
            raise ValueError("advantage = 'gae' without a critic; expected critic.kind")
        if self.expert_samples and self.policy_loss not in ("mixed_policy", "log_likelihood"):
            raise ValueError(
                f"policy_loss = {self.policy_loss!r} with expert_samples; expected mixed_policy "
                "or log_likelihood: an expert's tokens have no old probability"
            )
        if self.critic.kind == "shared" and self.tokens.split_below > 0.0:
            raise ValueError("tokens.split_below with a shared critic; expected a separate one")
        if self.critic.prune_below > 0.0 and self.critic.kind != "dual_attention":
            raise ValueError(
                f"critic.prune_below with critic.kind = {self.critic.kind!r}; expected "
                "dual_attention: the rule needs values from 0 to 1"
            )
