"""Who dies with whom: what the kernel is asked for when a process is started.

Other systems than Linux are asked for nothing. This file imports nothing of the package, so that a
process that wants little more can run it by its path.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

P = ParamSpec("P")
T = TypeVar("T")


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when the thread that started it ends.

    Where the parent is gone already, this process ends at once.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:
        os._exit(1)


def become_subreaper() -> None:
    """Become the parent of every descendant that loses its own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def run_in_starter(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, called in a thread that lives as long as this process.

    A child that is to die with its parent dies with the thread that started it: this one it is.

    Raises:
        RuntimeError: This process is ending, and with it the thread.
    """
    return _starter.submit(function, *args, **kwargs).result()


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        zero = ctypes.c_ulong(0)
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), zero, zero, zero)


def _make_starter() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="process-starter")


def _renew_starter() -> None:
    """A forked child has none of its parent's threads."""
    global _starter
    _starter = _make_starter()


_starter = _make_starter()
os.register_at_fork(after_in_child=_renew_starter)
