"""The thread of a `VerifierPool` that owns its workers."""

import json
import selectors
import threading
import time
from collections.abc import Sequence

from gym_reason.errors import GymReasonError, RunError, UsageError
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.pool.cache import VerdictCache
from gym_reason.verifiers.pool.mailbox import Mailbox
from gym_reason.verifiers.pool.messages import verdict_from_bytes
from gym_reason.verifiers.pool.quarantine import Quarantine
from gym_reason.verifiers.pool.rows import Client, Row, Turns
from gym_reason.verifiers.pool.server_process import ServerLostError, ServerProcess
from gym_reason.verifiers.pool.worker_process import WorkerGoneError, WorkerProcess
from gym_reason.verifiers.verdicts import unscorable

MAX_CHUNK_ROWS = 128
"""Most rows that a worker holds."""
_MAX_CHUNK_BYTES = 1_000_000
_FAST_CHUNK_S = 0.02
_START_LIMIT_S = 60.0
_MAX_FAILED_STARTS = 3


class Dispatcher:
    """Hands rows to workers, watches their deadlines, and replaces those that it kills.

    All but `add`, `abandon`, `close` and `forget` runs in its thread, so nothing here needs a lock.
    The fork server is started by that thread too: the kernel ends the workers with it.
    """

    def __init__(
        self,
        greeting: bytes,
        modules: Sequence[str],
        workers: int,
        timeout_s: float,
        cache: VerdictCache | None,
    ) -> None:
        """Start the thread; processes start when rows wait for them."""
        self._greeting = greeting
        self._modules = tuple(modules)
        self._most_workers = workers
        self._timeout_s = timeout_s
        self._cache = cache
        self._mailbox = Mailbox()
        self._stopping = False
        self._turns = Turns()
        self._quarantine = Quarantine()
        self._server: ServerProcess | None = None
        self._workers: list[WorkerProcess] = []
        self._failed_starts = 0
        self._to_wake: set[Client] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(
            self._mailbox.bell, selectors.EVENT_READ, lambda mask: self._mailbox.still_bell()
        )
        self.thread = threading.Thread(target=self._run, name="verifier-pool", daemon=True)
        self.thread.start()

    # Called by any thread.

    def add(self, client: Client, rows: Sequence[Row]) -> None:
        """Let rows wait for a worker."""
        self._mailbox.post(self._add, client, rows)

    def abandon(self, client: Client) -> None:
        """Forget a client whose verdicts nobody wants any more."""
        self._mailbox.post(self._abandon, client)

    def close(self) -> None:
        """End the workers and the thread; every row that is not settled fails."""
        self._mailbox.post(self._stop)
        if not self.is_current:
            self.thread.join()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in the dispatcher's thread."""
        return threading.current_thread() is self.thread

    def forget(self) -> None:
        """Let go of the processes in a fork of this one, which has no such thread."""
        for worker in self._workers:
            worker.close()
        if self._server is not None:
            self._server.forget()
        self._selector.close()
        self._mailbox.close()

    # From here on in the thread.

    def _run(self) -> None:
        """Serve until `close`."""
        error: Exception = UsageError("the verifier pool is closed", "an open pool")
        try:
            while not self._stopping:
                self._step()
        except Exception as unexpected:  # Nobody may wait for ever on a thread that has ended.
            error = unexpected
            raise
        finally:
            self._end_all()
            self._stopping = True
            self._mailbox.end()
            self._fail_waiting(error)

    def _step(self) -> None:
        self._mailbox.read()
        self._hand_out()
        wait_s = self._time_left()
        if self._mailbox.fall_asleep() or self._stopping:
            wait_s = 0.0
        events = self._selector.select(wait_s)
        self._mailbox.wake_up()
        for key, mask in events:
            key.data(mask)
        self._end_late()
        for client in self._to_wake:
            client.wake()
        self._to_wake.clear()

    def _add(self, client: Client, rows: Sequence[Row]) -> None:
        if self._stopping:
            client.fail(rows, UsageError("the verifier pool is closed", "an open pool"))
        elif not client.abandoned:
            self._turns.add(client, rows)

    def _abandon(self, client: Client) -> None:
        client.abandoned = True
        self._turns.drop(client)
        for worker in list(self._workers):
            if worker.rows and all(row.client.abandoned for row in worker.rows):
                self._retire(worker)

    def _stop(self) -> None:
        self._stopping = True

    def _hand_out(self) -> None:
        """Give rows to every idle worker, and start another where rows are left over."""
        if not self._turns:
            return
        # However fast rows have been, the workers share what there is.
        share = -(-len(self._turns) // self._most_workers)
        for worker in self._workers:
            if not worker.busy:
                rows = self._take_rows(min(worker.chunk_rows, share))
                if not rows:
                    return
                worker.send(rows)
                self._watch(worker)
        try:
            self._start_workers()
        except ServerLostError as error:
            self._lose_server(str(error))
        except GymReasonError as error:
            self._fail_waiting(error)

    def _take_rows(self, count: int) -> list[Row]:
        """Return rows for a worker; those whose end is known from before are settled."""
        rows = self._turns.take(count, _MAX_CHUNK_BYTES)
        kept: list[Row] = []
        for row in rows:
            row.started = True
            known = self._quarantine.find(row)
            if known is None:
                kept.append(row)
            else:
                self._settle(row, known)
        return kept if kept or not rows else self._take_rows(count)

    def _start_workers(self) -> None:
        """Start workers for rows that are left over. Raises ServerLostError and RunError."""
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._most_workers and len(self._turns) > starting:
            if self._server is None:
                self._server = ServerProcess(self._modules)
                self._selector.register(
                    self._server.socket, selectors.EVENT_READ, self._read_server
                )
            if not self._server.ready:
                return
            worker = WorkerProcess(*self._server.fork_worker(), self._greeting)
            self._workers.append(worker)
            self._watch(worker)
            starting += 1

    def _watch(self, worker: WorkerProcess) -> None:
        """Be told when the worker has spoken, or can be sent what it was not sent."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.has_unsent else 0)
        key = self._selector.get_map().get(worker.socket)
        if key is None:
            self._selector.register(worker.socket, events, lambda mask: self._serve(worker, mask))
        elif key.events != events:
            self._selector.modify(worker.socket, events, key.data)

    def _serve(self, worker: WorkerProcess, mask: int) -> None:
        if worker not in self._workers:
            return  # It was retired for something else that this round brought.
        if mask & selectors.EVENT_WRITE:
            worker.flush()
            self._watch(worker)
        if mask & selectors.EVENT_READ:
            self._receive(worker)

    def _receive(self, worker: WorkerProcess) -> bool:
        """Take what a worker has said; return whether it was anything."""
        try:
            lines = worker.receive()
            for line in lines:
                if not worker.ready:
                    self._greet(worker, line)
                else:
                    verdict = verdict_from_bytes(line)
                    # A line too many is an IndexError: no worker of ours says it.
                    self._settle(worker.rows.popleft(), verdict, judged=True)
        except (WorkerGoneError, ValueError, LookupError, TypeError):
            self._replace_dead(worker)
            return True
        if lines:
            worker.since = time.monotonic()
            if worker.ready and not worker.rows:
                worker.pace(_FAST_CHUNK_S, MAX_CHUNK_ROWS)
        return bool(lines)

    def _greet(self, worker: WorkerProcess, line: bytes) -> None:
        failure = json.loads(line)
        if failure == "":
            worker.ready = True
            self._failed_starts = 0
            return
        self._retire(worker)
        self._fail_waiting(RunError(str(failure)))

    def _settle(self, row: Row, verdict: Verdict, *, judged: bool = False) -> None:
        if row.client.abandoned:
            return
        if judged and self._cache is not None and row.cache_key is not None:
            self._cache.put(row.cache_key, verdict)
        if row.client.settle(row, verdict):
            self._to_wake.add(row.client)

    # Deadlines and deaths.

    def _deadline(self, worker: WorkerProcess) -> float:
        return worker.since + (self._timeout_s if worker.ready else _START_LIMIT_S)

    def _time_left(self) -> float | None:
        """Return the seconds until the first deadline; None where nothing is expected."""
        deadlines = [self._deadline(worker) for worker in self._workers if worker.busy]
        if self._server is not None and not self._server.ready:
            deadlines.append(self._server.since + _START_LIMIT_S)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _end_late(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            # A reply may have come since; then the process is not the one that hangs.
            if worker.busy and now >= self._deadline(worker) and not self._receive(worker):
                self._end_worker_late(worker)
        server = self._server
        if server is not None and not server.ready and now >= server.since + _START_LIMIT_S:
            self._lose_server(f"it was not ready after {_START_LIMIT_S:.0f} s")

    def _end_worker_late(self, worker: WorkerProcess) -> None:
        if not worker.ready:
            self._retire(worker)
            self._count_failed_start(f"it was not ready after {_START_LIMIT_S:.0f} s")
            return
        verdict = Verdict(
            reward=0.0,
            correct=False,
            outcome=Outcome.TIMEOUT,
            feedback="The time limit was reached.",
            detail=f"no verdict after {self._timeout_s:g} s",
            seconds=time.monotonic() - worker.since,
        )
        culprit = worker.rows.popleft()
        self._retire(worker)
        self._quarantine.add(culprit, verdict)
        self._settle(culprit, verdict)
        self._give_back(worker.rows)

    def _replace_dead(self, worker: WorkerProcess) -> None:
        code = self._retire(worker)
        if not worker.ready:
            self._count_failed_start(f"it died with exit code {code}")
        elif worker.rows:
            culprit = worker.rows[0]
            culprit.deaths += 1
            if culprit.deaths > 1:
                worker.rows.popleft()
                verdict = unscorable(f"its worker died twice, last with code {code}")
                self._quarantine.add(culprit, verdict)
                self._settle(culprit, verdict)
            self._give_back(worker.rows)

    def _give_back(self, rows: Sequence[Row]) -> None:
        self._turns.give_back([row for row in rows if not row.client.abandoned])

    def _retire(self, worker: WorkerProcess) -> int:
        """Kill a worker and all that it started, and return its exit code."""
        if worker not in self._workers:
            return -1
        self._workers.remove(worker)
        self._selector.unregister(worker.socket)
        worker.close()
        try:
            return self._server.end_worker(worker.pid) if self._server is not None else -1
        except ServerLostError as error:
            self._lose_server(str(error))
            return -1

    # The fork server.

    def _read_server(self, mask: int) -> None:
        server = self._server
        if server is None:
            return
        if server.ready:
            # It speaks when it is asked, and then it is answered at once: this is its end.
            self._lose_server("it died")
            return
        try:
            failure = server.read_greeting()
        except ServerLostError as error:
            self._lose_server(str(error))
            return
        if failure:
            self._drop_server()
            self._fail_waiting(RunError(failure))

    def _lose_server(self, reason: str) -> None:
        """Go on without the server and its workers; the next rows start another."""
        ready = self._server is not None and self._server.ready
        self._drop_server()
        workers, self._workers = self._workers, []
        for worker in workers:
            self._selector.unregister(worker.socket)
            worker.close()
            for row in worker.rows:
                row.deaths += 1
            # They died through no fault of a row's, but what kills it twice is not given thrice.
            lost = [row for row in worker.rows if row.deaths > 1]
            for row in lost:
                self._settle(row, unscorable("its worker died twice, last with the fork server"))
            self._give_back([row for row in worker.rows if row.deaths <= 1])
        if not ready:
            self._count_failed_start(reason)

    def _drop_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self._selector.unregister(server.socket)
            server.stop()

    def _count_failed_start(self, reason: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS:
            count, self._failed_starts = self._failed_starts, 0
            self._fail_waiting(
                RunError(f"{count} verifier workers in a row did not start: {reason}")
            )

    def _fail_waiting(self, error: Exception) -> None:
        """Raise the error wherever rows wait that no worker has."""
        by_client: dict[Client, list[Row]] = {}
        for row in self._turns.take_all():
            by_client.setdefault(row.client, []).append(row)
        for client, rows in by_client.items():
            client.fail(rows, error)

    def _end_all(self) -> None:
        """End every process, and let the rows that they held wait."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()
            self._give_back(worker.rows)
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        self._selector.close()
