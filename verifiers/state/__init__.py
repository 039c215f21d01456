"""States of a device: worlds of typed tables, their differences, goals over them, the verdict."""

from gym_reason.verifiers.state.difference import Change, Difference, compare_worlds
from gym_reason.verifiers.state.goals import (
    Allowed,
    Answer,
    Deleted,
    Expectation,
    Goal,
    Holds,
    Inserted,
    Logged,
    Shown,
    Updated,
    Want,
)
from gym_reason.verifiers.state.judge import Ending, Screen, judge, measure_progress
from gym_reason.verifiers.state.verifier import StateVerifier, write_reference, write_submission
from gym_reason.verifiers.state.world import EMPTY_WORLD, LogEntry, Table, World, read_world

__all__ = [
    "EMPTY_WORLD",
    "Allowed",
    "Answer",
    "Change",
    "Deleted",
    "Difference",
    "Ending",
    "Expectation",
    "Goal",
    "Holds",
    "Inserted",
    "LogEntry",
    "Logged",
    "Screen",
    "Shown",
    "StateVerifier",
    "Table",
    "Updated",
    "Want",
    "World",
    "compare_worlds",
    "judge",
    "measure_progress",
    "read_world",
    "write_reference",
    "write_submission",
]
