"""The process that asks sympy whether two expressions are equal. Run as a file, never imported.

It reads one JSON list per line, `[left, right]`, each in the form that `symbolic.py` writes, and
answers `equal`, `different` or `unknown`. Expressions are built by the constructors of a fixed
table: sympy parses no text. The kernel limits the memory; the parent limits the time, and kills.
"""

import contextlib
import json
import resource
import runpy
import signal
import sys
from typing import Any


def main() -> None:
    """Serve the parent until it closes the pipe."""
    parent, memory = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # By its path: an import would bring in all verifiers, and take as long as sympy does.
    runpy.run_path(sys.argv[5])["die_with_parent"](parent)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(3_000)
    try:
        builder = _Builder()
    except ImportError:
        _answer("absent")
        return
    _answer("ready")
    for line in sys.stdin:
        _answer(_compare(builder, json.loads(line)))


def _answer(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _compare(builder: "_Builder", pair: list[Any]) -> str:
    try:
        left, right = (builder.build(tree) for tree in pair)
        return builder.decide(left, right)
    # Whatever sympy raises on such input says nothing about equality.
    except Exception as error:
        return f"unknown {type(error).__name__}"


class _Builder:
    """Makes sympy expressions from lists."""

    def __init__(self) -> None:
        # In this process alone: it takes half a second, and its cache grows.
        import sympy  # type: ignore[import-untyped]
        from sympy.core.random import seed  # type: ignore[import-untyped]

        self.sympy = sympy
        self.seed = seed
        self.constants = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "degree": sympy.pi / 180}
        self.functions = {
            name: getattr(sympy, name)
            for name in ("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh",
                         "cosh", "tanh", "factorial", "binomial")
        } | {"ln": sympy.log, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min}  # fmt: skip

    def build(self, tree: list[Any]) -> Any:
        """Return the expression that a list means."""
        head, *rest = tree
        if head == "number":
            return self.sympy.Rational(int(rest[0], 16), int(rest[1], 16))
        if head == "symbol":
            return self.sympy.Symbol(rest[0], real=True)
        if head == "constant":
            return self.constants[rest[0]]
        if head == "function":
            return self._apply(rest[0], [self.build(part) for part in rest[1:]])
        parts = [self.build(part) for part in rest]
        if head == "sum":
            return self.sympy.Add(*parts)
        if head == "product":
            return self.sympy.Mul(*parts)
        base, exponent = parts
        if base.is_negative and exponent.is_Rational and exponent.q % 2 and exponent.q > 1:
            sign = -1 if exponent.p % 2 else 1
            return sign * self.sympy.Pow(-base, exponent)
        return self.sympy.Pow(base, exponent)

    def _apply(self, name: str, arguments: list[Any]) -> Any:
        if name == "log":
            base = arguments[1] if len(arguments) == 2 else self.sympy.Symbol("base", positive=True)
            return self.sympy.log(arguments[0]) / self.sympy.log(base)
        known = self.functions.get(name)
        return (known or self.sympy.Function(name))(*arguments)

    def decide(self, left: Any, right: Any) -> str:
        """Return whether two expressions are equal; nothing undefined equals anything."""
        self.seed(0)  # it tries random numbers: the same ones each time
        bad = (self.sympy.nan, self.sympy.zoo, self.sympy.oo, -self.sympy.oo)
        if left.has(*bad) or right.has(*bad):
            return "unknown"
        difference = left - right
        for rewrite in (
            lambda value: value,
            self.sympy.expand,
            lambda value: self.sympy.expand(value, complex=False, trig=True),
            lambda value: self.sympy.expand(self.sympy.sqrtdenest(value)),
            self.sympy.radsimp,
            self.sympy.combsimp,
            self.sympy.simplify,
            lambda value: self.sympy.simplify(self.sympy.sqrtdenest(value)),
        ):
            rewritten = rewrite(difference)
            if rewritten == 0:
                return "equal"
            if rewritten.is_zero is False and not rewritten.free_symbols:
                return "different"
        return {True: "equal", False: "different"}.get(difference.equals(0), "unknown")


if __name__ == "__main__":
    main()
