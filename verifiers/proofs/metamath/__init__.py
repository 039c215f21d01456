"""The Metamath language: databases, the kernel, and the verifier of proofs."""

from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.kernel import (
    SUBMISSION_LIMITS,
    Limits,
    Machine,
    check_proofs,
    verify_database,
    verify_proof,
)
from gym_reason.verifiers.proofs.metamath.proofs import ProofError
from gym_reason.verifiers.proofs.metamath.reader import read_database
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Hypothesis

__all__ = [
    "SUBMISSION_LIMITS",
    "Assertion",
    "Database",
    "Hypothesis",
    "Limits",
    "Machine",
    "ProofError",
    "check_proofs",
    "read_database",
    "verify_database",
    "verify_proof",
]
