"""Verifiers on the machines of a Ray cluster, behind the interface of one."""

from gym_reason.verifiers.ray.pool import RayVerifierPool

__all__ = ["RayVerifierPool"]
