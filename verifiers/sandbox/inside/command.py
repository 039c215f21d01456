"""A run that is a program on the sandbox's disk, in any language."""

import base64
import os
import shutil
import subprocess
from typing import Any

from gym_reason.verifiers.sandbox.inside import confine
from gym_reason.verifiers.sandbox.inside.server import REPORT

MISSING = 127
"""Exit code where the command is not there; the report says so."""


def run(job: dict[str, Any], extras: list[int]) -> int:
    """Write the job's files into the working folder and become its program.

    Args:
        job: `files` maps names to base64 contents; `argv` is the command; `environment` its
            variables. Where `collect` names a file, the command is waited for instead, and the file
            goes into the report.
        extras: Nothing is expected there.
    """
    confine.leave_first_place()
    home = os.getcwd()
    os.mkdir("work")
    os.chdir("work")
    for name, content in job["files"].items():
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "wb") as file:
            file.write(base64.b64decode(content))
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"}
    environment.update(job.get("environment") or {})
    if "/" not in job["argv"][0] and shutil.which(job["argv"][0], path=environment["PATH"]) is None:
        os.write(REPORT, f"{job['argv'][0]} is not installed in the sandbox".encode())
        return MISSING
    if not job.get("collect"):
        os.close(REPORT)
        os.execvpe(job["argv"][0], job["argv"], environment)
    code = subprocess.run(job["argv"], env=environment).returncode
    if code == 0:
        with open(job["collect"], "rb") as file, open(REPORT, "wb") as report:
            report.write(file.read())
    return code if code >= 0 else 128 - code
