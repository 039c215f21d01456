"""Rocq (Coq): what a proof may say, a session over `coqtop`, and the last check by `coqchk`."""
