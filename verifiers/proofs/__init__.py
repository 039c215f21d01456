"""Proofs: kernels that accept a proof only where every step follows from a rule."""
