"""Our statistics and logs against the packages that others trust.

Skipped where those are missing; they are no dependency of ours. To run it: a virtual environment
with `inspect-ai`, `scipy`, `datasets` and pytest beside what the package needs.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from gym_reason.evaluate.export import write_export
from gym_reason.stats import (
    clustered_error,
    mcnemar,
    paired_bootstrap,
    pass_at_k,
    wilson_interval,
)
from tests.evaluate.figures import FAIL, PASS, UNSCORABLE, make_episode

WITHOUT = "is not installed: our figures are NOT compared with its"


def test_wilson_and_mcnemar_are_scipys() -> None:
    stats: Any = pytest.importorskip("scipy.stats", reason=f"scipy {WITHOUT}")
    z = stats.norm.ppf(0.975)
    for trials in (1, 2, 7, 40, 1000):
        for successes in {0, 1, trials // 3, trials - 1, trials}:
            interval = stats.binomtest(successes, trials).proportion_ci(method="wilson")
            found = wilson_interval(successes, trials, z)
            assert found == pytest.approx((interval.low, interval.high), abs=1e-12)
    for gained in range(12):
        for lost in range(12):
            if gained + lost:
                expected = stats.binomtest(gained, gained + lost).pvalue
                assert mcnemar(gained, lost) == pytest.approx(expected)


def test_the_paired_bootstrap_is_scipys() -> None:
    stats: Any = pytest.importorskip("scipy.stats", reason=f"scipy {WITHOUT}")
    numpy: Any = pytest.importorskip("numpy")
    draws = random.Random(0)
    differences = [draws.choice([-1, -0.5, 0, 0, 0, 0.5, 1, 1]) for _ in range(200)]
    expected = stats.bootstrap(
        (differences,), numpy.mean, n_resamples=20_000, method="percentile", random_state=1
    ).confidence_interval
    found = paired_bootstrap(differences, resamples=20_000)
    assert found == pytest.approx((expected.low, expected.high), abs=0.006)


def test_the_clustered_error_is_inspects() -> None:
    scorer: Any = pytest.importorskip("inspect_ai.scorer", reason=f"inspect-ai {WITHOUT}")
    draws = random.Random(1)
    clusters = [[draws.random() for _ in range(draws.randint(1, 6))] for _ in range(25)]
    scores = [
        scorer.SampleScore(
            sample_id=f"{number}-{place}",
            sample_metadata={"task": str(number)},
            score=scorer.Score(value=value),
        )
        for number, cluster in enumerate(clusters)
        for place, value in enumerate(cluster)
    ]
    expected = scorer.stderr(cluster="task")(scores)
    assert clustered_error(clusters) == pytest.approx(expected)
    single = [[value] for cluster in clusters for value in cluster]
    assert clustered_error(single) == pytest.approx(scorer.stderr()(scores))


def test_pass_at_k_is_inspects() -> None:
    scorer: Any = pytest.importorskip("inspect_ai.scorer", reason=f"inspect-ai {WITHOUT}")
    for samples in (1, 5, 12):
        for right in range(samples + 1):
            scores = [scorer.Score(value=float(n < right)) for n in range(samples)]
            for k in range(1, samples + 1):
                found = scorer.pass_at(k)(scores).value
                assert pass_at_k(samples, right, k) == pytest.approx(found)


EPISODES = [
    make_episode("a", 0, "42", PASS),
    make_episode("a", 1, "41 \ud800", FAIL),
    make_episode("b", 0, "?", UNSCORABLE),
    make_episode("b", 1, "0", FAIL),
]


def test_inspect_reads_our_logs(tmp_path: Path) -> None:
    log: Any = pytest.importorskip("inspect_ai.log", reason=f"inspect-ai {WITHOUT}")
    write_export("inspect", EPISODES, tmp_path / "logs")
    (info,) = log.list_eval_logs(str(tmp_path / "logs"), formats=["json"])
    found = log.read_eval_log(info)
    assert found.status == "success"
    assert (found.eval.task, found.eval.model, found.eval.config.epochs) == ("env", "policy", 2)
    assert found.results.scores[0].metrics["accuracy"].value == pytest.approx(0.25)
    assert [sample.epoch for sample in found.samples] == [1, 2, 1, 2]
    assert [bool(sample.error) for sample in found.samples] == [False, False, True, False]
    first = found.samples[0]
    assert first.scores["verifier"].value == "C"
    assert [message.role for message in first.messages] == ["system", "user", "assistant"]
    assert first.output.completion == "42"
    assert first.output.usage.output_tokens == 2


def test_datasets_reads_our_folder(tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets", reason=f"datasets {WITHOUT}")
    write_export("hf", EPISODES, tmp_path / "hub")
    found = datasets.load_dataset(str(tmp_path / "hub"), cache_dir=str(tmp_path / "cache"))["train"]
    assert found["correct"] == [True, False, None, False]
    assert found[0]["token_ids"] == [list(EPISODES[0].trajectory.traces[0].ids)]
    assert found[1]["completion"][0]["content"] == "41 ?"
