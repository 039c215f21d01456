"""The end of a run in which nothing moves, with the name of what stands still."""

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from gym_reason.trainers.run.stop import Stalled, StopRequest

GRACE_S = 4.0
"""What is left to the main thread to end by itself, before the process is ended under it."""
POLL_S = 0.5
"""Most seconds between two looks."""
STANDARD_LIBRARY = os.path.dirname(threading.__file__)
STACKS = "stall.txt"
"""File in the run's folder: where every thread was."""


@dataclass(slots=True, eq=False)
class Watched:
    """Something that has to move."""

    what: str
    """Its name, for messages: the playing of the episodes of step 7."""
    pulse: Callable[[], int]
    """Returns a number that changes whenever anything moves."""
    thread: int
    """Who does it."""
    seen: int
    """The last pulse."""
    still_s: float = 0.0
    """Seconds since it changed."""
    message: str = ""
    """What is wrong, once it stands still for too long."""
    done: bool = False
    """Whether it has ended."""


class StallWatch:
    """Looks at all that is under way, from a thread of its own, until `close`.

    What stands still in the main thread is interrupted there with `Stalled`, and should that be of
    no use, the process ends. What stands still in another thread is noted in `Watched.message`, for
    the one who waits for it.
    """

    def __init__(self, limit_s: float, stop: StopRequest, folder: Path) -> None:
        """Watch nothing yet.

        Args:
            limit_s: Longest silence.
            stop: Reaches the main thread.
            folder: The run's, for what every thread did as it stood still.
        """
        self._limit_s = limit_s
        self._stop = stop
        self._folder = folder
        self._poll_s = min(POLL_S, limit_s / 8)
        self._watched: list[Watched] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Return the watch."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self.close()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    @contextlib.contextmanager
    def over(self, what: str, pulse: Callable[[], int]) -> Iterator[Watched]:
        """Watch what the block does, in the thread that it runs in.

        In the main thread blocks may lie in one another: the innermost is the one that is named.
        """
        watched = Watched(what, pulse, threading.get_ident(), pulse())
        self._begin(watched)
        try:
            yield watched
        finally:
            watched.done = True
            self._end(watched)

    @contextlib.contextmanager
    def rest(self) -> Iterator[None]:
        """Leave the calling thread alone for as long as it waits for what is watched by itself."""
        with self._lock:
            mine = [one for one in self._watched if one.thread == threading.get_ident()]
            self._watched = [one for one in self._watched if one not in mine]
        try:
            yield
        finally:
            for watched in mine:
                self._begin(watched)

    def _begin(self, watched: Watched) -> None:
        with self._lock:
            self._note_life(watched.thread)
            watched.still_s = 0.0
            self._watched.append(watched)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="gym_reason.stall", daemon=True
                )
                self._thread.start()

    def _end(self, watched: Watched) -> None:
        with self._lock:
            self._watched.remove(watched)
            self._note_life(watched.thread)

    def _note_life(self, thread: int) -> None:
        """Count the time anew of all that a thread does: one that begins or ends a block lives."""
        for other in self._watched:
            if other.thread == thread:
                other.still_s = 0.0

    def _run(self) -> None:
        before = time.monotonic()
        while not self._closed.wait(self._poll_s):
            now = time.monotonic()
            # Where this thread did not run, as in a process that was stopped and goes on, nothing
            # else could either.
            passed_s, before = min(now - before, 2 * self._poll_s), now
            for watched in self._look(passed_s):
                self._give_up(watched)

    def _look(self, passed_s: float) -> list[Watched]:
        """Return what stands still for too long, once each; in the main thread the innermost."""
        stalled: list[Watched] = []
        main = threading.main_thread().ident
        with self._lock:
            for watched in reversed(self._watched):
                pulse = watched.pulse()
                watched.still_s = 0.0 if pulse != watched.seen else watched.still_s + passed_s
                watched.seen = pulse
                if watched.still_s <= self._limit_s or watched.message:
                    continue
                if watched.thread != main or all(one.thread != main for one in stalled):
                    stalled.append(watched)
        return stalled

    def _give_up(self, watched: Watched) -> None:
        with contextlib.suppress(OSError), (self._folder / STACKS).open("w") as file:
            faulthandler.dump_traceback(file)
        place = describe_place(watched.thread)
        watched.message = (
            f"{watched.what} gave no sign of life for {self._limit_s:g} s, {place}; what every "
            f"thread did is in {self._folder / STACKS}; go on from the checkpoint with --resume, "
            "or raise rollout.stall_seconds"
        )
        if watched.thread != threading.main_thread().ident:
            return
        if watched.done or not self._stop.interrupt(Stalled(watched.message)):
            return
        deadline = time.monotonic() + GRACE_S
        while not watched.done:
            if time.monotonic() > deadline:
                # The C side holds the main thread: nothing of ours will ever run there again.
                print(f"gym-reason: {watched.message}", file=sys.stderr, flush=True)
                os._exit(1)
            time.sleep(0.05)


def describe_place(thread: int) -> str:
    """Return where a thread is now; one that only waits for others, where the first of them is."""
    frames = sys._current_frames()
    frame = frames.get(thread)
    if frame is not None and _waits(frame):
        tools = [one.ident for one in threading.enumerate() if one.name == "tool"]
        busy = next((frames[ident] for ident in tools if ident in frames), None)
        if busy is None:
            return "while its episodes waited for an environment, a tool or a server"
        frame = busy
    while frame is not None and frame.f_back is not None and _is_standard(frame):
        frame = frame.f_back
    if frame is None:
        return "its thread has ended"
    return f"in {frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})"


def _is_standard(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(STANDARD_LIBRARY) and "site-packages" not in name


def _waits(frame: FrameType) -> bool:
    """Return whether an event loop has nothing to do."""
    return frame.f_code.co_filename.endswith("selectors.py")
