"""A small teacher that half of the tests learn from."""

from pathlib import Path

import pytest

from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.train import train
from tests.trainers.distillation.small_runs import TEACHER, small


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that finds the largest digit nearly always."""
    folder = tmp_path_factory.mktemp("teacher") / "run"
    summary = train(small(*TEACHER), folder, SilentObserver())
    assert summary.accuracy_after > 0.9
    return folder
