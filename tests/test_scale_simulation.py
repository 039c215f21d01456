"""The simulation of rollouts on a cluster, against what is worked out by hand."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def simulation(root: Path) -> Any:
    path = root / "benchmarks/scale_simulation.py"
    spec = importlib.util.spec_from_file_location("scale_simulation", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def costs(simulation: Any, **changes: Any) -> Any:
    plain = {
        "name": "by hand", "source": "by hand", "tasks": 4, "samples": 1, "median_tokens": 2.0,
        "spread": 0.0, "most_tokens": 9, "decode_s": 1.0, "row_s": 0.5, "most_rows": 2,
        "verify_median_s": 3.0, "verify_spread": 0.0, "verify_most_s": 9.0, "episode_s": 0.0,
        "message_s": 0.25, "update_token_s": 0.5, "weight_bytes": 10.0,
        "network_bytes_per_s": 5.0, "pack_s": 1.0,
    }  # fmt: skip
    return simulation.Costs(**plain | changes)


def test_rows_leave_a_batch_as_they_end_and_waiting_ones_take_their_places(simulation: Any) -> None:
    # Steps of two rows take 2 s and of one 1.5 s. The second answer ends after step 1, the third
    # begins then and ends after step 3 with the first.
    found = simulation.end_times(costs(simulation), np.array([3, 1, 2]))
    assert found.tolist() == [6.0, 2.0, 6.0]
    alone = simulation.end_times(costs(simulation, most_rows=1), np.array([3, 1, 2]))
    assert alone.tolist() == [4.5, 6.0, 9.0]


@pytest.mark.parametrize(
    ("workers", "verifiers", "expected_s"),
    [
        (2, 4, 0.25 + 2 * 2.0 + 3.0),  # two rows of two tokens, all judged at once
        (4, 4, 0.25 + 2 * 1.5 + 3.0),  # one row each
        (9, 4, 0.25 + 2 * 1.5 + 3.0),  # more workers than tasks change nothing
        (4, 1, 0.25 + 2 * 1.5 + 4 * 3.0),  # one after the other
        (4, 2, 0.25 + 2 * 1.5 + 2 * 3.0),
    ],
)
def test_a_step_ends_with_the_last_verdict(
    simulation: Any, workers: int, verifiers: int, expected_s: float
) -> None:
    rng = np.random.default_rng(0)
    step = simulation.play_step(costs(simulation), workers, verifiers, rng)
    assert step.seconds == pytest.approx(expected_s)
    assert step.tokens == 8


def test_an_update_is_waited_for_unless_episodes_are_played_ahead(simulation: Any) -> None:
    # 7.25 s of rollout, 8 tokens of 0.5 s, and 1 s and two hops of 2 s for the weights.
    in_turn = simulation.simulate(costs(simulation), simulation.Way("", 2), 2)
    ahead = simulation.simulate(costs(simulation), simulation.Way("", 2, ahead=True), 2)
    assert in_turn["step_s"] == pytest.approx(7.25 + 4.0 + 5.0)
    assert ahead["step_s"] == pytest.approx(7.25 + 5.0)
    assert in_turn["episodes_per_s"] == pytest.approx(4 / 16.25, abs=1e-4)
