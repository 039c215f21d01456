"""The world of several processes, over the collectives of `torch.distributed`.

Each of its waits is one of Python's: it looks at the clock and at the failures of the others, and
lets signals through. What torch itself waits for, in the layers of a model whose weights are split,
ends by the limit of its group, or by `watch`.
"""

import contextlib
import pickle
import signal
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from gym_reason.agents.weights import sum_bits
from gym_reason.errors import GymReasonError, RunError
from gym_reason.trainers.distributed.watch import BEAT_S, Watch
from gym_reason.trainers.distributed.world import World, describe_error
from gym_reason.trainers.run.stop import Stopped
from gym_reason.trainers.settings import PEER_WAIT_S

T = TypeVar("T")

BUCKET_NUMBERS = 1 << 26
"""Most gradients that go into one sum: they are copied for it."""
SMALL_BYTES = 1 << 20
"""What is gathered at once, all as long as the longest; more goes from one process after another.
"""
MARGIN_S = 4.0
"""By how much torch's limit of a wait is above the one that names who is waited for."""
PAUSES_S = (1e-4, 1e-2)
"""Shortest and longest pause between two looks at whether a wait is over."""
REMEDY = "go on with --resume"


class ProcessWorld(World):
    """This process, one of several."""

    echo_s = 2.0  # a launcher may pass on what the terminal has sent already
    fails_together = False

    def __init__(
        self,
        watch: Watch,
        *,
        local_rank: int,
        local_size: int,
        device: torch.device,
        splits: bool = False,
    ) -> None:
        """Join the processes of the default group, which is there.

        Args:
            watch: Not yet started.
            local_rank: Number of this one on this machine.
            local_size: Processes on this machine.
            device: Where this process computes.
            splits: Whether weights are split among the processes.
        """
        super().__init__()
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.local_rank, self.local_size = local_rank, local_size
        self.device = device
        self._watch = watch
        self._splits = splits
        self._limit_s = 0.0
        self._broken: RunError | None = None
        self._group: Any = None
        watch.start()
        self.limit_waits(PEER_WAIT_S)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the others; tell them of an error, which the main process alone shows."""
        late: RunError | None = None
        if error is None or isinstance(error, Stopped):
            try:
                self.wait("the end")  # or who has ended already would be missed
            except RunError as found:
                late = found
            else:
                self._watch.stop()
                dist.destroy_process_group()
                return
        elif isinstance(error, RuntimeError) and self._who_is_missed():
            late = self._failed()  # torch waited in vain, for the weights of a layer
        ended_by = late or error
        assert ended_by is not None
        with contextlib.suppress(ValueError):  # outside the main thread, where Python forbids it
            # A launcher ends the others as soon as one has failed: they have yet to say why.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not self._watch.failure:
            self._watch.report(describe_error(ended_by))
        self._watch.stop()
        if isinstance(ended_by, GymReasonError) and not self._watch.speaks:
            raise SystemExit(ended_by.exit_code) from None
        if late is not None:
            raise late

    def describe(self) -> str:
        """Say how many processes there are, and how they share the work."""
        how = "each holds all weights" if self.mesh is None else "weights split among them"
        return f"{self.size} processes over {dist.get_backend()}, {how}"

    def limit_waits(self, limit_s: float) -> None:
        """Wait for the others at most so long from now on; every process says the same."""
        if limit_s == self._limit_s:
            return
        self._limit_s = limit_s
        # A group keeps the limit that it was made with. Its own is the later one: it names nobody.
        self._group = dist.new_group(timeout=timedelta(seconds=limit_s + MARGIN_S))
        if self._splits:
            self.mesh = DeviceMesh.from_group(self._group, self.device.type)

    def decide(self, make: Callable[[], T], what: str) -> T:
        """Return what `make` returns in the main process."""
        made = [make()] if self.is_main else []
        return self.join(made, what)[0]

    def gather(self, value: T, what: str) -> list[T]:
        """Return the value that each process brings, by rank.

        Raises RunError where another process is at something else.
        """
        data = torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8)
        sizes = self._meet(data.numel(), what)
        if max(sizes) <= SMALL_BYTES:
            padded = torch.nn.functional.pad(data, (0, max(sizes) - data.numel()))
            parts = self._gather_tensor(padded, what)
        else:
            parts = [self._spread(data, rank, size, what) for rank, size in enumerate(sizes)]
        # The peers are this very program: what they send is as good as one's own.
        return [
            pickle.loads(part[:size].numpy().tobytes())
            for part, size in zip(parts, sizes, strict=True)
        ]

    def _meet(self, size: int, what: str) -> list[int]:
        """Return how many bytes each process is about to bring, if to the same thing."""
        own = torch.tensor([size, zlib.crc32(what.encode())])
        heads = [(int(head[0]), int(head[1])) for head in self._gather_tensor(own, what)]
        strays = [rank for rank, (_, name) in enumerate(heads) if name != int(own[1])]
        if strays:
            self._broken = RunError(
                f"the processes lost each other at {what}: {self._describe_places(strays)}",
                "every process at the same thing",
                REMEDY,
            )
            raise self._broken
        return [size for size, _ in heads]

    def _spread(self, own: torch.Tensor, source: int, size: int, what: str) -> torch.Tensor:
        """Return the bytes of one process."""
        data = own if source == self.rank else torch.empty(size, dtype=torch.uint8)
        send = lambda: dist.broadcast(data, source, group=self._group, async_op=True)  # noqa: E731
        self._finish(send, what)
        return data

    def _gather_tensor(self, tensor: torch.Tensor, what: str) -> list[torch.Tensor]:
        """Return the tensor of each process; all have one shape."""
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        self._finish(lambda: dist.all_gather(parts, tensor, group=self._group, async_op=True), what)
        return parts

    def own(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's block of some items."""
        count = len(items)
        return items[self.rank * count // self.size : (self.rank + 1) * count // self.size]

    def join(self, items: Sequence[T], what: str) -> list[T]:
        """Return the items of all processes, in order of rank."""
        return [item for part in self.gather(list(items), what) for item in part]

    def join_or_fail(self, items: Sequence[T], failure: Exception | None, what: str) -> list[T]:
        """Return the items of all processes, or raise in each of them what failed in one."""
        line = "" if failure is None else describe_error(failure)
        parts = self.gather((list(items), line), what)
        self.fails_together = any(line for _, line in parts)
        if failure is not None:
            raise failure
        for rank, (_, line) in enumerate(parts):
            if line:
                raise RunError(f"rank {rank}: {line}")
        return [item for part, _ in parts for item in part]

    def add_up(self, tensors: Sequence[torch.Tensor], what: str) -> None:
        """Put the sum over the processes into each tensor."""
        for tensor in tensors:
            self._finish(lambda: dist.all_reduce(tensor, group=self._group, async_op=True), what)  # noqa: B023

    def add_figures(self, figures: Mapping[str, float], what: str) -> dict[str, float]:
        """Return the sum of each figure over the processes that have it."""
        totals: dict[str, float] = {}
        for part in self.gather(dict(figures), what):
            for name, value in part.items():
                totals[name] = totals.get(name, 0.0) + value
        return totals

    def sum_gradients(self, weights: Iterable[torch.Tensor]) -> None:
        """Give every process the sum of the gradients.

        Where weights are split, torch has averaged them over the processes already.
        """
        plain: list[torch.Tensor] = []
        for weight in weights:
            if not isinstance(weight, DTensor):
                plain.append(weight)
            elif weight.grad is not None:
                weight.grad.mul_(self.size)
        for bucket in _buckets(plain):
            self._sum_bucket(bucket)

    def _sum_bucket(self, weights: Sequence[torch.Tensor]) -> None:
        first = weights[0]
        # A weight that no process has a gradient for must not be stepped, so each says what it has.
        there = [0.0 if weight.grad is None else 1.0 for weight in weights]
        parts = [
            weight.new_zeros(weight.numel()) if weight.grad is None else weight.grad.flatten()
            for weight in weights
        ]
        flat = torch.cat([*parts, torch.tensor(there, dtype=first.dtype, device=first.device)])
        self.add_up([flat], "the sum of the gradients")
        present = flat[-len(weights) :].tolist()
        place = 0
        for weight, found in zip(weights, present, strict=True):
            if found:
                weight.grad = flat[place : place + weight.numel()].view_as(weight)
            place += weight.numel()

    def wait(self, what: str) -> None:
        """Wait until every process is here."""
        self.gather(None, what)

    def check_same(self, weights: Iterable[tuple[str, torch.Tensor]], where: str) -> None:
        """Raise RunError where the processes hold other weights than the main one."""
        own = {name: int(sum_bits(weight)) for name, weight in weights}
        for rank, theirs in enumerate(self.gather(own, f"comparing the weights {where}")):
            differing = [name for name in own | theirs if own.get(name) != theirs.get(name)]
            if differing:
                raise RunError(
                    f"{differing[0]} of rank {rank} is not that of rank {self.rank} {where}",
                    "the same weights in every process",
                    "use machines, software and model files of one kind",
                )

    def _finish(self, start: Callable[[], Any], what: str) -> None:
        """Start a collective and wait for its end.

        Raises RunError, with who is missed and what it was last at. After that every exchange ends
        so, at once: what the others bring would be for something else.
        """
        if self._broken is not None:
            raise self._broken
        self._watch.be_at(what)
        try:
            self._await(start(), what)
        except RunError as error:
            self._broken = error
            raise
        self._watch.be_at(f"the work after {what}")

    def _await(self, work: Any, what: str) -> None:
        started = time.monotonic()
        pause_s, longest_s = PAUSES_S
        while not work.is_completed():
            if self._watch.failure:
                raise self._failed()
            if time.monotonic() - started > self._limit_s:
                raise self._timed_out(what)
            self.pulse += 1
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, longest_s)
        try:
            work.wait()
        except RuntimeError as error:
            if self._watch.failure or self._watch.name_lost():
                raise self._failed() from None
            line = describe_error(error)
            raise RunError(f"the processes lost each other at {what}: {line}", "", REMEDY) from None

    def _who_is_missed(self) -> str:
        """Return what ended another process; where torch waits by itself, after a look at them."""
        return self._watch.failure or ("" if self.mesh is None else self._watch.name_lost())

    def _failed(self) -> RunError:
        return RunError(self._watch.failure, "", REMEDY)

    def _timed_out(self, what: str) -> RunError:
        others = [rank for rank in range(self.size) if rank != self.rank]
        places = self._describe_places(others, other_than=what)
        return RunError(
            f"waited {self._limit_s:g} s for the other processes at {what}: {places}",
            "every process within model.peer_wait_s",
            "raise it, or see what holds that process up",
        )

    def _describe_places(self, ranks: Sequence[int], other_than: str = "") -> str:
        """Say where some processes are by now, those at something else alone if there are any."""
        time.sleep(2 * BEAT_S)  # for signs of it
        absent = [rank for rank in ranks if self._watch.place_of(rank) != other_than] or ranks
        return ", ".join(f"rank {rank} is at {self._watch.place_of(rank)}" for rank in absent)


def _buckets(weights: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Return the weights in lists of one type and device each, none of them too large."""
    buckets: list[list[torch.Tensor]] = []
    open_ones: dict[tuple[torch.dtype, torch.device], tuple[list[torch.Tensor], int]] = {}
    for weight in weights:
        kind = (weight.dtype, weight.device)
        bucket, filled = open_ones.get(kind, ([], BUCKET_NUMBERS))
        if filled + weight.numel() > BUCKET_NUMBERS:
            bucket, filled = [], 0
            buckets.append(bucket)
        bucket.append(weight)
        open_ones[kind] = (bucket, filled + weight.numel())
    return buckets
