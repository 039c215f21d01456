"""What stands between this process and bubblewrap: who it is there, and what it still sees."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gym_reason.verifiers.sandbox import launcher

REPORT = """
import json, os
print(json.dumps([os.getresuid(), os.getcwd(), dict(os.environ)]))
"""


def launch(**settings: object) -> "subprocess.CompletedProcess[str]":
    given = {"join": [], "uid": None, "binds": [], "argv": [sys.executable, "-I", "-c", REPORT]}
    command = [sys.executable, "-I", "-S", launcher.__file__, json.dumps(given | settings)]
    environment = {"SECRET": "of the host", "LC_ALL": "C"}
    groups = [54321] if os.geteuid() == 0 else None
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, extra_groups=groups
    )


def test_the_environment_is_empty_and_the_folder_the_root() -> None:
    result = launch()
    assert result.returncode == 0, result.stderr
    users, folder, environment = json.loads(result.stdout)
    assert users == list(os.getresuid())
    assert folder == "/"
    # LC_CTYPE is the interpreter's own doing.
    assert set(environment) <= {"LC_CTYPE"}


def test_it_joins_before_anything_else(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    result = launch(
        join=[str(file) for file in files],
        argv=[sys.executable, "-I", "-c", "import os; print(os.getpid())"],
    )
    assert [file.read_text() for file in files] == [result.stdout.strip()] * 2


def test_a_cgroup_that_cannot_be_joined_stops_it() -> None:
    result = launch(join=["/proc/nowhere/cgroup.procs"])
    assert result.returncode == 1
    assert result.stdout == ""
    assert "FileNotFoundError" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_root_becomes_another_user_with_a_private_tmp(tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "file").touch()
    settings = {"uid": 0x70001234, "binds": [[str(tmp_path / "shown"), "python"]]}
    python = os.path.realpath(sys.executable)
    code = "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), "
    code += "os.listdir('/tmp'), os.listdir('/tmp/python')]))"
    # Its own user may not reach the interpreter where that lies in root's home.
    if not _reachable(Path(python)):
        python, code = "/bin/sh", "id -u; id -g; id -G; ls /tmp; ls /tmp/python"
    result = launch(**settings, argv=[python, "-c", code])
    assert result.returncode == 0, result.stderr
    if python == "/bin/sh":
        assert result.stdout.split() == ["1879052852"] * 3 + ["python", "file"]
    else:
        uid = 0x70001234
        assert json.loads(result.stdout) == [[uid] * 3, [uid] * 3, [], ["python"], ["file"]]
    assert (tmp_path / "shown" / "file").exists()
    assert Path("/tmp/python") not in [Path(line.split(" ")[4]) for line in _mounts()]


def _reachable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()
