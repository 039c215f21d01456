"""A phone without a phone: an adb server, whose shell is a real one with programs that record.

The programs write down the words that they got, one file a call, and answer with what was put into
the folder `answers`. So what a shell would do to a hostile text happens, if anything lets it.
"""

import ast
import marshal
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SERIAL = "FAKE0123"
VERSION = 41
# Each word that is said to the phone starts one: so they import only what is built in.
PROGRAM = """\
#!{python} -IS
import marshal, sys
home = {home!r}
name, words = sys.argv[0].rpartition("/")[2], sys.argv[1:]
with open(home + "/calls", "a") as file:
    file.write(ascii([name, *words]) + "\\n")
with open(home + "/rules", "rb") as file:
    rules = marshal.load(file)
best = max(
    (rule for rule in rules if rule["words"] == ([name, *words])[: len(rule["words"])]),
    key=lambda rule: len(rule["words"]),
    default=None,
)
if best is None:
    sys.exit(0 if name in ("input", "am") else 127)
if best["to"] is not None:
    with open(words[best["to"]], "wb") as file:
        file.write(best["output"])
else:
    sys.stdout.buffer.write(best["output"])
sys.exit(best["status"])
"""
PROGRAMS = (
    *("input", "am", "cmd", "content", "date", "getprop", "ime"),
    *("pm", "screencap", "settings", "uiautomator", "wm"),
)


class FakePhone:
    """A folder with programs, and a server that runs them."""

    def __init__(self, home: Path, python: str) -> None:
        self.home = home
        self.storage = home / "sdcard"
        self.storage.mkdir()
        (home / "bin").mkdir()
        for name in PROGRAMS:
            path = home / "bin" / name
            path.write_text(PROGRAM.format(python=python, home=str(home)))
            path.chmod(0o755)
        self._rules: list[dict[str, object]] = []
        self.state = "device"
        self.gone_after = -1
        """Commands that are answered before the phone is gone; below 0 all."""
        self.cut_at = -1
        """Bytes after which an answer breaks off; below 0 none does."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.answer(["wm", "size"], "Physical size: 1080x2400\n")
        self.answer(["cmd", "package"], "priority=0\ncom.launcher/.Home\n")
        self.answer(["getprop"], "Europe/Berlin\n")
        self.answer(["date", "+%s"], "1700000000\n")
        self.answer(["date", "+%H:%M"], "23:13\n")
        self.answer(["pm", "list", "packages"], "package:net.gsantner.markor\n")

    def answer(
        self, words: Sequence[str], output: str | bytes, status: int = 0, to: int | None = None
    ) -> None:
        """Say what a program answers to words that begin so; the latest and longest rule counts.

        Args:
            words: The program and its first words.
            output: What it writes.
            status: Its exit status.
            to: The number of the word that names the file it writes to; None for its output.
        """
        data = output.encode() if isinstance(output, str) else output
        self._rules = [rule for rule in self._rules if rule["words"] != list(words)]
        self._rules.append({"words": list(words), "output": data, "status": status, "to": to})
        (self.home / "rules").write_bytes(marshal.dumps(self._rules))

    def show(self, xml: str | bytes) -> None:
        """Put something on the screen."""
        self.answer(["uiautomator", "dump"], xml, to=1)

    def calls(self, *programs: str) -> list[list[str]]:
        """Return what was called since the last time, of some programs."""
        path = self.home / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [words for words in map(ast.literal_eval, lines) if words[0] in programs]

    def close(self) -> None:
        """End the server."""
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)  # which ends the wait for another client
            self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            # A client may hold several connections.
            threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(5)
            self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        chosen = False
        while True:
            head = _receive(client, 4)
            if len(head) < 4:
                return
            request = _receive(client, int(head, 16)).decode()
            if request == "host:version":
                return _say(client, f"{VERSION:04x}")
            if request in ("host:devices", "host:devices-l"):
                return _say(client, f"{SERIAL}\t{self.state}\n" if self.state else "")
            if request.startswith("host:transport:"):
                if self.gone_after == 0:
                    return _fail(client, f"device '{SERIAL}' not found")
                chosen = request.rpartition(":")[2] == SERIAL
                if not chosen:
                    return _fail(client, "no such device")
                client.sendall(b"OKAY")
            elif chosen and request.startswith(("exec:", "shell:")):
                client.sendall(b"OKAY")
                return self._run(client, request.partition(":")[2])
            else:
                return _fail(client, f"unknown request {request[:40]}")

    def _run(self, client: socket.socket, script: str) -> None:
        self.gone_after -= self.gone_after > 0
        path = f"{self.home / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        # A phone has its storage at the root; this one has it in its folder.
        script = script.replace("/sdcard/", f"{self.storage}/")
        script = script.replace("/data/local/tmp/", f"{self.home}/")
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            capture_output=True,
            cwd=self.home,
            env={"PATH": path},
            timeout=20,
            check=False,
        )
        output = done.stdout.replace(f"{self.storage}/".encode(), b"/sdcard/")
        client.sendall(output[: self.cut_at] if self.cut_at >= 0 else output)


def _receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(count - len(data))
        if not piece:
            break
        data += piece
    return data


def _say(client: socket.socket, words: str) -> None:
    client.sendall(b"OKAY" + f"{len(words):04x}{words}".encode())


def _fail(client: socket.socket, words: str) -> None:
    client.sendall(b"FAIL" + f"{len(words):04x}{words}".encode())


@contextmanager
def run_phone(home: Path, python: str) -> Iterator[FakePhone]:
    """Run a phone for as long as the block."""
    phone = FakePhone(home, python)
    try:
        yield phone
    finally:
        phone.close()


def node(bounds: str, *children: str, **values: str) -> str:
    """Return a node of a dump; names have underscores for hyphens, `kind` is the class."""
    from xml.sax.saxutils import quoteattr

    kind = values.pop("kind", "android.widget.TextView")
    fields = {"class": kind, "package": "net.gsantner.markor", "bounds": bounds, "enabled": "true"}
    fields |= {name.replace("_", "-"): value for name, value in values.items()}
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in fields.items())
    return f"<node {written}>{''.join(children)}</node>"


def hierarchy(*nodes: str, rotation: int = 0) -> str:
    """Return a dump."""
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
    return f'{head}<hierarchy rotation="{rotation}">{"".join(nodes)}</hierarchy>'


def field(text: str = "", focused: bool = True) -> str:
    """Return a node that can be written in."""
    return node(
        "[0,600][1080,750]",
        kind="android.widget.EditText",
        text=text,
        content_desc="Title",
        clickable="true",
        focused="true" if focused else "false",
    )
