"""The audit of verifiers: submissions whose right judgement is known, and how often it is missed.

from gym_reason.verifiers.audit import audit, contract_of, generated_cases

contract = contract_of(make_verifier("math"))
report = audit("math", generated_cases(contract, 50))
"""

# These modules register the probes of their family.
from gym_reason.verifiers.audit import code_probes, countdown_probes, math_probes, state_probes
from gym_reason.verifiers.audit.cases import Case, Contract, contract_of, make_case
from gym_reason.verifiers.audit.generate import generated_cases
from gym_reason.verifiers.audit.probes import Probe, register_probe, registered_probes
from gym_reason.verifiers.audit.report import AuditReport, Finding, Tally
from gym_reason.verifiers.audit.run import audit

__all__ = [
    "AuditReport",
    "Case",
    "Contract",
    "Finding",
    "Probe",
    "Tally",
    "audit",
    "code_probes",
    "contract_of",
    "countdown_probes",
    "generated_cases",
    "make_case",
    "math_probes",
    "register_probe",
    "registered_probes",
    "state_probes",
]
