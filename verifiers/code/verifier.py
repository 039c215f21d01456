"""The verifier of programs."""

import time
from typing import Literal

from gym_reason.errors import DataError, UnknownNameError, UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.code.asserts import judge_asserts
from gym_reason.verifiers.code.extract import MAX_CHARS, extract_program
from gym_reason.verifiers.code.languages import Language, find_language
from gym_reason.verifiers.code.result import CodeResult
from gym_reason.verifiers.code.stdio import judge_stdio
from gym_reason.verifiers.code.tests import AssertTests, StdioTests, read_tests
from gym_reason.verifiers.sandbox import MIB, BoxSpec, Limits, SandboxLostError, borrow
from gym_reason.verifiers.sandbox.boxes import check_backend
from gym_reason.verifiers.sandbox.limits import check_seconds

Feedback = Literal["none", "count", "input", "test"]
_INSIDE = "gym_reason.verifiers.code.inside"
_MODULES = tuple(
    f"{_INSIDE}.{name}" for name in ("candidate", "checker", "plain", "remote", "tester")
)
_MOST_SHOWN = 3
_LEAST_MEMORY_MB = 32


class CodeVerifier:
    """Runs a program in a sandbox and judges it by tests that it can neither see nor touch.

    The tests are the task's reference, in a form of `gym_reason.verifiers.code.tests`; the language
    is `task.meta["language"]`, Python where it is not named. A program passes where every test was
    run and passed, which is never concluded from an exit code alone. The verdict's part `tests` is
    the share of tests passed; without `every` the first failure ends the run.
    """

    name = "code"
    deterministic = True

    def __init__(
        self,
        sandbox: str = "auto",
        timeout: float = 4.0,
        memory_mb: int = 256,
        processes: int = 32,
        feedback: Feedback = "count",
        *,
        every: bool = False,
    ) -> None:
        """Make a verifier. Nothing is started before `prepare` or the first program.

        Its attribute `needs_s`, what one verdict may take, is `timeout`: the time of a compiler
        depends on the task's language, and comes on top.

        Args:
            sandbox: `auto`, or a backend's name: `bubblewrap`, `docker`, `process`.
            timeout: Seconds for all tests of one program together, once it is compiled.
            memory_mb: Memory of a program, its children included, in MiB.
            processes: Processes and threads that it may have at a time.
            feedback: What an agent may be told: `none`; `count`, how many tests passed; `input`,
                the calls that failed too, and what they returned; `test`, the failed tests as well.
            every: Whether to run all tests even after one has failed.

        Raises:
            UsageError: For limits under which nothing runs, or an unknown kind of feedback.
            UnknownNameError: Where no backend has the name.
        """
        if feedback not in ("none", "count", "input", "test"):
            raise UsageError(f"feedback = {feedback!r}", "none, count, input or test")
        self.seconds = check_seconds("timeout", timeout)
        if not isinstance(memory_mb, int) or memory_mb < _LEAST_MEMORY_MB:
            raise UsageError(
                f"memory_mb = {memory_mb!r}", f"a whole number, {_LEAST_MEMORY_MB} or more"
            )
        limits = Limits(memory_bytes=memory_mb * MIB, processes=processes)
        self.spec = BoxSpec(check_backend(str(sandbox)), limits, _MODULES)
        self.feedback = feedback
        self.every = every
        self.needs_s = self.seconds

    def prepare(self) -> None:
        """Start the sandboxes of a first program. Raises RunError where none works here."""
        with borrow(self.spec), borrow(self.spec):
            pass

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the program in `submission`.

        Raises:
            RunError: Where no sandbox works here.
        """
        start = time.perf_counter()
        language_name = str(task.meta.get("language") or "python")
        try:
            language_name, language = find_language(language_name)
            tests = read_tests(task.reference, task.meta)
            if isinstance(tests, AssertTests) and language.run:
                raise DataError(
                    f"asserts on a program in {language_name}", "Python, or stdio cases"
                )
        except (DataError, UnknownNameError) as error:
            return _without_run(Outcome.UNSCORABLE, str(error))
        program = extract_program(submission, language_name, language.names)
        if program is None:
            return _without_run(Outcome.NO_ANSWER, "found no program", "No program was found.")
        if len(program) > MAX_CHARS:
            return _without_run(
                Outcome.INVALID, f"a program of {len(program)} characters; at most {MAX_CHARS}"
            )
        try:
            result = self._judge(language, program, tests)
        except SandboxLostError:
            # Once more in fresh ones: a sandbox may have been killed from outside.
            try:
                result = self._judge(language, program, tests)
            except SandboxLostError as error:
                return _without_run(Outcome.UNSCORABLE, str(error))
        return self._to_verdict(result, time.perf_counter() - start)

    def _judge(
        self, language: Language, program: str, tests: AssertTests | StdioTests
    ) -> CodeResult:
        if isinstance(tests, AssertTests):
            return judge_asserts(self.spec, program, tests, self.seconds, every=self.every)
        return judge_stdio(self.spec, language, program, tests, self.seconds, every=self.every)

    def _to_verdict(self, result: CodeResult, seconds: float) -> Verdict:
        if result.error:
            return _without_run(Outcome.UNSCORABLE, f"the tests cannot be run: {result.error}")
        reward = 1.0 if result.correct else 0.0
        share = result.passed / result.total if result.total else 0.0
        detail = "; ".join([*result.failures[:_MOST_SHOWN], *result.failed_tests[:_MOST_SHOWN]])
        return Verdict(
            reward=reward,
            correct=result.correct,
            outcome=Outcome.PASS if result.correct else result.outcome,
            parts={"answer": reward, "tests": share},
            feedback=_make_printable(self._describe(result)),
            detail=_make_printable(detail[:2_000]),
            seconds=seconds,
        )

    def _describe(self, result: CodeResult) -> str:
        if self.feedback == "none" or result.correct:
            return ""
        lines = [f"{result.passed} of {result.total} tests passed." if result.total else "Failed."]
        if self.feedback in ("input", "test"):
            lines += result.failures[:_MOST_SHOWN]
        if self.feedback == "test":
            lines += result.failed_tests[:_MOST_SHOWN]
        return "\n".join(lines)


def _make_printable(text: str) -> str:
    """Return `text`, which may quote a program, without what terminals and encoders trip over."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _without_run(outcome: Outcome, detail: str, feedback: str = "") -> Verdict:
    return Verdict(
        reward=0.0,
        correct=False,
        outcome=outcome,
        parts={"answer": 0.0, "tests": 0.0},
        feedback=feedback,
        detail=detail,
    )
