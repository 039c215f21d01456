"""What pool and worker say to each other.

To a worker: pickles, one after another. First the verifier, then one tuple for each row.
From a worker: lines of JSON. First a text, empty where its verifier is ready, then one verdict for
each row. The pool unpickles nothing that a worker sends.
"""

import json
import pickle
from typing import TypeAlias

from gym_reason.errors import GymReasonError, RunError
from gym_reason.types import Json, Message, Outcome, Task, Verdict

RowFields: TypeAlias = tuple[str, tuple[Message, ...], str, float, dict[str, Json], str]
"""The fields of a task, in their order, and the submission."""
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def row_to_bytes(task: Task, submission: str) -> bytes:
    """Return a row as a worker reads it. Raises whatever `pickle` raises for what it cannot."""
    # Not the Task itself: a class costs its name in each pickle, and a read-only mapping has none.
    fields: RowFields
    fields = (task.id, task.prompt, task.reference, task.difficulty, dict(task.meta), submission)
    return pickle.dumps(fields, pickle.HIGHEST_PROTOCOL)


def row_from_fields(fields: RowFields) -> tuple[Task, str]:
    """Return the row whose pickle held `fields`."""
    return Task(*fields[:-1]), fields[-1]


def verdict_to_bytes(verdict: Verdict) -> bytes:
    """Return a verdict as JSON in ASCII, without a line break."""
    return json.dumps(verdict.to_json()).encode("ascii")


def verdict_from_bytes(content: bytes) -> Verdict:
    """Return the verdict that `verdict_to_bytes` wrote.

    Raises:
        ValueError, KeyError, TypeError: For anything else.
    """
    values = json.loads(content)
    return Verdict(
        values["reward"],
        values["correct"],
        _OUTCOMES[values["outcome"]],
        values["parts"],
        values["feedback"],
        values["detail"],
        values["seconds"],
    )


def describe_failed_start(error: Exception) -> str:
    """Return in one line why a worker cannot start; what this package says stays as it is."""
    if isinstance(error, GymReasonError):
        return str(error)
    found = f"a verifier worker could not start: {type(error).__name__}: {error}"
    return str(RunError(found, "a verifier that another process can make"))
