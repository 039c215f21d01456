"""The worker process of `VerifierPool`: reads rows, verifies each in turn and answers it."""

import contextlib
import ctypes
import json
import math
import os
import pickle
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection

from gym_reason.registry import load_module
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier

_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent_pid: int) -> None:
    """Serve the pool at the other end of `descriptor` until it closes it."""
    _die_with_parent(parent_pid)
    # What a verifier starts must not hold the pipe open after this process has died.
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    # The pool went away, which is how it says that nothing more will come.
    with contextlib.suppress(EOFError, OSError):
        _serve(connection)


def unscorable(detail: str) -> Verdict:
    """Return the verdict for a failure that is not the submission's."""
    return Verdict(reward=0.0, correct=False, outcome=Outcome.UNSCORABLE, detail=detail)


def verdict_to_bytes(verdict: Verdict) -> bytes:
    """Return a verdict as JSON. The pool reads JSON, and unpickles nothing that a worker sends."""
    return json.dumps(verdict.to_json()).encode("ascii")


def verdict_from_bytes(content: bytes) -> Verdict:
    """Return the verdict that `verdict_to_bytes` wrote."""
    values = json.loads(content)
    return Verdict(**{**values, "outcome": Outcome(values["outcome"])})


def _die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies, even while a verifier hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _serve(connection: Connection) -> None:
    try:
        spec, modules = pickle.loads(connection.recv_bytes())
        for module in modules:
            load_module(module)
        verifier = make_verifier(spec)
    except Exception as error:
        connection.send_bytes(f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        return
    connection.send_bytes(b"")
    while True:
        rows: list[tuple[Task, str]] = pickle.loads(connection.recv_bytes())
        for task, submission in rows:
            connection.send_bytes(_verify(verifier, task, submission))


def _verify(verifier: Verifier, task: Task, submission: str) -> bytes:
    """Return the verdict as JSON; whatever the verifier does wrong is `unscorable`."""
    start = time.perf_counter()
    try:
        verdict = verifier.verify(task, submission)
        if not isinstance(verdict, Verdict):
            found: object = verdict
            return verdict_to_bytes(unscorable(f"the verifier returned {type(found).__name__}"))
        if not _is_finite(verdict.reward, verdict.parts):
            return verdict_to_bytes(unscorable(f"the verifier gave the reward {verdict.reward}"))
        if not verdict.seconds:
            verdict = replace_verdict(verdict, seconds=time.perf_counter() - start)
        return verdict_to_bytes(verdict)
    except BaseException as error:  # SystemExit too: a verifier must not end its worker.
        detail = f"the verifier raised {type(error).__name__}: {error}"
        return verdict_to_bytes(unscorable(detail[:500]))


def _is_finite(reward: float, parts: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, (reward, *parts.values())))
