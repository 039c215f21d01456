"""One worker process as the pool sees it."""

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from multiprocessing.connection import Connection

from gym_reason.errors import RunError
from gym_reason.verifiers.row_stream import Row

# A fresh interpreter, not a fork: it inherits no locks, no threads and no GPU context of this
# process, and unlike `multiprocessing` it does not import the caller's main module again.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from gym_reason.verifiers.worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


class WorkerProcess:
    """A process that verifies rows, and the pipe to it."""

    def __init__(self, greeting: bytes) -> None:
        """Start the process and send it `greeting`, the pickled verifier. Raises RunError."""
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _START,
                    json.dumps(sys.path),
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Its own session: Ctrl-C reaches the pool alone, and a kill reaches all that the
                # worker has started.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise RunError(f"cannot start a verifier worker: {error.strerror}") from error
        finally:
            theirs.close()
        self.connection = Connection(ours.detach())
        self.ready = False
        """Whether it has made its verifier."""
        self.rows: deque[Row] = deque()
        """What it was given and has not answered, in order: it works on the first."""
        self.since = time.monotonic()
        """When it was last heard of, or last given rows."""
        self.chunk_rows = 1
        """How many rows it is given at once."""
        self._chunk_start = self.since
        with contextlib.suppress(OSError):
            self.connection.send_bytes(greeting)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def died_idle(self) -> bool:
        """Whether it is gone: all that can be read from an idle process is the end of its pipe."""
        return not self.busy and self.connection.poll(0)

    @property
    def busy(self) -> bool:
        """Whether something is expected of it."""
        return bool(self.rows) or not self.ready

    def send(self, rows: list[Row]) -> None:
        """Give an idle process its next rows. It is reading, so this does not block."""
        self.rows.extend(rows)
        self.since = self._chunk_start = time.monotonic()
        # Where it has died meanwhile the next read says so, and the rows go to another.
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps([(row.task, row.submission) for row in rows]))

    def pace(self, fast_s: float, most_rows: int) -> None:
        """Choose the size of the next chunk: larger while a chunk takes less than `fast_s`."""
        if time.monotonic() - self._chunk_start < fast_s:
            self.chunk_rows = min(most_rows, 2 * self.chunk_rows)
        else:
            self.chunk_rows = max(1, self.chunk_rows // 2)

    def kill(self) -> int:
        """Kill the process and all that it started, and return its exit code."""
        self.connection.close()
        # Before the wait: until then the group's number cannot belong to anyone else.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()
