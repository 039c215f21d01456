"""A trusted checker of outputs: one call of its function `check`."""

import os
from typing import Any

from gym_reason.verifiers.sandbox.inside import script
from gym_reason.verifiers.sandbox.inside.server import REPORT


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Report `true` where `check(*job["arguments"])`, which `job["source"]` defines, is True."""
    module = script.prepare_module("checker", job["source"])
    exec(compile(job["source"], "checker.py", "exec", dont_inherit=True), module.__dict__)
    right = module.__dict__["check"](*job["arguments"])
    os.write(REPORT, b"true" if right is True else b"false")
    return 0
