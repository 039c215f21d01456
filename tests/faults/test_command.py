"""A fault in the middle of a run: it ends in time with a line that names it, and goes on later."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.cli.commands import Command, CommandServer

HERE = Path(__file__).resolve().parent
STEPS, TASKS, SAMPLES, PROBLEMS = 3, 4, 2, 4
EPISODES = TASKS * SAMPLES
SMALL = (
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "env.id=test/Faulty-v0"),
    *(f"evaluation.problems={PROBLEMS}", "model.alphabet=0123456789s=", "sampling.max_tokens=8"),
    *("cold_start.steps=2", "cold_start.problems=8", "cold_start.batch_rows=8"),
    *(f"rl.steps={STEPS}", f"rl.tasks_per_step={TASKS}", f"rl.samples_per_task={SAMPLES}"),
    *("rl.minibatch_rows=8", "rl.filter=keep_all", "rl.entropy={bonus=0.01}", "rl.log_groups=0"),
)
LOAD = ("--load", str(HERE / "faulty.py"))
LIMIT_S = 3.0
"""What the run is told to wait at most."""
PROMISED_S = 5.0
"""Seconds beyond its limit in which a run ends."""
BUSY_S = 10.0
"""What a machine with other work may add."""


@pytest.fixture(scope="module")
def whole(commands: CommandServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    done = commands.run("train", "demo", *LOAD, *arguments(), "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def arguments(fault: str = "", where: str = "train", at: int = 0, mark: str = "") -> list[str]:
    """Return the words of a run with a fault."""
    kwargs = f"operation='sort',count=2,fault='{fault}',where='{where}',at={at},mark='{mark}'"
    return [*SMALL, f"rollout.stall_seconds={LIMIT_S}", f"env.kwargs={{{kwargs}}}"]


def await_end(command: Command, mark: Path) -> "tuple[subprocess.CompletedProcess[str], float]":
    """Return how a run ended, and how many seconds after its fault."""
    done = command.wait()
    ended = time.monotonic()
    assert mark.exists(), done.stderr
    return done, ended - float(mark.read_text())


def assert_one_line(done: "subprocess.CompletedProcess[str]", expected: str) -> None:
    """Assert that what a run said last is one line that tells of the fault."""
    *before, last = done.stderr.strip().splitlines()
    assert re.search(f"^gym-reason: .*{expected}", last), done.stderr
    assert not any("Traceback" in line or line.startswith("gym-reason: ") for line in before), (
        done.stderr
    )


def assert_same_weights(left: Path, right: Path) -> None:
    """Assert that two runs ended in the same bits."""
    name = "checkpoints/last/model/model.safetensors"
    expected, found = (safetensors.torch.load_file(one / name) for one in (left, right))
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def go_on(commands: CommandServer, folder: Path, *words: str) -> None:
    """Resume a run without its fault."""
    resumed = ["train", *LOAD, "--resume", "--out", "run", "env.kwargs.fault=", *words]
    done = commands.run(*resumed, cwd=folder)
    assert done.returncode == 0, done.stderr


def last_checkpoint(folder: Path) -> str:
    """Return the name of a run's last checkpoint; empty where there is none."""
    last = folder / "run/checkpoints/last"
    return last.resolve().name if last.exists() else ""


SILENCE = rf"gave no sign of life for {LIMIT_S:g} s, in {{}} \(.*py:\d+\); .*--resume"


@pytest.mark.parametrize(
    ("fault", "where", "at", "words", "expected", "checkpoint"),
    [
        ("hang", "train", 3, [], "the stage cold_start " + SILENCE.format("hang"), ""),
        ("hang", "test", 3, [], "the measurement before " + SILENCE.format("hang"), ""),
        (
            # The last step of a stage is saved with what is measured behind it.
            *("hang", "test", 2 * PROBLEMS + 3, ["checkpoint.every_steps=50"]),
            *("the measurement after " + SILENCE.format("hang"), "step-000005"),
        ),
        (
            *("hang", "train", 8 + EPISODES, ["rollout.ahead=1", "checkpoint.every_steps=50"]),
            *("the playing of the episodes of step 2 " + SILENCE.format("hang"), "step-000003"),
        ),
        pytest.param(
            *("hang_deaf", "train", 8 + EPISODES, []),
            *(
                "the playing of the episodes of step 2 " + SILENCE.format("hang_deaf"),
                "step-000003",
            ),
            marks=pytest.mark.slow,
        ),
        (
            *("block_metrics", "train", 8 + EPISODES, []),
            *("the stage rl " + SILENCE.format("append_metrics"), "step-000003"),
        ),
    ],
    ids=["demonstrations", "before", "after", "ahead", "deaf", "blocked file system"],
)
def test_what_hangs_ends_the_run(
    fault: str,
    where: str,
    at: int,
    words: Sequence[str],
    expected: str,
    checkpoint: str,
    whole: Path,
    commands: CommandServer,
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"
    line = ["train", "demo", *LOAD, *arguments(fault, where, at, str(mark)), *words]
    done, seconds = await_end(commands.start(*line, "--out", "run", cwd=tmp_path), mark)
    assert done.returncode == 1
    assert_one_line(done, expected)
    assert seconds < LIMIT_S + PROMISED_S + BUSY_S
    assert (tmp_path / "run/stall.txt").exists()
    assert last_checkpoint(tmp_path) == checkpoint
    kept = tmp_path / "run/metrics.kept"
    if kept.exists():
        kept.replace(kept.with_suffix(".jsonl"))
    if checkpoint:
        go_on(commands, tmp_path)
        if "rollout.ahead=1" not in words:
            assert_same_weights(whole, tmp_path / "run")


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        pytest.param(
            "disturbed:fault=waits",
            f"the playing of the episodes of step 2 gave no sign of life for {LIMIT_S:g} s, while "
            "its episodes waited for an environment, a tool or a server",
            marks=pytest.mark.slow,
        ),
        (
            "disturbed:fault=starves",
            "no memory was left in the playing of the episodes of step 2: MemoryError; take less",
        ),
    ],
)
def test_an_agent_that_never_answers_and_one_without_memory(
    agent: str, expected: str, whole: Path, commands: CommandServer, tmp_path: Path
) -> None:
    at = 2 * PROBLEMS + EPISODES + 5
    line = ["train", "demo", *LOAD, *arguments(), f"agent={agent},at={at}", "--out", "run"]
    done = commands.run(*line, "checkpoint.every_steps=50", cwd=tmp_path)
    assert done.returncode == 1
    assert_one_line(done, expected)
    assert last_checkpoint(tmp_path) == "step-000003"
    go_on(commands, tmp_path, "agent=answer")
    assert_same_weights(whole, tmp_path / "run")


def test_a_run_whose_engine_is_killed_with_it_goes_on(
    whole: Path, commands: CommandServer, tmp_path: Path
) -> None:
    line = arguments("kill", "train", 8 + EPISODES + 3, str(tmp_path / "mark"))
    done = commands.run("train", "demo", *LOAD, *line, "--out", "run", cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert last_checkpoint(tmp_path) == "step-000003"
    go_on(commands, tmp_path)
    assert_same_weights(whole, tmp_path / "run")


def test_a_verifier_pool_that_is_dead_ends_the_run_with_its_reason(
    whole: Path, commands: CommandServer, tmp_path: Path
) -> None:
    line = arguments("dead_pool", "train", 8 + EPISODES, str(tmp_path / "mark"))
    words = ["train", "demo", *LOAD, *line, "checkpoint.every_steps=50", "--out", "run"]
    done = commands.run(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert_one_line(done, f"none of the {EPISODES} episodes .* scored: its worker died twice")
    assert last_checkpoint(tmp_path) == "step-000003"
    go_on(commands, tmp_path)
    assert_same_weights(whole, tmp_path / "run")


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(
    whole: Path, commands: CommandServer, tmp_path: Path
) -> None:
    load = (*LOAD, "--load", str(HERE / "jumpy_clock.py"))
    words = ["train", "demo", *load, *arguments(), "--out", "run"]
    done = commands.run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same_weights(whole, tmp_path / "run")
    assert all(0 <= float(s) < 60 for s in re.findall(r"([\d.-]+) s$", done.stderr, re.MULTILINE))


def test_a_clock_that_jumps_moves_no_limit(commands: CommandServer, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    load = (*LOAD, "--load", str(HERE / "jumpy_clock.py"))
    line = arguments("hang", "train", 8, str(mark))
    command = commands.start("train", "demo", *load, *line, "--out", "run", cwd=tmp_path)
    done, seconds = await_end(command, mark)
    assert_one_line(done, "the playing of the episodes of step 1 " + SILENCE.format("hang"))
    assert LIMIT_S < seconds < LIMIT_S + PROMISED_S + BUSY_S


class Server:
    """A stand-in for a vLLM server on a port of its own, which can be started again."""

    def __init__(self, commands: CommandServer, folder: Path) -> None:
        self._commands = commands
        self._folder = folder
        self.mark = folder / "mark"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.words = ["engine=server", f"vllm.base_url=http://127.0.0.1:{self.port}"]
        self.words += [f"vllm.timeout_s={LIMIT_S}"]

    def start(self, fault: str = "", where: str = "", at: int = 0) -> Command:
        """Start it, and return once it listens."""
        words = [str(HERE / "serve.py"), str(self.port), fault, where, str(at), str(self.mark)]
        command = self._commands.start(*words, cwd=self._folder)
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and not command.is_over():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return command
            time.sleep(0.02)
        raise AssertionError(command.wait().stderr)


@pytest.fixture(scope="module")
def served(commands: CommandServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on a server that nothing disturbed."""
    folder = tmp_path_factory.mktemp("served")
    server = Server(commands, folder)
    running = server.start()
    words = ["train", "demo", *LOAD, *arguments(), *server.words, "--out", "run"]
    done = commands.run(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    running.kill()
    return folder / "run"


GENERATE = "/inference/v1/generate"
IN_RL = 2 * PROBLEMS + EPISODES + 10
"""A completion of the second step of RL: the canaries of the syncs before it are among them."""
AT_SYNC = 4
"""After the second step: two measurements, the cold start and the first step had theirs."""


@pytest.mark.parametrize(
    ("fault", "path", "at", "expected"),
    [
        (
            "killed",
            GENERATE,
            IN_RL,
            r"was lost while it was generating.*--resume",
        ),
        pytest.param(
            *("silent", GENERATE, IN_RL),
            rf"the vLLM server at .* gave no sign of life for {LIMIT_S:g} s while it was generat",
            marks=pytest.mark.slow,
        ),
        ("killed", "/update_weights", AT_SYNC, r"was lost while it was taking over weights"),
        (
            *("silent", "/finish_weight_update", AT_SYNC),
            rf"gave no sign of life for {LIMIT_S:g} s while it was taking over weights",
        ),
    ],
)
def test_a_server_that_dies_or_hangs_ends_the_run(
    fault: str,
    path: str,
    at: int,
    expected: str,
    served: Path,
    commands: CommandServer,
    tmp_path: Path,
) -> None:
    server = Server(commands, tmp_path)
    running = server.start(fault, path, at)
    words = [*arguments(), *server.words, "rollout.stall_seconds=60.0", "--out", "run"]
    command = commands.start("train", "demo", *LOAD, *words, cwd=tmp_path)
    done, seconds = await_end(command, server.mark)
    assert done.returncode == 1
    assert_one_line(done, expected)
    assert seconds < LIMIT_S + PROMISED_S + BUSY_S
    assert last_checkpoint(tmp_path) == "step-000003"
    running.kill()
    server.start()
    go_on(commands, tmp_path)
    assert_same_weights(served, tmp_path / "run")


def test_a_trainer_that_is_killed_in_a_sync_goes_on_with_the_same_server(
    served: Path, commands: CommandServer, tmp_path: Path
) -> None:
    server = Server(commands, tmp_path)
    server.start("slow", "/update_weights", AT_SYNC)
    words = [*arguments(), *server.words, "--out", "run"]
    command = commands.start("train", "demo", *LOAD, *words, cwd=tmp_path)
    while not server.mark.exists() and not command.is_over():
        time.sleep(0.01)
    os.kill(command.pid, signal.SIGKILL)
    assert command.wait().returncode == -signal.SIGKILL
    go_on(commands, tmp_path)
    assert_same_weights(served, tmp_path / "run")
