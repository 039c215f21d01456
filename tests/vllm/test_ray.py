"""A vLLM in each rollout worker on Ray, with the weights that the trainer sends."""

from pathlib import Path

import pytest

from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.train import train
from tests.vllm.test_runs import small, steps_of

pytest.importorskip("ray")


def test_workers_on_ray_have_a_vllm_each(tmp_path: Path) -> None:
    recipe = small(
        *("engine=vllm", "rollout.backend=ray", "ray.workers={count=2,cpus=1}"),
        *("rl.steps=3", "rl.filter=keep_all", "model.size=3m"),
    )
    train(recipe, tmp_path / "run", SilentObserver())
    rows = steps_of(tmp_path / "run")
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert row["updates"]
        assert row["gap"] < 1e-3
        assert row["canary_gap"] < 1e-3
        assert row["workers_lost"] == 0
