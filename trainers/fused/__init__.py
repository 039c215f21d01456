"""A fast training pass of small decoder models: same parameters, same numbers, hand-written gradients."""

from gym_reason.trainers.fused.forward import fused_logits
from gym_reason.trainers.fused.support import supports

__all__ = ["fused_logits", "supports"]
