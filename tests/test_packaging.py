"""The list of packages, the links and the disk say the same; the package imports as it should."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import gym_reason

FOLDERS = ("agents", "envs", "trainers", "verifiers")
CODE_SUFFIXES = {".py", ".pyc", ".pyi"}


@pytest.fixture(scope="module")
def settings(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


def folder_of(root: Path, package: str) -> Path:
    """Return where the files of a package lie, past the links."""
    first, *rest = package.split(".")[1:] or [""]
    base = root / first if first in FOLDERS else root / "gym_reason" / first
    return base.joinpath(*rest)


def packages_on_disk(root: Path) -> Iterator[str]:
    for base, prefix in [
        (root / "gym_reason", "gym_reason"),
        *((root / folder, f"gym_reason.{folder}") for folder in FOLDERS),
    ]:
        for found, folders, files in os.walk(base, followlinks=False):
            folders[:] = [name for name in folders if name != "__pycache__"]
            # A folder of data alone is a package too, or setuptools warns that it may leave it out.
            if any(Path(name).suffix not in {".pyc", ".pyi"} for name in files):
                inner = Path(found).relative_to(base).parts
                yield ".".join((prefix, *inner))


def test_the_list_of_packages_is_what_lies_on_the_disk(
    root: Path, settings: dict[str, Any]
) -> None:
    listed = settings["tool"]["setuptools"]["packages"]
    assert listed == sorted(packages_on_disk(root))


def test_every_folder_of_code_is_a_package(root: Path) -> None:
    folders = [folder_of(root, package) for package in packages_on_disk(root)]
    of_code = [folder for folder in folders if any(folder.glob("*.py"))]
    assert root / "envs" in of_code
    assert [folder for folder in of_code if not (folder / "__init__.py").is_file()] == []


def test_package_dir_says_where_each_package_outside_gym_reason_lies(
    root: Path, settings: dict[str, Any]
) -> None:
    expected = {
        package: folder_of(root, package).relative_to(root).as_posix()
        for package in packages_on_disk(root)
        if package.split(".")[1:2] and package.split(".")[1] in FOLDERS
    }
    assert settings["tool"]["setuptools"]["package-dir"] == {
        "gym_reason": "gym_reason",
        **expected,
    }


def test_every_file_that_is_no_code_is_package_data(root: Path, settings: dict[str, Any]) -> None:
    data = settings["tool"]["setuptools"]["package-data"]
    forgotten: list[str] = []
    for base in (root / "gym_reason", *(root / folder for folder in FOLDERS)):
        for found, folders, files in os.walk(base, followlinks=False):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                path = Path(found, name)
                if path.suffix not in CODE_SUFFIXES and not is_listed(root, path, data):
                    forgotten.append(str(path.relative_to(root)))
    assert forgotten == []


def is_listed(root: Path, path: Path, data: dict[str, list[str]]) -> bool:
    for package, patterns in data.items():
        folder = folder_of(root, package)
        if folder in path.parents:
            inside = path.relative_to(folder).as_posix()
            if any(fnmatch(inside, pattern) for pattern in patterns):
                return True
    return False


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_root_folder_is_linked_into_the_package(root: Path, folder: str) -> None:
    link = root / "gym_reason" / folder
    assert link.is_symlink()
    assert os.readlink(link) == f"../{folder}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_root_folder_refuses_its_bare_name(root: Path, folder: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=root, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert f"import this package as gym_reason.{folder}" in result.stderr


def test_the_version_is_the_same_everywhere(root: Path, settings: dict[str, Any]) -> None:
    assert settings["project"]["version"] == gym_reason.__version__
    assert f"## [{gym_reason.__version__}]" in (root / "CHANGELOG.md").read_text("utf-8")


def test_the_license_is_the_one_that_is_named(root: Path, settings: dict[str, Any]) -> None:
    text = (root / "LICENSE").read_text("utf-8")
    assert settings["project"]["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_importing_the_package_and_making_an_environment_takes_no_torch(root: Path) -> None:
    code = (
        "import sys, gym_reason\n"
        "from gym_reason.registry import environments\n"
        "gym_reason.make(next(iter(environments))).close()\n"
        "heavy = {'torch', 'transformers', 'vllm', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_every_link_of_the_command_names_a_file(root: Path) -> None:
    commands = re.findall(r"scripts/[a-z-]+", (root / "Makefile").read_text("utf-8"))
    assert commands
    for command in {*commands, ".ci/run"}:
        assert os.access(root / command, os.X_OK), f"{command} is no executable file"


def test_the_script_for_system_packages_refuses_an_unknown_name(root: Path) -> None:
    script = root / "scripts" / "install-system-deps"
    result = subprocess.run([script, "--only", "emacs"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "unknown package 'emacs'; expected one of: bubblewrap chromium coq" in result.stderr
    # Checking installs nothing: it says what is missing, if anything.
    result = subprocess.run([script, "--check"], capture_output=True, text=True)
    assert (result.returncode == 0) == ("all there" in result.stdout)


@pytest.mark.parametrize(
    ("python", "problem"),
    [("", "found no Python 3.11 or newer"), ("/nowhere/python3", "found no /nowhere/python3")],
)
def test_a_missing_python_is_named(root: Path, tmp_path: Path, python: str, problem: str) -> None:
    script = root / "scripts" / "create-venv"
    result = subprocess.run([script, python, tmp_path / "venv"], capture_output=True, text=True)
    assert result.returncode == 1
    assert problem in result.stderr


def test_an_old_python_is_refused(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    # Answers as Python 3.9 would: the version when asked for it, and that it is too old.
    old.write_text("#!/bin/sh\ncase \"$2\" in *print*) echo 3.9 ;; *'(3, 11)'*) exit 1 ;; esac\n")
    old.chmod(0o755)
    script = root / "scripts" / "create-venv"
    result = subprocess.run([script, old, tmp_path / "venv"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "is Python 3.9; expected 3.11 to 3.13" in result.stderr
    assert not (tmp_path / "venv").exists()
