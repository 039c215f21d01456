"""Verifiers that misbehave as the submission tells them to. Loaded by path, in the workers too."""

import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

from gym_reason.errors import RunError
from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Task, Verdict

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


@register_verifier("hostile")
class HostileVerifier:
    """Does what the submission says: a word, and for some an argument."""

    name = "hostile"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Obey."""
        order, _, argument = submission.partition(" ")
        if order in ("hang_with_child", "hang_with_daemon", "exit_with_daemon"):
            child = subprocess.Popen(SLEEP, start_new_session=order.endswith("daemon"))
            with Path(argument).open("a") as file:
                file.write(f"{os.getpid()} {child.pid}\n")
        if order.startswith("hang"):
            time.sleep(3600)
        if order in ("exit", "exit_with_daemon"):
            os._exit(7)
        if order == "exit_once" and not Path(argument).exists():
            Path(argument).touch()
            os._exit(7)
        if order == "raise":
            raise RuntimeError("out of luck")
        if order == "leave":
            sys.exit(3)
        if order == "infinite":
            return Verdict(float("nan"), True, Outcome.PASS)
        if order == "print":
            print("noise")
        if order == "sleep":
            time.sleep(float(argument))
        if order == "kill_parent":
            os.kill(os.getppid(), 9)
            time.sleep(3600)
        return Verdict(1.0, True, Outcome.PASS, {"pid": float(os.getpid())}, detail=submission)


@register_verifier("returns_none")
class ReturnsNone:
    """Breaks the interface."""

    name = "returns_none"

    def verify(self, task: Task, submission: str) -> None:
        """Return nothing."""


@register_verifier("counted")
class Counted:
    """Says the outcome that the submission begins with, and notes each call in a file."""

    name = "counted"
    deterministic = True

    def __init__(self, calls: str = "", salt: int = 0) -> None:
        """Note calls in the file `calls`."""
        self.calls = calls

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict."""
        with Path(self.calls).open("a") as file:
            file.write(f"{submission}\n")
        outcome = Outcome(submission.split()[0])
        return Verdict(0.5, False, outcome, {"a": 0.5}, "feedback", "d\ud800", 0.25)


@register_verifier("echo_task")
class EchoTask:
    """Shows what it was given."""

    name = "echo_task"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the task in the detail."""
        return Verdict(1.0, True, Outcome.PASS, detail=f"{task.reference}|{dict(task.meta)!r}")


@register_verifier("slow_start")
class SlowStart:
    """Takes a second to load, or fails to; without `prepare` its first row would pay."""

    name = "slow_start"

    def __init__(self, failure: str = "", needs_s: float = 0.0) -> None:
        """Fail with the text `failure`, if there is one."""
        self.failure = failure
        self.needs_s = needs_s
        self.loaded = False

    def prepare(self) -> None:
        """Load."""
        if self.failure:
            raise RunError(self.failure, "a model")
        if not self.loaded:
            time.sleep(1.0)
            self.loaded = True

    def verify(self, task: Task, submission: str) -> Verdict:
        """Pass everything."""
        self.prepare()
        return Verdict(1.0, True, Outcome.PASS)


register_verifier("slow")(partial(SlowStart, needs_s=20.0))
register_verifier("broken")(partial(SlowStart, "no such file"))


@register_verifier("locked")
class Locked:
    """Holds what has no state that could be told."""

    name = "locked"
    deterministic = True

    def __init__(self) -> None:
        """Make the lock."""
        self.lock = threading.Lock()

    def verify(self, task: Task, submission: str) -> Verdict:
        """Pass everything."""
        return Verdict(1.0, True, Outcome.PASS)
