"""The formulas of training: pure functions over tensors, a registry for each kind.

Axes: N rows (token streams of a window), T tokens after the first, V vocabulary. A mask is 1 on
tokens that the policy emitted. A method from a paper is a choice of one formula of each kind; the
loop knows none of them. A formula of your own is a decorator away:

    @advantages.register("my_advantage")
    def my_advantage(rows, settings): ...
"""

from gym_reason.trainers.formulas import preference_listwise as preference_listwise
from gym_reason.trainers.formulas import preference_negative as preference_negative
from gym_reason.trainers.formulas import preference_pairs as preference_pairs
from gym_reason.trainers.formulas.advantage import advantages
from gym_reason.trainers.formulas.aggregation import aggregations
from gym_reason.trainers.formulas.distillation import distillation_losses, score_losses
from gym_reason.trainers.formulas.entropy import entropy_controls
from gym_reason.trainers.formulas.filters import filters
from gym_reason.trainers.formulas.kl import kl_estimators
from gym_reason.trainers.formulas.mismatch import mismatch_weights
from gym_reason.trainers.formulas.policy_loss import policy_losses
from gym_reason.trainers.formulas.preference import preference_losses
from gym_reason.trainers.formulas.token_weights import token_weights

__all__ = [
    "advantages",
    "aggregations",
    "distillation_losses",
    "entropy_controls",
    "filters",
    "kl_estimators",
    "mismatch_weights",
    "policy_losses",
    "preference_losses",
    "score_losses",
    "token_weights",
]
