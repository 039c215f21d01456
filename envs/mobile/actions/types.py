"""The actions of an agent on a device, whatever dialect they were written in."""

from typing import Literal, NamedTuple, TypeAlias

from gym_reason.envs.mobile.gestures import Gesture


class Touch(NamedTuple):
    """A gesture on an element or at a point, before it is known where that is."""

    kind: Literal[
        "tap", "double_tap", "long_press", "input_text", "drag", "swipe", "scroll", "set_level"
    ]
    """What is done there."""
    element: int | None = None
    """The number of the element in the observation; None where points are given."""
    x: int | None = None
    """Where, in points; None where an index is given, or for a scroll of the whole page."""
    y: int | None = None
    x1: int | None = None
    """Where a drag ends, in points."""
    y1: int | None = None
    text: str = ""
    """What is typed."""
    clear: bool = False
    """Whether what the field held goes first."""
    submit: bool = False
    """Whether enter follows."""
    direction: str = ""
    """`up`, `down`, `left` or `right`: of a scroll where the content that comes into view lies, of
    a swipe where the finger goes."""
    level: int | None = None
    """The level that a slider is set to, from 0 to 100."""


class Say(NamedTuple):
    """An answer, or a question to the user; it changes nothing on the device."""

    kind: Literal["answer", "ask_user"]
    """Which."""
    text: str
    """The words."""


class Claim(NamedTuple):
    """The end of the episode, as the agent sees it."""

    status: Literal["complete", "infeasible"]
    """What the agent claims."""
    answer: str | None = None
    """What it answers with the same words; None leaves the last answer as it is."""


Action: TypeAlias = Gesture | Touch | Say | Claim
