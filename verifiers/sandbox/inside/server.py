"""The fork server of a sandbox: one warm interpreter, one confined child for each run.

It reads requests from the control socket, one JSON object to a message:

- `{"start": 7, "main": "module:function", "cpu_s": 5}` comes with descriptors: what the run has as
  standard input, output and error, the pipe for its report, a file with its job, and what else the
  job needs. The server forks a child, which confines itself and calls `main(job, extras)`.
- `{"kill": 7}` ends a run and all that it has started.

It answers each start once, when the run is over and nothing of it is left:
`{"ended": 7, "status": 0, "cpu_s": 0.01}` with `status` as `os.waitpid` gives it, or
`{"ended": 7, "error": "..."}`.

The server itself runs nothing of a submission.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from gym_reason.verifiers.sandbox.inside import confine, landlock, sweep

REPORT, JOB, EXTRAS = 3, 4, 5
"""Where a child finds its report pipe, its job and the first of its other descriptors."""
READY = b"+"
"""First byte of a report: the child is confined and nothing of the submission has run yet."""
BROKEN = b"-"
"""First byte of a report: the child could not be confined; the reason follows."""
_MOST_DESCRIPTORS = 8


def main(control: socket.socket, settings: dict[str, Any]) -> None:
    """Serve until the control socket closes.

    Args:
        control: A sequenced-packet socket to the host.
        settings: `mode` says what parts a run from the next: `namespaces`, a `user` of its own, or
            `none`. `paths` are added to where modules are found, `preload` names modules to
            import. `limits` is what `confine.set_limits` takes and `files`; `filter` is the inner
            seccomp filter in hexadecimal, or empty. `uid` is the user of a run in the mode `user`,
            for a server that shares its process namespace with the first process there alone.
            `folders` are those that a run may write to, its working folder first; `readable` is
            what `landlock.restrict` takes in the mode `none`.
    """
    own_namespace = _enter_own_namespace() if settings["mode"] == "namespaces" else None
    if settings["mode"] != "namespaces":
        sweep.adopt_orphans()
    if settings["mode"] == "user":
        sweep.check_alone()
    sys.path += [path for path in settings["paths"] if path not in sys.path]
    for name in settings["preload"]:
        importlib.import_module(name)
    # What is there now is shared with every child, and never looked at by the collector again.
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"ready": sys.version.split()[0]}).encode())
    _Server(control, settings, own_namespace).serve()


def _enter_own_namespace() -> int:
    """Continue in a child that owns its process namespace, and return a descriptor of that.

    Only who owns a namespace may come back to it, and the server comes back after every fork.
    """
    confine.unshare(confine.CLONE_NEWPID)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(1 if status else 0)
    return os.open("/proc/self/ns/pid", os.O_RDONLY)


class _Server:
    def __init__(
        self, control: socket.socket, settings: dict[str, Any], own_namespace: int | None
    ) -> None:
        self.control = control
        self.settings = settings
        self.own_namespace = own_namespace
        self.children: dict[int, int] = {}
        """The process of each run."""
        self.watched: dict[int, int] = {}
        """The run behind each process descriptor."""
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor in self.watched:
                    self._end(descriptor)
                elif not self._obey():
                    self._sweep()
                    return

    def _obey(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, _MOST_DESCRIPTORS)
        if not message:
            return False
        request = json.loads(message)
        if "start" in request:
            self._start(request, descriptors)
        else:
            self._kill(request["kill"])
        return True

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> None:
        run = int(request["start"])
        try:
            child = self._fork(request, descriptors)
            watch = os.pidfd_open(child)
        except OSError as error:
            self._say({"ended": run, "error": f"cannot start a process: {error.strerror}"})
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self.children[run] = child
        self.watched[watch] = run
        self.poll.register(watch, select.POLLIN)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        if self.own_namespace is not None:
            # Holds for the next child: it will be the first process of a new namespace.
            confine.unshare(confine.CLONE_NEWPID)
        child = -1
        try:
            child = os.fork()
        finally:
            if child and self.own_namespace is not None:
                confine.join_namespace(self.own_namespace, confine.CLONE_NEWPID)
        if child == 0:
            _run_child(request, descriptors, self.settings)
        return child

    def _kill(self, run: int) -> None:
        child = self.children.get(run)
        if child is not None:
            os.kill(child, signal.SIGKILL)

    def _end(self, watch: int) -> None:
        run = self.watched.pop(watch)
        self.poll.unregister(watch)
        os.close(watch)
        _, status, usage = os.wait4(self.children.pop(run), 0)
        self._sweep()
        self._say({"ended": run, "status": status, "cpu_s": usage.ru_utime + usage.ru_stime})

    def _sweep(self) -> None:
        """Remove what the run has left where no namespace has done so."""
        mode = self.settings["mode"]
        if mode == "user":
            sweep.kill_others()
            sweep.empty_as(self.settings["uid"], self.settings["folders"])
        elif mode == "none":
            sweep.kill_children()
            for folder in self.settings["folders"]:
                sweep.empty(folder)

    def _say(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())


def _run_child(
    request: dict[str, Any], descriptors: list[int], settings: "dict[str, Any]"
) -> NoReturn:
    """Confine this process and do the job."""
    code = 1
    try:
        extras = _arrange(descriptors)
        try:
            os.setsid()
            _confine(settings, int(request["cpu_s"]))
            with open(JOB, "rb") as file:
                job = json.loads(file.read())
            module, _, function = request["main"].partition(":")
            run = getattr(importlib.import_module(module), function)
        except BaseException as error:
            os.write(REPORT, BROKEN + f"{type(error).__name__}: {error}".encode()[:1000])
            os._exit(1)
        os.write(REPORT, READY)
        code = run(job, extras)
    finally:
        os._exit(code)


def _arrange(descriptors: list[int]) -> list[int]:
    """Put the descriptors in their places from 0 on, close all others and return the extras."""
    # First out of the way, so that none is overwritten before its turn.
    high = [os.dup2(descriptor, 100 + place) for place, descriptor in enumerate(descriptors)]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place, inheritable=place < REPORT)
    os.closerange(len(descriptors), 1 << 16)
    return list(range(EXTRAS, len(descriptors)))


def _confine(settings: dict[str, Any], cpu_s: int) -> None:
    limits = settings["limits"]
    confine.die_first_for_memory()
    if settings["mode"] == "namespaces":
        confine.take_private_disk(limits["disk_bytes"], limits["files"])
        confine.drop_capabilities()
    elif settings["mode"] == "user":
        confine.become_user(settings["uid"])
        landlock.keep_writes_in([*settings["folders"], "/dev"])
    else:
        landlock.restrict(settings["folders"][0], settings["readable"])
    os.chdir(settings["folders"][0])
    confine.set_limits(limits, cpu_s)
    if settings["filter"]:
        confine.refuse_system_calls(bytes.fromhex(settings["filter"]))
