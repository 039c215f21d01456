"""The formulas of policy-gradient training: pure functions over tensors, a table for each kind.

Axes: N rows (token streams of a window), T tokens after the first, V vocabulary. A mask is 1 on
tokens that the policy emitted. A method from a paper is a choice of an advantage, a policy loss, an
aggregation, a KL term and a filter.
"""

from gym_reason.trainers.formulas.advantage import ADVANTAGES
from gym_reason.trainers.formulas.aggregation import AGGREGATIONS
from gym_reason.trainers.formulas.filters import FILTERS
from gym_reason.trainers.formulas.kl import KL_ESTIMATORS
from gym_reason.trainers.formulas.policy_loss import POLICY_LOSSES

__all__ = ["ADVANTAGES", "AGGREGATIONS", "FILTERS", "KL_ESTIMATORS", "POLICY_LOSSES"]
