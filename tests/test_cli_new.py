"""`gym-reason new`: the packages work at once, can be installed, and bad names are refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gym_reason.cli import main
from gym_reason.cli.new import COMMON, KINDS, render

TEMPLATES = Path(main.__code__.co_filename).parent / "templates"


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with nothing of this process's own import path."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        words,
        cwd=folder,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", ["letter-count", "task"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_a_new_package_pass_at_once(kind: str, name: str, tmp_path: Path) -> None:
    assert main(["new", kind, name, "--out", str(tmp_path)]) == 0
    done = run(tmp_path / name, "make", "test", f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_package_fails_its_tests(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "letters", "--out", str(tmp_path)]) == 0
    code = tmp_path / "letters" / "src" / "letters"
    broken, before, after = {
        "env": ("tasks.jsonl", '"answer": "3"', '"answer": "4"'),
        "verifier": ("verifier.py", "answer == task.reference", "task.reference in answer"),
        "agent": ("agent.py", "most_common(1)", "most_common()[-1:]"),
    }[kind]
    text = (code / broken).read_text("utf-8")
    assert before in text
    (code / broken).write_text(text.replace(before, after), encoding="utf-8")
    done = run(tmp_path / "letters", "make", "test", f"PYTHON={sys.executable}")
    assert done.returncode != 0
    assert "FAILED" in done.stderr


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        (
            "env",
            [
                ("envs", "check", "letter_count/LetterCount-v0"),
                ("audit", "letter_count/LetterCount-v0", "--fail-above", "0", "--limit", "5"),
            ],
        ),
        ("verifier", [("verify", "letter_count", "src/letter_count/cases.jsonl")]),
    ],
)
def test_an_installed_package_is_found_by_its_names(
    kind: str, commands: list[tuple[str, ...]], tmp_path: Path
) -> None:
    assert main(["new", kind, "letter-count", "--out", str(tmp_path)]) == 0
    folder, target = tmp_path / "letter-count", tmp_path / "installed"
    # What `make install` says, to a folder of the test's own.
    installed = run(
        folder, sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
        "--no-build-isolation", "--no-index", "--target", str(target), ".",
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    for words in commands:
        done = run(folder, sys.executable, "-m", "gym_reason", *words, PYTHONPATH=str(target))
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a b"
    assert main(["new", "env", "letters", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert f"made {out}/letters (9 files)" in shown
    assert f"next: cd '{out}/letters' && make test" in shown
    assert main(["new", "agent", "voters", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == f"{out}/voters"
    lying = [path for path in (out / "voters").rglob("*") if path.is_file()]
    assert told["files"] == sorted(str(path.relative_to(out / "voters")) for path in lying)
    assert (out / "voters").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in out.iterdir()) == ["letters", "voters"]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("env", "My Riddles", "for example my-riddles"),
        ("env", "MyRiddles", "for example my-riddles"),
        ("env", "../riddles", "for example riddles"),
        ("env", "riddles/", "for example riddles"),
        ("env", "", "for example letter-count"),
        ("env", "7up", "beginning with a letter"),
        ("env", "a--b", "for example a-b"),
        ("env", "a" * 41, "at most 40"),
        ("env", "r\u00e9bus", "lower-case letters"),
        ("env", "ri\nddles", "for example ri-ddles"),
        ("env", "import", "Python's own"),
        ("env", "json", "Python's own"),
        ("verifier", "numpy", "an installed package"),
        ("agent", "gym-reason", "an installed package"),
        ("verifier", "exact", "which a registered verifier has"),
        ("env", "exact", "which a registered verifier has"),
        ("agent", "answer", "which a registered agent has"),
    ],
)
def test_a_bad_name_is_refused_in_one_line(
    kind: str, name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", kind, name, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("gym-reason: the name ")
    assert message in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("present", ["folder", "file", "link"])
def test_what_exists_is_left_alone(
    present: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "letters"
    if present == "folder":
        path.mkdir()
    elif present == "file":
        path.touch()
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert main(["new", "env", "letters", "--out", str(tmp_path)]) == 2
    assert "letters exists already; expected a new folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]
    assert not path.is_dir() or list(path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["new", "env", "letters", "--out", str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot write" in error


def test_a_disk_that_fills_up_leaves_nothing(small_disk: Path) -> None:
    (small_disk / "filling").write_bytes(b"x" * (8 * 1024 * 1024 - 16_384))
    assert main(["new", "env", "letters", "--out", str(small_disk)]) == 1
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_every_template_is_used() -> None:
    used = {template for files in (COMMON, *KINDS.values()) for template in files.values()}
    lying = {path.name.removesuffix(".template") for path in TEMPLATES.iterdir()}
    assert used == lying


@pytest.mark.parametrize("kind", KINDS)
def test_no_place_is_left_unfilled(kind: str) -> None:
    for path, text in render(kind, "letter-count").items():
        assert "{" not in path
        assert "{{" not in text
        assert text.endswith("\n")
