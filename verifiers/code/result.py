"""What came out of testing one program."""

from dataclasses import dataclass, field

from gym_reason.types import Outcome
from gym_reason.verifiers.sandbox import Finished

_SIGNALS = {134: "abort", 137: "kill", 139: "a segmentation fault", 143: "termination"}


@dataclass(slots=True)
class CodeResult:
    """How a program did on its tests."""

    total: int = 0
    """How many tests there are."""
    passed: int = 0
    """How many of them it passed."""
    failures: list[str] = field(default_factory=list)
    """What went wrong, in order; may name inputs, never expected values."""
    outcome: Outcome = Outcome.FAIL
    """What a failure means; not read where there is none."""
    failed_tests: list[str] = field(default_factory=list)
    """The tests behind the failures, as written; they may hold expected values."""
    error: str = ""
    """Why the tests themselves could not be run."""

    @property
    def correct(self) -> bool:
        """Whether every test was run and passed."""
        return not self.failures and not self.error and 0 < self.total == self.passed


def describe_end(finished: Finished) -> str:
    """Return in words how a run ended that did not end well."""
    words = {
        Outcome.TIMEOUT: "the time limit was reached",
        Outcome.MEMORY: "the memory limit was reached",
        Outcome.OUTPUT_LIMIT: "it wrote too much",
        Outcome.PIDS: "it started too many processes",
    }
    if finished.limit is not None:
        return words[finished.limit]
    code = finished.exit_code or 0
    if code in _SIGNALS:
        return f"it was ended by {_SIGNALS[code]}"
    said = finished.stderr.decode(errors="replace").strip().split("\n")[-1][:200]
    return f"it ended with exit code {code}" + (f": {said}" if said else "")
