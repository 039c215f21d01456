"""The fork server of a pool as the pool sees it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from gym_reason.errors import RunError

_ANSWER_LIMIT_S = 30.0
_LEAVE_LIMIT_S = 15.0
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from gym_reason.verifiers.pool.fork_server import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))"
)


class ServerLostError(Exception):
    """The fork server does not answer: it died, and its workers with it."""


class ServerProcess:
    """The process that forks the workers of one pool, and the socket to it."""

    def __init__(self, modules: Sequence[str]) -> None:
        """Start the process, which imports `modules`. Raises RunError.

        The kernel ends it when the thread that calls this dies.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [json.dumps(sys.path), theirs.fileno(), os.getpid(), json.dumps(list(modules))]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Its own session: Ctrl-C reaches the pool alone.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise RunError(f"cannot start the verifier workers: {error.strerror}") from error
        finally:
            theirs.close()
        self.socket = ours
        self.socket.settimeout(_ANSWER_LIMIT_S)
        self.ready = False
        """Whether its imports are done."""
        self.since = time.monotonic()
        """When it was started."""

    def read_greeting(self) -> str:
        """Return why it cannot serve, or nothing. Raises ServerLostError where it has died."""
        try:
            message = self.socket.recv(16_000)
        except OSError as error:
            raise ServerLostError(str(error)) from error
        if not message:
            raise ServerLostError("it died")
        self.ready = message == b"ready"
        return "" if self.ready else message.decode("utf-8", "replace").removeprefix("no ")

    def fork_worker(self) -> tuple[int, socket.socket]:
        """Return the process id of a new worker and the socket to it.

        Raises:
            ServerLostError: The server does not answer.
            RunError: The system refuses another process.
        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.socket, [b"start"], [theirs.fileno()])
            answer = self.socket.recv(1_000)
        except OSError as error:
            ours.close()
            raise ServerLostError(str(error)) from error
        finally:
            theirs.close()
        if not answer.isdigit():
            ours.close()
            if not answer:
                raise ServerLostError("it died")
            reason = answer.decode("utf-8", "replace").removeprefix("no ")
            raise RunError(f"cannot start a verifier worker: {reason}")
        return int(answer), ours

    def end_worker(self, pid: int) -> int:
        """Kill a worker and all that it started; return its exit code. Raises ServerLostError."""
        try:
            self.socket.send(b"%d" % pid)
            return int(self.socket.recv(1_000))
        except (OSError, ValueError) as error:
            raise ServerLostError(str(error)) from error

    def stop(self) -> None:
        """End the process and all that is below it."""
        # Closing is not enough where a fork of this process holds a copy of the socket.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if not self.ready:  # It reads nothing before its imports are done.
            self._process.terminate()
        try:
            self._process.wait(_LEAVE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of the process in a fork of this one, whose child it is not."""
        self.socket.close()
        self._process.returncode = 0
