"""The fork server of `VerifierPool`: a process that has done the imports and forks the workers.

A fresh interpreter takes a fifth of a second of processor time, a fork a few milliseconds, so a
submission that costs a worker its life costs little more. The server is itself a fresh interpreter,
no fork: it inherits no locks, no threads and no GPU context of the pool's process, and unlike
`multiprocessing` it does not import the caller's main module again. It runs no verifier.

Everything that a dead worker leaves behind becomes a child of the server (a subreaper, see
prctl(2)) and is killed, in whatever session or process group it is.
"""

import contextlib
import gc
import os
import signal
import socket
import time
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

from gym_reason.registry import load_module
from gym_reason.verifiers.pool.messages import describe_failed_start
from gym_reason.verifiers.pool.worker import serve
from gym_reason.verifiers.processes import become_subreaper, die_with_parent
from gym_reason.verifiers.sandbox import remove_left_by

_LONGEST_KILL_S = 10.0


def main(descriptor: int, parent_pid: int, modules: list[str]) -> None:
    """Import `modules`, then fork and end workers as the pool at `descriptor` asks for."""
    signal.signal(signal.SIGTERM, _leave)
    control = socket.socket(fileno=descriptor)
    # What a module starts must not hold the pipe open after this process has died.
    control.set_inheritable(False)
    become_subreaper()
    die_with_parent(parent_pid, signal.SIGTERM)
    try:
        failure = _import(modules)
        control.send(failure or b"ready")
        if not failure:
            # What the imports made is never freed, and so never copied for a worker's collector.
            gc.collect()
            gc.freeze()
            _serve_pool(control)
    except ConnectionError:
        pass  # The pool has closed its end, which may come sooner than the signal that says so.
    except Exception:
        traceback.print_exc()
    finally:
        _leave()


def _import(modules: list[str]) -> bytes:
    """Import the modules and return why that cannot be done, or nothing."""
    try:
        for module in modules:
            load_module(module)
    except Exception as error:
        return f"no {describe_failed_start(error)}".encode("utf-8", "replace")[:10_000]
    return b""


def _serve_pool(control: socket.socket) -> None:
    workers: set[int] = set()
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not order:
            return
        if order == b"start":
            try:
                pid = _fork_worker(control, descriptors[0])
            except OSError as error:
                control.send(f"no {error.strerror}".encode())
                continue
            finally:
                os.close(descriptors[0])
            workers.add(pid)
            control.send(b"%d" % pid)
        else:
            pid = int(order)
            workers.discard(pid)
            control.send(b"%d" % _end_worker(pid, workers))


def _fork_worker(control: socket.socket, descriptor: int) -> int:
    server_pid = os.getpid()
    # A signal to leave must not reach the worker before it has shed the server's handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        with warnings.catch_warnings():
            # NumPy's threads, which know about forks, are no reason to warn.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _run_worker(control, descriptor, server_pid)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return pid


def _run_worker(control: socket.socket, descriptor: int, server_pid: int) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        # Its own group: a kill reaches all that the worker has started.
        os.setsid()
        control.close()
        # What it starts and leaves behind stays below it, until it dies itself.
        become_subreaper()
        die_with_parent(server_pid)
        connection = socket.socket(fileno=descriptor)
        connection.set_inheritable(False)
        serve(connection)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _end_worker(pid: int, workers: set[int]) -> int:
    """Kill a worker and all that it started, and return its exit code."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        code = -1
    _kill_children(keep=workers)
    remove_left_by(pid)
    return code


def _kill_children(keep: set[int]) -> None:
    """Kill all children but those to keep, and theirs, which become children of this process."""
    limit = time.monotonic() + _LONGEST_KILL_S
    while time.monotonic() < limit:
        strangers = _children() - keep
        if not strangers:
            return
        for pid in strangers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in strangers:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < limit:
                    time.sleep(0.0005)


def _children() -> set[int]:
    """Return the children of this process; none where the kernel keeps no list of them."""
    children: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children.update(map(int, path.read_text().split()))
    return children


def _leave(number: int = 0, frame: object = None) -> NoReturn:
    """Kill everything below this process, and end it, also in the middle of doing so."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    workers = _children()
    _kill_children(keep=set())
    for pid in workers:
        remove_left_by(pid)
    os._exit(0)
