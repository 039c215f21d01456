"""The last rung: sympy, in a child process under hard limits.

A child is started when first needed, kept for later comparisons, and killed and replaced where it
takes more than `LIMIT_S`, dies, or is out of memory. Several threads use several children. A
process forked from this one starts its own. A child dies with this process.
"""

import atexit
import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TypeAlias

from gym_reason.verifiers import processes
from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.judgement import Obstacle
from gym_reason.verifiers.math.tree import (
    Constant,
    Function,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    walk,
)

LIMIT_S = 1.0
"""Longest time for one comparison."""
START_LIMIT_S = 60.0
"""Longest time in which a child must be ready; it imports sympy."""
MEMORY_BYTES = 1_000_000_000
"""Address space of a child."""
MAX_CHILDREN = 4
"""Most children of one process at once."""
MAX_NODES = 400
"""Larger pairs of expressions are not tried."""

Plain: TypeAlias = "list[str | Plain]"


class ChildError(Exception):
    """A child died or could not start."""


class TooLongError(ChildError):
    """A child was killed at its work."""


def compare_symbolically(
    left: Node, right: Node, budget: Budget
) -> tuple[bool | None, str | Obstacle]:
    """Return whether two expressions are equal, and where that is not decided, why.

    A comparison that is stopped spends the whole budget: the next one would wait for a new child.
    """
    if sum(1 for tree in (left, right) for _ in walk(tree)) > MAX_NODES:
        return None, "too large for symbolic comparison"
    request = json.dumps([to_plain(left), to_plain(right)])
    for _ in range(2):
        try:
            word = _pool.ask(request, budget)
        except TooLongError:
            budget.spend()
            return None, Obstacle.TIME
        except ChildError:
            # It may have died since it was last asked; the next one is new.
            continue
        known = {"equal": True, "different": False}.get(word)
        return known, "" if known is not None else "not decided symbolically"
    return None, Obstacle.FAILURE


def to_plain(node: Node) -> Plain:
    """Return an expression as nested lists of strings. Raises TypeError for other nodes."""
    if isinstance(node, Number):
        # Decimal digits of large numbers take quadratic time, and Python caps them.
        return ["number", hex(node.value.numerator), hex(node.value.denominator)]
    if isinstance(node, Symbol):
        return ["symbol", node.name]
    if isinstance(node, Constant):
        return ["constant", node.name]
    if isinstance(node, Sum):
        return ["sum", *map(to_plain, node.terms)]
    if isinstance(node, Product):
        return ["product", *map(to_plain, node.factors)]
    if isinstance(node, Power):
        return ["power", to_plain(node.base), to_plain(node.exponent)]
    if isinstance(node, Function):
        return ["function", node.name, *map(to_plain, node.arguments)]
    raise TypeError(f"a {type(node).__name__} is no expression")


class _Child:
    """One process with sympy in it."""

    def __init__(self) -> None:
        command = [
            sys.executable,
            "-P",  # without this folder on its path: it has a numbers.py
            "-c",
            "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
            "exec(compile(open(sys.argv[4]).read(), sys.argv[4], 'exec'))",
            str(os.getpid()),
            str(MEMORY_BYTES),
            json.dumps(sys.path),
            str(Path(__file__).with_name("symbolic_child.py")),
            processes.__file__,
        ]
        try:
            self._process = processes.run_in_starter(
                subprocess.Popen,
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        except OSError as error:
            raise ChildError(f"cannot start a process: {error.strerror}") from error
        except RuntimeError as error:
            raise ChildError("cannot start: this process is ending") from error
        self._ready = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: str, budget: Budget) -> str:
        assert self._process.stdin is not None
        if not self._ready:
            start = time.monotonic()
            if self._read_line(START_LIMIT_S) != "ready":
                raise ChildError("needs sympy, which is not installed")
            self._ready = True
            budget.extend(time.monotonic() - start)
        try:
            self._process.stdin.write(request.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ChildError("was gone") from None
        line = self._read_line(min(LIMIT_S, budget.left_s))
        if line is None:
            raise TooLongError
        return line

    def _read_line(self, limit_s: float) -> str | None:
        """Return what the child says, or None where that takes longer."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(limit_s):
                return None
        line: bytes = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise ChildError("was gone")
        return line.decode("ascii", "replace").strip()

    def kill(self) -> None:
        self._process.kill()
        self.close()
        self._process.wait()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def abandon(self) -> None:
        """Let go of a child that belongs to the process this one was forked from."""
        self.close()
        self._process.returncode = 0  # nothing to wait for here


class _Pool:
    """The children of this process that are not in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._places = threading.BoundedSemaphore(MAX_CHILDREN)

    def ask(self, request: str, budget: Budget) -> str:
        """Return what a child answers. Raises ChildError."""
        with self._places:
            child = self._take()
            try:
                word = child.ask(request, budget)
            except BaseException as error:
                child.kill()
                if isinstance(error, TooLongError):
                    # Its replacement imports sympy while this process does other things.
                    with contextlib.suppress(ChildError):
                        self._put(_Child())
                raise
            self._put(child)
            return word

    def _put(self, child: _Child) -> None:
        with self._lock:
            self._idle.append(child)

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    return child
                child.kill()
        return _Child()

    def forget(self) -> None:
        """Start anew in a forked process, where the lock may be held by a thread that is gone."""
        children, self._idle = self._idle, []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_CHILDREN)
        for child in children:
            child.abandon()

    def close(self) -> None:
        """End the children that are not in use."""
        with self._lock:
            while self._idle:
                self._idle.pop().kill()


_pool = _Pool()
os.register_at_fork(after_in_child=_pool.forget)
atexit.register(_pool.close)
