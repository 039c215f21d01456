"""Signs of life between the processes of a run, and one place for what ended it.

Every process says once a second that it lives and what it is at. It does so from a thread, so a
long computation is no silence. A process that fails leaves a note; the others end with it, and
where one of them hangs in code that cannot be interrupted, its thread ends it.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import torch.distributed

BEAT_S = 1.0
"""Seconds between two signs of life."""
SILENCE_S = 60.0
"""Without a sign for so long, a process of another machine counts as gone."""
BROKEN_S = 4.0
"""The same where a connection has broken: then somebody is."""
GRACE_S = 5.0
"""Seconds that a process has to end by itself after a failure of another."""
NOTE = "failure"


class Watch(threading.Thread):
    """Gives this process's signs of life, and looks at those of the others."""

    def __init__(self, store: Any, rank: int, size: int) -> None:
        """Use a store of `torch.distributed` that all processes reach; `start` it."""
        super().__init__(name="gym_reason.watch", daemon=True)
        self.failure = ""
        """What ended another process; empty as long as all is well."""
        self.lost: set[int] = set()
        """Processes that are gone without a word."""
        self._store = store
        self._rank, self._size = rank, size
        self._place = "the start"
        self._over = threading.Event()
        self._beats = 0
        self._others = [other for other in range(size) if other != rank]
        self._seen = {other: ("", time.monotonic()) for other in self._others}
        self._places: dict[int, str] = {}
        self._homes: dict[int, tuple[str, int]] = {}

    def be_at(self, place: str) -> None:
        """Say what this process is at."""
        self._place = place

    def place_of(self, rank: int) -> str:
        """Return what a process was at when it last gave a sign."""
        return self._places.get(rank, "the start")

    def report(self, line: str) -> None:
        """Leave a note of why this process ends; the first one stays."""
        with contextlib.suppress(RuntimeError):  # nobody may be left to read it
            self._store.compare_set(NOTE, "", f"{self._rank}|{line}")
        if self._rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
            time.sleep(2 * BEAT_S)  # the store ends with this process: the others have to read it

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    @property
    def speaks(self) -> bool:
        """Whether it is on this process to tell a person: the first one that is still there."""
        living = [rank for rank in range(self._size) if rank not in self.lost]
        return self._rank == min(living, default=self._rank)

    def name_lost(self) -> str:
        """Return who is gone, after some time to find out; empty where nobody is missed."""
        until = time.monotonic() + BROKEN_S + 2 * BEAT_S
        while time.monotonic() < until and not self.failure:
            self._look(BROKEN_S)
            time.sleep(BEAT_S / 4)
        return self.failure

    def run(self) -> None:
        """Give signs and look for those of the others until it is over."""
        with contextlib.suppress(RuntimeError):
            self._store.set(f"home/{self._rank}", f"{os.getpid()}|{socket.gethostname()}")
        while not self._over.wait(BEAT_S):
            self._beats += 1
            with contextlib.suppress(RuntimeError):
                self._store.set(f"beat/{self._rank}", f"{self._beats}|{self._place}")
            self._look(SILENCE_S)
            if self.failure:
                self._end_soon()
                return

    def _look(self, silence_s: float) -> None:
        """Note the failure of another process, or who is gone without a word."""
        try:
            for rank in self._others:
                self._hear(rank)
            missed = {rank: self._miss(rank, silence_s) for rank in self._others}
            # Read last: what a process says as it ends is there before it is gone.
            rank_text, _, line = self._read(NOTE).partition("|")
        except RuntimeError as error:
            self._note(f"rank 0, or the launcher, is gone: {_first_line(error)}", {0})
            return
        if rank_text and int(rank_text) != self._rank:
            self._note(f"rank {rank_text}: {line}", set())
        for rank, why in missed.items():
            if why and not rank_text:
                self._note(why, {rank})

    def _hear(self, rank: int) -> None:
        """Take in the latest sign of a process."""
        beat, _, place = self._read(f"beat/{rank}").partition("|")
        if beat != self._seen[rank][0]:
            self._seen[rank] = (beat, time.monotonic())
            self._places[rank] = place
        if rank not in self._homes and (home := self._read(f"home/{rank}")):
            process, _, host = home.partition("|")
            self._homes[rank] = (host, int(process))

    def _miss(self, rank: int, silence_s: float) -> str:
        """Return why a process counts as gone; empty where it does not."""
        silent_s = time.monotonic() - self._seen[rank][1]
        host, process = self._homes.get(rank, ("", 0))
        place = f"it was at {self.place_of(rank)}"
        if host == socket.gethostname() and not _lives(process):
            return f"rank {rank} (process {process}) is gone; {place}"
        if silent_s > silence_s:
            return f"rank {rank} has given no sign for {silent_s:.0f} s; {place}"
        return ""

    def _note(self, failure: str, lost: set[int]) -> None:
        self.lost |= lost
        self.failure = self.failure or failure

    def _read(self, key: str) -> str:
        return self._store.get(key).decode() if self._store.check([key]) else ""

    def _end_soon(self) -> None:
        """End the process unless it does so itself: its main thread may hang in a wait of torch."""
        if self._over.wait(GRACE_S):
            return
        if self.speaks:
            print(f"gym-reason: {self.failure}; go on with --resume", file=sys.stderr, flush=True)
        os._exit(1)


def open_store(address: str, port: int) -> Any:
    """Return a store of the processes' own, on the server that they met at."""
    stores: Any = torch.distributed  # its types do not tell of them
    server = stores.TCPStore(address, port, is_master=False, timeout=timedelta(seconds=10))
    return stores.PrefixStore("gym_reason", server)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
