"""Short ways to ask the code verifier."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from gym_reason.types import Json, Task, Verdict
from gym_reason.verifiers.code import CodeVerifier

WORKERS = 3
"""More than processors: a third of all time is spent waiting for deadlines."""


def assert_reference(entry: str | list[str], code: str, setup: str = "") -> str:
    """Return the reference of assert tests."""
    return json.dumps({"type": "assert", "entry": entry, "code": code, "setup": setup})


def stdio_reference(*cases: tuple[str, str], **more: str) -> str:
    """Return the reference of input and output cases."""
    listed = [{"in": given, "out": wanted} for given, wanted in cases]
    return json.dumps({"type": "stdio", "cases": listed, **more})


def judge(verifier: CodeVerifier, reference: str, program: str, **meta: Json) -> Verdict:
    """Return the verdict on a program."""
    return verifier.verify(Task("t", (), reference, meta=meta), program)


def judge_all(
    verifier: CodeVerifier, rows: Iterable[tuple[str, str, Mapping[str, Json]]]
) -> list[Verdict]:
    """Return the verdicts on references, programs and meta fields, several at a time."""
    with ThreadPoolExecutor(WORKERS) as executor:
        return list(executor.map(lambda row: judge(verifier, row[0], row[1], **row[2]), rows))
