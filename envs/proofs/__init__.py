"""Formal proofs as MDPs: the state is what is left to prove, a kernel judges."""
