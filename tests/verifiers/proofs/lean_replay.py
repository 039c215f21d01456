"""A Lean REPL that knows recorded conversations only, as an object and as a program.

The conversations are written by hand in the form that the REPL documents; `follows` names the
example in its repository that a reply's form is taken from. None was recorded with a real Lean.
"""

import json
from pathlib import Path
from typing import Any

from gym_reason.verifiers.proofs.lean.protocol import Reply, Request, decode, encode
from gym_reason.verifiers.sandbox.base import SandboxLostError

DATA = Path(__file__).with_name("data") / "lean_conversations.jsonl"
PYTHON = Path("/usr/bin/python3")

_PROGRAM = """#!/usr/bin/python3
import json, sys, time

left = [one["exchanges"] for one in json.loads(CONTENT)]
while True:
    lines = []
    while (line := sys.stdin.readline()).strip():
        lines.append(line)
    if not lines:
        sys.exit(0)
    request = json.loads("".join(lines))
    replies = [[reply for asked, reply in one if asked == request][:1] for one in left]
    known = [reply for reply in replies if reply]
    if not known:
        sys.exit("no conversation goes on with " + json.dumps(request))
    # Conversations that part later agree so far.
    left = [one for one, reply in zip(left, replies) if reply == known[0]]
    [reply] = known[0]
    if reply is None:
        time.sleep(600)
    if reply == "end":
        sys.exit(1)
    print(json.dumps(reply, ensure_ascii=False, indent=1), end="\\n\\n", flush=True)
"""


def read_conversations(*names: str) -> list[dict[str, Any]]:
    """Return the conversations of these names, or all of them."""
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    assert set(names) <= {row["name"] for row in rows}
    return [row for row in rows if not names or row["name"] in names]


class Replay:
    """A REPL that holds one conversation."""

    def __init__(self, name: str) -> None:
        """Begin it."""
        [row] = read_conversations(name)
        self.left: list[Any] = list(row["exchanges"])
        self.closed = False

    def ask(self, request: Request, limit_s: float) -> Reply:
        """Return the recorded reply, to the next request or to a later one of a side branch."""
        assert limit_s > 0
        assert not self.closed
        sent = json.loads(encode(request))
        place = next(index for index, (asked, _) in enumerate(self.left) if asked == sent)
        _, reply = self.left.pop(place)
        if reply is None:
            raise TimeoutError
        if reply == "end":
            raise SandboxLostError("a prover's process has ended")
        return decode(json.dumps(reply, ensure_ascii=False, indent=1).encode() + b"\n\n")

    def close(self) -> None:
        """End it."""
        self.closed = True


def write_program(folder: Path, *names: str) -> Path:
    """Write a program that holds any of the conversations, as the REPL would."""
    content = json.dumps(read_conversations(*names), ensure_ascii=True)
    program = folder / "repl"
    program.write_text(_PROGRAM.replace("CONTENT", repr(content)))
    program.chmod(0o755)
    # The sandbox has a user of its own.
    folder.chmod(0o755)
    return program
