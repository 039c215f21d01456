"""Many streams of bytes over one connection, each with a window of its own.

Both ends of a bridge use this. A frame is a header, its kind, a stream's number and a length, and
then as many bytes; a frame of the kind CREDIT has none, its length is the message. An end sends no
more of a stream than the other has room for, so neither holds more than a window of it, and a
stream that nobody reads holds up no other.
"""

import contextlib
import os
import select
import socket
import struct
from collections.abc import Iterator

DATA, END, STOP, CREDIT, PACKET, START, KILL, STATE = range(1, 9)
"""Kinds of frames: bytes of a stream, its end, no more of it please, room for more of it; a message
of the control socket, the start of a run, its end, what the bridge inside has to say itself."""
WINDOW_BYTES = 256 << 10
"""What may be under way of one stream."""
MOST_PACKET_BYTES = 1 << 20
"""The longest frame."""
_HEADER = struct.Struct(">BII")
_CHUNK_BYTES = 64 << 10
_MOST_WAITING_BYTES = 256 << 10
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class BrokenStreamError(Exception):
    """The other end does not keep to the rules."""


class Stream:
    """One end of a stream: what is read here is sent, what arrives is written here.

    It owns its descriptor, which is non-blocking and closed once both directions have ended.
    """

    def __init__(self, descriptor: int, *, reads: bool, writes: bool) -> None:
        """Take over `descriptor`, to read from it, to write to it, or both, as with a socket."""
        self.descriptor = descriptor
        self.reads = reads
        """Whether more is to be read and sent."""
        self.writes = writes
        """Whether what arrives is still written."""
        self.expects = writes
        """Whether the other end has not said yet that no more comes."""
        self.pending = bytearray()
        """What has arrived and is not written yet."""
        self.credit = WINDOW_BYTES
        """How much may be sent."""
        self.room = WINDOW_BYTES
        """How much the other end may send."""
        self.written = 0
        """How much was written since the other end was last told."""
        self._both = reads and writes

    def events(self, *, reading: bool) -> int:
        """Return what to poll for; `reading` says whether there is a place for what is read."""
        wanted = select.POLLIN if self.reads and self.credit and reading else 0
        return wanted | (select.POLLOUT if self.pending else 0)

    def stop_reading(self) -> None:
        """Read no more."""
        self.reads = False
        if self._both:
            self._shut_down(socket.SHUT_RD)
        self._close_if_done()

    def stop_writing(self) -> None:
        """Write no more, and forget what was to be written."""
        self.writes = False
        self.pending.clear()
        if self._both:
            self._shut_down(socket.SHUT_WR)
        self._close_if_done()

    def close(self) -> None:
        """Close the descriptor, whatever is under way."""
        self.reads = self.writes = False
        self.pending.clear()
        self._close_if_done()

    def _shut_down(self, how: int) -> None:
        end = socket.socket(fileno=self.descriptor)
        with contextlib.suppress(OSError):
            end.shutdown(how)
        end.detach()

    def _close_if_done(self) -> None:
        if self.descriptor >= 0 and not self.reads and not self.writes:
            os.close(self.descriptor)
            self.descriptor = -1


class Streams:
    """The streams of one end, and the frames that wait to be sent."""

    def __init__(self) -> None:
        """Begin with none."""
        self.open: dict[int, Stream] = {}
        self.outgoing = bytearray()
        self._incoming = bytearray()

    @property
    def has_place(self) -> bool:
        """Whether more may be read to be sent."""
        return len(self.outgoing) < _MOST_WAITING_BYTES

    def add(self, number: int, stream: Stream) -> None:
        """Open a stream."""
        os.set_blocking(stream.descriptor, False)
        self.open[number] = stream

    def send(self, kind: int, number: int = 0, content: bytes = b"") -> None:
        """Put a frame behind those that wait."""
        self.outgoing += _HEADER.pack(kind, number, len(content)) + content

    def split(self, received: bytes) -> Iterator[tuple[int, int, bytes, int]]:
        """Yield the kind, number, content and length of each frame that is whole by now.

        Raises:
            BrokenStreamError: For a frame that is too long or of no known kind.
        """
        self._incoming += received
        while len(self._incoming) >= _HEADER.size:
            kind, number, length = _HEADER.unpack_from(self._incoming)
            if not DATA <= kind <= STATE or length > MOST_PACKET_BYTES:
                raise BrokenStreamError(f"a frame of kind {kind} and {length} bytes")
            size = _HEADER.size + (0 if kind == CREDIT else length)
            if len(self._incoming) < size:
                return
            content = bytes(self._incoming[_HEADER.size : size])
            del self._incoming[:size]
            yield kind, number, content, length

    def take(self, kind: int, number: int, content: bytes, length: int) -> None:
        """Do what a frame says that is about one stream; one that is gone is passed over.

        Raises:
            BrokenStreamError: Where more comes than there is room for.
        """
        stream = self.open.get(number)
        if stream is None:
            return
        if kind == DATA:
            stream.room -= length
            if stream.room < 0 or not stream.expects:
                raise BrokenStreamError("more of a stream than was asked for")
            if stream.writes:
                stream.pending += content
                self.write(number, stream)
        elif kind == END:
            stream.expects = False
            self.write(number, stream)
        elif kind == CREDIT:
            stream.credit = min(stream.credit + length, WINDOW_BYTES)
        elif kind == STOP and stream.reads:
            stream.stop_reading()
            self.send(END, number)
        self._forget_if_done(number, stream)

    def serve(self, number: int, happened: int) -> None:
        """Read and write what a poll says that a stream is ready for."""
        stream = self.open.get(number)
        if stream is None:
            return
        if stream.pending and happened & (select.POLLOUT | _GONE):
            self.write(number, stream)
        if stream.reads and stream.credit and happened & (select.POLLIN | _GONE):
            self.read(number, stream)

    def read(self, number: int, stream: Stream) -> bool:
        """Read once and send it; say whether there may be more to read."""
        try:
            content = os.read(stream.descriptor, min(_CHUNK_BYTES, stream.credit))
        except BlockingIOError:
            return False
        except OSError:
            content = b""
        if content:
            stream.credit -= len(content)
            self.send(DATA, number, content)
            return True
        stream.stop_reading()
        self.send(END, number)
        self._forget_if_done(number, stream)
        return False

    def write(self, number: int, stream: Stream) -> None:
        """Write what has arrived, as far as there is a place for it, and make room for more."""
        while stream.pending:
            try:
                count = os.write(stream.descriptor, stream.pending[:_CHUNK_BYTES])
            except BlockingIOError:
                break
            except OSError:
                stream.stop_writing()
                self.send(STOP, number)
                break
            del stream.pending[:count]
            stream.written += count
        if stream.writes and stream.expects and stream.written >= WINDOW_BYTES // 2:
            stream.room += stream.written
            self.outgoing += _HEADER.pack(CREDIT, number, stream.written)
            stream.written = 0
        if stream.writes and not stream.expects and not stream.pending:
            stream.stop_writing()
        self._forget_if_done(number, stream)

    def drop(self, number: int) -> None:
        """Close a stream without a word to the other end."""
        stream = self.open.pop(number, None)
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Close every stream."""
        for number in list(self.open):
            self.drop(number)

    def _forget_if_done(self, number: int, stream: Stream) -> None:
        if not stream.reads and not stream.writes and not stream.expects:
            self.open.pop(number, None)
