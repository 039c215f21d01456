"""What pool and worker say to each other.

To a worker: pickles, one after another. First the verifier, then one tuple for each row.
From a worker: lines of JSON. First a text, empty where it could make its verifier, then one verdict
for each row. The pool unpickles nothing that a worker sends.
"""

import json
import pickle
from typing import Any

from gym_reason.types import Outcome, Task, Verdict

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def row_to_bytes(task: Task, submission: str) -> bytes:
    """Return a row as a worker reads it. Raises whatever `pickle` raises for what it cannot."""
    # Not the Task itself: a class costs its name in each pickle, and a read-only mapping has none.
    fields = (task.id, task.prompt, task.reference, task.difficulty, dict(task.meta), submission)
    return pickle.dumps(fields, pickle.HIGHEST_PROTOCOL)


def row_from_fields(fields: tuple[Any, ...]) -> tuple[Task, str]:
    """Return the row whose pickle held `fields`."""
    *of_task, submission = fields
    return Task(*of_task), submission


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


def unscorable(detail: str) -> Verdict:
    """Return the verdict for a failure that is not the submission's."""
    return Verdict(reward=0.0, correct=False, outcome=Outcome.UNSCORABLE, detail=detail)
