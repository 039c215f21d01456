"""Systems of string rewriting: drawn by a seed, searched breadth first, so that least is proved."""

from collections.abc import Iterator, Sequence

import numpy as np

from gym_reason.errors import EnvError
from gym_reason.verifiers.logic.rewriting import MAX_STRING, System

MAX_STRINGS = 20_000
"""Most strings that a search keeps."""

_MAX_DRAWN_STRINGS = 3000
_TRIES = 2000

Rules = Sequence[tuple[str, str]]


def successors(rules: Rules, string: str) -> Iterator[tuple[str, str]]:
    """Yield every step that applies to a string, with what it makes of it."""
    for number, (left, right) in enumerate(rules, 1):
        place = string.find(left)
        while place >= 0:
            result = string[:place] + right + string[place + len(left) :]
            if len(result) <= MAX_STRING:
                yield f"{number}@{place + 1}", result
            place = string.find(left, place + 1)


def search_levels(
    rules: Rules, start: str, depth: int, limit: int = MAX_STRINGS
) -> list[list[str]] | None:
    """Return the strings at each distance from `start`, up to `depth`; None beyond the limit."""
    seen, levels = {start}, [[start]]
    for _ in range(depth):
        level: list[str] = []
        for string in levels[-1]:
            for _, result in successors(rules, string):
                if result not in seen:
                    seen.add(result)
                    level.append(result)
        if len(seen) > limit:
            return None
        levels.append(level)
    return levels


def find_derivation(system: System) -> tuple[str, ...] | None:
    """Return the steps of a shortest derivation; None where none is found within MAX_STRINGS."""
    came: dict[str, tuple[str, str]] = {system.start: ("", "")}
    level = [system.start]
    while system.goal not in came and level and len(came) <= MAX_STRINGS:
        following: list[str] = []
        for string in level:
            for step, result in successors(system.rules, string):
                if result not in came:
                    came[result] = (string, step)
                    following.append(result)
        level = following
    if system.goal not in came:
        return None
    steps: list[str] = []
    string = system.goal
    while string != system.start:
        string, step = came[string]
        steps.append(step)
    return tuple(reversed(steps))


def distances_to_goal(system: System, depth: int) -> dict[str, int]:
    """Return the least number of steps from each string to the goal, where it is below `depth`.

    Strings beyond MAX_STRINGS are left out, the farthest ones.
    """
    turned = [(right, left) for left, right in system.rules]
    distances = {system.goal: 0}
    level = [system.goal]
    for distance in range(1, depth):
        following: list[str] = []
        for string in level:
            for _, result in successors(turned, string):
                if result not in distances and len(distances) < MAX_STRINGS:
                    distances[result] = distance
                    following.append(result)
        level = following
    return distances


def draw_system(
    rng: np.random.Generator, rules: int, letters: int, length: int, steps: int
) -> System:
    """Return a system whose goal is exactly `steps` steps away from the start, and no fewer.

    Args:
        rng: Where rules and strings come from.
        rules: How many rules there are.
        letters: How many letters there are.
        length: Length of the start.
        steps: The least number of steps.

    Raises:
        EnvError: Where no draw has a goal so far away.
    """
    alphabet = "abcdefgh"[:letters]
    for _ in range(_TRIES):
        drawn: list[tuple[str, str]] = []
        while len(drawn) < rules:
            left = _draw_string(rng, alphabet, 2)
            right = _draw_string(rng, alphabet, 1 + int(rng.random() * 3))
            if left != right and (left, right) not in drawn:
                drawn.append((left, right))
        start = _draw_string(rng, alphabet, length)
        levels = search_levels(drawn, start, steps, _MAX_DRAWN_STRINGS)
        if levels is not None and levels[-1]:
            goal = levels[-1][int(rng.random() * len(levels[-1]))]
            return System(tuple(drawn), start, goal, steps)
    raise EnvError(
        f"no system with {rules} rules leads {steps} steps away from a start of {length} letters",
        "other settings",
    )


def _draw_string(rng: np.random.Generator, alphabet: str, length: int) -> str:
    return "".join([alphabet[int(rng.random() * len(alphabet))] for _ in range(length)])
