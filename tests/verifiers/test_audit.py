"""The audit: good verifiers come out clean, bad ones are caught, and the counts add up."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from gym_reason.errors import RunError, UsageError
from gym_reason.types import Message, Outcome, Task, Verdict
from gym_reason.verifiers.audit import (
    AuditReport,
    Case,
    Finding,
    Probe,
    audit,
    contract_of,
    generated_cases,
    make_case,
    register_probe,
    registered_probes,
)
from gym_reason.verifiers.audit.run import make_attempts
from gym_reason.verifiers.audit.values import read_number
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.math import MathVerifier

CLEAN = ["exact", "positions", "countdown", "countdown:use_all=true", "think_tags", "no_think"]
CLEAN += ["answer_tags", "math:strict,plain=true", "state"]


def verdict(right: bool) -> Verdict:
    return Verdict(float(right), right, Outcome.PASS if right else Outcome.FAIL)


@dataclass
class Substring:
    """Passes whatever holds the reference somewhere."""

    name: str = "substring"
    audit_family: str | tuple[str, ...] = "math"

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(task.reference in submission)


class Prefix(Substring):
    """Passes any beginning of the reference."""

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(task.reference.startswith(submission))


class SameLength(Substring):
    """Passes whatever is as long as the reference."""

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(len(submission) == len(task.reference))


class Folding(Substring):
    """Passes the reference in any Unicode form and case."""

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(task.reference.casefold() == submission.strip().casefold())


class Generous(Substring):
    """Refuses with full pay."""

    def verify(self, task: Task, submission: str) -> Verdict:
        return replace(verdict(task.reference == submission), reward=0.9)


class Constant(Substring):
    """Says the same of everything."""

    right = True

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(self.right)


class Refusing(Constant):
    """Passes nothing."""

    right = False


class Raising(Substring):
    """Breaks on what holds a box."""

    def verify(self, task: Task, submission: str) -> Verdict:
        if "boxed" in submission:
            raise ValueError("out of luck")
        return verdict(task.reference == submission)


def audit_here(verifier: str | Verifier, count: int = 20) -> AuditReport:
    contract = contract_of(make_verifier(verifier))
    return audit(verifier, generated_cases(contract, count), contract=contract, workers=0)


def wrong_kinds(report: AuditReport, should_pass: bool) -> dict[str, float | None]:
    return {
        kind: tally.rate
        for (passes, kind), tally in report.kinds.items()
        if passes is should_pass and tally.wrong
    }


def examples(report: AuditReport) -> str:
    return "\n".join(
        f"{name}: {finding.submission!a} for {finding.task.reference!a}"
        for name, found in report.offenders.items()
        for finding in found
    )


@pytest.mark.parametrize("spec", CLEAN)
def test_our_verifiers_judge_every_probe_rightly(spec: str) -> None:
    report = audit_here(spec)
    assert report.false_positives.judged > 5
    assert report.false_negatives.judged > 4
    assert (report.false_positives.wrong, report.false_negatives.wrong) == (0, 0), examples(report)
    assert report.worst_rate == 0.0
    assert not report.unscorable


@pytest.mark.parametrize("spec", ["math", "math:strict"])
def test_math_passes_nothing_wrong_and_every_writing_of_a_number(spec: str) -> None:
    contract = contract_of(make_verifier(spec))
    cases = generated_cases(contract, 20)
    numbers = [case for case in cases if read_number(case.answer) is not None]
    assert 5 < len(numbers) < 20
    assert audit(spec, cases, workers=0).false_positives.wrong == 0
    report = audit(spec, numbers, workers=0)
    assert report.worst_rate == 0.0, examples(report)


def test_a_substring_match_is_exposed() -> None:
    report = audit_here(Substring())
    wrong = wrong_kinds(report, should_pass=False)
    assert wrong["hedging"] == 1.0
    assert wrong["thoughts"] == 1.0
    assert {"near miss", "marker forgery"} <= wrong.keys()
    assert "equal forms" in wrong_kinds(report, should_pass=True)
    assert report.false_positives.rate is not None
    low, high = report.false_positives.interval
    assert 0.1 < low < report.false_positives.rate < high < 0.5
    assert len(report.offenders["several boxes"]) == 5
    assert report.offences["several boxes"] > 5


def test_prefixes_lengths_and_constants_are_exposed() -> None:
    prefix = wrong_kinds(audit_here(Prefix(audit_family="text")), should_pass=False)
    assert {"empty", "near miss"} <= prefix.keys()
    assert "near miss" in wrong_kinds(audit_here(SameLength(audit_family="text")), False)
    always, never = audit_here(Constant()), audit_here(Refusing())
    assert (always.false_positives.rate, always.false_negatives.rate) == (1.0, 0.0)
    assert (never.false_positives.rate, never.false_negatives.rate) == (0.0, 1.0)
    assert never.worst_rate == 1.0


class Defines(Substring):
    """Passes any program that defines the function that is asked for."""

    def verify(self, task: Task, submission: str) -> Verdict:
        return verdict(f"def {json.loads(task.reference).get('entry')}(" in submission)


def test_a_program_that_is_only_read_is_exposed() -> None:
    wrong = wrong_kinds(audit_here(Defines(audit_family="code")), should_pass=False)
    kinds = {"constant", "exit", "equality", "patches", "reading tests", "endless", "near miss"}
    assert kinds <= wrong.keys()


def test_the_sandboxed_verifier_of_programs_falls_for_none() -> None:
    code = pytest.importorskip("gym_reason.verifiers.code")
    verifier = code.CodeVerifier(timeout=2.0)
    contract = contract_of(verifier)
    # One task of each form; endless loops cost their time limit, and one is enough.
    cases = generated_cases(contract, 9)
    cases = (cases[0], cases[-1])
    probes = [
        replace(probe, most_cases=1) if probe.kind == "constant" else probe
        for probe in registered_probes()
        if probe.kind not in ("endless", "over-long", "junk", "marker forgery")
    ]
    try:
        verifier.verify(cases[0].task, cases[0].solutions[0])
    except RunError as error:
        pytest.skip(str(error))
    report = audit(verifier, cases, probes=probes, workers=0)
    assert report.worst_rate == 0.0, examples(report)
    assert report.false_positives.judged > 50
    assert report.false_negatives.judged > 10
    assert not report.unscorable


def test_every_probe_of_every_family_can_fail() -> None:
    used: set[str] = set()
    families = ["text.folded", "countdown", "code.fenced", "format.json"]
    families += ["math", "math.strict", "math.plain"]
    families += ["format.think", "format.answer", "format.no_think", "state"]
    for family in families:
        verifier = Constant(audit_family=family)
        contract = contract_of(verifier)
        for probe, _, _ in make_attempts(
            generated_cases(contract, 20), registered_probes(), contract
        ):
            used.add(probe.name)
    unused = {probe.name for probe in registered_probes() if probe.name not in used}
    # Generated answers hold no accents in mathematics; this probe is for users' rows.
    assert unused <= {"NFC and NFD of mathematics"}


def test_pay_for_refused_submissions_is_noted() -> None:
    report = audit_here(Generous(audit_family="text"))
    assert report.false_positives.wrong == 0
    assert report.false_positives.refused_reward == 0.9
    assert audit_here("positions").false_positives.refused_reward == 0.5
    assert audit_here("exact").false_positives.refused_reward == 0.0


def test_unscorable_verdicts_are_counted_apart() -> None:
    report = audit_here(Raising())
    tally = report.kinds[True, "marked answer"]
    assert tally.unscorable > 0
    assert tally.judged == tally.wrong > 0
    assert report.outcomes["unscorable"] == sum(t.unscorable for t in report.kinds.values())
    assert 1 <= len(report.unscorable) <= 5
    assert "ValueError" in report.unscorable[0].verdict.detail


def test_the_pool_says_what_this_process_says_and_keeps_deadlines() -> None:
    cases = generated_cases(contract_of(make_verifier("math")), 5)
    here = audit("math", cases, workers=0)
    there = audit("math", cases, workers=2)
    timed = ("offenders", "slowest")
    one, two = (
        {key: value for key, value in report.to_json().items() if key not in timed}
        for report in (here, there)
    )
    assert one == two
    slow = Case(Task("t", (), "5"), ("hang",), "")
    probes = [probe for probe in registered_probes() if probe.kind == "reference"]
    report = audit("hostile_sleep", [slow], probes=probes, timeout_s=0.3, modules=[__file__])
    assert report.outcomes["timeout"] == 1
    assert report.slowest is not None
    assert report.slowest.submission == "hang"
    assert report.false_negatives.wrong == 1


class _Sleeping:
    """Hangs."""

    name = "hostile_sleep"

    def verify(self, task: Task, submission: str) -> Verdict:
        import time

        time.sleep(60)
        raise AssertionError


def _register_sleeping() -> None:
    from gym_reason.registry import register_verifier, verifiers

    if "hostile_sleep" not in verifiers:
        register_verifier("hostile_sleep")(_Sleeping)


_register_sleeping()


def test_users_add_probes_by_argument_and_by_name() -> None:
    def shout(case: Case, other: Case | None) -> Iterable[str]:
        return [case.answer.upper()]

    probe = Probe("loud", "case", "text.case", True, shout)
    cases = [make_case(Task("t", (), "paris"), contract_of(make_verifier("exact")))]
    contract = contract_of(make_verifier("exact"), ["text", "text.case"])
    strict = audit("exact", cases, contract=contract, probes=[probe], workers=0)
    assert strict.kinds[True, "case"].wrong == 1
    folding = audit(Folding(), cases, contract=contract, probes=[probe], workers=0)
    assert folding.kinds[True, "case"].wrong == 0
    with pytest.raises(UsageError, match="registered already"):
        register_probe(Probe("junk", "junk", "any", False, shout))


def test_a_registered_probe_is_part_of_every_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gym_reason.verifiers.audit.probes._registered", {})
    probe = register_probe(Probe("mine", "own", "any", False, lambda case, other: ["loud"]))
    assert register_probe(probe) is probe
    report = audit_here(Constant())
    assert report.offences == {"mine": 20}


def test_an_audit_is_the_same_each_time() -> None:
    contract = contract_of(make_verifier("math"))
    found: list[list[tuple[str, str]]] = []
    for seed in (7, 7, 8):
        cases = generated_cases(contract, 30, seed)
        attempts = make_attempts(cases, registered_probes(), contract)
        found.append([(case.task.id, text) for _, case, text in attempts])
    assert found[0] == found[1] != found[2]
    assert len(found[0]) == len(set(found[0]))


def test_right_answers_are_never_called_wrong() -> None:
    # "999983" is what a hedge falls back on; junk and injections hold "True" and "-".
    for reference in ("999983", "True", "-", "PASS", "z", "0", "1e999999999"):
        case = make_case(Task("t", (), reference), contract_of(make_verifier("exact")))
        report = audit("exact", [case], workers=0)
        assert report.worst_rate == 0.0, examples(report)


def test_a_case_knows_what_the_contract_lets_it_know() -> None:
    task = Task("t", (), "6 * 7 = 42\n#### 42")
    wrong = ("I give up", "<think></think>43")
    math = make_case(task, contract_of(make_verifier("math")), (), wrong)
    assert (math.answer, math.solutions, math.different) == ("42", (task.reference,), ("43",))
    exact = make_case(task, contract_of(make_verifier("exact")), ("right",), wrong)
    assert (exact.answer, exact.solutions) == (task.reference, ("right",))
    assert exact.different == ("I give up", "43")
    code = make_case(task, contract_of(Substring(audit_family="code")), (" ", "x = 1", "x = 1"))
    assert (code.answer, code.solutions) == ("", ("x = 1",))


def test_a_verifier_has_the_families_that_it_or_its_kind_declares() -> None:
    assert "math.marked" in contract_of(make_verifier("math:strict")).families
    assert "math.forms" not in contract_of(make_verifier("math:plain=true")).families
    assert contract_of(make_verifier("math:tolerance=0.5")).tolerance == 0.5
    assert contract_of(make_verifier("length:cosine,target=90")) == contract_of(MathVerifier())
    assert contract_of(Substring(audit_family=("mine", "text"))).families == {
        "mine", "text", "any", "answer", "thoughts",
    }  # fmt: skip
    assert contract_of(MathVerifier(), ["shape"]).families == {"shape"}


def test_the_prompt_and_other_answers_must_not_pass() -> None:
    contract = contract_of(make_verifier("exact"))
    tasks = [
        Task(str(n), (Message("user", f"say {n}"), Message("user", "now")), str(n)) for n in (1, 2)
    ]
    seen: dict[str, list[str]] = {}

    def keep(finding: Finding, report: AuditReport) -> None:
        seen.setdefault(finding.probe.name, []).append(finding.submission)

    audit("exact", [make_case(task, contract) for task in tasks], workers=0, on_finding=keep)
    assert seen["the prompt"] == ["say 1\n\nnow", "say 2\n\nnow"]
    assert seen["the answer to another task"] == ["2", "1"]


def test_nothing_to_audit_is_said_in_one_line() -> None:
    with pytest.raises(UsageError, match="0 tasks"):
        audit("exact", [], workers=0)
    with pytest.raises(UsageError, match="give --rows"):
        generated_cases(contract_of(SameLength(audit_family="mine")), 5)
    with pytest.raises(UsageError, match="shape of a text"):
        generated_cases(contract_of(make_verifier("repetition")), 5)


def test_a_report_is_json_and_its_rows_add_up() -> None:
    report = audit_here(Substring())
    read = json.loads(json.dumps(report.to_json()))
    kinds = [row for row in read["kinds"] if not row["should_pass"]]
    assert sum(row["wrong"] for row in kinds) == read["false_positives"]["wrong"]
    assert sum(row["judged"] for row in read["kinds"]) == sum(read["outcomes"].values())
    assert sum(row["wrong"] for row in read["offenders"]) == sum(report.offences.values())
    first = read["offenders"][0]["examples"][0]
    assert first["wrong"] is True
    assert {"id", "submission", "reference", "outcome", "reward"} <= first.keys()
