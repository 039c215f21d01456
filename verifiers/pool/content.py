"""Names for the content of rows and for what judges them."""

import contextlib
import hashlib
import inspect
import json
import pickle
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gym_reason.text
from gym_reason.records import to_json
from gym_reason.types import Task
from gym_reason.verifiers.base import Verifier

_FOLDER = Path(__file__).resolve().parent.parent


def row_id(task: Task, submission: str, judge: bytes = b"") -> bytes:
    """Return a digest of all that a pure verifier's verdict depends on.

    Args:
        task: The problem; its reference and meta count, its id and prompt do not.
        submission: The text to judge.
        judge: What names the verifier, where rows of several may meet.
    """
    meta = json.dumps(to_json(task.meta), sort_keys=True) if task.meta else ""
    parts = [text.encode("utf-8", "surrogatepass") for text in (task.reference, meta, submission)]
    lengths = ",".join(str(len(part)) for part in parts).encode()
    return hashlib.blake2b(b"\0".join([judge, lengths, *parts]), digest_size=20).digest()


def judge_id(spec: str | Verifier, verifier: Verifier, modules: Sequence[str]) -> bytes:
    """Return a digest of a verifier: its name and arguments, or its state, and its code.

    The code is this library's verifiers as they lie on the disk, the module that defines the
    verifier's class, and `modules` that are files.
    """
    digest = hashlib.blake2b(_library_code(), digest_size=20)
    kind = type(verifier)
    named = spec.encode() if isinstance(spec, str) else pickle.dumps(spec)
    for part in (kind.__module__.encode(), kind.__qualname__.encode(), named):
        digest.update(b"%d:%s" % (len(part), part))
    files = [Path(module) for module in modules if module.endswith(".py")]
    # A class that was defined at a prompt has none: its state and name must do.
    with contextlib.suppress(TypeError, OSError):
        files.append(Path(inspect.getfile(kind)))
    for file in files:
        if file.is_file():
            digest.update(hashlib.blake2b(file.read_bytes()).digest())
    return digest.digest()


@cache
def _library_code() -> bytes:
    digest = hashlib.blake2b()
    for file in [Path(inspect.getfile(gym_reason.text)), *sorted(_FOLDER.rglob("*.py"))]:
        digest.update(hashlib.blake2b(file.read_bytes()).digest())
    return digest.digest()
