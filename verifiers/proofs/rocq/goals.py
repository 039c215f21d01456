"""Reading what coqtop shows of a proof: the open goals."""

import re
from dataclasses import dataclass

_MESSAGE = re.compile(r"<(infomsg|warning)>.*?</\1>\n?", re.DOTALL)
_COUNT = re.compile(r"^(\d+) (?:focused )?goals?(?: \(ID \d+\))?(?:\s*\(shelved: \d+\))?\s*$", re.M)
_OTHER = re.compile(r"^goal \d+ \(ID \d+\) is:\n", re.MULTILINE)
_DONE = re.compile(r"\s*No more goals\.\s*")
_UNFOCUSED = "there are some unfocused goals"


@dataclass(frozen=True, slots=True)
class Goals:
    """The open goals, as coqtop shows them."""

    goals: tuple[str, ...]
    """The first one with its hypotheses, the conclusions of the others."""
    finished: bool
    """Whether nothing is left to be shown."""
    focused: bool
    """Whether the goals are those that the next step works on."""


def is_silent(text: str) -> bool:
    """Return whether coqtop shows no goals, and does not say that there are none."""
    return not _MESSAGE.sub("", text).strip()


def read_goals(text: str) -> Goals:
    """Return the goals in what coqtop says after a step."""
    bare = _MESSAGE.sub("", text)
    if _DONE.fullmatch(bare):
        return Goals((), True, False)
    focused = _UNFOCUSED not in text
    count = _COUNT.search(bare)
    if count is None:
        return Goals((), False, focused)
    first, *others = _OTHER.split(bare[count.end() :])
    goals = [_tidy(first), *map(_tidy, others)]
    return Goals(tuple(goal for goal in goals if goal), False, focused)


def read_goal(text: str) -> str:
    """Return the one goal that coqtop shows when it is asked for it; empty where it does not."""
    _, found, goal = _MESSAGE.sub("", text).partition(" is:\n")
    return _tidy(goal) if found else ""


def _tidy(goal: str) -> str:
    lines = [line.rstrip() for line in goal.strip("\n").splitlines()]
    while lines and not lines[0]:
        del lines[0]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[indent:] for line in lines).strip()
