"""The memory of verdicts: what is alike is judged once, and only what would be judged so again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gym_reason.errors import RunError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.once import JudgedOnce, VerdictMemory

TASK = Task("1", (), "right")


class Counting:
    """Counts what it is asked, and waits for `gate` before it answers."""

    name = "counting"
    deterministic = True
    needs_s = 3.0

    def __init__(self, outcome: Outcome | None = None) -> None:
        """Give each submission this outcome; None compares it with the reference."""
        self.outcome = outcome
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def verify(self, task: Task, submission: str) -> Verdict:
        self.asked.append(submission)
        assert self.gate.wait(10)
        if submission == "raise":
            raise RunError("no sandbox works here")
        correct = submission == task.reference
        outcome = self.outcome or (Outcome.PASS if correct else Outcome.FAIL)
        return Verdict(float(correct), correct, outcome)


def test_what_several_threads_submit_is_judged_once() -> None:
    verifier = Counting()
    memory = VerdictMemory()
    judges = [JudgedOnce(verifier, memory) for _ in range(6)]
    verifier.gate.clear()
    with ThreadPoolExecutor(6) as threads:
        jobs = [threads.submit(judge.verify, TASK, "right") for judge in judges]
        verifier.gate.set()
        verdicts = [job.result() for job in jobs]
    assert [verdict.correct for verdict in verdicts] == [True] * 6
    assert verifier.asked == ["right"]
    assert not judges[0].verify(TASK, "wrong").correct
    assert not judges[1].verify(Task("1", (), "other"), "right").correct
    assert verifier.asked == ["right", "wrong", "right"]


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MEMORY, Outcome.UNSCORABLE])
def test_what_may_come_out_otherwise_again_is_judged_again(outcome: Outcome) -> None:
    verifier = Counting(outcome)
    judge = JudgedOnce(verifier, VerdictMemory())
    assert [judge.verify(TASK, "slow").outcome for _ in range(3)] == [outcome] * 3
    assert len(verifier.asked) == 3


def test_an_error_reaches_all_who_wait_and_is_not_remembered() -> None:
    verifier = Counting()
    judge = JudgedOnce(verifier, VerdictMemory())
    verifier.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        jobs = [threads.submit(judge.verify, TASK, "raise") for _ in range(2)]
        verifier.gate.set()
        errors = [job.exception() for job in jobs]
    assert all(isinstance(error, RunError) for error in errors)
    with pytest.raises(RunError):
        judge.verify(TASK, "raise")
    assert len(verifier.asked) in (2, 3)  # the second thread may have come after the error


def test_the_oldest_verdicts_are_forgotten() -> None:
    verifier = Counting()
    judge = JudgedOnce(verifier, VerdictMemory(most=2))
    for submission in ("a", "b", "c", "c", "b", "a"):
        judge.verify(TASK, submission)
    assert verifier.asked == ["a", "b", "c", "a"]


def test_it_says_of_itself_what_its_verifier_says() -> None:
    judge = JudgedOnce(Counting(), VerdictMemory())
    judge.prepare()
    assert (judge.name, judge.deterministic, judge.needs_s) == ("counting", True, 3.0)
