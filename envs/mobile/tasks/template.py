"""A template of tasks: what is drawn, what is asked, when it is solved, and how to solve it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal
from gym_reason.verifiers.state.world import Value, World


@dataclass(frozen=True, slots=True)
class Draft:
    """One task, before it is put into words."""

    world: World
    """The device at the start: what the task needs, among what is there anyway."""
    goal: Goal
    """When it is solved."""
    sentences: tuple[str, ...]
    """Ways to ask for it, with the params in braces. At least three, in our own words."""
    params: Mapping[str, Value]
    """The values in the sentences."""
    script: Callable[[Hand], None]
    """Solves it through the screen, the claim at the end left out."""
    break_it: Callable[[World], World] | None = None
    """One more change that somebody may make by accident and that must fail; None for the usual
    one, a note more."""
    start: Callable[[Phone], Phone] | None = None
    """What is open at the start; None for the home screen."""


Drawing: TypeAlias = Callable[[Values, World, bool], Draft]
"""Draws a task of a variant: from values, on a world that holds what is there anyway; the last
argument asks for the infeasible twin."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of task of a template."""

    name: str
    """Its name within the template."""
    draw: Drawing
    """How it is drawn."""
    covers: tuple[str, ...] = ()
    """The tasks of AndroidWorld that are of its kind."""
    has_twin: bool = False
    """Whether there is a twin that looks alike and cannot be done."""
    level: int = 1
    """How hard it is: 1 for up to five actions, 2 for up to twelve, 3 for more."""


@dataclass(frozen=True, slots=True)
class Template:
    """A family of tasks on the same data."""

    name: str
    """Its name, as in the list of templates: `notes.create`."""
    apps: tuple[str, ...]
    """The apps that it is about."""
    variants: tuple[Variant, ...] = field(default_factory=tuple)
    """Its kinds of task, each drawn as often as the others."""
