"""What an agent is told of the public tests."""

import dataclasses
import json
from functools import lru_cache

from gym_reason.types import Outcome, Task
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.once import JudgedOnce, VerdictMemory

MAX_SHOWN_CHARS = 500
"""Of an input or an output; more is cut."""


class PublicTests:
    """Runs the public tests of a task, and says what fails and how."""

    def __init__(self, judge: CodeVerifier) -> None:
        """Use the sandboxes and the limits of `judge`."""
        spec = judge.spec
        arguments = (spec.backend, judge.seconds, spec.limits.memory_bytes >> 20)
        processes = spec.limits.processes
        memory = _memory(*arguments, processes)
        self._calls = JudgedOnce(CodeVerifier(*arguments, processes, "test", every=True), memory)
        # One that stops tells by the number of passed cases which one failed.
        self._cases = JudgedOnce(CodeVerifier(*arguments, processes, "test"), memory)

    def judge(self, task: Task, submission: str) -> tuple[float, str]:
        """Return the share that a program passes, and what to say; nothing where all pass.

        Where the tests are inputs and outputs, those behind the first that fails count as failed.
        """
        public = public_task(task)
        if public is None:
            return 0.0, "The tests, all of them hidden, do not pass."
        tests = json.loads(public.reference)
        is_stdio = tests["type"] == "stdio"
        verdict = (self._cases if is_stdio else self._calls).verify(public, submission)
        if verdict.correct:
            return 1.0, ""
        if verdict.outcome is Outcome.UNSCORABLE:
            return 0.0, "The public tests cannot be run."
        share = verdict.parts.get("tests", 0.0)
        said = f"Public tests: {(verdict.feedback or verdict.detail).rstrip()}"
        if is_stdio and verdict.outcome is not Outcome.NO_ANSWER:
            case = tests["cases"][min(round(share * len(tests["cases"])), len(tests["cases"]) - 1)]
            said += f"\nThe input was:\n{_cut(case['in'])}\nThe output should be:\n"
            said += _cut(case["out"])
        return share, said


def public_task(task: Task) -> Task | None:
    """Return a task whose tests are the public ones of `task`; None where there are none."""
    public = task.meta.get("public")
    if not isinstance(public, str) or not public:
        return None
    return dataclasses.replace(task, reference=public)


@lru_cache(maxsize=16)
def _memory(*limits: object) -> VerdictMemory:
    """Return what all environments with the same limits remember: in a group, many ask the same."""
    del limits
    return VerdictMemory()


def _cut(text: str) -> str:
    text = text.rstrip()
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."
