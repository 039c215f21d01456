"""What stands still ends the run, with its name and a checkpoint, in either thread."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.errors import RunError
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.rl import update as update_module
from gym_reason.trainers.rl.policy_step import micro_batch_loss
from gym_reason.trainers.rollouts.stall import STACKS, StallWatch, Watched
from gym_reason.trainers.run.stop import Stalled, StopRequest
from gym_reason.trainers.train import train
from tests.trainers.rollouts.gated import EPISODES, Acting, open_gate, small


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """Hold up the second step's first answer until the test ends."""
    ended = threading.Event()

    def hold(count: int) -> None:
        if count == EPISODES:
            ended.wait()

    open_gate(hold)
    yield ended
    ended.set()
    open_gate()


@pytest.mark.parametrize("ahead", [0, 1])
def test_an_environment_that_hangs_ends_the_run_with_a_checkpoint(
    ahead: int, tmp_path: Path, stuck: threading.Event
) -> None:
    folder = tmp_path / "run"
    recipe = small(
        f"rollout.ahead={ahead}", "rollout.stall_seconds=4.0", "checkpoint.every_steps=50"
    )
    with pytest.raises(RunError, match=r"the playing of the episodes of step 2 gave no") as error:
        train(recipe, folder, SilentObserver())
    assert "in hold (" in str(error.value)  # the place
    assert "\n" not in str(error.value)
    assert "transition" in (folder / STACKS).read_text("utf-8")
    assert (folder / "checkpoints/last").resolve().name == "step-000001"
    stuck.set()
    open_gate()
    train(recipe, folder, SilentObserver(), resume=True)
    assert (folder / "summary.json").exists()


def test_an_update_that_hangs_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def hang(*args: object, **kwargs: object) -> object:
        if steps == [1]:
            time.sleep(60.0)
        return micro_batch_loss(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(update_module, "micro_batch_loss", hang)
    recipe = small("rollout.stall_seconds=4.0")
    with pytest.raises(
        RunError, match="the update of step 2 gave no sign of life for 4 s, in hang"
    ):
        train(recipe, tmp_path / "run", Acting(steps.append))


def test_signs_of_life_keep_what_is_slow_alive(tmp_path: Path) -> None:
    beats = iter(range(10**9))
    with (
        StopRequest() as stop,
        StallWatch(0.2, stop, tmp_path) as watch,
        watch.over("a walk", lambda: next(beats)) as watched,
    ):
        time.sleep(0.6)
        assert not watched.message


class Waiting(World):
    """A process that waits for others all the time."""

    @property
    def pulse(self) -> int:  # type: ignore[override]
        """The clock."""
        return time.monotonic_ns()


def test_a_wait_for_other_processes_is_no_silence(tmp_path: Path) -> None:
    open_gate(lambda count: time.sleep(2.0 if count == EPISODES else 0.0))
    try:
        recipe = small("rollout.stall_seconds=0.5")
        train(recipe, tmp_path / "run", SilentObserver(), world=Waiting())
    finally:
        open_gate()


def test_what_has_ended_is_not_watched(tmp_path: Path) -> None:
    with StopRequest() as stop, StallWatch(0.1, stop, tmp_path) as watch:
        with watch.over("a nap", lambda: 0):
            pass
        time.sleep(0.4)
    assert not (tmp_path / STACKS).exists()


def test_another_thread_s_silence_is_noted_for_the_one_who_waits(tmp_path: Path) -> None:
    ended = threading.Event()
    noted: list[Watched] = []

    def nap() -> None:
        with watch.over("a nap", lambda: 0) as watched:
            noted.append(watched)
            ended.wait()

    with StopRequest() as stop, StallWatch(0.1, stop, tmp_path) as watch:
        thread = threading.Thread(target=nap)
        thread.start()
        while not noted or not noted[0].message:
            time.sleep(0.01)
        ended.set()
        thread.join()
    assert noted[0].message.startswith("a nap gave no sign of life for 0.1 s, in nap (")


def test_the_main_thread_s_wait_is_interrupted(tmp_path: Path) -> None:
    with (
        StopRequest() as stop,
        StallWatch(0.1, stop, tmp_path) as watch,
        pytest.raises(Stalled, match="a wait gave no sign of life"),
        watch.over("a wait", lambda: 0),
    ):
        threading.Event().wait(60.0)


UNREACHABLE = """
import signal, sys, time
from pathlib import Path
from gym_reason.trainers.rollouts import stall
from gym_reason.trainers.run.stop import StopRequest

stall.GRACE_S = 0.2
with StopRequest() as stop, stall.StallWatch(0.1, stop, Path(sys.argv[1])) as watch:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as deaf as the C side
    with watch.over("a product of matrices", lambda: 0):
        time.sleep(60)
print("it came to an end")
"""


def test_a_main_thread_that_hears_nothing_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", UNREACHABLE, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=50.0, check=False)
    assert found.returncode == 1
    assert "a product of matrices gave no sign of life for 0.1 s" in found.stderr
    assert not found.stdout


def test_a_stop_request_outside_its_block_interrupts_nobody() -> None:
    stop = StopRequest()
    assert not stop.interrupt(Stalled("late"))
    with stop:
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
