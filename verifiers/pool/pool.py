"""The pool: what callers see of the dispatcher and its workers."""

import atexit
import logging
import os
import pickle
import threading
import time
import weakref
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from gym_reason.errors import UsageError
from gym_reason.registry import load_module
from gym_reason.registry import verifiers as registered
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds
from gym_reason.verifiers.pool.cache import VerdictCache
from gym_reason.verifiers.pool.content import judge_id, row_id
from gym_reason.verifiers.pool.dispatcher import MAX_CHUNK_ROWS, Dispatcher
from gym_reason.verifiers.pool.messages import row_to_bytes
from gym_reason.verifiers.pool.rows import Client, FutureClient, Item, Row, StreamClient
from gym_reason.verifiers.verdicts import unscorable

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S = 5.0
"""Seconds for one submission, unless its verifier says that it needs more."""
_MARGIN_S = 1.0
_LOOK_AHEAD_ROWS = 256
_BATCH_ROWS = 32
_BATCH_S = 0.002
_MOST_SUBMITTED_ROWS = 4_096


class VerifierPool:
    """Runs one verifier in several processes and kills whatever passes its deadline.

    Any number of threads and coroutines may ask at the same time; they take turns, however many
    rows each of them has. Workers start when rows wait for them, and are ended by `close`, by the
    end of the `with` block and by the death of this process, however it dies. What a submission
    starts dies with its worker, in whatever session it is. In a fork of this process the pool
    starts workers of its own.

    A submission that has killed its worker twice, or has passed the deadline, is remembered, and
    answered at once when it comes again for the same task.
    """

    name = "pool"

    def __init__(
        self,
        verifier: str | Verifier,
        workers: int = 1,
        timeout_s: float | None = None,
        modules: Sequence[str] = (),
        cache: str | Path | None = None,
    ) -> None:
        """Make a pool.

        Args:
            verifier: A spec such as `math:strict`, or a verifier that can be pickled.
            workers: Most processes at a time.
            timeout_s: Wall-clock limit for one submission. By default 5 seconds, or one more than
                the verifier's attribute `needs_s`: what its own limits let one verdict take.
            modules: Modules or `.py` files that a worker imports first, for what they register.
            cache: A file that keeps verdicts from run to run, made where there is none; for
                verifiers whose attribute `deterministic` is true; others cost one warning in the
                log and go without.

        Raises:
            UsageError: For limits that are not positive, or a verifier that cannot be pickled.
            UnknownNameError: Where no verifier has the name.
        """
        self._dispatcher: Dispatcher | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._cache: VerdictCache | None = None
        if workers < 1:
            raise UsageError(f"workers = {workers}", "1 or more")
        if timeout_s is not None and not 0 < timeout_s < float("inf"):
            raise UsageError(f"timeout_s = {timeout_s}", "a positive number of seconds")
        # Only what is still unknown: a file that is run twice registers its names twice.
        if isinstance(verifier, str) and verifier.partition(":")[0] not in registered:
            for module in modules:
                load_module(module)
        made = make_verifier(verifier)
        self.name = made.name
        self.workers = workers
        self.timeout_s = default_timeout_s(made) if timeout_s is None else timeout_s
        self._modules = tuple(modules)
        try:
            self._greeting = pickle.dumps(verifier)
        except Exception as error:
            raise UsageError(
                f"the verifier {self.name!r} cannot be pickled: {error}",
                "a verifier that a module defines",
                "or pass its registered name",
            ) from None
        if cache is not None:
            self._open_cache(Path(cache), verifier, made)
        self._start_afresh()
        _POOLS.add(self)

    def _open_cache(self, file: Path, spec: str | Verifier, made: Verifier) -> None:
        """Use the cache, where the verifier is one whose verdicts may be kept."""
        reason = "it does not say that it is deterministic"
        if is_deterministic(made):
            try:
                self._judge = judge_id(spec, made, self._modules)
                # This very one: what a worker would make, perhaps of a file that has changed since,
                # may be another than the one that the cache's entries are named after.
                self._greeting = pickle.dumps(made)
                self._cache = VerdictCache(file)
                return
            except Exception as error:  # It is anybody's class.
                reason = f"its state cannot be told: {error}"
        logger.warning(
            "the cache of verdicts %s is not used for the verifier %r: %s", file, self.name, reason
        )

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
        self.close()

    def close(self) -> None:
        """Kill the workers; whoever waits for a verdict gets a UsageError. Twice does nothing."""
        with self._lock:
            self._closed = True
            dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            dispatcher.close()
        if self._cache is not None:
            self._cache.close()

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission. Raises what `verify_many` raises."""
        return self._begin(task, submission).result()

    async def averify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission, without holding up the event loop.

        Raises what `verify_many` raises. The verdict of a coroutine that is cancelled is dropped.
        """
        import asyncio  # for those who have a loop, and so have it already

        return await asyncio.wrap_future(self._begin(task, submission))

    def submit(self, task: Task, submission: str) -> Future[Verdict]:
        """Return at once a future of the verdict on one submission.

        Waits where 4,096 submissions are under way already. Callbacks of the future run in the
        pool's own thread and must not wait for the pool.

        Raises:
            UsageError: Where the pool is closed.
        """
        # Taken in this order a waiting thread leaves the pool's clients as they are.
        room = self._room
        room.acquire()
        try:
            future = self._begin(task, submission)
        except BaseException:
            room.release()
            raise
        future.add_done_callback(lambda _: room.release())
        return future

    def verify_many(self, items: Iterable[Item]) -> Generator[Verdict, None, None]:
        """Yield the verdicts on `items` in their order, as they come.

        `items` is read a bounded number of rows ahead, so memory does not grow with its length.
        Closing the generator drops the rows that were read ahead.

        Raises:
            UsageError: Where the pool is closed.
            RunError: Where workers cannot be started.
        """
        dispatcher = self._running_dispatcher()
        client = StreamClient()
        try:
            yield from self._stream(dispatcher, client, iter(items))
        finally:
            dispatcher.abandon(client)

    def _stream(
        self, dispatcher: Dispatcher, client: StreamClient, items: Iterator[Item]
    ) -> Iterator[Verdict]:
        window = self.workers * MAX_CHUNK_ROWS + _LOOK_AHEAD_ROWS
        creator = os.getpid()
        given = read = 0
        exhausted = False
        while True:
            while not exhausted and read - given < window:
                batch = self._read_batch(client, items, read, _BATCH_ROWS)
                exhausted = len(batch) == 0
                read += len(batch)
                dispatcher.add(client, [row for row in batch if row is not None])
                if given in client.ready:
                    break
            if given in client.ready:
                while given in client.ready:
                    yield client.ready.pop(given)
                    given += 1
                continue
            if client.error is not None:
                raise client.error
            if given == read:
                return
            if os.getpid() != creator:
                raise UsageError("a stream of verdicts was read on in a fork", "a new stream")
            client.wait_for(given)

    def _read_batch(
        self, client: StreamClient, items: Iterator[Item], first: int, count: int
    ) -> list[Row | None]:
        """Return a row for each of the next items; None for one whose verdict is there."""
        batch: list[Row | None] = []
        start_s = time.monotonic()
        for item in items:
            index = first + len(batch)
            made: Row | Verdict
            made = item if isinstance(item, Verdict) else self._make_row(client, index, *item)
            if isinstance(made, Verdict):
                client.ready[index] = made
                batch.append(None)
            else:
                batch.append(made)
            # A source that is slow to read must not keep the workers waiting for a whole batch.
            if len(batch) == count or time.monotonic() - start_s > _BATCH_S:
                break
        return batch

    def _begin(self, task: Task, submission: str) -> Future[Verdict]:
        dispatcher = self._running_dispatcher()
        future: Future[Verdict] = Future()
        thread = threading.get_ident()
        client = self._clients.setdefault(thread, FutureClient())
        made = self._make_row(client, 0, task, submission)
        if isinstance(made, Verdict):
            future.set_result(made)
        else:
            made.future = future
            dispatcher.add(client, [made])
        return future

    def _make_row(self, client: Client, index: int, task: Task, submission: str) -> Row | Verdict:
        """Return a row for the workers, or its verdict where that is known without them."""
        key = None
        try:
            if self._cache is not None:
                key = row_id(task, submission, self._judge)
                known = self._cache.get(key)
                if known is not None:
                    return known
            content = row_to_bytes(task, submission)
        except Exception as error:  # Nesting too deep, or in `meta` what cannot be pickled.
            return unscorable(f"the task cannot reach a worker: {type(error).__name__}: {error}")
        return Row(client, index, task, submission, content, cache_key=key)

    def _running_dispatcher(self) -> Dispatcher:
        with self._lock:
            if self._closed:
                raise UsageError("the verifier pool is closed", "an open pool")
            if self._dispatcher is None:
                self._dispatcher = Dispatcher(
                    self._greeting, self._modules, self.workers, self.timeout_s, self._cache
                )
            elif self._dispatcher.is_current:
                raise UsageError(
                    "a future's callback asks the pool that it belongs to", "another thread"
                )
            return self._dispatcher

    def _start_afresh(self) -> None:
        """Begin without processes, and let go of those that are another process's."""
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            dispatcher.forget()
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_MOST_SUBMITTED_ROWS)
        # Each lives as long as rows of its thread are under way.
        self._clients: weakref.WeakValueDictionary[int, FutureClient] = (
            weakref.WeakValueDictionary()
        )
        if self._cache is not None:
            self._cache.reopen()


def default_timeout_s(verifier: Verifier) -> float:
    """Return the wall-clock limit for one submission to a verifier where none was named."""
    return max(DEFAULT_TIMEOUT_S, needed_seconds(verifier) + _MARGIN_S)


_POOLS: "weakref.WeakSet[VerifierPool]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # While threads still run: a pool that the interpreter's end collects could wait for ever.
    for pool in list(_POOLS):
        pool.close()


def _start_all_afresh() -> None:
    for pool in list(_POOLS):
        pool._start_afresh()


os.register_at_fork(after_in_child=_start_all_afresh)
