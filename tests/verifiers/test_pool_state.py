"""The state of a verifier as bytes: what tells two apart, and what is the same everywhere."""

import functools
import os
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import pytest

from gym_reason.registry import load_module
from gym_reason.types import Outcome
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.formats import ExactVerifier, OverlongVerifier
from gym_reason.verifiers.pool.content import judge_id
from gym_reason.verifiers.pool.state import describe_state

HOSTILE = str(Path(__file__).with_name("hostile_verifiers.py"))


class Holder:
    """Holds a value."""

    def __init__(self, value: object) -> None:
        self.value = value


class Slotted:
    """Holds a value without a dictionary."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class Identified(Holder):
    """Says itself what it is."""

    def __init__(self, value: object) -> None:
        super().__init__(value)
        self.lock = threading.Lock()

    def cache_identity(self) -> object:
        """Return the value alone."""
        return self.value


VALUES: list[object] = [
    None, 0, False, 0.0, "0", b"0", "", (), [], {}, set(), frozenset(), [0], (0,), [[0]], [0, 0],
    ["a", "b"], ["ab"], ["b", "a"], {"a": 1}, {"b": 1}, {"a": 2}, {1, 2}, {1, 3}, Fraction(1, 2),
    Fraction(1, 3), Path("a"), Path("b"), Outcome.PASS, Outcome.FAIL, re.compile("a"),
    re.compile("a", re.IGNORECASE), OrderedDict(a=1), OrderedDict(a=2), int, str, len, max,
    os.path.join, os.path.split, functools.partial(int, base=2), functools.partial(int, base=3),
    Slotted(1), Slotted(2), Holder(1), Holder(2), Holder(Holder(1)), Identified(1), Identified(2),
    make_verifier("math"), make_verifier("math:strict"), make_verifier("exact"),
]  # fmt: skip


def test_values_that_differ_have_other_states() -> None:
    states = [describe_state(value)[0] for value in VALUES]
    assert len(set(states)) == len(states)


def test_the_order_of_a_mapping_or_a_set_is_no_part_of_the_state() -> None:
    assert describe_state({"a": 1, "b": 2}) == describe_state({"b": 2, "a": 1})
    assert describe_state(set("abcdef")) == describe_state(set("fedcba"))


def test_a_value_that_holds_itself_has_a_state() -> None:
    loops: list[Holder] = []
    for end in (1, 2):
        holder = Holder(None)
        holder.value = [end, holder]
        loops.append(holder)
    assert describe_state(loops[0])[0] != describe_state(loops[1])[0]


@pytest.mark.parametrize(
    "value", [threading.Lock(), lambda: 0, os], ids=["lock", "function", "module"]
)
def test_what_has_no_state_that_can_be_told_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        describe_state(Holder(value))


PRINT = """
from gym_reason.registry import load_module
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.pool.content import judge_id
import sys
for spec in sys.argv[1:]:
    print(judge_id(spec, make_verifier(spec), []).hex())
"""


def test_a_judge_has_the_same_name_in_every_process() -> None:
    specs = ["math:strict", "code", "length:cosine,9", "language:latin+han", "json_schema"]
    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINT, *specs],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert len(set(printed.pop().split())) == len(specs)


def test_the_code_of_what_is_inside_counts(tmp_path: Path) -> None:
    base = tmp_path / "base_of_verifiers.py"
    base.write_text("class Base:\n    deterministic = True\n")
    module = tmp_path / "own.py"
    module.write_text(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
        "from base_of_verifiers import Base\n"
        "from gym_reason.registry import register_verifier\n"
        "from gym_reason.verifiers import ExactVerifier\n"
        "@register_verifier('own')\nclass Own(Base, ExactVerifier):\n    pass\n"
    )
    load_module(str(module))
    verifier = OverlongVerifier(9, inner="own")
    names = [judge_id("overlong:9,inner=own", verifier, [])]
    for file in (module, base):
        file.write_text(file.read_text() + "# changed\n")
        names.append(judge_id("overlong:9,inner=own", verifier, []))
    assert len(set(names)) == 3
    assert judge_id(verifier, OverlongVerifier(9, inner=ExactVerifier()), []) not in names
