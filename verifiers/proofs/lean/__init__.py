"""Lean 4 through its community REPL: texts, protocol, sessions and the verifier."""
