"""The host's end of a bridge into a container.

A thread stands where a sandbox's server would: it holds the other end of the control socket, takes
the descriptors that come with each run, and carries their bytes over the container's standard
input and output, where `inside.bridge` makes the same descriptors anew.

What comes out of the container is not believed: lengths are capped, no stream brings more than was
asked for, and messages are read and written anew. Whatever is wrong ends the bridge, and the
sandbox is lost.
"""

import contextlib
import json
import os
import select
import socket
import ssl
import stat
import struct
import threading
import weakref
from dataclasses import dataclass, field

from gym_reason.types import Json
from gym_reason.verifiers.sandbox.cgroups import Counters
from gym_reason.verifiers.sandbox.inside.bridge import FILE, LINK, OUTPUT
from gym_reason.verifiers.sandbox.inside.streams import (
    KILL,
    PACKET,
    START,
    STATE,
    BrokenStreamError,
    Stream,
    Streams,
)

_READ_BYTES = 64 << 10
_MOST_DESCRIPTORS = 8
_MOST_WAITING_PACKETS = 64
_MOST_STDERR_BYTES = 4_096
_MOST_PACKET_BYTES = 1 << 18
_MOST_SECONDS = 1e9
_ENGINE_HEADER = struct.Struct(">BxxxI")
_STDOUT, _STDERR = 1, 2
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_live: "weakref.WeakSet[Bridge]" = weakref.WeakSet()


def _drop_inherited() -> None:
    """Let go of the parent's bridges in a forked child, which would keep containers alive."""
    for bridge in list(_live):
        bridge.forget()


os.register_at_fork(after_in_child=_drop_inherited)


@dataclass(slots=True)
class _Run:
    outputs: list[int]
    """Streams that end on the host."""
    files: list[int]
    killed: bool = False
    ended: bytes | None = None
    """The word that it has ended, until what it has written is delivered."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is inside a container."""

    python: str
    """Version of its interpreter."""
    machine: str
    """Its architecture, as `platform.machine` names it."""
    counts: bool
    """Whether the kernel's counts can be read there."""


@dataclass(slots=True)
class _Output:
    """The engine's framing of what a container writes: standard output and error, in turns."""

    stderr: bytearray = field(default_factory=bytearray)
    kind: int = 0
    left: int = 0
    header: bytearray = field(default_factory=bytearray)

    def split(self, received: bytes) -> bytes:
        """Return what of it is standard output, and keep the end of what is standard error."""
        output = bytearray()
        view = memoryview(received)
        while view:
            if self.left:
                part, view = view[: self.left], view[self.left :]
                self.left -= len(part)
                if self.kind == _STDOUT:
                    output += part
                elif self.kind == _STDERR:
                    self.stderr += part
                    del self.stderr[:-_MOST_STDERR_BYTES]
                continue
            missing = _ENGINE_HEADER.size - len(self.header)
            self.header += view[:missing]
            view = view[missing:]
            if len(self.header) == _ENGINE_HEADER.size:
                self.kind, self.left = _ENGINE_HEADER.unpack(self.header)
                self.header.clear()
        return bytes(output)


class Bridge:
    """A bridge to one container, carried by a thread of its own."""

    def __init__(self, stream: socket.socket) -> None:
        """Begin to carry over `stream`, which is attached to the container's first process.

        Args:
            stream: A connected socket with the engine's framing, from now on the bridge's own.
        """
        self.control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        """The sandbox's end of the control socket; who closes it ends the bridge."""
        self.counters = Counters(0, 0)
        """How often the kernel has stepped in, as of the last run that ended."""
        self.greeting: Greeting | None = None
        self._greeted = threading.Event()
        self._stream = stream
        self._output = _Output()
        self._streams = Streams()
        self._next_stream = 1
        self._runs: dict[int, _Run] = {}
        self._packets: list[bytes] = []
        """Messages for the sandbox that wait for a place."""
        self._reason = ""
        stream.setblocking(False)
        self._theirs.setblocking(False)
        self._thread = threading.Thread(target=self._carry, name="sandbox-bridge", daemon=True)
        _live.add(self)
        self._thread.start()

    @property
    def said(self) -> str:
        """What went wrong, as far as is known: the end of its standard error, or our own words."""
        text = " ".join(bytes(self._output.stderr).decode(errors="replace").split())
        return text[-300:] or self._reason

    def wait_for_greeting(self, seconds: float) -> Greeting | None:
        """Return what is inside, or None where nobody there speaks up in time."""
        self._greeted.wait(seconds)
        return self.greeting

    def join(self, seconds: float) -> None:
        """Wait until the bridge has ended."""
        self._thread.join(seconds)

    def forget(self) -> None:
        """Close its descriptors in this process alone, without a word to the engine."""
        for end in (self._stream, self._theirs, self.control):
            with contextlib.suppress(OSError):
                os.close(end.detach())

    def _carry(self) -> None:
        try:
            while self._carry_once():
                pass
        except BrokenStreamError as error:
            self._reason = f"it broke the rules of the bridge: {error}"
        except OSError as error:
            self._reason = f"the connection broke: {error}"
        finally:
            self._streams.close()
            self._theirs.close()
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
            self._stream.close()
            self._greeted.set()

    def _carry_once(self) -> bool:
        """Wait for something to do, and do it; say whether to go on."""
        poll = select.poll()
        carried = self._streams
        sending = select.POLLOUT if carried.outgoing else 0
        poll.register(self._stream, select.POLLIN | sending)
        waiting = select.POLLOUT if self._packets else 0
        poll.register(self._theirs, (select.POLLIN if carried.has_place else 0) | waiting)
        numbers = {}
        for number, stream in carried.open.items():
            wanted = stream.events(reading=carried.has_place)
            if wanted:
                poll.register(stream.descriptor, wanted)
                numbers[stream.descriptor] = number
        going = True
        for descriptor, happened in poll.poll():
            if descriptor == self._stream.fileno():
                going = going and self._receive()
            elif descriptor == self._theirs.fileno():
                going = going and self._obey()
            else:
                carried.serve(numbers[descriptor], happened)
        for run_number in list(self._runs):
            self._tell_end(run_number, self._runs[run_number])
        self._flush()
        return going

    def _receive(self) -> bool:
        """Take what the container sends."""
        while True:
            try:
                content = self._stream.recv(_READ_BYTES)
            except _WOULD_BLOCK:
                return True
            if not content:
                self._reason = "it ended"
                return False
            for frame in self._streams.split(self._output.split(content)):
                self._take(*frame)
            if not isinstance(self._stream, ssl.SSLSocket):
                return True

    def _take(self, kind: int, number: int, content: bytes, length: int) -> None:
        if kind == PACKET:
            self._pass_on(_read_object(content))
        elif kind == STATE:
            self._note(_read_object(content))
        elif kind in (START, KILL):
            raise BrokenStreamError("a request")
        else:
            self._streams.take(kind, number, content, length)

    def _note(self, state: dict[str, Json]) -> None:
        killed, refused = state.get("killed", 0), state.get("refused", 0)
        if not isinstance(killed, int) or not isinstance(refused, int):
            raise BrokenStreamError("counts that are no numbers")
        self.counters = Counters(killed, refused)
        if self.greeting is None:
            counts = "killed" in state and "refused" in state
            self.greeting = Greeting(str(state.get("python")), str(state.get("machine")), counts)
            self._greeted.set()

    def _pass_on(self, message: dict[str, Json]) -> None:
        """Take a message for the sandbox; the end of a run waits for what the run has written."""
        number = message.get("ended")
        if number is None:
            self._put({"ready": str(message.get("ready"))[:100]})
            return
        run = self._runs.get(number) if isinstance(number, int) else None
        if run is None:
            raise BrokenStreamError("the end of a run that is none")
        if "error" in message:
            answer: dict[str, Json] = {"ended": number, "error": str(message["error"])[:1000]}
        else:
            status, cpu_s = message.get("status"), message.get("cpu_s")
            if not (isinstance(status, int) and _is_status(status) and _is_seconds(cpu_s)):
                raise BrokenStreamError("the end of a run without its status")
            answer = {"ended": number, "status": status, "cpu_s": cpu_s}
        run.ended = json.dumps(answer).encode()

    def _put(self, message: dict[str, Json]) -> None:
        self._packets.append(json.dumps(message).encode())
        if len(self._packets) > _MOST_WAITING_PACKETS:
            raise BrokenStreamError("more messages than anybody waits for")

    def _tell_end(self, number: int, run: _Run) -> None:
        """Tell the end of a run whose output is delivered."""
        opened = self._streams.open
        waits = any(opened[one].pending for one in run.outputs if one in opened)
        if run.ended is None or (waits and not run.killed):
            return
        for stream in (*run.outputs, *run.files):
            self._streams.drop(stream)
        self._packets.append(run.ended)
        del self._runs[number]

    def _obey(self) -> bool:
        """Take what the sandbox wants."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(
                self._theirs, _MOST_PACKET_BYTES, _MOST_DESCRIPTORS
            )
        except BlockingIOError:
            return True
        if descriptors:
            self._start(packet, descriptors)
        elif packet:
            request = None
            with contextlib.suppress(ValueError):
                request = json.loads(packet)
            if isinstance(request, dict) and "kill" in request:
                self._kill(request["kill"])
            else:
                self._streams.send(PACKET, 0, packet)
        return bool(packet)

    def _start(self, packet: bytes, descriptors: list[int]) -> None:
        first = self._next_stream
        self._next_stream += len(descriptors)
        kinds: list[Json] = []
        run = _Run([], [])
        for number, descriptor in enumerate(descriptors, first):
            kind = _find_kind(descriptor)
            kinds.append(kind)
            reads, writes = kind != OUTPUT, kind != FILE
            self._streams.add(number, Stream(descriptor, reads=reads, writes=writes))
            if kind != LINK:
                (run.files if kind == FILE else run.outputs).append(number)
        message = json.loads(packet)
        self._runs[message["start"]] = run
        content = json.dumps({"message": message, "kinds": kinds}).encode()
        self._streams.send(START, first, content)
        for number in run.files:
            # Most are short: sent at once, they are there when the run is.
            stream = self._streams.open[number]
            while self._streams.has_place and stream.credit and self._streams.read(number, stream):
                pass

    def _kill(self, number: int) -> None:
        run = self._runs.get(number)
        if run is not None:
            run.killed = True
            for stream in run.files:
                self._streams.drop(stream)
            self._streams.send(KILL, number)

    def _flush(self) -> None:
        """Send what there is a place for."""
        while self._streams.outgoing:
            try:
                count = self._stream.send(self._streams.outgoing[:_READ_BYTES])
            except _WOULD_BLOCK:
                break
            del self._streams.outgoing[:count]
        while self._packets:
            try:
                self._theirs.send(self._packets[0])
            except BlockingIOError:
                break
            del self._packets[0]


def _find_kind(descriptor: int) -> str:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return LINK
    return OUTPUT if stat.S_ISFIFO(mode) else FILE


def _read_object(content: bytes) -> dict[str, Json]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BrokenStreamError("a message that is no JSON object")
    return value


def _is_status(status: int) -> bool:
    return 0 <= status < 1 << 16 and (os.WIFEXITED(status) or os.WIFSIGNALED(status))


def _is_seconds(value: Json) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < _MOST_SECONDS
