"""A disk that is full, at each file that is written: one line, nothing torn, and a way on."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gym_reason.errors import RunError
from gym_reason.trainers.distillation.rows import Row
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.teacher.cache import CacheSettings, TeacherCache, write_cache
from gym_reason.trainers.train import train
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.trainers.rollouts.gated import open_gate, small

PAGE = 4096
MODEL, CHECKPOINT = 400_000, 1_250_000
"""Bytes of the weights, and of a checkpoint with its optimiser."""


class Filler(SilentObserver):
    """Fills a disk as soon as a run says what it is to wait for, or has done its first step."""

    def __init__(self, disk: Path, cue: str, leave: int) -> None:
        """Leave `leave` bytes."""
        self._disk = disk
        self._cue = cue
        self._leave = leave
        self.file = disk / "filler"

    def on_message(self, text: str) -> None:
        """Fill where the message begins like the cue."""
        if text.startswith(self._cue):
            self.fill()

    def on_step(self, row: object) -> None:
        """Fill where the cue is a step."""
        if self._cue == "STEP":
            self.fill()

    def fill(self) -> None:
        """Fill the disk, once."""
        free = os.statvfs(self._disk).f_bavail * PAGE
        if not self.file.exists():
            self.file.write_bytes(b"x" * max(free - self._leave, 0))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that had room."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(recipe(), folder, SilentObserver())
    return folder


def recipe(*words: str) -> Recipe:
    """Return two steps of RL that keep a reference."""
    return small("rl.steps=2", "rl.log_groups=4", "checkpoint.keep=2", *words)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a run's last checkpoint."""
    return safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")


@contextlib.contextmanager
def one_line(name: str) -> Iterator[None]:
    """Expect an error of one line that names a file."""
    with pytest.raises(RunError, match=rf"^cannot write \S*{name}: .*; expected .*space") as caught:
        yield
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cue", "leave", "words", "name"),
    [
        ("", 0, (), r"run"),
        (".", 0, (), r"trajectories/held-out-before\.jsonl\.zst"),
        ("before", MODEL // 2, (), r"reference\.pt"),
        pytest.param(
            *("before", MODEL // 2, ("adapter.kind=lora", "rl.kl.weight=0.0"), r"base"),
            marks=pytest.mark.slow,
        ),
        ("STEP", MODEL // 2, (), r"checkpoints/step-000001"),
        pytest.param(
            *("STEP", CHECKPOINT, ("rollout.ahead=1", "rl.kl.weight=0.0"), r"step-000001"),
            marks=pytest.mark.slow,
        ),
        ("after", CHECKPOINT + 8 * PAGE, (), r"(summary\.json|report\.html)"),
    ],
    ids=["folder", "trajectories", "reference", "base", "checkpoint", "ahead", "report"],
)
def test_a_run_without_room_ends_in_one_line_and_goes_on(
    cue: str, leave: int, words: tuple[str, ...], name: str, whole: Path, small_disk: Path
) -> None:
    open_gate()
    folder = small_disk / "run"
    filler = Filler(small_disk, str(folder) if cue == "." else cue or "nothing", leave)
    if not cue:
        filler.fill()
    with one_line(name):
        train(recipe(*words), folder, filler)
    left = [path.name for path in small_disk.rglob(".*") if path.name != ".lock"]
    assert not left
    filler.file.unlink()
    train(recipe(*words), folder, SilentObserver(), resume=(folder / "recipe.toml").exists())
    if not words:
        expected, found = weights(whole), weights(folder)
        assert all(torch.equal(expected[key], found[key]) for key in expected)


@pytest.mark.parametrize("name", ["metrics.jsonl", "log.txt"])
def test_a_file_that_grows_and_finds_no_room(name: str, whole: Path, tmp_path: Path) -> None:
    folder, kept = tmp_path / "run", tmp_path / name

    def replace(count: int) -> None:
        if count == 16:  # the second step
            (folder / name).replace(kept)
            (folder / name).symlink_to("/dev/full")

    open_gate(replace)
    with one_line(re.escape(name)):
        train(recipe(), folder, SilentObserver())
    open_gate()
    kept.replace(folder / name)
    train(recipe(), folder, SilentObserver(), resume=True)
    expected, found = weights(whole), weights(folder)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_a_cache_of_a_teacher_without_room_goes_on(small_disk: Path) -> None:
    rows = [Row(f"row {n}", tuple(TOKENIZER.encode("1+1=2")), (False,) * 5 + (True,))
            for n in range(600)]  # fmt: skip
    folder, model = small_disk / "cache", small_model()
    filler = Filler(small_disk, "", 0)
    small_disk.joinpath("cache").mkdir()
    filler.fill()
    with one_line(r"shard-00000\.safetensors"):
        write_cache(folder, model, TOKENIZER, rows, CacheSettings(top_k=8))
    assert not list(folder.iterdir())
    filler.file.unlink()
    write_cache(folder, model, TOKENIZER, rows, CacheSettings(top_k=8))
    assert len(TeacherCache(folder)) == 600
