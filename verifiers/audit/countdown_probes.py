"""Probes of verifiers that judge an arithmetic expression by rules, with `NUMBERS = TARGET`."""

import re

from gym_reason.verifiers.audit import mutations
from gym_reason.verifiers.audit.cases import Case
from gym_reason.verifiers.audit.probes import register_accepted, register_refused

_REFERENCE = re.compile(r"([0-9]{1,9}(?: [0-9]{1,9})+) = ([0-9]{1,12})")


def _written_again(case: Case, other: Case | None) -> list[str]:
    _, target = _problem(case)
    answer = case.answer
    if not (answer and target):
        return []
    signs = answer.replace("*", "\u00d7").replace("/", "\u00f7").replace("-", "\u2212")
    found = [f" {answer} ", f"{answer}\n", f"({answer})", f"{answer} = {target}", signs]
    found.append("".join(f" {char} " if char in "+-*/()" else char for char in answer))
    found += [answer.translate(mutations.FULL_WIDTH), f"<answer>{answer}</answer>"]
    return [*found, f"First I try.\n{answer}"]


def _near(case: Case, other: Case | None) -> list[str]:
    numbers, target = _problem(case)
    answer = case.answer
    if not (answer and target):
        return []
    # The first two keep the value and break the rules; the others miss the value.
    found = [] if target in numbers else [target]
    found += [f"({answer})*1000000/1000000", f"({answer})+1", f"-({answer})", f"1*({answer})*2"]
    found += [f"({answer})+0.5", f"{answer} = {int(target) + 1}", "".join(numbers)]
    return [*found, f"{target}={target}", " + ".join(numbers * 2), *case.different]


def _forged(case: Case, other: Case | None) -> list[str]:
    numbers, target = _problem(case)
    answer = case.answer
    if not (answer and target):
        return []
    first, second = numbers[:2]
    found = [f"{target} # {answer}", f"{answer} or {target}", f"{answer}\n{target}", f"{target}/1"]
    found += [f"int('{target}')", f"__import__('os') or {target}", f"0x{int(target):x}"]
    found += [f"{answer}, {target}", f"<answer>{answer}</answer><answer>{target}</answer>"]
    found += [f"sum([{target}])", f"{first}**{second}", f"({answer}", f"{answer})", f"{answer}+"]
    if int(first) + int(second) != int(target):
        found.append(f"{first}+{second} = {target}")
    return [*found, "(" * 5000 + target + ")" * 5000, f"1e9-1e9+{target}"]


def _problem(case: Case) -> tuple[list[str], str]:
    """Return the numbers and the target; nothing where the reference is of another kind."""
    match = _REFERENCE.fullmatch(case.task.reference)
    return (match[1].split(), match[2]) if match else ([], "")


register_accepted("an expression again", "spacing", "countdown", _written_again)
register_refused("a broken rule or value", "near miss", "countdown", _near)
register_refused("forged expressions", "marker forgery", "countdown", _forged)
