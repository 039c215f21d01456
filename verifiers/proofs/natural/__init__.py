"""Natural deduction: a kernel, tactics, a verifier of scripts and a reference prover."""

from gym_reason.verifiers.proofs.natural.kernel import AXIOMS, CLASSICAL, PEANO, Theorem
from gym_reason.verifiers.proofs.natural.parse import parse_formula, parse_term
from gym_reason.verifiers.proofs.natural.script import ScriptResult, Session, run_script
from gym_reason.verifiers.proofs.natural.show import ASCII, UNICODE, show_formula, show_term
from gym_reason.verifiers.proofs.natural.syntax import Formula, LogicError, Term
from gym_reason.verifiers.proofs.natural.tactics import TACTICS
from gym_reason.verifiers.proofs.natural.verifier import (
    NaturalDeductionVerifier,
    Statement,
    read_statement,
    write_reference,
)

__all__ = [
    "ASCII",
    "AXIOMS",
    "CLASSICAL",
    "PEANO",
    "TACTICS",
    "UNICODE",
    "Formula",
    "LogicError",
    "NaturalDeductionVerifier",
    "ScriptResult",
    "Session",
    "Statement",
    "Term",
    "Theorem",
    "parse_formula",
    "parse_term",
    "read_statement",
    "run_script",
    "show_formula",
    "show_term",
    "write_reference",
]
