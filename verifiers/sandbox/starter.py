"""One thread that starts all sandboxes of this process.

A sandbox asks the kernel to be killed with its parent, and the kernel means the thread that started
it. So that must be one that lives as long as the process.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def _make() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="sandbox-starter")


_executor = _make()


def _renew() -> None:
    """A forked child has none of its parent's threads."""
    global _executor
    _executor = _make()


os.register_at_fork(after_in_child=_renew)


def run_in_starter(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, called in the starter thread."""
    return _executor.submit(function, *args, **kwargs).result()
