"""InstructMining: the fit against numbers made by hand, the ranking, and the search for a size."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gym_reason.errors import DataError
from gym_reason.trainers.data import mining
from gym_reason.trainers.data.brief_sft import BriefSettings
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.indicators import (
    distinct_share,
    mean_indicators,
    measure_indicators,
    rouge_diversity,
)
from gym_reason.trainers.data.loss_fit import Measurement, fit_loss, read_measurements
from gym_reason.trainers.data.scoring import Scorer
from gym_reason.types import Message


def measurements(count: int, noise: float = 0.0) -> list[Measurement]:
    """Return measurements of log loss = 0.5 + 2 a - 3 b, and an indicator that never changes."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        a, b = rng.normal(), 100 * rng.normal()
        log_loss = 0.5 + 2 * a - 0.03 * b + noise * rng.normal()
        made.append(Measurement({"a": a, "b": b, "same": 7.0}, math.exp(log_loss)))
    return made


def test_the_fit_finds_what_the_numbers_were_made_of() -> None:
    fit = fit_loss(measurements(12))
    assert fit.constant == pytest.approx(0.5, abs=1e-9)
    assert fit.coefficients == pytest.approx({"a": 2.0, "b": -0.03}, abs=1e-9)
    assert (fit.r2, fit.adjusted_r2) == pytest.approx((1.0, 1.0))
    assert (fit.rank, fit.measurements, fit.constant_indicators) == (2, 12, ("same",))
    assert fit.predict({"a": 1.0, "b": 10.0, "same": 7.0}) == pytest.approx(2.2)


def test_r2_is_that_of_ordinary_least_squares() -> None:
    made = measurements(20, noise=1.0)
    fit = fit_loss(made)
    design = np.array([[1.0, m.indicators["a"], m.indicators["b"]] for m in made])
    logs = np.log([m.eval_loss for m in made])
    solution = np.linalg.lstsq(design, logs, rcond=None)[0]
    left = ((logs - design @ solution) ** 2).sum()
    total = ((logs - logs.mean()) ** 2).sum()
    assert fit.r2 == pytest.approx(1 - left / total)
    assert fit.adjusted_r2 == pytest.approx(1 - (left / 17) / (total / 19))
    assert [fit.constant, *fit.coefficients.values()] == pytest.approx(solution.tolist())


def test_two_indicators_that_say_the_same_share_their_coefficient() -> None:
    made = [Measurement({"a": x, "copy": 10 * x}, math.exp(x)) for x in (0.0, 1.0, 2.0, 3.0)]
    fit = fit_loss(made)
    assert fit.rank == 1
    assert fit.coefficients == pytest.approx({"a": 0.5, "copy": 0.05})
    assert fit.predict({"a": 4.0, "copy": 40.0}) == pytest.approx(4.0)


def test_too_few_or_constant_measurements() -> None:
    with pytest.raises(DataError, match="2 measurements of sets"):
        fit_loss(measurements(2))
    fit = fit_loss([Measurement({"a": 1.0}, 2.0)] * 3)
    assert (fit.r2, fit.rank, fit.coefficients) == (0.0, 0, {})
    assert fit.predict({"a": 5.0}) == pytest.approx(math.log(2.0))
    assert math.isnan(fit_loss(measurements(3)).adjusted_r2)


def test_measurements_are_read_and_faults_named(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    path.write_text('{"indicators": {"a": 1, "more": 2}, "eval_loss": 1.5}\n')
    assert read_measurements(path, ["a"]) == [Measurement({"a": 1.0}, 1.5)]
    for row, message in [
        ({"indicators": {"b": 1}, "eval_loss": 1}, "no number for a"),
        ({"indicators": {"a": 1}, "eval_loss": 0}, "no positive 'eval_loss'"),
        ({"indicators": {"a": 1}}, "eval_loss"),
        ({"eval_loss": 1}, "indicators"),
        ([], "no object"),
    ]:
        path.write_text(json.dumps(row) + "\n")
        with pytest.raises(DataError, match=message):
            read_measurements(path, ["a"])


def example(prompt: str, response: str) -> Example:
    return Example("line 1", {}, (Message("user", prompt),), response)


def test_indicators_by_hand(scorer: Scorer) -> None:
    examples = [example("add one and two", "a b a b"), example("add one and six", "c")]
    first, second = measure_indicators(scorer, examples, [0.5, 1.0])
    assert first["response_length"] == pytest.approx(math.log(8))
    assert first["prompt_length"] == pytest.approx(math.log(1 + 1 + 15))
    assert first["distinct"] == pytest.approx(2 / 3)
    assert first["rouge_diversity"] == second["rouge_diversity"] == pytest.approx(0.25)
    assert (first["reward"], second["reward"]) == (0.5, 1.0)
    context, answer = scorer.context_ids(examples[0].prompt), scorer.response_ids("a b a b")
    assert first["nll"] == pytest.approx(scorer.sum_nlls([context], [answer])[0] / 7)
    assert "reward" not in measure_indicators(scorer, examples)[0]
    assert mean_indicators([{"a": 1.0}, {"a": 2.0}]) == {"a": 1.5}
    assert rouge_diversity(["a b", "a b", "c d"]) == [0.0, 0.0, 1.0]
    assert rouge_diversity(["alone"]) == [1.0]
    assert distinct_share("one") == 1.0


def test_a_subset_comes_from_a_window_of_one_indicator() -> None:
    indicators = [{"a": float(n)} for n in range(100)]
    starts = set()
    for run in range(20):
        chosen = mining.draw_subset(indicators, "a", 10, seed=0, run=run)
        assert chosen == mining.draw_subset(indicators, "a", 10, seed=0, run=run)
        assert len(chosen) == 10 == len(set(chosen))
        assert max(chosen) - min(chosen) < 20
        starts.add(min(chosen) // 20)
    assert len(starts) > 2
    assert mining.draw_subset(indicators[:4], "a", 10, 0, 0) == [0, 1, 2, 3]


def test_the_least_expected_loss_comes_first() -> None:
    fit = fit_loss([Measurement({"a": x}, math.exp(-x)) for x in (0.0, 1.0, 2.0)])
    assert mining.rank(fit, [{"a": 1.0}, {"a": 3.0}, {"a": 1.0}, {"a": 2.0}]) == [1, 3, 0, 2]


def test_mining_tells_good_examples_from_noise_and_searches_their_number(scorer: Scorer) -> None:
    rng = np.random.default_rng(0)
    good = [example("abcdefgh"[n] + "?", "stuvwxyz"[n] * 3) for n in range(8)] * 2
    junk = [example("abcdefgh"[n] + "?", "".join(rng.choice(list("mnopqr"), 9))) for n in range(8)]
    examples = [*good, *junk, *junk]
    held_out = mining.to_traces(scorer, good[:8])
    rows = mining.to_traces(scorer, examples)
    indicators = measure_indicators(scorer, examples)
    brief = BriefSettings(lr=3e-3, epochs=4, batch_rows=8)
    before = {name: value.clone() for name, value in scorer.model.state_dict().items()}
    measured = mining.measure_subsets(scorer, rows, indicators, held_out, brief, 8, 8, seed=0)
    fit = fit_loss(measured)
    order = mining.rank(fit, indicators)
    assert sum(index < 16 for index in order[:16]) >= 14
    trials = mining.search_size(
        scorer, [rows[i] for i in order], held_out, brief, [4, 16, 32], 1, seed=0
    )
    sizes = [trial.size for trial in trials]
    assert sizes == sorted(set(sizes))
    assert {4, 16, 32} < set(sizes)
    assert trials == sorted(trials, key=lambda trial: trial.size)
    assert mining.choose_size(trials) == min(trials, key=lambda t: t.eval_loss).size
    after = scorer.model.state_dict()
    assert all(bool((after[name] == before[name]).all()) for name in before)
    again = mining.measure_loss(scorer, [rows[i] for i in order[:4]], held_out, brief, 0)
    assert again == trials[sizes.index(4)].eval_loss


def test_sizes_to_begin_with() -> None:
    assert mining.default_sizes(100) == [3, 6, 12, 25, 50, 100]
    assert mining.default_sizes(2) == [1, 2]
