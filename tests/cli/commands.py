"""Runs `gym-reason` as processes of their own that need no time to start.

A fresh interpreter spends seconds of processor time on importing torch and transformers. Here one
process has imported them and forks for each command: the fork has its own memory, signals, files
and exit code, and runs what `python -m gym_reason` runs.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gym_reason.cli import COMMANDS

MODULES = (
    *("gym_reason.agents.build", "gym_reason.cli.eval_jobs", "gym_reason.trainers.train"),
    *(f"gym_reason.cli.{name}" for name in COMMANDS),
    *("http.server", "httpx"),
)
"""What commands import, and takes long."""

SERVER = """
import atexit, gc, importlib, json, os, runpy, signal, sys, threading, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.collect()
gc.freeze()  # or each fork would look through it all, and copy it by that

def bury(*_):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        with open(f"{pid}.part", "w") as file:
            file.write(str(os.waitstatus_to_exitcode(status)))
        os.rename(f"{pid}.part", f"{pid}.code")

def run(words):
    try:
        if words[0].endswith(".py"):
            sys.argv[:] = words
            runpy.run_path(words[0], run_name="__main__")
        else:
            sys.argv[1:] = words
            runpy.run_module("gym_reason", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

def leave(code):
    # As an interpreter ends, but that its modules are not taken apart: torch's take a second.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

signal.signal(signal.SIGCHLD, bury)
for line in sys.stdin:
    words, folder, output, errors = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for path, descriptor in ((os.devnull, 0), (output, 1), (errors, 2)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
        os.chdir(folder)
        leave(run(words))
    os.write(1, f"{pid}\\n".encode())
"""


class Command:
    """A command that has been started."""

    def __init__(self, folder: Path, name: str, pid: int) -> None:
        """Take the folder of its server, the name of its own files there and its process."""
        self.pid = pid
        self._code = folder / f"{pid}.code"
        self._output = folder / f"{name}.out"
        self._errors = folder / f"{name}.err"

    def is_over(self) -> bool:
        """Return whether it has ended."""
        return self._code.exists()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if not self.is_over():
                os.kill(self.pid, number)

    def wait(self, seconds: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Wait for the end and return the code, negative after a signal, and what was printed."""
        deadline = time.monotonic() + seconds
        while not self.is_over():
            assert time.monotonic() < deadline, f"process {self.pid} goes on"
            time.sleep(0.005)
        code = int(self._code.read_text())
        shown, said = self._output.read_text("utf-8"), self._errors.read_text("utf-8")
        return subprocess.CompletedProcess([], code, shown, said)

    def kill(self) -> None:
        """Kill it, as `kill -9` does, and wait for its end."""
        self.send_signal(signal.SIGKILL)
        self.wait()


class CommandServer:
    """The process that forks for each command."""

    def __init__(self, folder: Path) -> None:
        """Start it; `folder` takes what the commands print."""
        self._folder = folder
        self._commands: list[Command] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *MODULES],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *words: str, cwd: Path) -> Command:
        """Start `gym-reason WORDS`, or a program `FILE.py WORDS`, in a folder and let it run."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        name = f"command-{len(self._commands)}"
        files = [str(self._folder / f"{name}.{kind}") for kind in ("out", "err")]
        print(json.dumps([words, str(cwd), *files]), file=self._process.stdin, flush=True)
        command = Command(self._folder, name, int(self._process.stdout.readline()))
        self._commands.append(command)
        return command

    def run(self, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run `gym-reason WORDS` in a folder to its end."""
        return self.start(*words, cwd=cwd).wait()

    def close(self) -> None:
        """Kill what still runs and end the process."""
        for command in self._commands:
            command.kill()
        self._process.communicate()
