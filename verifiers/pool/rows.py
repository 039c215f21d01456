"""The rows of a `VerifierPool` on their way, and those who asked for them."""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from gym_reason.types import Task, Verdict

Item: TypeAlias = tuple[Task, str] | Verdict
"""A task with a submission, or a ready verdict, which keeps its place in the order."""


@dataclass(slots=True, eq=False)
class Row:
    """One submission on its way through the pool."""

    client: "Client"
    """Who asked for it."""
    index: int
    """Place in the client's order."""
    task: Task
    """The problem."""
    submission: str
    """The text to judge."""
    content: bytes
    """The two as a worker reads them."""
    future: Future[Verdict] | None = None
    """Where the verdict goes, unless the client reads a stream of them."""
    cache_key: bytes | None = None
    """Where the cache keeps its verdict."""
    started: bool = False
    """Whether a worker has had it."""
    deaths: int = 0
    """How many workers died while they held it."""


class Client:
    """Someone with rows in the pool. Clients take turns, whatever number of rows each has."""

    def __init__(self) -> None:
        """Start without rows."""
        self.waiting: deque[Row] = deque()
        """Rows that no worker has. The dispatcher's alone, like all methods below."""
        self.abandoned = False
        """Whether nobody wants the verdicts any more."""

    def wants(self, row: Row) -> bool:
        """Whether a worker should start on `row`."""
        return not self.abandoned

    def settle(self, row: Row, verdict: Verdict) -> bool:
        """Take the verdict on a row; return whether `wake` should be called soon."""
        raise NotImplementedError

    def fail(self, rows: Sequence[Row], error: Exception) -> None:
        """Take `error` in place of the verdicts on `rows`."""
        raise NotImplementedError

    def wake(self) -> None:
        """Tell those who wait that verdicts have come."""


class FutureClient(Client):
    """A thread, or the coroutines of its event loop, that holds a future for each row."""

    def wants(self, row: Row) -> bool:
        """Whether the row's future was not cancelled before it could start."""
        assert row.future is not None
        return row.started or row.future.set_running_or_notify_cancel()

    def settle(self, row: Row, verdict: Verdict) -> bool:
        """Hand out the verdict."""
        assert row.future is not None
        row.future.set_result(verdict)
        return False

    def fail(self, rows: Sequence[Row], error: Exception) -> None:
        """Raise the error wherever one of the rows is waited for."""
        for row in rows:
            assert row.future is not None
            if row.started or row.future.set_running_or_notify_cancel():
                row.future.set_exception(error)


class StreamClient(Client):
    """The reader of one `verify_many`."""

    def __init__(self) -> None:
        """Start without verdicts."""
        super().__init__()
        self.ready: dict[int, Verdict] = {}
        """The verdicts that were not taken, by their place."""
        self.error: Exception | None = None
        """Why no more verdicts will come."""
        self._changed = threading.Condition()
        self._needed: int | None = None

    def settle(self, row: Row, verdict: Verdict) -> bool:
        """Keep the verdict until its turn comes."""
        self.ready[row.index] = verdict
        return self._needed == row.index

    def fail(self, rows: Sequence[Row], error: Exception) -> None:
        """End the stream with the error."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        """Wake the reader."""
        with self._changed:
            self._changed.notify()

    def wait_for(self, index: int) -> None:
        """Return once the verdict at `index` is there, or an error. Called by the reader."""
        with self._changed:
            # First this, then the look: the dispatcher does it in the opposite order.
            self._needed = index
            while index not in self.ready and self.error is None:
                self._changed.wait()
            self._needed = None


class Turns:
    """The clients with rows that wait, in the order of their turns."""

    def __init__(self) -> None:
        """Start without clients."""
        self._clients: deque[Client] = deque()

    def __len__(self) -> int:
        """Return how many rows wait."""
        return sum(len(client.waiting) for client in self._clients)

    def __bool__(self) -> bool:
        """Whether any rows wait."""
        return bool(self._clients)

    def add(self, client: Client, rows: Sequence[Row]) -> None:
        """Let rows wait behind the client's others."""
        if rows:
            if not client.waiting:
                self._clients.append(client)
            client.waiting.extend(rows)

    def give_back(self, rows: Sequence[Row]) -> None:
        """Put rows that were taken, and not settled, in front of those that wait."""
        for row in reversed(rows):
            client = row.client
            if not client.waiting:
                self._clients.appendleft(client)
            client.waiting.appendleft(row)

    def drop(self, client: Client) -> None:
        """Forget the rows of a client."""
        if client.waiting:
            client.waiting.clear()
            self._clients.remove(client)

    def take(self, count: int, most_bytes: int) -> list[Row]:
        """Return up to `count` rows, shared among the clients.

        The last row may go past `most_bytes` in all.
        """
        rows: list[Row] = []
        size = 0
        while self._clients and len(rows) < count and size < most_bytes:
            client = self._clients[0]
            share = max(1, (count - len(rows)) // len(self._clients))
            while share and client.waiting and size < most_bytes:
                row = client.waiting.popleft()
                if client.wants(row):
                    rows.append(row)
                    size += len(row.content)
                    share -= 1
            if client.waiting:
                self._clients.rotate(-1)
            else:
                self._clients.popleft()
        return rows

    def take_all(self) -> list[Row]:
        """Return every row that waits."""
        rows = [row for client in self._clients for row in client.waiting]
        for client in self._clients:
            client.waiting.clear()
        self._clients.clear()
        return rows
