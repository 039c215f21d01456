"""What an audit tries a verifier on, and what the verifier has promised about it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gym_reason.types import Task
from gym_reason.verifiers.audit.values import bare_answer, read_value, values_differ
from gym_reason.verifiers.base import Verifier

_UNKNOWN = ("any", "answer")
_JUDGES = ("any", "answer", "thoughts")
_IMPLIED = {
    "text": _JUDGES,
    "text.folded": (*_JUDGES, "text"),
    "math": (*_JUDGES, "math.forms", "math.unmarked"),
    "math.strict": (*_JUDGES, "math", "math.forms", "math.marked"),
    "math.plain": (*_JUDGES, "math", "math.unmarked", "math.digits"),
    "math.strict.plain": (*_JUDGES, "math", "math.marked", "math.digits"),
    "countdown": _JUDGES,
    "code": ("any",),
    "code.fenced": ("any", "code"),
    "format": ("any",),
    "format.think": ("any", "format"),
    "format.answer": ("any", "format"),
    "format.json": ("any", "format"),
    "format.no_think": ("format",),
    "state": ("any",),
    "shape": (),
}
"""The families that each declared one brings with it; any other name brings `any` and `answer`."""

_BUILT_IN = {
    "exact": "text",
    "positions": "text",
    "countdown": "countdown",
    "answer_tags": "format.answer",
    "no_think": "format.no_think",
    "language": "shape",
    "overlong": "shape",
    "repetition": "shape",
    "code": "code.fenced",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A task and what is known to be right and wrong for it."""

    task: Task
    """The task, as the verifier gets it."""
    solutions: tuple[str, ...]
    """Whole submissions that are right."""
    answer: str = ""
    """The answer alone, for probes that write it again; empty where there is no such thing."""
    equal: tuple[str, ...] = ()
    """Other writings of the answer that are right too."""
    different: tuple[str, ...] = ()
    """Answers that are wrong."""
    tolerance: float = 0.0
    """Largest difference between numbers that the verifier may take for none, as a share."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a verifier has promised, as far as probes depend on it."""

    families: frozenset[str]
    """Probes of these families apply."""
    tolerance: float = 0.0
    """Its tolerance between numbers, as a share of the right one."""

    def differ(self, case: Case, other: Case) -> bool:
        """Return whether the answers to two tasks surely differ."""
        if "code" in self.families:
            entries = entry_name(case.task), entry_name(other.task)
            return "" not in entries and entries[0] != entries[1]
        if "countdown" in self.families:
            targets = [one.task.reference.rpartition("=")[2].strip() for one in (case, other)]
            return targets[0] != targets[1]
        if "format" in self.families:
            return False
        if "state" in self.families:
            return case.task.reference != other.task.reference
        if "math" in self.families:
            return values_differ(case.answer, other.answer, self.tolerance)
        first, second = ("".join(one.answer.casefold().split()) for one in (case, other))
        readable = read_value(case.answer) is not None and read_value(other.answer) is not None
        return first != second and (
            not readable or values_differ(case.answer, other.answer, self.tolerance)
        )

    def is_right(self, case: Case, text: str) -> bool:
        """Return whether `text` is right for all that a probe may claim."""
        known = (case.answer, *case.solutions, *case.equal)
        if any(text.strip() == right.strip() for right in known if right.strip()):
            return True
        if self.families & {"text", "math.digits"}:
            return False
        values = read_value(case.answer), read_value(text)
        return None not in values and not values_differ(case.answer, text, self.tolerance)


def contract_of(verifier: Verifier, families: Iterable[str] = ()) -> Contract:
    """Return what a verifier promises.

    Its families are those given here, or its attribute `audit_family` (a name or several), or
    those of the verifier in its attribute `inner`, or what is known of the built-in of its name,
    or `any`.

    Args:
        verifier: The verifier under audit.
        families: Families to take instead of those that it declares.
    """
    declared: Any = tuple(families) or getattr(verifier, "audit_family", None)
    inner = getattr(verifier, "inner", None)
    if not declared and isinstance(inner, Verifier):
        return contract_of(inner)
    declared = declared or _built_in_family(verifier)
    names = (declared,) if isinstance(declared, str) else tuple(map(str, declared))
    expanded = {family for name in names for family in (name, *_IMPLIED.get(name, _UNKNOWN))}
    tolerance = getattr(verifier, "tolerance", 0.0)
    try:
        return Contract(frozenset(expanded), float(tolerance))
    except (TypeError, ValueError):
        return Contract(frozenset(expanded))


def make_case(
    task: Task,
    contract: Contract,
    solutions: Iterable[str] = (),
    wrong: Iterable[str] = (),
) -> Case:
    """Return the case of a task, with what a demonstration or its reference says of the answer.

    Args:
        task: The task.
        contract: What the verifier promises.
        solutions: Whole submissions that are right; the reference where there is none.
        wrong: Submissions that are wrong.
    """
    known = tuple(dict.fromkeys(solution for solution in solutions if solution.strip()))
    refused = tuple(filter(None, map(bare_answer, wrong)))
    if contract.families & {"code", "format", "state"}:
        return Case(task, known, tolerance=contract.tolerance)
    known = known or ((task.reference,) if task.reference.strip() else ())
    if "math" in contract.families:
        answer = bare_answer(task.reference)
        # Words such as "I give up" beside the right number are no second candidate.
        refused = tuple(text for text in refused if read_value(text) is not None)
    elif "text" in contract.families:
        answer = task.reference.strip()
    else:
        answer = bare_answer(known[-1]) if known else ""
    return Case(task, known, answer, different=refused, tolerance=contract.tolerance)


def entry_name(task: Task) -> str:
    """Return the function that the tests of a code task call first, or an empty text."""
    try:
        tests = json.loads(task.reference)
    except (ValueError, RecursionError):
        tests = {}
    entry = tests.get("entry") if isinstance(tests, dict) and tests else task.meta.get("entry")
    if isinstance(entry, list | tuple) and entry:
        entry = entry[0]
    return entry if isinstance(entry, str) and entry.isidentifier() else ""


def _built_in_family(verifier: Verifier) -> str:
    """Return the family of a verifier of ours with its settings, or `any`."""
    if verifier.name == "math":
        strict = getattr(verifier, "profile", "lenient") == "strict"
        plain = bool(getattr(verifier, "plain", False))
        return "math" + (".strict" if strict else "") + (".plain" if plain else "")
    if verifier.name == "think_tags":
        # Where the prompt opens the thought, what these probes know of tags is not true.
        return "shape" if getattr(verifier, "opened_by_prompt", False) else "format.think"
    if verifier.name == "json_schema":
        return "format" if getattr(verifier, "schema_text", "") else "format.json"
    return _BUILT_IN.get(verifier.name, "any")
