"""Shares of sources, and which rows a step draws from them."""

import pytest

from gym_reason.trainers.supervised.mixing import Mixer, mixing_shares


def test_shares_by_hand() -> None:
    assert mixing_shares([300, 100], [1.0, 1.0]) == [0.75, 0.25]
    assert mixing_shares([300, 100], [1.0, 3.0]) == [0.5, 0.5]
    assert mixing_shares([900, 100], [1.0, 1.0], temperature=2.0) == [0.75, 0.25]
    assert mixing_shares([900, 100], [1.0, 1.0], cap=300) == [0.75, 0.25]
    assert mixing_shares([900, 100], [1.0, 1.0], temperature=1e9) == pytest.approx([0.5, 0.5])


def test_every_row_of_a_source_comes_once_before_one_comes_twice() -> None:
    mixer = Mixer([5, 3], [0.6, 0.4], 4, seed=1, name="test")
    drawn = [pair for step in range(20) for pair in mixer.draw(step)]
    for source, size in ((0, 5), (1, 3)):
        rows = [row for which, row in drawn if which == source]
        passes = [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]
        assert len(passes) > 3
        assert all(sorted(one) == list(range(size)) for one in passes)
        assert len({tuple(one) for one in passes}) > 1


def test_a_step_is_the_same_whatever_was_drawn_before() -> None:
    def fresh(seed: int = 1) -> Mixer:
        return Mixer([50, 30], [0.6, 0.4], 8, seed=seed, name="test")

    going = fresh()
    history = [going.draw(step) for step in range(12)]
    assert fresh().draw(11) == history[11]
    assert going.draw(3) == history[3]
    assert fresh(2).draw(0) != history[0]


def test_sources_come_in_proportion() -> None:
    mixer = Mixer([1000, 1000], [0.8, 0.2], 100, seed=0, name="test")
    first = sum(source == 0 for step in range(50) for source, _ in mixer.draw(step))
    assert abs(first / 5000 - 0.8) < 0.02
