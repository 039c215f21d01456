"""Programs judged by asserts on their functions.

Two processes in two sandboxes: one holds the program and answers calls, the other holds the tests
and makes them. Only plain data passes between them, so nothing that the program can write, patch
or read decides about it.
"""

import json
import socket
import time

from gym_reason.types import Json
from gym_reason.verifiers.code.inside.remote import PROGRAM_ENDED
from gym_reason.verifiers.code.result import CodeResult, describe_end
from gym_reason.verifiers.code.tests import AssertTests
from gym_reason.verifiers.sandbox import (
    BoxSpec,
    Finished,
    Job,
    Sandbox,
    SandboxLostError,
    Watch,
    borrow,
    watch_until,
)

_CANDIDATE = "gym_reason.verifiers.code.inside.candidate:run"
_TESTER = "gym_reason.verifiers.code.inside.tester:run"
_END_LIMIT_S = 1.0


def judge_asserts(
    spec: BoxSpec, program: str, tests: AssertTests, seconds: float, *, every: bool
) -> CodeResult:
    """Return how a Python program does on asserts.

    Args:
        spec: The sandboxes to use.
        program: Its source.
        tests: The asserts.
        seconds: Wall-clock limit for all of it.
        every: Whether to go on after the first statement that fails.

    Raises:
        SandboxLostError: Where a sandbox has failed, not the program.
    """
    with borrow(spec) as program_box, borrow(spec) as test_box:
        # Only now: a sandbox that has to be started first is no time of the program's.
        deadline = time.monotonic() + seconds
        program_end, test_end = socket.socketpair()
        with program_end, test_end:
            entries: list[Json] = list(tests.entries)
            job = Job(_CANDIDATE, {"source": program, "entries": entries}, link=program_end)
            candidate = _start(program_box, job)
            try:
                content: dict[str, Json] = {
                    "entries": entries,
                    "code": tests.code,
                    "setup": tests.setup,
                    "every": every,
                }
                tester = _start(test_box, Job(_TESTER, content, link=test_end))
            except BaseException:
                candidate.run.close()
                raise
        try:
            watch_until([candidate, tester], deadline, lambda: tester.run.ended)
            return _conclude(candidate, tester)
        finally:
            candidate.run.close()
            tester.run.close()


def _start(sandbox: Sandbox, job: Job) -> Watch:
    before = sandbox.read_counters()
    return Watch(sandbox, sandbox.start(job), before)


def _conclude(candidate: Watch, tester: Watch) -> CodeResult:
    """End both runs and return what the tests have found."""
    tests_ended = tester.run.ended
    tests = tester.finish()
    result = _read_report(tests) if tests_ended and tests.report else None
    died = result is not None and result.failures[-1:] == [PROGRAM_ENDED]
    if died:
        # How it ended belongs to the verdict, and the two ends may be told in either order.
        watch_until([candidate], time.monotonic() + _END_LIMIT_S, lambda: candidate.run.ended)
    program = candidate.finish()
    limit = program.limit or tests.limit
    if result is None:
        if limit is None:
            raise SandboxLostError("the tests ended without a report")
        # The program hit a limit, or the tests did with what it had sent.
        end = program if program.limit is not None else tests
        return CodeResult(outcome=limit, failures=[describe_end(end)])
    if died and program.limit is None and program.exit_code:
        result.failures[-1] += f" ({describe_end(program)})"
    if limit is not None:
        result.outcome = limit
    return result


def _read_report(tests: Finished) -> CodeResult:
    try:
        report = json.loads(tests.report)
    except ValueError:
        raise SandboxLostError("the tests ended without a report") from None
    result = CodeResult(total=int(report["total"]), passed=int(report["passed"]))
    for failure in report["failures"]:
        result.failures.append("; ".join(failure["calls"]) or failure["error"])
        result.failed_tests.append(f"line {failure['line']}: {failure['test']}")
    if report["fault"]:
        result.failures.append(str(report["fault"]))
    result.error = str(report["error"])
    if not result.failures and not result.error:
        if not result.total:
            result.error = "the tests hold no assert"
        elif result.passed < result.total:
            result.failures.append(f"{result.total - result.passed} asserts were never reached")
    return result
