"""The command as a whole: its version and help, start-up, Ctrl-C, closed pipes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gym_reason
from gym_reason.cli import COMMANDS, main

COMMAND = [sys.executable, "-m", "gym_reason"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"gym-reason {gym_reason.__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: gym-reason {command}")


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "COMMAND"), (["trane"], "'trane'"), (["envs", "list", "--nonsense"], "--nonsense")],
)
def test_wrong_usage_is_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_python_m_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "envs", "list", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert {row["id"] for row in json.loads(done.stdout)["environments"]} >= {
        "gym_reason/Arithmetic-v0"
    }


@pytest.mark.parametrize(
    "words",
    [
        ["envs", "list"],
        ["envs", "show", "gym_reason/Arithmetic-v0"],
        ["eval", "gym_reason/Arithmetic-v0", "--policy", "engine:oracle", "--limit", "2"],
    ],
)
def test_what_needs_no_model_loads_no_torch(words: list[str], tmp_path: Path) -> None:
    program = (
        "import sys; from gym_reason.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'transformers'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_ctrl_c_is_130_and_one_line(tmp_path: Path) -> None:
    # The file that is loaded says when it runs, and then waits for the signal.
    script = tmp_path / "wait.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [*COMMAND, "envs", "list", "--load", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (output, errors) == ("", "gym-reason: stopped by Ctrl-C\n")


@pytest.mark.parametrize("words", [["envs", "list"], ["envs", "list", "--json"]])
def test_a_closed_pipe_is_no_error(words: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    # Nothing reads any more before the command has written its first word.
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 0
