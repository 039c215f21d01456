"""Drawing tokens: the right frequencies, nothing forbidden, reproducible numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.engines.local.sampling import (
    check_params,
    collect_params,
    draw,
    truncate,
    uniform,
)
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import UsageError

torch.set_num_threads(1)

CPU = torch.device("cpu")
LOGITS_V = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -torch.inf])


def draw_many(params: SamplingParams, count: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    logits_NV = LOGITS_V.expand(count, -1)
    rows = collect_params([params] * count, len(LOGITS_V), CPU)
    numbers = uniform(np.full(count, 7, dtype=np.uint64), np.arange(count, dtype=np.uint64))
    return draw(logits_NV, rows, torch.from_numpy(numbers))


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(),
        SamplingParams(temperature=0.5),
        SamplingParams(temperature=3.0, top_k=3),
        SamplingParams(top_p=0.8),
        SamplingParams(min_p=0.2),
    ],
)
def test_frequencies_and_logprobs_match_the_distribution(params: SamplingParams) -> None:
    tokens_N, logps_N = draw_many(params)
    scaled_V = LOGITS_V.double() / params.temperature
    if params.top_k:
        scaled_V[3:] = -torch.inf
    if params.top_p < 1:  # shares .56 .21 .13 .08 .03: three reach 0.8
        scaled_V[3:] = -torch.inf
    if params.min_p:  # 0.2 of the first: e^-1 and e^-1.5 stay, e^-2 goes
        scaled_V[3:] = -torch.inf
    probs_V = scaled_V.softmax(-1)
    counts_V = torch.bincount(tokens_N, minlength=len(LOGITS_V)).double()
    expected_V = probs_V * len(tokens_N)
    allowed_V = probs_V > 0
    assert counts_V[~allowed_V].sum() == 0
    chi_square = ((counts_V - expected_V)[allowed_V] ** 2 / expected_V[allowed_V]).sum()
    assert chi_square < 20.5  # 0.999 quantile at 5 degrees of freedom
    torch.testing.assert_close(logps_N.double(), probs_V.log()[tokens_N], atol=1e-5, rtol=0)


def test_greedy_rows_beside_sampled_ones() -> None:
    logits_NV = LOGITS_V.expand(3, -1)
    params = [SamplingParams(temperature=0), SamplingParams(top_k=1), SamplingParams()]
    rows = collect_params(params, len(LOGITS_V), CPU)
    tokens_N, logps_N = draw(logits_NV, rows, torch.full((3,), 0.99, dtype=torch.float64))
    assert tokens_N.tolist() == [0, 0, 4]
    expected = LOGITS_V.log_softmax(-1)
    torch.testing.assert_close(logps_N, torch.tensor([expected[0], 0.0, expected[4]]))


def test_a_tiny_temperature_does_not_overflow() -> None:
    tokens_N, logps_N = draw_many(SamplingParams(temperature=2e-5), count=10)
    assert tokens_N.tolist() == [0] * 10
    assert logps_N.abs().max() == 0


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=12),
    st.integers(1, 12),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
)
def test_truncation_keeps_the_documented_set(
    logits: list[float], top_k: int, top_p: float, min_p: float
) -> None:
    logits_V = torch.tensor(logits)
    kept = truncate(
        logits_V.unsqueeze(0),
        torch.tensor([min(top_k, len(logits))]),
        torch.tensor([top_p]),
        torch.tensor([min_p]),
    )[0]
    allowed = kept > -torch.inf
    assert torch.equal(kept[allowed], logits_V[allowed])
    assert allowed.sum() <= top_k
    assert allowed[logits_V.argmax()] or (logits_V[allowed] == logits_V.max()).any()
    if allowed.sum() < len(logits):
        assert logits_V[allowed].min() >= logits_V[~allowed].max()


def test_uniform_numbers_are_even_and_independent_of_company() -> None:
    steps = np.arange(50_000, dtype=np.uint64)
    seeds = np.full(50_000, 3, dtype=np.uint64)
    numbers = uniform(seeds, steps)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert ((counts - 2500) ** 2 / 2500).sum() < 43.8  # 0.999 quantile at 19 degrees of freedom
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
    by_seed = uniform(steps, np.zeros(50_000, dtype=np.uint64))
    assert abs(np.corrcoef(by_seed[:-1], by_seed[1:])[0, 1]) < 0.02
    assert uniform(seeds[9:10], steps[9:10])[0] == numbers[9]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(max_tokens=0),
        SamplingParams(temperature=-1),
        SamplingParams(temperature=float("nan")),
        SamplingParams(top_k=-1),
        SamplingParams(top_p=0),
        SamplingParams(min_p=1.5),
        SamplingParams(stop=("",)),
    ],
)
def test_parameters_out_of_range(params: SamplingParams) -> None:
    with pytest.raises(UsageError, match="expected"):
        check_params(params)
