"""The spread of a step's figures, against numbers worked by hand."""

import math

import pytest

from gym_reason.trainers.rl.spread import clustered_error, describe_spread
from gym_reason.types import Group, Outcome, StopReason, Task, TokenTrace, Trajectory, Turn, Verdict


def make_trajectory(
    task: Task, reward: float, tokens: int, outcome: Outcome = Outcome.PASS
) -> Trajectory:
    verdict = Verdict(reward, reward == 1.0, outcome, {"answer": reward, "format": 1.0})
    turn = Turn("", "", None, reward, verdict, True, False)
    trace = TokenTrace((1,) * tokens, (True,) * tokens, (0.0,) * tokens, (0,) * tokens)
    return Trajectory(task, (turn,), (trace,), reward, StopReason.ANSWERED, 0)


def test_the_error_of_clusters_is_that_of_their_means() -> None:
    # Two clusters of two with the means 0 and 1: the error of (0, 1), 1/sqrt(2) / sqrt(2).
    assert clustered_error([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1]) == pytest.approx(0.5)
    # Four clusters of one are independent trials: s / sqrt(n).
    expected = math.sqrt(sum((x - 0.5) ** 2 for x in (0, 1, 0, 1)) / 3 / 4)
    assert clustered_error([0.0, 1.0, 0.0, 1.0], [0, 1, 2, 3]) == pytest.approx(expected)
    assert clustered_error([1.0, 0.0], [5, 5]) == 0.0
    assert clustered_error([], []) == 0.0


def test_a_step_is_described() -> None:
    tasks = [Task("a", (), ""), Task("b", (), "")]
    groups = [
        Group(tasks[0], (make_trajectory(tasks[0], 1.0, 10), make_trajectory(tasks[0], 1.0, 20))),
        Group(
            tasks[1],
            (
                make_trajectory(tasks[1], 0.0, 30, Outcome.FAIL),
                make_trajectory(tasks[1], 0.0, 40, Outcome.UNSCORABLE),
            ),
        ),
    ]
    found = describe_spread(groups)
    assert found["outcomes"] == {"fail": 1, "pass": 2, "unscorable": 1}
    # What could not be scored enters no mean.
    assert found["parts"] == {"answer": pytest.approx(2 / 3), "format": 1.0}
    assert found["length_low"] == pytest.approx(12.0)
    assert found["length_high"] == pytest.approx(28.0)
    assert found["accuracy_error"] == found["reward_error"] != 0.0


def test_nothing_that_could_be_scored_has_no_lengths() -> None:
    assert describe_spread([]) == {
        "reward_error": 0.0, "accuracy_error": 0.0, "parts": {}, "outcomes": {}
    }  # fmt: skip
