"""The figures of an evaluation, worked by hand."""

import dataclasses
import json

import pytest

from gym_reason.errors import DataError
from gym_reason.evaluate.results import outcome_of, read_result, result_of, result_row
from gym_reason.evaluate.summary import accuracy_by_round, measure_latency, summarise
from gym_reason.records import dump_line
from gym_reason.types import Completion, StopReason, Turn
from tests.evaluate.figures import (
    FAIL,
    PASS,
    UNSCORABLE,
    WHO,
    make_result,
    make_results,
    make_task,
    make_trajectory,
)


def test_the_summary_holds_figures_worked_by_hand() -> None:
    results = [
        *make_results("a", [True, True, False, False]),
        *make_results("b", [False, False, False, False]),
        *make_results("c", [True, False, None, None]),
        *make_results("d", [None, None, None, None]),
    ]
    found = summarise(WHO, results, 4, [1, 2, 4])
    # Means of the tasks that have any judged episode: 1/2, 0, 1/2.
    assert found.accuracy == pytest.approx(1 / 3)
    # Variance over tasks (1/36 + 1/9 + 1/36) / 2 = 1/12; half width 1.96 * sqrt(1/36) = 0.3267.
    assert found.interval == pytest.approx((1 / 3 - 1.96 / 6, 1 / 3 + 1.96 / 6))
    # pass@2: 1 - C(2,2)/C(4,2) = 5/6; 0; 1 - 0/C(2,2) = 1. pass@4 leaves c out: (1 + 0) / 2.
    assert found.pass_at == pytest.approx({"1": 1 / 3, "2": (5 / 6 + 0 + 1) / 3, "4": 1 / 2})
    assert found.reward == pytest.approx(1 / 3)
    assert found.reward_interval == pytest.approx(found.interval)
    assert found.tokens == pytest.approx((10 + 10 + 3) / 10)
    assert found.outcomes == {"fail": 7, "pass": 3, "unscorable": 6}
    assert (found.tasks, found.samples, found.completed, found.unscorable) == (4, 4, 10, 6)
    assert found.latency == {"median_s": 0.5, "p95_s": 0.5}


def test_pass_at_k_is_left_out_where_no_task_has_enough_episodes() -> None:
    found = summarise(WHO, make_results("a", [True, None, None, None]), 4, [1, 4])
    assert found.pass_at == {"1": 1.0}


def test_nothing_scorable_is_no_accuracy_of_zero() -> None:
    found = summarise(WHO, make_results("a", [None, None]), 2, [1])
    assert (found.accuracy, found.reward, found.completed) == (None, None, 0)
    assert found.interval == (0.0, 1.0)


def test_the_majority_counts_right_answers_as_one_and_abstentions_not_at_all() -> None:
    results = [
        make_result("a", 0, True, answer="1/2"),
        make_result("a", 1, True, answer="0.5"),
        make_result("a", 2, False, answer="3"),
        make_result("a", 3, False),
        make_result("a", 4, False),
    ]
    found = summarise(WHO, results, 5, [5, 1])
    # Two right ones written in two ways against one 3 and two that say nothing.
    assert found.majority_at == {"5": 1.0, "1": pytest.approx(2 / 5)}


def test_the_likeliest_and_the_best_of_k() -> None:
    results = [
        make_result("a", 0, True, likelihood=-2.0, reward=1.0),
        make_result("a", 1, False, likelihood=-1.0, reward=0.25),
        make_result("a", 2, False, likelihood=-3.0, reward=0.0),
    ]
    found = summarise(WHO, results, 3, [1, 2, 3])
    # Of the pairs 01, 02, 12 the likelier ones are 1, 0, 1; the best rewards are 1, 1, 1/4.
    assert found.likeliest_of == pytest.approx({"1": 1 / 3, "2": 1 / 3, "3": 0.0})
    assert found.best_of == pytest.approx({"1": 1.25 / 3, "2": 2.25 / 3, "3": 1.0})
    silent = [dataclasses.replace(result, likelihood=None) for result in results]
    assert summarise(WHO, silent, 3, [1]).likeliest_of == {}


def test_rounds_count_with_the_last_answer_of_an_episode_that_stopped() -> None:
    assert accuracy_by_round([(False, True), (True,), (True, False, False)]) == pytest.approx(
        (2 / 3, 2 / 3, 2 / 3)
    )
    results = [
        make_result("a", 0, True, rounds=(False, True)),
        make_result("a", 1, False, rounds=(True, False)),
        make_result("a", 2, False, rounds=(False, False)),
    ]
    found = summarise(WHO, results, 3, [])
    assert (found.fixed, found.broken) == (1 / 2, 1.0)


def test_the_95th_percentile_is_exceeded_by_one_in_twenty() -> None:
    assert measure_latency([float(n) for n in range(1, 101)]) == {"median_s": 50.5, "p95_s": 95.0}
    assert measure_latency([3.0, 1.0]) == {"median_s": 2.0, "p95_s": 3.0}
    assert measure_latency([]) == {}


def test_unscorable_episodes_are_told_apart_from_wrong_ones() -> None:
    task = make_task()
    empty = Completion((), (), "", "length")
    episodes = [
        make_trajectory(task, "42", PASS, StopReason.SOLVED),
        make_trajectory(task, "41", FAIL),
        make_trajectory(task, "41", UNSCORABLE),
        make_trajectory(task, "41", None, StopReason.ENV_ERROR),
        # A verdict on the way does not stand where the environment failed later.
        make_trajectory(task, "42", PASS, StopReason.TIMEOUT),
        make_trajectory(task, "41", None, StopReason.MAX_TURNS),
        make_trajectory(task, "", FAIL, StopReason.MAX_TOKENS, empty),
    ]
    found = [result_of(WHO, "k", sample, one) for sample, one in enumerate(episodes)]
    assert [one.correct for one in found] == [True, False, None, None, None, False, False]
    outcomes = ["pass", "fail", "unscorable", "env_error", "timeout", "max_turns", "no_room"]
    assert [outcome_of(one) for one in episodes] == [one.outcome for one in found] == outcomes
    assert [one.truncated for one in found] == [False] * 6 + [True]
    summary = summarise(WHO, found, 7, [])
    assert (summary.unscorable, summary.without_room, summary.accuracy) == (3, 1, 0.25)


def test_an_episode_without_a_turn_has_a_result() -> None:
    broken = dataclasses.replace(
        make_trajectory(make_task(), stop_reason=StopReason.ENV_ERROR), turns=()
    )
    found = result_of(WHO, "k", 0, broken)
    assert (found.correct, found.answer, found.likelihood) == (None, "", None)
    assert found.rounds == (False,)


def test_rounds_are_those_of_the_last_turn() -> None:
    task = make_task()

    def turn(said: str, right: bool, of_loop: bool) -> Turn:
        verdict = PASS if right else FAIL
        info = {"round": True} if of_loop else {}
        return Turn("?", said, None, 0.0, verdict, False, False, info)

    turns = (turn("a", True, True), turn("b", False, False), turn("c", False, True))
    episode = dataclasses.replace(make_trajectory(task), turns=(*turns, turn("d", True, False)))
    assert result_of(WHO, "k", 0, episode).rounds == (False, True)


def test_a_result_is_given_back_as_it_was_written() -> None:
    task = dataclasses.replace(make_task("é\n\ud800"), reference="1")
    completion = Completion((1, 2), (-0.5, -1.5), "1", "length", 3)
    result = result_of(WHO, "k", 3, make_trajectory(task, "1", FAIL, completion=completion))
    assert result.likelihood == -1.0
    assert read_result(json.loads(dump_line(result_row(result)))) == result


@pytest.mark.parametrize(
    "change",
    [
        {"correct": "yes"},
        {"sample": "one"},
        {"rounds": 3},
        {"reward": None},
        {"likelihood": []},
    ],
)
def test_a_row_of_something_else_is_refused(change: dict[str, object]) -> None:
    row = result_row(make_result("a", 0, True))
    with pytest.raises(DataError, match=r"line of results\.jsonl"):
        read_result(row | change)
    with pytest.raises(DataError, match="key"):
        read_result({name: value for name, value in row.items() if name != "key"})
