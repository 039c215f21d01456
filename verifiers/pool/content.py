"""Names for the content of rows and for what judges them."""

import contextlib
import hashlib
import inspect
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gym_reason.text
from gym_reason.records import to_json
from gym_reason.types import Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.pool.state import describe_state

_FOLDER = Path(__file__).resolve().parent.parent


def row_id(task: Task, submission: str, judge: bytes = b"") -> bytes:
    """Return a digest of all that a pure verifier's verdict depends on.

    Args:
        task: The problem; all of it counts, since a verifier may read all of it.
        submission: The text to judge.
        judge: What names the verifier, where rows of several may meet.
    """
    prompt = [to_json(message) for message in task.prompt]
    meta = to_json(task.meta) if task.meta else {}
    values = [task.id, prompt, task.reference, task.difficulty, meta, submission]
    content = json.dumps(values, sort_keys=True).encode("ascii")
    return hashlib.blake2b(b"%d:%s%s" % (len(judge), judge, content), digest_size=20).digest()


def judge_id(spec: str | Verifier, verifier: Verifier, modules: Sequence[str]) -> bytes:
    """Return a digest of a verifier: its spec, the state that it was made with, and its code.

    The code is the folder of this library's verifiers as it lies on the disk, the modules that
    define the classes of the verifier and of what it holds, and `modules` that are files.

    Raises:
        TypeError: Its state cannot be told.
    """
    state, kinds = describe_state(verifier)
    digest = hashlib.blake2b(_library_code(), digest_size=20)
    for part in (spec.encode() if isinstance(spec, str) else b"", state):
        digest.update(b"%d:%s" % (len(part), part))
    files = {Path(module) for module in modules if module.endswith(".py")}
    for kind in kinds:
        # A class that was defined at a prompt has none: its state and name must do.
        with contextlib.suppress(TypeError, OSError):
            files.add(Path(inspect.getfile(kind)))
    for file in sorted(files):
        if file.is_file():
            digest.update(hashlib.blake2b(file.read_bytes()).digest())
    return digest.digest()


@cache
def _library_code() -> bytes:
    digest = hashlib.blake2b()
    # Data too: a database of axioms decides as much as a program.
    files = [path for path in _FOLDER.rglob("*") if path.suffix != ".pyc" and path.is_file()]
    for file in [Path(inspect.getfile(gym_reason.text)), *sorted(files)]:
        digest.update(hashlib.blake2b(file.read_bytes()).digest())
    return digest.digest()
