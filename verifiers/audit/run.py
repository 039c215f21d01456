"""The audit: every probe that applies, on every case, judged by the verifier."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from gym_reason.errors import UsageError
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.audit.cases import Case, Contract, contract_of
from gym_reason.verifiers.audit.probes import Probe, registered_probes
from gym_reason.verifiers.audit.report import AuditReport, Finding
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.verdicts import unscorable

_NEIGHBOURS = 10
"""How many cases further on the audit looks for one with another answer."""


def audit(
    verifier: str | Verifier,
    cases: Sequence[Case],
    *,
    contract: Contract | None = None,
    probes: Sequence[Probe] | None = None,
    workers: int = 1,
    timeout_s: float | None = None,
    modules: Sequence[str] = (),
    on_finding: Callable[[Finding, AuditReport], None] | None = None,
) -> AuditReport:
    """Try the probes on a verifier and return how often it judges wrongly.

    Args:
        verifier: A spec such as `math:strict`, or a verifier.
        cases: The tasks, with what is right for them; see `make_case` and `generated_cases`.
        contract: What the verifier promises; by default what `contract_of` says.
        probes: The probes to try, of which those of the contract's families apply; by default
            all that are registered.
        workers: Worker processes; 0 for this process, where no deadline is kept.
        timeout_s: Wall-clock limit for one submission; one that reaches it is refused. The pool's
            own by default.
        modules: Modules or `.py` files that a worker imports first.
        on_finding: Called with each finding, in order, and the report so far.

    Raises:
        UsageError: Where there is no case, or no probe applies.
    """
    made = make_verifier(verifier)
    contract = contract_of(made) if contract is None else contract
    known = registered_probes() if probes is None else probes
    chosen = [probe for probe in known if probe.family in contract.families]
    if not cases or not chosen:
        raise UsageError(
            f"{len(cases)} tasks and {len(chosen)} probes for the verifier {made.name!r}",
            "at least one of each",
        )
    report = AuditReport(made.name, tuple(sorted(contract.families)), len(cases))
    attempts = make_attempts(cases, chosen, contract)
    with contextlib.ExitStack() as stack:
        judge: Callable[[Iterator[tuple[Task, str]]], Generator[Verdict, None, None]]
        if workers == 0:
            judge = _InThisProcess(made).verify_many
        else:
            judge = stack.enter_context(
                VerifierPool(verifier, workers, timeout_s, modules=modules)
            ).verify_many
        for finding in _judge(attempts, judge):
            report.add(finding)
            if on_finding is not None:
                on_finding(finding, report)
    return report


def make_attempts(
    cases: Sequence[Case], probes: Sequence[Probe], contract: Contract
) -> Iterator[tuple[Probe, Case, str]]:
    """Yield the submissions of each probe that applies for each case, without repetitions.

    What should not pass and is a right answer all the same is left out, so that a probe need not
    know every task.
    """
    for index, case in enumerate(cases):
        other = _find_other(cases, index, contract)
        seen: set[str] = set()
        for probe in probes:
            limit = len(cases) if probe.most_cases is None else probe.most_cases
            if probe.family not in contract.families or index >= limit:
                continue
            for submission in probe.make(case, other):
                if submission in seen or (
                    not probe.should_pass and contract.is_right(case, submission)
                ):
                    continue
                seen.add(submission)
                yield probe, case, submission


def _find_other(cases: Sequence[Case], index: int, contract: Contract) -> Case | None:
    """Return a case nearby that surely has another answer."""
    case = cases[index]
    count = min(_NEIGHBOURS, len(cases) - 1)
    nearby = (cases[(index + step) % len(cases)] for step in range(1, count + 1))
    return next((other for other in nearby if contract.differ(case, other)), None)


def _judge(
    attempts: Iterator[tuple[Probe, Case, str]],
    judge: Callable[[Iterator[tuple[Task, str]]], Generator[Verdict, None, None]],
) -> Iterator[Finding]:
    waiting: deque[tuple[Probe, Case, str]] = deque()

    def items() -> Iterator[tuple[Task, str]]:
        for attempt in attempts:
            waiting.append(attempt)
            yield attempt[1].task, attempt[2]

    with contextlib.closing(judge(items())) as verdicts:
        for verdict in verdicts:
            probe, case, submission = waiting.popleft()
            yield Finding(probe, case.task, submission, verdict)


class _InThisProcess:
    """Asks a verifier without a pool."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier

    def verify_many(self, items: Iterable[tuple[Task, str]]) -> Generator[Verdict, None, None]:
        for task, submission in items:
            try:
                yield self.verifier.verify(task, submission)
            except Exception as error:  # It is anybody's code; the pool says the same of it.
                detail = f"the verifier raised {type(error).__name__}: {error}"[:500]
                yield unscorable(detail)
