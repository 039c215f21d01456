"""The probes of mathematics catch verifiers that read too little of a text."""

import re
from dataclasses import dataclass

from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.audit import audit, contract_of, generated_cases, make_case
from gym_reason.verifiers.math import MathVerifier

CONTRACT = contract_of(MathVerifier())


def verdict(right: bool) -> Verdict:
    return Verdict(float(right), right, Outcome.PASS if right else Outcome.FAIL)


@dataclass
class LastNumber:
    """Passes what holds the reference as its last number."""

    name: str = "last_number"
    audit_family: str = "math"

    def verify(self, task: Task, submission: str) -> Verdict:
        found = re.findall(r"-?\d+(?:\.\d+)?", submission)
        return verdict(bool(found) and found[-1] == task.reference)


def test_taking_the_last_number_for_the_answer_is_exposed() -> None:
    report = audit(LastNumber(), generated_cases(CONTRACT, 20), contract=CONTRACT, workers=0)
    assert report.offences["denied or computed with"] > 50
    assert report.offences["another magnitude"] > 50


@dataclass
class RoundedEnds:
    """Passes unions whose ends, as floats, are those of the reference."""

    name: str = "rounded_ends"
    audit_family: str = "math"

    def verify(self, task: Task, submission: str) -> Verdict:
        numbers = {float(word) for word in re.findall(r"-?\d+(?:\.\d+)?(?!\d|})", submission)}
        ends = {float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", task.reference)}
        return verdict(numbers - {10.0} <= ends)


def test_joining_intervals_by_floats_is_exposed() -> None:
    case = make_case(Task("t", (), "[2, 3)"), CONTRACT)
    report = audit(RoundedEnds(), [case], contract=CONTRACT, workers=0)
    assert report.offences["ends that nearly touch"] == 3
    assert "ends that nearly touch" not in audit("math", [case], workers=0).offences
