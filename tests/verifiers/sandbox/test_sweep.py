"""What is done about the files and processes that a run leaves behind."""

import os
import sys
from pathlib import Path

import pytest

from gym_reason.verifiers.sandbox.inside import sweep


def test_a_folder_is_emptied_however_deep_it_is(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "file").touch()
    (scratch / "link").symlink_to(outside)
    os.mkfifo(scratch / "pipe")
    name, here = "d" * 200, os.getcwd()
    try:
        os.chdir(scratch)
        # Deeper than a path may be long and than a function may call itself.
        for _ in range(sys.getrecursionlimit() + 100):
            os.mkdir(name)
            os.chdir(name)
            os.symlink(outside, "link")
    finally:
        os.chdir(here)
    os.chmod(scratch / name / name, 0)
    sweep.empty(str(scratch))
    assert os.listdir(scratch) == []
    assert os.listdir(outside) == ["kept"]


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    sweep.empty(str(tmp_path / "none"))


def test_a_server_among_others_does_not_serve_a_user() -> None:
    with pytest.raises(RuntimeError, match="not alone"):
        sweep.check_alone()
