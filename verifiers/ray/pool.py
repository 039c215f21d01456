"""`RayVerifierPool`: a `VerifierPool` on each of several machines."""

import itertools
import logging
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from gym_reason.cluster.connection import RayConnection
from gym_reason.cluster.crew import PartLostError
from gym_reason.cluster.settings import RaySettings
from gym_reason.errors import UsageError
from gym_reason.registry import load_module, loaded_modules
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds
from gym_reason.verifiers.pool.messages import row_from_fields, row_to_bytes
from gym_reason.verifiers.pool.pool import VerifierPool, default_timeout_s
from gym_reason.verifiers.verdicts import unscorable

BATCH_ROWS = 32
"""Rows of `verify_many` that go to a machine together."""
START_S = 60.0
"""Longest start of a machine's processes, which its first batch waits for."""

logger = logging.getLogger(__name__)


class PoolWorker:
    """One machine's pool."""

    def __init__(
        self, pickled: bytes, processes: int, timeout_s: float, modules: Sequence[str]
    ) -> None:
        """Make the pool of a pickled spec or verifier."""
        for module in modules:
            load_module(module)
        self._pool = VerifierPool(pickle.loads(pickled), processes, timeout_s, modules)

    def work(self, rows: Sequence[bytes]) -> list[Verdict]:
        """Return the verdicts on rows as `row_to_bytes` writes them, in order."""
        return list(self._pool.verify_many(row_from_fields(pickle.loads(row)) for row in rows))

    def close(self) -> None:
        """End the processes."""
        self._pool.close()


class RayVerifierPool:
    """Judges on other machines; any number of threads may ask at the same time.

    Each machine keeps the deadline of a submission by a `VerifierPool` of its own. Where a machine
    is lost, what it had is judged once more on another; the second time it is `unscorable`.
    """

    name = "ray"

    def __init__(
        self, verifier: str | Verifier, settings: RaySettings, timeout_s: float | None = None
    ) -> None:
        """Join the cluster and have the machines' pools start.

        Args:
            verifier: A spec such as `math:strict`, or a verifier that can be pickled.
            settings: Which cluster, and in `settings.verifiers` how many machines and processes.
            timeout_s: Wall-clock limit for one submission, as for `VerifierPool`.

        Raises:
            UsageError: Without Ray, or for a verifier that cannot be pickled.
            RunError: The cluster cannot be joined.
        """
        if settings.verifiers.count < 1:
            raise UsageError("ray.verifiers.count = 0", "1 or more")
        made = make_verifier(verifier)
        self.name = made.name
        self.deterministic = is_deterministic(made)
        self.needs_s = needed_seconds(made)
        self._processes = settings.verifiers.threads
        self._timeout_s = default_timeout_s(made) if timeout_s is None else timeout_s
        try:
            pickled = pickle.dumps(verifier)
        except Exception as error:
            raise UsageError(
                f"the verifier {self.name!r} cannot be pickled: {error}",
                "a verifier that a module defines",
            ) from None
        self._connection = RayConnection(settings)
        self._most_waiting = 4 * settings.verifiers.count * self._processes
        self._crew = self._connection.hire(
            "verifier pool",
            settings.verifiers,
            PoolWorker,
            pickled,
            self._processes,
            self._timeout_s,
            tuple(loaded_modules),
            at_once=2 * self._processes,
            say=logger.warning,
        )

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on a submission. Raises RunError where no machine's pool starts."""
        return self._send([(task, submission)]).read()[0]

    def verify_many(self, rows: Iterable[tuple[Task, str]]) -> Iterator[Verdict]:
        """Yield the verdicts on rows in their order; they are read a bounded number ahead.

        Raises RunError where no machine's pool starts.
        """
        sent: deque[_Batch] = deque()
        source = iter(rows)
        while True:
            while len(sent) < self._most_waiting and (
                batch := list(itertools.islice(source, BATCH_ROWS))
            ):
                sent.append(self._send(batch))
            if not sent:
                return
            yield from sent.popleft().read()

    def close(self) -> None:
        """End the machines' pools, and the cluster where it is this pool's own."""
        self._connection.close()

    def _send(self, rows: Sequence[tuple[Task, str]]) -> "_Batch":
        contents: list[bytes] = []
        verdicts: list[Verdict | None] = []
        for task, submission in rows:
            try:
                contents.append(row_to_bytes(task, submission))
                verdicts.append(None)
            except Exception as error:  # Nesting too deep, or in `meta` what cannot be pickled.
                reason = f"{type(error).__name__}: {error}"
                verdicts.append(unscorable(f"the task cannot reach a worker: {reason}"))
        # A submission may be judged twice, where it ended a process the first time.
        turns = 2 * -(-len(contents) // self._processes)
        limit_s = START_S + turns * self._timeout_s
        what = f"a batch of {len(contents)} submissions"
        future = self._crew.submit(contents, what, limit_s=limit_s, weight=len(contents))
        return _Batch(verdicts, future)


class _Batch:
    """Rows on their way to a machine."""

    def __init__(self, verdicts: list[Verdict | None], future: "Future[list[Verdict]]") -> None:
        """Wait for those that are None."""
        self._verdicts = verdicts
        self._future = future

    def read(self) -> list[Verdict]:
        """Return the verdicts, once they are there. Raises RunError."""
        try:
            judged = iter(self._future.result())
        except PartLostError as error:
            lost = unscorable(str(error))
            return [lost if verdict is None else verdict for verdict in self._verdicts]
        return [next(judged) if verdict is None else verdict for verdict in self._verdicts]
