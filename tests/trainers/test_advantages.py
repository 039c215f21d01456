"""Advantages, filters and what is added to rewards, against numbers worked by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.formulas import advantages, filters
from gym_reason.trainers.formulas.advantage import AdvantageSettings, estimate, sibling_scores
from gym_reason.trainers.formulas.gae import explained_variance, value_loss
from gym_reason.trainers.formulas.rewards import kl_in_reward, overlong_penalty, self_consistency
from gym_reason.trainers.formulas.rows import EpisodeRows, group_std, reward_to_go, whiten
from tests.trainers.tabular import G, T, episodes_of, mask_of

ONE_GROUP = [0] * G
GROUP_BASED = ("group_zscore", "group_centred", "leave_one_out")


def per_episode(name: str, rewards: list[float], groups: list[int]) -> torch.Tensor:
    """Return one advantage an episode; all its tokens must share it."""
    rows = episodes_of(rewards, groups)
    found_NT = advantages.get(name)(rows, AdvantageSettings()).advantages_NT
    assert torch.equal(found_NT, found_NT[:, :1].expand_as(found_NT))
    return found_NT[:, 0]


def test_zscore_matches_numbers_worked_by_hand() -> None:
    # mean 1/2, unbiased deviation sqrt((4 * 1/4) / 3) = 0.577350
    expected_N = torch.tensor([1, -1, -1, 1]) * 0.5 / (0.5773502691896258 + 1e-6)
    found_N = per_episode("group_zscore", [1, 0, 0, 1], ONE_GROUP)
    torch.testing.assert_close(found_N, expected_N.double())


def test_leave_one_out_matches_numbers_worked_by_hand() -> None:
    found_N = per_episode("leave_one_out", [1, 0, 0, 3], ONE_GROUP)
    expected_N = torch.tensor([1 - 1, 0 - 4 / 3, 0 - 4 / 3, 3 - 1 / 3], dtype=torch.float64)
    torch.testing.assert_close(found_N, expected_N)


def test_groups_of_one() -> None:
    assert per_episode("group_zscore", [0.75], [0]).item() == pytest.approx(0.75, rel=1e-5)
    assert per_episode("group_centred", [0.75], [0]).item() == 0.0
    assert per_episode("leave_one_out", [0.75], [0]).item() == 0.0


@given(
    rewards=st.lists(st.floats(-5, 5, width=32), min_size=8, max_size=8),
    shift=st.floats(-100, 100, width=32),
    order=st.permutations(range(4)),
)
def test_group_advantages_ignore_a_shift_and_follow_a_permutation(
    rewards: list[float], shift: float, order: list[int]
) -> None:
    groups = [0] * 4 + [1] * 4
    permuted = [*order, 4, 5, 6, 7]
    for name in GROUP_BASED:
        plain_N = per_episode(name, rewards, groups)
        shifted_N = per_episode(name, [reward + shift for reward in rewards], groups)
        # The 1e-6 beside the deviation lets the scale of tiny differences show.
        if not group_std(torch.tensor(rewards).double(), torch.tensor(groups)).lt(1e-3).any():
            torch.testing.assert_close(shifted_N, plain_N, rtol=1e-3, atol=1e-3)
        moved_N = per_episode(name, [rewards[at] for at in permuted], groups)
        torch.testing.assert_close(moved_N, plain_N[permuted])


def test_the_deviation_is_of_the_group_and_never_of_the_batch() -> None:
    alone_N = per_episode("group_zscore", [1, 0], [0, 0])
    beside_N = per_episode("group_zscore", [1, 0, 100, 0], [0, 0, 1, 1])
    torch.testing.assert_close(beside_N[:2], alone_N)


def test_raw_and_positive_only() -> None:
    assert per_episode("raw", [1, -2], [0, 0]).tolist() == [1, -2]
    assert per_episode("positive_only", [1, -2], [0, 0]).tolist() == [1, 0]


def test_returns_to_go_are_discounted_sums() -> None:
    rewards_NT = torch.tensor([[0.0, 1.0, 0.0, 2.0]], dtype=torch.float64)
    assert reward_to_go(rewards_NT).tolist() == [[3, 3, 2, 2]]
    assert reward_to_go(rewards_NT, 0.5)[0].tolist() == [0.75, 1.5, 1.0, 2.0]
    mask_NT = torch.tensor([[0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    rows = EpisodeRows(mask_NT, rewards_NT, torch.tensor([0]), torch.zeros(1, 4, dtype=torch.long))
    found = estimate("return_to_go", rows, AdvantageSettings())
    assert found.advantages_NT.tolist() == [[0, 3, 0, 2]]
    baseline = estimate("group_baseline_return_to_go", rows, AdvantageSettings())
    assert baseline.advantages_NT.tolist() == [[0, 0, 0, -1]]


@given(st.lists(st.floats(-9, 9), min_size=3, max_size=8))
def test_whitened_values_have_mean_0_and_deviation_1(rewards: list[float]) -> None:
    lengths = [1 + at % T for at in range(len(rewards))]
    rows = episodes_of(rewards, [0] * len(rewards), mask_of(*lengths))
    found = estimate("return_to_go", rows, AdvantageSettings(whiten=True))
    acted = rows.mask_NT > 0
    values = found.advantages_NT[acted]
    assert abs(values.mean().item()) < 1e-6
    if torch.tensor(rewards).double().std() > 1e-2:
        assert values.std().item() == pytest.approx(1.0, rel=1e-3)
    assert torch.count_nonzero(found.advantages_NT[~acted]) == 0
    alike = whiten(rows.mask_NT * 7.0, rows.mask_NT)
    assert torch.count_nonzero(alike.abs() > 1e-9) == 0


def test_process_supervision_sums_the_normalised_rewards_of_later_steps() -> None:
    mask_NT = torch.ones(2, 4, dtype=torch.float64)
    rewards_NT = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    step_NT = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1]])
    rows = EpisodeRows(mask_NT, rewards_NT, torch.tensor([0, 0]), step_NT)
    found_NT = advantages.get("process_steps")(rows, AdvantageSettings()).advantages_NT
    # step rewards 1, 0, 1, 1: mean 3/4, unbiased deviation 1/2
    high, low = 0.25 / (0.5 + 1e-6), -0.75 / (0.5 + 1e-6)
    expected = [[high + low, high + low, low, low], [2 * high, 2 * high, high, high]]
    torch.testing.assert_close(found_NT, torch.tensor(expected, dtype=torch.float64))


def test_process_supervision_of_one_step_is_the_group_zscore() -> None:
    rows = episodes_of([1, 0, 0, 1], ONE_GROUP, mask_of(6, 3, 5, 2))
    settings = AdvantageSettings()
    torch.testing.assert_close(
        advantages.get("process_steps")(rows, settings).advantages_NT,
        advantages.get("group_zscore")(rows, settings).advantages_NT,
    )


def test_sibling_scores_average_one_half_and_one_set_is_the_group_zscore() -> None:
    rewards_N = torch.tensor([0.1, 0.9, 0.4, 0.2], dtype=torch.float64)
    scores_N = sibling_scores(rewards_N, torch.tensor([0, 0, 1, 1]))
    assert scores_N[:2].mean().item() == pytest.approx(0.5)
    assert scores_N[2:].mean().item() == pytest.approx(0.5)
    siblings_N = per_episode("siblings", rewards_N.tolist(), ONE_GROUP)
    zscore_N = per_episode("group_zscore", rewards_N.tolist(), ONE_GROUP)
    torch.testing.assert_close(siblings_N, zscore_N, rtol=1e-5, atol=1e-5)
    assert not per_episode("siblings", [0.3, 0.3], [0, 0]).any()


VALUES_NT = torch.tensor([[0.5, 0.25, 0.1, 0.4, 0.0, 0.2]], dtype=torch.float64)


def gae_of(rows: EpisodeRows, gamma: float, lam: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the generalised advantages and the returns."""
    found = estimate("gae", rows, AdvantageSettings(gamma=gamma, lam=lam))
    assert found.returns_NT is not None
    return found.advantages_NT, found.returns_NT


def test_gae_with_full_traces_is_the_return_less_the_value() -> None:
    rows = episodes_of([1.0], [0], mask_of(6), VALUES_NT)
    advantages_NT, returns_NT = gae_of(rows, 1.0, 1.0)
    torch.testing.assert_close(advantages_NT, 1.0 - VALUES_NT)
    torch.testing.assert_close(returns_NT, torch.ones_like(VALUES_NT))


def test_gae_without_traces_is_the_temporal_difference() -> None:
    rows = episodes_of([1.0], [0], mask_of(6), VALUES_NT)
    advantages_NT, _ = gae_of(rows, 0.9, 0.0)
    following_NT = torch.cat([VALUES_NT[:, 1:], torch.zeros(1, 1, dtype=torch.float64)], 1)
    torch.testing.assert_close(
        advantages_NT, rows.token_rewards_NT + 0.9 * following_NT - VALUES_NT
    )


def test_gae_of_a_critic_that_says_0_is_the_reward() -> None:
    rows = episodes_of([2.0, -1.0], [0, 0], mask_of(6, 3), torch.zeros(2, T, dtype=torch.float64))
    advantages_NT, _ = gae_of(rows, 1.0, 1.0)
    torch.testing.assert_close(advantages_NT, rows.mask_NT * torch.tensor([[2.0], [-1.0]]))


def test_gae_steps_over_tokens_that_are_not_the_policys() -> None:
    mask_NT = torch.tensor([[1.0, 1.0, 0.0, 0.0, 1.0, 1.0]], dtype=torch.float64)
    rows = episodes_of([1.0], [0], mask_NT, VALUES_NT)
    acted = mask_NT[0] > 0
    short = EpisodeRows(
        torch.ones(1, 4, dtype=torch.float64),
        rows.token_rewards_NT[:, acted],
        rows.group_N,
        rows.step_NT[:, acted],
        VALUES_NT[:, acted],
        torch.zeros(1, dtype=torch.float64),
    )
    long_NT, long_returns_NT = gae_of(rows, 0.9, 0.8)
    short_NT, short_returns_NT = gae_of(short, 0.9, 0.8)
    torch.testing.assert_close(long_NT[:, acted], short_NT)
    torch.testing.assert_close(long_returns_NT[:, acted], short_returns_NT)
    assert torch.count_nonzero(long_NT[:, ~acted]) == 0


def test_a_truncated_episode_is_worth_what_its_last_state_is() -> None:
    last_N = torch.tensor([0.6], dtype=torch.float64)
    ended = episodes_of([0.0], [0], mask_of(6), VALUES_NT)
    cut = episodes_of([0.0], [0], mask_of(6), VALUES_NT, last_N)
    _, ended_returns_NT = gae_of(ended, 1.0, 1.0)
    _, cut_returns_NT = gae_of(cut, 1.0, 1.0)
    torch.testing.assert_close(ended_returns_NT, torch.zeros_like(ended_returns_NT))
    torch.testing.assert_close(cut_returns_NT, torch.full_like(cut_returns_NT, 0.6))
    _, discounted_NT = gae_of(cut, 0.5, 1.0)
    torch.testing.assert_close(discounted_NT[0, -1], torch.tensor(0.3, dtype=torch.float64))


def test_gae_without_a_critic_is_refused() -> None:
    with pytest.raises(ValueError, match="need a critic"):
        estimate("gae", episodes_of([1.0], [0]), AdvantageSettings())


def test_value_clipping_takes_the_larger_error() -> None:
    values, old, returns = (torch.tensor([[x]]) for x in (0.9, 0.5, 1.0))
    assert value_loss(values, old, returns, 0.0).item() == pytest.approx(0.5 * 0.01)
    assert value_loss(values, old, returns, 0.2).item() == pytest.approx(0.5 * 0.09)
    assert value_loss(values, old, returns, 1e9).item() == pytest.approx(0.5 * 0.01)


def test_explained_variance_is_1_for_a_perfect_critic_and_0_for_a_constant() -> None:
    returns_NT = torch.tensor([[1.0, 0.0, 1.0]])
    mask_NT = torch.ones(1, 3)
    assert explained_variance(returns_NT, returns_NT, mask_NT).item() == pytest.approx(1.0)
    assert explained_variance(torch.zeros(1, 3), returns_NT, mask_NT).item() == pytest.approx(0.0)
    assert explained_variance(returns_NT, torch.ones(1, 3), mask_NT).item() == 0.0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("keep_all", [True] * 6),
        ("drop_zero_variance", [False, False, True, True, False, False]),
        ("drop_solved", [False, False, True, True, True, True]),
        ("drop_unsolved", [True, True, True, True, False, False]),
        ("keep_rewarded", [True, True, False, True, False, False]),
    ],
)
def test_filters_keep_what_they_say(name: str, kept: list[bool]) -> None:
    rewards_N = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    group_N = torch.tensor([0, 0, 1, 1, 2, 2])
    assert filters.get(name)(rewards_N, group_N).tolist() == kept


def test_the_overlong_penalty_begins_and_ends_where_dapo_says() -> None:
    lengths_N = torch.tensor([100.0, 16384.0, 18432.0, 20480.0])
    found = overlong_penalty(lengths_N, 20480, 4096, 2.0).tolist()
    assert found == [0.0, 0.0, -1.0, -2.0]
    assert not overlong_penalty(lengths_N, 20480, 0, 2.0).any()


def test_the_divergence_in_the_reward_is_paid_by_the_policys_tokens_alone() -> None:
    mask_NT = mask_of(2)
    paid_NT = kl_in_reward(torch.zeros_like(mask_NT), torch.ones_like(mask_NT), mask_NT, 0.5)
    assert paid_NT[0].tolist() == [-0.5, -0.5, 0, 0, 0, 0]


def test_self_consistency_is_the_share_of_the_group_that_agrees() -> None:
    group_N = torch.tensor([0, 0, 0, 1, 1])
    found = self_consistency(["7", "7", "8", "7", "7"], group_N)
    torch.testing.assert_close(found, torch.tensor([2 / 3, 2 / 3, 1 / 3, 1.0, 1.0]))
    distinct = self_consistency(list("abcd"), torch.zeros(4, dtype=torch.long))
    assert distinct.tolist() == [0.25] * 4
