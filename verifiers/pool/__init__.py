"""Verifiers in worker processes, with a deadline that is kept.

with VerifierPool("math", workers=4, timeout_s=5.0) as pool:
    for verdict in pool.verify_many((task, text) for task, text in rows):
        ...
"""

from gym_reason.verifiers.pool.cache import VerdictCache
from gym_reason.verifiers.pool.pool import VerifierPool
from gym_reason.verifiers.pool.rows import Item

__all__ = ["Item", "VerdictCache", "VerifierPool"]
