"""Verifiers that misbehave as the submission tells them to. Loaded by path, in the workers too."""

import os
import subprocess
import sys
import time
from pathlib import Path

from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Task, Verdict


@register_verifier("hostile")
class HostileVerifier:
    """Does what the submission says."""

    name = "hostile"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Obey."""
        order, _, argument = submission.partition(" ")
        if order == "hang":
            time.sleep(3600)
        if order == "hang_with_child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
            Path(argument).write_text(f"{os.getpid()} {child.pid}")
            time.sleep(3600)
        if order == "exit":
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
        return Verdict(1.0, True, Outcome.PASS, {"pid": float(os.getpid())}, detail=submission)


@register_verifier("returns_none")
class ReturnsNone:
    """Breaks the interface."""

    name = "returns_none"

    def verify(self, task: Task, submission: str) -> None:
        """Return nothing."""
