"""Draws depend on what is drawn: the same name the same numbers, another name others."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.seeding import content_id, derive_rng, derive_seed

paths = st.lists(st.one_of(st.integers(), st.text()), max_size=4)


@given(st.integers(), paths)
def test_a_seed_is_a_number_of_63_bits_and_repeats(seed: int, path: list[int | str]) -> None:
    first = derive_seed(seed, *path)
    assert 0 <= first < 2**63
    assert derive_seed(seed, *path) == first


@given(st.integers(), paths, paths)
def test_other_paths_give_other_seeds(
    seed: int, first: list[int | str], second: list[int | str]
) -> None:
    same = derive_seed(seed, *first) == derive_seed(seed, *second)
    assert same == (first == second)


def test_numbers_and_their_digits_are_different_names() -> None:
    assert derive_seed(1, 2) != derive_seed(1, "2")
    assert derive_seed(1, 12) != derive_seed(11, 2)
    assert derive_seed(1, int(np.int64(2))) == derive_seed(1, np.int64(2))  # type: ignore[arg-type]
    assert derive_seed(0, "a", "b") != derive_seed(0, "a/str:b")


def test_a_seed_is_the_same_in_another_process() -> None:
    code = "from gym_reason.seeding import derive_seed; print(derive_seed(7, 'rollout', 3))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == derive_seed(7, "rollout", 3)


def test_generators_of_different_names_are_not_alike() -> None:
    draws = [derive_rng(0, "task", index).random(4) for index in range(50)]
    assert len({tuple(draw) for draw in draws}) == 50
    np.testing.assert_array_equal(derive_rng(0, "task", 3).random(4), draws[3])


def test_a_content_id_has_16_digits_and_keeps_parts_apart() -> None:
    assert len(content_id("a", "b")) == 16
    assert content_id("a", "b") == content_id("a", "b")
    assert content_id("a", "b") != content_id("ab")
    assert content_id("a\x1fb") != content_id("a", "b")
    assert content_id("\ud800") != content_id("?")
