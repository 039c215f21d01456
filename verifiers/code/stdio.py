"""Programs judged by what they write for each input."""

import base64
import time
from dataclasses import dataclass

from gym_reason.errors import DataError
from gym_reason.text import shorten
from gym_reason.types import Json, Outcome
from gym_reason.verifiers.code.compare import outputs_equal
from gym_reason.verifiers.code.languages import Language
from gym_reason.verifiers.code.result import CodeResult, describe_end
from gym_reason.verifiers.code.tests import Case, StdioTests
from gym_reason.verifiers.sandbox import BoxSpec, Finished, Job, Sandbox, borrow, run_job
from gym_reason.verifiers.sandbox.inside.command import MISSING

COMPILE_LIMIT_S = 20.0
"""Wall-clock limit of a compiler."""
_COMMAND = "gym_reason.verifiers.sandbox.inside.command:run"
_SCRIPT = "gym_reason.verifiers.sandbox.inside.script:run"
_CHECKER = "gym_reason.verifiers.code.inside.checker:run"


@dataclass(frozen=True, slots=True)
class _Program:
    """A program that is ready to be run."""

    main: str
    content: dict[str, Json]


def judge_stdio(
    spec: BoxSpec,
    language: Language,
    program: str,
    tests: StdioTests,
    seconds: float,
    *,
    every: bool,
) -> CodeResult:
    """Return how a program does on input and output cases.

    Args:
        spec: The sandboxes to use.
        language: The program's language.
        program: Its source.
        tests: The cases.
        seconds: Wall-clock limit for all cases together; the compiler has a limit of its own.
        every: Whether to go on after the first case that fails.

    Raises:
        SandboxLostError: Where a sandbox has failed, not the program.
    """
    result = CodeResult(total=len(tests.cases))
    with borrow(spec) as sandbox:
        if tests.checker:
            with borrow(spec):
                pass  # One for the checker is warm from here on.
        # Only now: a sandbox that has to be started first is no time of the program's.
        ready = _prepare(sandbox, language, program)
        if isinstance(ready, CodeResult):
            return ready
        deadline = time.monotonic() + seconds
        for case in tests.cases:
            job = Job(ready.main, ready.content, case.input.encode("utf-8", "surrogatepass"))
            finished = run_job(sandbox, job, deadline)
            result.error = _find_missing(finished)
            if result.error:
                break
            try:
                problem, outcome = _judge(spec, tests, case, finished, deadline)
            except DataError as error:
                result.error = str(error)
                break
            if not problem:
                result.passed += 1
                continue
            result.failures.append(problem)
            result.outcome = outcome if len(result.failures) == 1 else result.outcome
            if not every or finished.limit is Outcome.TIMEOUT:
                break
    return result


def _prepare(sandbox: Sandbox, language: Language, program: str) -> "_Program | CodeResult":
    if not language.run:
        return _Program(_SCRIPT, {"source": program})
    source = base64.b64encode(program.encode("utf-8", "surrogatepass")).decode()
    files: dict[str, Json] = {language.file: source}
    if not language.compile:
        return _Program(_COMMAND, {"files": files, "argv": language.run})
    job = Job(_COMMAND, {"files": files, "argv": language.compile, "collect": language.binary})
    compiled = run_job(sandbox, job, time.monotonic() + COMPILE_LIMIT_S)
    missing = _find_missing(compiled)
    if missing:
        return CodeResult(error=missing)
    if compiled.limit or compiled.exit_code:
        said = compiled.stderr.decode(errors="replace")[:500]
        return CodeResult(
            outcome=compiled.limit or Outcome.FAIL, failures=[f"it does not compile: {said}"]
        )
    binary = base64.b64encode(compiled.report).decode()
    return _Program(_COMMAND, {"files": {language.binary: binary}, "argv": language.run})


def _find_missing(finished: Finished) -> str:
    """Return what has to be installed before a run can be judged; empty where nothing has."""
    is_missing = finished.exit_code == MISSING and finished.report
    return finished.report.decode(errors="replace") if is_missing else ""


def _judge(
    spec: BoxSpec, tests: StdioTests, case: Case, finished: Finished, deadline: float
) -> tuple[str, Outcome]:
    """Return what is wrong with one run, empty where nothing is, and the outcome that it means."""
    if finished.limit is not None:
        return describe_end(finished), finished.limit
    if finished.exit_code:
        return describe_end(finished), Outcome.FAIL
    try:
        output = finished.stdout.decode("utf-8")
    except UnicodeDecodeError:
        return "the output is not UTF-8", Outcome.FAIL
    if tests.compare == "checker":
        return _ask_checker(spec, tests.checker, case, output, deadline)
    right = outputs_equal(tests.compare, output, case.output)
    return ("" if right else _describe_wrong(case, output)), Outcome.FAIL


def _describe_wrong(case: Case, output: str) -> str:
    return f"for the input {shorten(case.input)!r} it wrote {shorten(output)!r}"


def _ask_checker(
    spec: BoxSpec, checker: str, case: Case, output: str, deadline: float
) -> tuple[str, Outcome]:
    """Return what the trusted checker says, which runs in a sandbox of its own.

    Raises:
        DataError: Where it cannot even be loaded.
    """
    content = {"source": checker, "arguments": [case.input, output, case.output]}
    with borrow(spec) as sandbox:
        finished = run_job(sandbox, Job(_CHECKER, content), deadline)
    if finished.report not in (b"true", b"false", b""):
        raise DataError(f"a checker that fails: {finished.report.decode(errors='replace')}")
    if finished.limit is not None:
        return f"the checker broke off: {describe_end(finished)}", finished.limit
    right = finished.report == b"true"
    return ("" if right else _describe_wrong(case, output)), Outcome.FAIL
