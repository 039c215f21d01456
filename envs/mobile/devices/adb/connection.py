"""Commands on a phone, each word quoted, each answer whole or an error of one line.

Needs the package `adbutils` and a running adb server. No command changes anything but those that
the device sends as gestures.
"""

import importlib
import os
import re
import shlex
import socket
import time
from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple, Protocol

from gym_reason.errors import RunError

MAX_ANSWER_BYTES = 32 * 2**20
"""Most bytes of one answer."""
TIMEOUT_S = 30.0
"""How long one command may take."""
PORT = 5037
"""Where an adb server listens, unless ANDROID_ADB_SERVER_PORT says otherwise."""

_END = b"\nexit="
_CONNECT = "connect one, allow debugging on it, and look at `adb devices`"


class Answer(NamedTuple):
    """What a command gave."""

    status: int
    """Its exit status."""
    output: bytes
    """What it wrote, errors among it."""

    @property
    def text(self) -> str:
        """The output as text; bytes that are no UTF-8 are replaced."""
        return self.output.decode("utf-8", "replace")


class _Line(Protocol):
    """A connection of adbutils."""

    conn: socket.socket

    def send_command(self, cmd: str) -> None: ...
    def check_okay(self) -> None: ...
    def close(self) -> None: ...


class _Client(Protocol):
    """A client of adbutils."""

    def make_connection(self, timeout: float | None = ...) -> _Line: ...
    def list(self) -> "Iterable[_Info]": ...


class _Info(Protocol):
    """What adbutils tells of a phone."""

    serial: str
    state: str


def find_adb_missing() -> str:
    """Return what is missing for a phone, in one line; empty where one is connected."""
    try:
        Connection()
    except RunError as error:
        return str(error)
    return ""


class Connection:
    """A phone that is connected to an adb server."""

    def __init__(self, serial: str = "", host: str = "", port: int = 0) -> None:
        """Connect to a phone.

        Args:
            serial: Which; empty for that of ANDROID_SERIAL, or else the only one.
            host: Where the server runs; empty for ANDROID_ADB_SERVER_HOST, or else here.
            port: Its port; 0 for ANDROID_ADB_SERVER_PORT, or else 5037.

        Raises:
            RunError: Without the package, the server, or the phone.
        """
        if find_spec("adbutils") is None:
            raise RunError("adbutils is not installed", 'pip install "gym-reason[adb]"')
        self._host = host or os.environ.get("ANDROID_ADB_SERVER_HOST", "127.0.0.1")
        self._port = port or _read_port()
        self._errors: tuple[type[Exception], ...] = (
            importlib.import_module("adbutils").AdbError,
            OSError,
            EOFError,
            ValueError,  # a length that is no number
        )
        self._client: _Client = importlib.import_module("adbutils").AdbClient(
            host=self._host, port=self._port, socket_timeout=TIMEOUT_S
        )
        self.serial = self._find(serial or os.environ.get("ANDROID_SERIAL", ""))
        """Which phone it is."""

    def run(self, *words: str, timeout_s: float = TIMEOUT_S) -> Answer:
        """Run a command of so many words, and return what it gave.

        Raises RunError where the phone is gone, or does not answer in time.
        """
        return self.run_script(shlex.join(words), timeout_s)

    def run_script(self, script: str, timeout_s: float = TIMEOUT_S) -> Answer:
        """Run a script of the phone's shell, in which every foreign word must have been quoted."""
        # The end is written by the shell itself, so that an answer cut short is told from a whole.
        output = self._exchange(f"{{ {script}\n}}; printf '\\nexit=%d' $?", timeout_s)
        body, end, status = output.rpartition(_END)
        if not end or not re.fullmatch(rb"[0-9]{1,3}", status.strip()):
            raise self._lost(f"it broke off within {script[:40]!r}")
        return Answer(int(status), body)

    def read_bytes(self, script: str, timeout_s: float = TIMEOUT_S) -> bytes:
        """Return what a script writes, byte by byte as it is, without its exit status."""
        return self._exchange(script, timeout_s)

    def _exchange(self, script: str, timeout_s: float) -> bytes:
        self._look_for_server()
        until = time.monotonic() + timeout_s
        try:
            line = self._client.make_connection(timeout=timeout_s)
            try:
                line.send_command(f"host:transport:{self.serial}")
                line.check_okay()
                # `exec:` has no terminal in between, which would change the ends of lines.
                line.send_command(f"exec:{script}")
                line.check_okay()
                return self._read(line, until)
            finally:
                line.close()
        except self._errors as error:
            raise self._lost(str(error) or type(error).__name__) from None

    def _read(self, line: _Line, until: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            line.conn.settimeout(max(0.01, until - time.monotonic()))
            piece = line.conn.recv(1 << 16)
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise RunError(
                    f"an answer of more than {MAX_ANSWER_BYTES} bytes from {self.serial}"
                )
            pieces.append(piece)

    def _find(self, serial: str) -> str:
        self._look_for_server()
        try:
            states = {info.serial: str(info.state) for info in self._client.list()}
        except self._errors as error:
            raise RunError(f"an adb server that answers {error}", "one that works") from None
        if serial:
            if states.get(serial) != "device":
                state = states.get(serial, "absent")
                raise RunError(f"phone {serial!r} is {state}", remedy=_CONNECT)
            return serial
        ready = [name for name, state in states.items() if state == "device"]
        if len(ready) > 1:
            raise RunError(f"{len(ready)} phones", "one", "name one in ANDROID_SERIAL")
        if not ready:
            raise RunError("no phone is connected", remedy=_CONNECT)
        return ready[0]

    def _look_for_server(self) -> None:
        # adbutils would start a server, which nobody has asked for and nobody would end.
        try:
            socket.create_connection((self._host, self._port), 3.0).close()
        except OSError:
            raise RunError(
                f"no adb server at {self._host}:{self._port}", remedy="run `adb start-server`"
            ) from None

    def _lost(self, reason: str) -> RunError:
        return RunError(f"phone {self.serial} does not answer: {reason}", remedy=_CONNECT)


def _read_port() -> int:
    words = os.environ.get("ANDROID_ADB_SERVER_PORT", str(PORT))
    if not words.isascii() or not words.isdigit() or not 0 < int(words) < 65_536:
        raise RunError(f"ANDROID_ADB_SERVER_PORT = {words!r}", "a port")
    return int(words)
