"""The end of a bridge in a container: gives the server descriptors that stand for the host's.

A container takes no descriptors from outside, since its kernel may be another machine's or none of
the host's (gVisor). What it has is the standard input and output of its first process, which is
this one. It makes the pipes, files and sockets of each run here, hands them to the server over its
control socket, as a host without a bridge would, and carries their bytes as `streams` frames them.

It is trusted as the server is, and runs nothing of a submission. It ends, and with it all in the
container, when its standard input does.
"""

import contextlib
import json
import os
import platform
import select
import socket
import traceback
from typing import Any, NoReturn

from gym_reason.verifiers.sandbox.inside.streams import (
    KILL,
    PACKET,
    START,
    STATE,
    Stream,
    Streams,
)

FILE, OUTPUT, LINK = "file", "output", "link"
"""Kinds of descriptors: a file with a content, a pipe to the host, a socket for both ways."""
_READ_BYTES = 64 << 10
_COUNTS = {
    "killed": ("oom_kill", ("memory.events", "memory/memory.oom_control")),
    "refused": ("max", ("pids.events", "pids/pids.events")),
}


def main() -> None:
    """Fork the server and carry what it and the host have to say, until either is gone."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        _become_server(theirs)
    theirs.close()
    _Bridge(ours).serve()


def _become_server(control: socket.socket) -> NoReturn:
    """Run the program that comes first through the control socket."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        # Nothing of the image's environment is a submission's business.
        os.environ.clear()
        os.environ.update(PYTHONHASHSEED="0", LANG="C.UTF-8")
        names = {"__name__": "__main__", "control": control}
        exec(compile(control.recv(1 << 17), "<boot>", "exec"), names)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


class _Run:
    """A run, from the host's wish to have it until its end is told."""

    def __init__(self, message: dict[str, Any], first: int, kinds: list[str]) -> None:
        self.message = message
        self.kinds = kinds
        numbers = list(enumerate(kinds, first))
        self.files = [number for number, kind in numbers if kind == FILE]
        self.outputs = [number for number, kind in numbers if kind == OUTPUT]
        self.passed: list[int] = []
        """What the server is to get, while it waits for files to be whole."""
        self.killed = False
        self.ended: bytes | None = None
        """The server's word that it has ended."""

    def close(self) -> None:
        while self.passed:
            os.close(self.passed.pop())


class _Bridge:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.streams = Streams()
        self.runs: dict[int, _Run] = {}
        self.counters = _open_counters()

    def serve(self) -> None:
        """Carry until the host or the server is gone."""
        self._say({"python": platform.python_version(), "machine": platform.machine()})
        os.set_blocking(0, False)
        os.set_blocking(1, False)
        going = True
        while going:
            for descriptor, happened in self._wait():
                if descriptor == 0:
                    going = going and self._receive()
                elif descriptor == 1:
                    going = going and self._flush()
                elif descriptor == self.control.fileno():
                    going = going and self._hear()
                else:
                    self.streams.serve(self.numbers[descriptor], happened)
            for number in list(self.runs):
                self._go_on(number, self.runs[number])

    def _wait(self) -> list[tuple[int, int]]:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        if self.streams.outgoing:
            poll.register(1, select.POLLOUT)
        place = self.streams.has_place
        if place:
            poll.register(self.control, select.POLLIN)
        self.numbers: dict[int, int] = {}
        for number, stream in self.streams.open.items():
            wanted = stream.events(reading=place)
            if wanted:
                poll.register(stream.descriptor, wanted)
                self.numbers[stream.descriptor] = number
        return poll.poll()

    def _receive(self) -> bool:
        try:
            content = os.read(0, _READ_BYTES)
        except BlockingIOError:
            return True
        for frame in self.streams.split(content):
            kind, number, content_of, _ = frame
            if kind == START:
                self._prepare(number, json.loads(content_of))
            elif kind == KILL:
                self._kill(number)
            elif kind == PACKET:
                self.control.send(content_of)
            else:
                self.streams.take(*frame)
        return bool(content)

    def _flush(self) -> bool:
        try:
            count = os.write(1, self.streams.outgoing[:_READ_BYTES])
        except BlockingIOError:
            return True
        except OSError:
            return False
        del self.streams.outgoing[:count]
        return True

    def _hear(self) -> bool:
        """Take what the server says; the end of a run waits for what the run has written."""
        packet = self.control.recv(_READ_BYTES)
        run = self.runs.get(json.loads(packet).get("ended", 0)) if packet else None
        if run is not None:
            run.ended = packet
        elif packet:
            self.streams.send(PACKET, 0, packet)
        return bool(packet)

    def _prepare(self, first: int, request: dict[str, Any]) -> None:
        """Make a run's descriptors; their streams are numbered from `first` on."""
        run = _Run(request["message"], first, request["kinds"])
        for number, kind in enumerate(request["kinds"], first):
            if kind == FILE:
                theirs = os.memfd_create("bridge")
                stream = Stream(os.dup(theirs), reads=False, writes=True)
            elif kind == OUTPUT:
                reading, theirs = os.pipe()
                with contextlib.suppress(OSError):
                    # The run is another user, who may open what /dev/stdout stands for.
                    os.fchmod(theirs, 0o622)
                stream = Stream(reading, reads=True, writes=False)
            else:
                ours, end = socket.socketpair()
                theirs = end.detach()
                stream = Stream(ours.detach(), reads=True, writes=True)
            run.passed.append(theirs)
            self.streams.add(number, stream)
        self.runs[run.message["start"]] = run

    def _go_on(self, number: int, run: _Run) -> None:
        """Start a run whose files are whole; tell the end of one whose output is read."""
        if run.passed and not any(file in self.streams.open for file in run.files):
            for descriptor, kind in zip(run.passed, run.kinds, strict=True):
                if kind == FILE:
                    os.lseek(descriptor, 0, os.SEEK_SET)
            socket.send_fds(self.control, [json.dumps(run.message).encode()], run.passed)
            run.close()
        if run.ended is not None and (self._read_rest(run) or run.killed):
            for output in run.outputs:
                self.streams.drop(output)
            del self.runs[number]
            self._say({})
            self.streams.send(PACKET, 0, run.ended)

    def _read_rest(self, run: _Run) -> bool:
        """Read what is left in a run's pipes, and say whether that was all.

        Nobody writes any more, but their ends need not be closed yet: their emptiness is the sign.
        """
        for number in run.outputs:
            stream = self.streams.open.get(number)
            while stream is not None and stream.reads:
                if not stream.credit or not self.streams.has_place:
                    return False
                if not self.streams.read(number, stream):
                    break
        return True

    def _kill(self, number: int) -> None:
        run = self.runs.get(number)
        if run is None:
            return
        run.killed = True
        if not run.passed:
            self.control.send(json.dumps({"kill": number}).encode())
            return
        # It was never started, and now it never will be.
        run.close()
        for file in run.files:
            self.streams.drop(file)
        run.ended = json.dumps({"ended": number, "status": 9, "cpu_s": 0.0}).encode()

    def _say(self, state: dict[str, Any]) -> None:
        """Tell the host `state` and how often the kernel has stepped in."""
        for name, file in self.counters.items():
            state[name] = _read_count(file, _COUNTS[name][0])
        self.streams.send(STATE, 0, json.dumps(state).encode())


def _open_counters() -> dict[str, int]:
    """Return a descriptor of each file with counts that this container has."""
    found: dict[str, int] = {}
    for name, (_, paths) in _COUNTS.items():
        for path in paths:
            with contextlib.suppress(OSError):
                found.setdefault(name, os.open(f"/sys/fs/cgroup/{path}", os.O_RDONLY))
    return found


def _read_count(file: int, key: str) -> int:
    for line in os.pread(file, 4096, 0).decode().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0
