"""The bridge into a container: frames, windows, and an inner end that breaks the rules."""

import contextlib
import itertools
import json
import os
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.sandbox.bridge import Bridge
from gym_reason.verifiers.sandbox.inside.streams import (
    CREDIT,
    DATA,
    KILL,
    PACKET,
    START,
    STATE,
    WINDOW_BYTES,
    BrokenStreamError,
    Stream,
    Streams,
)
from gym_reason.verifiers.sandbox.seccomp import build_profile

_HEADER = struct.Struct(">BII")


def _cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Yield `content` in pieces of these sizes, over and over."""
    place = 0
    for size in itertools.cycle(sizes):
        if place >= len(content):
            return
        yield content[place : place + size]
        place += size


def _carry(sender: Streams, receiver: Streams, sizes: list[int]) -> bool:
    """Bring what one end has to send to the other; say whether there was anything."""
    content = bytes(sender.outgoing)
    sender.outgoing.clear()
    for piece in _cut(content, sizes):
        for frame in receiver.split(piece):
            receiver.take(*frame)
    return bool(content)


@given(
    contents=st.lists(st.binary(max_size=3_000), min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=5),
)
def test_streams_arrive_whole_however_the_connection_cuts_them(
    contents: list[bytes], sizes: list[int]
) -> None:
    near, far = Streams(), Streams()
    ends = []
    for number, content in enumerate(contents, 1):
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        near.add(number, Stream(reading, reads=True, writes=False))
        reading, writing = os.pipe()
        far.add(number, Stream(writing, reads=False, writes=True))
        ends.append(reading)
    for number, stream in list(near.open.items()):
        while near.read(number, stream):
            pass
    while _carry(near, far, sizes) or _carry(far, near, sizes):
        pass
    assert not near.open
    assert not far.open
    for end, content in zip(ends, contents, strict=True):
        with os.fdopen(end, "rb") as file:
            assert file.read() == content


def test_a_stream_that_nobody_reads_stops_at_its_window() -> None:
    near, far = Streams(), Streams()
    source = os.memfd_create("source")
    os.write(source, bytes(4 * WINDOW_BYTES))
    os.lseek(source, 0, os.SEEK_SET)
    near.add(1, Stream(source, reads=True, writes=False))
    ours, theirs = socket.socketpair()
    far.add(1, Stream(theirs.detach(), reads=False, writes=True))
    with ours:
        stream = near.open[1]
        while stream.credit and near.read(1, stream):
            pass
        assert stream.credit == 0
        _carry(near, far, [1 << 16])
        assert len(far.open[1].pending) <= WINDOW_BYTES
        taken = 0
        while 1 in far.open:
            taken += len(ours.recv(1 << 16))
            if 1 in far.open:
                far.write(1, far.open[1])
            _carry(far, near, [1 << 16])
            while 1 in near.open and stream.credit and near.read(1, stream):
                pass
            _carry(near, far, [1 << 16])
        while content := ours.recv(1 << 16):
            taken += len(content)
        assert taken == 4 * WINDOW_BYTES
        assert not near.open


def test_more_than_the_window_is_refused() -> None:
    streams = Streams()
    ours, theirs = socket.socketpair()
    streams.add(1, Stream(theirs.detach(), reads=False, writes=True))
    with ours:
        streams.take(DATA, 1, bytes(WINDOW_BYTES), WINDOW_BYTES)
        with pytest.raises(BrokenStreamError, match="more of a stream"):
            streams.take(DATA, 1, bytes(WINDOW_BYTES), WINDOW_BYTES)
    streams.close()


class _Container:
    """What a container may send, by hand."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(5)
        self.bridge = Bridge(theirs)
        self.bridge.control.settimeout(5)

    def write(self, content: bytes, kind: int = 1) -> None:
        self.end.sendall(struct.pack(">BxxxI", kind, len(content)) + content)

    def say(self, kind: int, message: object, number: int = 0) -> None:
        content = json.dumps(message).encode()
        self.write(_HEADER.pack(kind, number, len(content)) + content)

    def greet(self) -> None:
        self.say(STATE, {"python": "3.11.2", "machine": "x86_64", "killed": 0, "refused": 0})
        assert self.bridge.wait_for_greeting(5) is not None

    def start_run(self) -> list[int]:
        """Start run 1 as a sandbox does; returns the host's ends of its pipes."""
        ours, theirs = [], [os.memfd_create("stdin")]
        for _ in range(3):
            reading, writing = os.pipe()
            ours.append(reading)
            theirs.append(writing)
        theirs.append(os.memfd_create("job"))
        socket.send_fds(self.bridge.control, [b'{"start": 1}'], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        # Its first bytes say that the bridge has taken the run.
        assert self.end.recv(1)
        return ours


@pytest.fixture
def container() -> Iterator[_Container]:
    made = _Container()
    yield made
    made.bridge.control.close()
    made.bridge.join(5)
    made.end.close()


def _assert_lost(container: _Container) -> None:
    with container.bridge.control as control:
        while control.recv(1 << 16):
            pass
    container.bridge.join(5)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (0, b""),
        (99, b""),
        (START, b"{}"),
        (KILL, b""),
        (PACKET, b"no json"),
        (PACKET, b"[" * 100_000),
        (PACKET, b'{"ended": 7, "status": 0, "cpu_s": 0}'),
        (PACKET, b'{"ended": [1], "status": 0, "cpu_s": 0}'),
        (STATE, b'{"killed": "many"}'),
        (STATE, b'{"killed": 1e5}'),
    ],
)
def test_garbage_ends_the_bridge(container: _Container, kind: int, content: bytes) -> None:
    container.greet()
    container.write(_HEADER.pack(kind, 0, len(content)) + content)
    _assert_lost(container)
    assert "broke the rules" in container.bridge.said


@pytest.mark.parametrize(
    "end",
    [
        {"status": 127, "cpu_s": 0},
        {"status": -1, "cpu_s": 0},
        {"status": 1 << 70, "cpu_s": 0},
        {"status": 0, "cpu_s": "NaN"},
        {"status": 0, "cpu_s": float("nan")},
        {"status": 0, "cpu_s": 10**400},
        {"status": 0},
        {},
    ],
)
def test_an_end_without_a_true_status_ends_the_bridge(
    container: _Container, end: dict[str, object]
) -> None:
    container.greet()
    for descriptor in container.start_run():
        os.close(descriptor)
    container.say(PACKET, {"ended": 1, **end})
    _assert_lost(container)
    assert "broke the rules" in container.bridge.said


def test_a_frame_beyond_any_length_ends_the_bridge(container: _Container) -> None:
    container.greet()
    container.write(_HEADER.pack(DATA, 1, 0xFFFFFFFF))
    _assert_lost(container)


@given(content=st.binary(min_size=1, max_size=300))
def test_random_bytes_never_hang_the_bridge(content: bytes) -> None:
    container = _Container()
    container.end.sendall(content)
    container.end.shutdown(socket.SHUT_WR)
    _assert_lost(container)
    container.end.close()


def test_a_flood_that_nobody_asked_for_ends_the_bridge(container: _Container) -> None:
    container.greet()
    pipes = container.start_run()
    flood = _HEADER.pack(DATA, 2, 1 << 16) + bytes(1 << 16)
    # Nobody reads the pipe, so no more than a window and what a pipe holds is ever taken.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(64):
            container.write(flood)
    _assert_lost(container)
    for descriptor in pipes:
        os.close(descriptor)


def test_output_comes_before_the_end_of_its_run(container: _Container) -> None:
    container.greet()
    pipes = container.start_run()
    content = os.urandom(200_000)
    for piece in _cut(content, [50_000]):
        container.write(_HEADER.pack(DATA, 2, len(piece)) + piece)
    container.say(PACKET, {"ended": 1, "status": 0, "cpu_s": 0.5})
    container.bridge.control.settimeout(0.2)
    with pytest.raises(TimeoutError):
        container.bridge.control.recv(100)
    with os.fdopen(pipes[0], "rb") as stdout:
        assert stdout.read() == content
    container.bridge.control.settimeout(5)
    assert json.loads(container.bridge.control.recv(100))["cpu_s"] == 0.5
    for descriptor in pipes[1:]:
        os.close(descriptor)


def test_a_killed_run_ends_though_nobody_reads_it(container: _Container) -> None:
    container.greet()
    pipes = container.start_run()
    for _ in range(3):
        container.write(_HEADER.pack(DATA, 2, 1 << 16) + bytes(1 << 16))
    container.bridge.control.send(b'{"kill": 1}')
    container.say(PACKET, {"ended": 1, "status": 9, "cpu_s": 0})
    assert json.loads(container.bridge.control.recv(100))["status"] == 9
    for descriptor in pipes:
        os.close(descriptor)


def test_credit_beyond_the_window_is_not_believed() -> None:
    streams = Streams()
    reading, writing = os.pipe()
    streams.add(1, Stream(reading, reads=True, writes=False))
    streams.take(CREDIT, 1, b"", 0xFFFFFFFF)
    assert streams.open[1].credit == WINDOW_BYTES
    streams.close()
    os.close(writing)


def test_what_a_container_says_on_standard_error_is_kept(container: _Container) -> None:
    container.write(b"x" * 10_000, kind=2)
    container.write(b" python3: not found", kind=2)
    container.end.shutdown(socket.SHUT_WR)
    assert container.bridge.wait_for_greeting(5) is None
    container.bridge.join(5)
    assert container.bridge.said.endswith("python3: not found")
    assert len(container.bridge.said) <= 300


def test_the_profile_compares_what_the_kernel_reads() -> None:
    rules = json.loads(json.dumps(build_profile()))["syscalls"]
    compared = [rule for rule in rules if "args" in rule]
    assert {rule["names"][0] for rule in compared} == {"clone", "ioctl", "socket"}
    for rule in compared:
        (argument,) = rule["args"]
        # Equal to a whole argument would let one with other high bits pass; unequal to the only
        # number that is allowed lets none pass.
        wanted = "SCMP_CMP_NE" if rule["names"][0] == "socket" else "SCMP_CMP_MASKED_EQ"
        assert argument["op"] == wanted
