"""A fast training pass of small decoders: the same numbers by hand-written gradients."""

from gym_reason.trainers.fused.forward import folded_head, fused_hidden, fused_logits
from gym_reason.trainers.fused.support import supports

__all__ = ["folded_head", "fused_hidden", "fused_logits", "supports"]
