"""A trusted checker of outputs: one call of its function `check`."""

import os
from typing import Any

from gym_reason.verifiers.sandbox.inside import script
from gym_reason.verifiers.sandbox.inside.server import REPORT


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Report `true` where `check(*job["arguments"])`, which `job["source"]` defines, is True.

    A checker that fails before it is called reports why. One that raises at what the program has
    written has not said that it is right.
    """
    module = script.prepare_module("checker", job["source"])
    try:
        exec(compile(job["source"], "checker.py", "exec", dont_inherit=True), module.__dict__)
        check = module.__dict__["check"]
    except BaseException as error:
        os.write(REPORT, ascii(f"{type(error).__name__}: {error}"[:200]).encode())
        return 1
    right = check(*job["arguments"])
    os.write(REPORT, b"true" if right is True else b"false")
    return 0
