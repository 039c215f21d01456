"""The local engine: batched decoding on the weights that a trainer updates."""

from gym_reason.agents.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
