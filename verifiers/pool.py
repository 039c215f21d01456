"""Verifiers in worker processes, with a deadline that is kept.

with VerifierPool("math", workers=4, timeout_s=5.0) as pool:
    for verdict in pool.verify_many((task, text) for task, text in rows):
        ...
"""

import contextlib
import os
import pickle
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from multiprocessing import connection as mp_connection
from types import TracebackType
from typing import Self

from gym_reason.errors import RunError, UsageError
from gym_reason.registry import load_module
from gym_reason.registry import verifiers as registered
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.row_stream import Item, RowStream
from gym_reason.verifiers.worker import unscorable, verdict_from_bytes
from gym_reason.verifiers.worker_process import WorkerProcess

_LOOK_AHEAD_ROWS = 256
_MAX_CHUNK_ROWS = 64
_MAX_CHUNK_CHARS = 1_000_000
_FAST_CHUNK_S = 0.02
_START_LIMIT_S = 60.0
_MAX_FAILED_STARTS = 3


class VerifierPool:
    """Runs one verifier in several processes and kills whatever passes its deadline.

    Workers start when rows wait for them. They are ended by `close`, by the end of the `with` block
    and by the death of this process, however it dies. The deadline is watched while a verdict is
    waited for. One thread at a time may ask for verdicts; others wait. On Linux a worker ends with
    the thread that started it, and is replaced when it is needed again.
    """

    name = "pool"

    def __init__(
        self,
        verifier: str | Verifier,
        workers: int = 1,
        timeout_s: float = 5.0,
        modules: Sequence[str] = (),
    ) -> None:
        """Make a pool.

        Args:
            verifier: A spec such as `math:strict`, or a verifier that can be pickled.
            workers: Most processes at a time.
            timeout_s: Wall-clock limit for one submission.
            modules: Modules or `.py` files that a worker imports first, for what they register.

        Raises:
            UsageError: For limits that are not positive, or a verifier that cannot be pickled.
            UnknownNameError: Where no verifier has the name.
        """
        if workers < 1:
            raise UsageError(f"workers = {workers}", "1 or more")
        if not 0 < timeout_s < float("inf"):
            raise UsageError(f"timeout_s = {timeout_s}", "a positive number of seconds")
        # Only what is still unknown: a file that is run twice registers its names twice.
        if isinstance(verifier, str) and verifier.partition(":")[0] not in registered:
            for module in modules:
                load_module(module)
        self.name = make_verifier(verifier).name
        self.workers = workers
        self.timeout_s = timeout_s
        try:
            self._greeting = pickle.dumps((verifier, tuple(modules)))
        except Exception as error:
            raise UsageError(
                f"the verifier {self.name!r} cannot be pickled: {error}",
                "a verifier that a module defines",
                "or pass its registered name",
            ) from None
        self._creator = os.getpid()
        self._processes: list[WorkerProcess] = []
        self._failed_starts = 0
        self._closed = False
        self._lock = threading.Lock()
        self._owner: int | None = None

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the pool."""
        self.close()

    def __del__(self) -> None:
        """Leave no process behind a pool that was never closed."""
        if hasattr(self, "_processes"):
            self.close()

    def close(self) -> None:
        """Kill the workers. Closing twice does nothing."""
        self._closed = True
        if os.getpid() != self._creator:
            # A fork of this process holds a copy of the pool; the workers are not its own.
            self._processes.clear()
        while self._processes:
            self._processes.pop().kill()

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission."""
        with contextlib.closing(self.verify_many([(task, submission)])) as verdicts:
            return next(verdicts)

    def verify_many(self, items: Iterable[Item]) -> Generator[Verdict, None, None]:
        """Yield the verdicts on `items` in their order, as they come.

        `items` is read a bounded number of rows ahead, so memory does not grow with its length.

        Raises:
            UsageError: Where the pool is closed, or the same thread is still reading verdicts.
            RunError: Where workers cannot be started.
        """
        thread = threading.get_ident()
        if self._closed or self._owner == thread:
            state = "closed" if self._closed else "in use by this thread"
            raise UsageError(f"the verifier pool is {state}", "an open, idle pool")
        with self._lock:
            self._owner = thread
            try:
                yield from self._stream(iter(items))
            finally:
                self._owner = None
                for process in [process for process in self._processes if process.rows]:
                    self._retire(process)

    def _stream(self, items: Iterator[Item]) -> Iterator[Verdict]:
        stream = RowStream(items, self.workers * _MAX_CHUNK_ROWS + _LOOK_AHEAD_ROWS)
        while True:
            self._hand_out(stream)
            yield from stream.take_ready()
            if stream.finished:
                return
            if any(process.rows or not process.ready for process in self._processes):
                self._wait(stream)

    def _hand_out(self, stream: RowStream) -> None:
        """Give rows to every idle worker, and start another where rows are left over."""
        for process in list(self._processes):
            if process.died_idle:
                self._retire(process)
            elif not process.busy:
                rows = stream.take_rows(process.chunk_rows, _MAX_CHUNK_CHARS)
                if not rows:
                    return
                process.send(rows)
        starting = sum(not process.ready for process in self._processes)
        wanted = self.workers - len(self._processes)
        # A worker that is about to be ready may take all there is: start more only for more rows.
        for _ in range(wanted):
            if not stream.has_rows(starting + 1):
                return
            self._processes.append(WorkerProcess(self._greeting))
            starting += 1

    def _wait(self, stream: RowStream) -> None:
        """Wait for the next reply, death or deadline, and deal with all that came."""
        busy = {process.connection: process for process in self._processes if process.busy}
        now = time.monotonic()
        limit = min(self._deadline(process) for process in busy.values())
        for ready in mp_connection.wait(list(busy), max(0.0, limit - now)):
            process = busy.pop(ready)  # type: ignore[call-overload]
            self._receive(process, stream)
        now = time.monotonic()
        for process in busy.values():
            # A reply may have come since; then the process is not the one that hangs.
            if now >= self._deadline(process) and not process.connection.poll(0):
                self._end_late(process, stream)

    def _deadline(self, process: WorkerProcess) -> float:
        return process.since + (self.timeout_s if process.ready else _START_LIMIT_S)

    def _receive(self, process: WorkerProcess, stream: RowStream) -> None:
        try:
            while process.busy and process.connection.poll(0):
                content = process.connection.recv_bytes()
                if process.ready:
                    stream.settle(process.rows.popleft(), verdict_from_bytes(content))
                else:
                    self._greet(process, content)
                process.since = time.monotonic()
        except (EOFError, OSError):
            self._replace_dead(process, stream)
            return
        if not process.rows and process.ready:
            process.pace(_FAST_CHUNK_S, _MAX_CHUNK_ROWS)

    def _greet(self, process: WorkerProcess, content: bytes) -> None:
        if content:
            self._retire(process)
            message = content.decode("utf-8", "replace")
            raise RunError(
                f"a verifier worker could not start: {message}",
                "a verifier that another process can make",
            )
        process.ready = True
        self._failed_starts = 0

    def _end_late(self, process: WorkerProcess, stream: RowStream) -> None:
        if not process.ready:
            self._count_failed_start(process, f"it was not ready after {_START_LIMIT_S:.0f} s")
            return
        seconds = time.monotonic() - process.since
        culprit = process.rows.popleft()
        self._retire(process)
        stream.settle(
            culprit,
            Verdict(
                reward=0.0,
                correct=False,
                outcome=Outcome.TIMEOUT,
                feedback="The time limit was reached.",
                detail=f"no verdict after {self.timeout_s:g} s",
                seconds=seconds,
            ),
        )
        stream.give_back(process.rows)

    def _replace_dead(self, process: WorkerProcess, stream: RowStream) -> None:
        code = self._retire(process)
        if not process.ready:
            self._count_failed_start(process, f"it died with exit code {code}")
        elif process.rows:
            culprit = process.rows[0]
            culprit.deaths += 1
            if culprit.deaths > 1:
                process.rows.popleft()
                stream.settle(culprit, unscorable(f"its worker died twice, last with code {code}"))
            stream.give_back(process.rows)

    def _count_failed_start(self, process: WorkerProcess, reason: str) -> None:
        self._retire(process)
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS:
            raise RunError(
                f"{self._failed_starts} verifier workers in a row did not start: {reason}"
            )

    def _retire(self, process: WorkerProcess) -> int:
        if process in self._processes:
            self._processes.remove(process)
        return process.kill()
