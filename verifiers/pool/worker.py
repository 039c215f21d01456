"""The worker process of `VerifierPool`: reads rows, verifies each in turn and answers it."""

import contextlib
import json
import math
import pickle
import socket
import time
from collections.abc import Mapping

from gym_reason.types import Task, Verdict, replace_verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.capabilities import prepare
from gym_reason.verifiers.pool.messages import (
    describe_failed_start,
    row_from_fields,
    verdict_to_bytes,
)
from gym_reason.verifiers.verdicts import unscorable

_LARGEST_VERDICT_BYTES = 16_000_000


def serve(connection: socket.socket) -> None:
    """Serve the pool at the other end of `connection` until it closes it."""
    # The pool went away, which is how it says that nothing more will come.
    with contextlib.suppress(EOFError, OSError), connection.makefile("rb", 1 << 16) as stream:
        # Only the verifier itself may run code of its own choice: the pool's caller sent it.
        try:
            verifier = make_verifier(pickle.load(stream))
            # What it loads or starts once is no part of the first row's time.
            prepare(verifier)
        except Exception as error:  # It is anybody's code.
            _say_ready(connection, describe_failed_start(error))
            return
        _say_ready(connection, "")
        while True:
            task, submission = row_from_fields(pickle.load(stream))
            connection.sendall(_verify(verifier, task, submission) + b"\n")


def _say_ready(connection: socket.socket, failure: str) -> None:
    connection.sendall(json.dumps(failure).encode("ascii") + b"\n")


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
        content = verdict_to_bytes(verdict)
        if len(content) > _LARGEST_VERDICT_BYTES:
            return verdict_to_bytes(unscorable(f"the verdict has {len(content)} bytes"))
        return content
    except BaseException as error:  # SystemExit too: a verifier must not end its worker.
        detail = f"the verifier raised {type(error).__name__}: {error}"
        return verdict_to_bytes(unscorable(detail[:500]))


def _is_finite(reward: float, parts: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, (reward, *parts.values())))
