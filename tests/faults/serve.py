"""A stand-in for a vLLM server in a process of its own: PORT FAULT PATH AT MARK."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from gym_reason.agents.models import build_preset
from tests.agents.loop_backends import TOKENIZER, LoopServer


def main(port: str, fault: str, where: str, at: str, mark: str) -> None:
    """Serve until somebody ends it, or until `fault` at request number `at` of the path `where`."""
    server = LoopServer(build_preset("0.1m", len(TOKENIZER)), int(port))

    def disturb(path: str) -> None:
        if path != where or server.asked.count(path) != int(at) + 1:
            return
        Path(mark).write_text(str(time.monotonic()))
        if fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "silent":
            time.sleep(600.0)
        if fault == "slow":
            time.sleep(1.0)

    server.before = disturb
    server.serve_forever(0.01)


main(*sys.argv[1:])
