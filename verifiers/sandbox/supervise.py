"""Watches runs from outside until they have ended, said enough, or used up their time."""

import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gym_reason.types import Outcome
from gym_reason.verifiers.sandbox.base import Job, Run, Sandbox, SandboxLostError
from gym_reason.verifiers.sandbox.cgroups import Counters
from gym_reason.verifiers.sandbox.inside.server import BROKEN, READY

MAX_REPORT_BYTES = 16 << 20
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run came to."""

    limit: Outcome | None
    """The limit that it hit (`timeout`, `memory`, `output_limit`, `pids`), if any."""
    exit_code: int | None
    """As a shell would say it, 128 and more for a signal; None where it was killed from outside."""
    stdout: bytes
    """What it wrote, up to the limit."""
    stderr: bytes
    """What it wrote there, up to the limit."""
    report: bytes
    """What the trusted part of it reported."""
    seconds: float
    """Wall-clock time."""


class Watch:
    """A run in its sandbox, with what is needed to say afterwards how it went."""

    def __init__(self, sandbox: Sandbox, run: Run, before: Counters) -> None:
        """Watch `run`, started in `sandbox` when its counters stood at `before`."""
        self.sandbox = sandbox
        self.run = run
        self.before = before
        self.limit: Outcome | None = None
        self.since = time.monotonic()
        self.seconds = 0.0

    @property
    def report(self) -> bytes:
        """What was reported so far, behind the first byte."""
        return bytes(self.run.content["report"][1:])

    def hear(self) -> None:
        """Take what its sandbox says. Raises SandboxLostError."""
        try:
            self.sandbox.receive(self.run)
        except SandboxLostError:
            if not self._ran_out_of_memory():
                raise
            # The run has taken its sandbox with it: its own doing, not ours.
            self.limit = Outcome.MEMORY
            self.run.ended = True

    def _await_end(self) -> None:
        try:
            while not self.run.ended:
                self.hear()
        except SandboxLostError:
            if self.limit is None:
                raise
            # It has made itself too large to be cleared away in time: it goes with its sandbox.
            self.sandbox.close()
            self.run.ended = True

    def _ran_out_of_memory(self) -> bool:
        killed = self.sandbox.read_counters().killed_for_memory
        return killed > self.before.killed_for_memory

    def read(self, descriptor: int) -> None:
        """Take what came through one of its pipes, and note where that is too much."""
        name = self.run.pipes[descriptor]
        content = self.run.content[name]
        most = MAX_REPORT_BYTES if name == "report" else self.sandbox.limits.output_bytes
        try:
            part = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if not part:
            del self.run.pipes[descriptor]
            os.close(descriptor)
            return
        content += part
        if len(content) > most:
            del content[most:]
            self.limit = self.limit or Outcome.OUTPUT_LIMIT

    def drain(self) -> None:
        """Take what is left in its pipes without waiting for their end."""
        for descriptor in list(self.run.pipes):
            while descriptor in self.run.pipes:
                before = len(self.run.content[self.run.pipes[descriptor]])
                self.read(descriptor)
                name = self.run.pipes.get(descriptor)
                if name is None or len(self.run.content[name]) == before:
                    break

    def finish(self) -> Finished:
        """End the run where it still goes on, and return what it came to.

        Raises:
            SandboxLostError: Where the sandbox has failed, not the run.
        """
        cut_short = not self.run.ended
        if cut_short:
            self.sandbox.kill(self.run)
            self._await_end()
        self.drain()
        self.run.close()
        self.seconds = time.monotonic() - self.since
        start = bytes(self.run.content["report"][:1])
        if start == BROKEN:
            raise SandboxLostError(
                f"a sandbox could not confine a run: {self.report.decode(errors='replace')}"
            )
        limit = self.limit
        failed = cut_short or self.run.status != 0
        refused = self.sandbox.read_counters().refused_processes
        if failed and self._ran_out_of_memory():
            limit = Outcome.MEMORY
        elif failed and refused > self.before.refused_processes:
            limit = Outcome.PIDS
        elif start != READY and not cut_short:
            raise SandboxLostError("a run ended before it was confined")
        code = None
        if not cut_short and self.run.status is not None:
            code = os.waitstatus_to_exitcode(self.run.status)
            code = code if code >= 0 else 128 - code
        return Finished(
            limit=limit,
            exit_code=code,
            stdout=bytes(self.run.content["stdout"]),
            stderr=bytes(self.run.content["stderr"]),
            report=self.report,
            seconds=self.seconds,
        )


def watch_until(watches: Sequence[Watch], deadline: float, enough: Callable[[], bool]) -> None:
    """Read what runs write until `enough()`, a limit of theirs or `deadline`, a monotonic time.

    Raises:
        SandboxLostError: Where a sandbox does not answer.
    """
    while not enough() and not any(watch.limit for watch in watches):
        left = deadline - time.monotonic()
        if left <= 0:
            for watch in watches:
                watch.limit = Outcome.TIMEOUT
            return
        # A handful of descriptors, and fewer with every pipe that closes: listed anew each time.
        poll = select.poll()
        readers: dict[int, Callable[[], None]] = {}
        for watch in watches:
            readers[watch.sandbox.control.fileno()] = watch.hear
            readers |= {pipe: partial(watch.read, pipe) for pipe in watch.run.pipes}
        for descriptor in readers:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(left * 1000):
            readers[descriptor]()


def run_job(sandbox: Sandbox, job: Job, deadline: float) -> Finished:
    """Run one job until it ends, hits a limit, or `deadline`, a monotonic time, has come.

    Raises:
        SandboxLostError: Where the sandbox has failed, not the run.
    """
    before = sandbox.read_counters()
    watch = Watch(sandbox, sandbox.start(job), before)
    try:
        watch_until([watch], deadline, lambda: watch.run.ended)
        return watch.finish()
    finally:
        watch.run.close()
