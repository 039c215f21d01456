"""The space of texts and its place in vector environments."""

import copy
import multiprocessing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Dict, Discrete, Tuple
from gymnasium.vector.utils import (
    batch_differing_spaces,
    batch_space,
    concatenate,
    create_empty_array,
    create_shared_memory,
    iterate,
    read_from_shared_memory,
    write_to_shared_memory,
)
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.spaces import Utf8Text

read: Any = read_from_shared_memory
write: Any = write_to_shared_memory
"""Gymnasium's annotations know its own spaces only."""

valid_texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(valid_texts)
def test_every_valid_text_within_the_bounds_is_contained(text: str) -> None:
    assert text in Utf8Text(40)
    assert (text in Utf8Text(10, min_length=3)) == (3 <= len(text) <= 10)


@given(valid_texts, st.characters(categories=["Cs"]), valid_texts)
def test_lone_surrogates_are_refused(before: str, surrogate: str, after: str) -> None:
    assert before + surrogate + after not in Utf8Text(100)


@pytest.mark.parametrize("value", [b"abc", None, 3, ["a"], np.array(["a"])])
def test_other_types_are_not_contained(value: object) -> None:
    assert value not in Utf8Text(10)


@given(st.integers(0, 60), st.integers(0, 300), st.integers(0, 2**31))
def test_samples_are_contained(min_length: int, more: int, seed: int) -> None:
    space = Utf8Text(min_length + more, min_length, seed=seed)
    assert space.sample() in space


def test_samples_vary_in_script_and_are_reproducible() -> None:
    space = Utf8Text(400, seed=1)
    texts = [space.sample() for _ in range(50)]
    characters = set("".join(texts))
    assert "\n" in characters
    assert any(ord(char) > 0xFFFF for char in characters)
    assert any("\u0391" <= char <= "\u03a9" for char in characters)
    assert len({len(text) for text in texts}) > 10
    space.seed(1)
    assert texts == [space.sample() for _ in range(50)]


def test_a_sample_can_have_a_chosen_length() -> None:
    space = Utf8Text(50, seed=0)
    assert len(space.sample(mask=(17, None))) == 17
    assert len(space.sample(probability=(50, None))) == 50
    assert space.sample(mask=(None, None)) in space


@pytest.mark.parametrize(
    ("mask", "probability"),
    [((3, None), (3, None)), ((51, None), None), (None, (-1, None)), ((3, np.ones(3)), None)],
)
def test_a_choice_that_no_sample_can_honour_is_refused(mask: Any, probability: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        Utf8Text(50).sample(mask=mask, probability=probability)


@pytest.mark.parametrize("bounds", [(3, 4), (-1, 0), (5, -1)])
def test_bounds_without_a_text_are_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no text"):
        Utf8Text(*bounds)


def test_equality_and_repr() -> None:
    assert Utf8Text(5) == Utf8Text(5, seed=3)
    assert Utf8Text(5) != Utf8Text(6)
    assert Utf8Text(5) != Utf8Text(5, min_length=1)
    assert Utf8Text(5) != Discrete(5)
    for space in (Utf8Text(5), Utf8Text(7, min_length=2)):
        assert eval(repr(space), {"Utf8Text": Utf8Text}) == space


@given(st.lists(valid_texts))
def test_json_round_trip(texts: list[str]) -> None:
    space = Utf8Text(40)
    assert space.from_jsonable(space.to_jsonable(texts)) == texts


def test_json_outside_the_space_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        Utf8Text(2).from_jsonable(["abc"])


def test_batches_are_tuples_of_texts() -> None:
    space = Utf8Text(20, min_length=1, seed=0)
    batch = batch_space(space, 3)
    assert batch == Tuple([space, space, space])
    empty: Any = create_empty_array(space, n=3)
    assert empty in batch
    texts = concatenate(space, ("a", "\u00e9\n", "\U0001f600"), empty)
    assert texts == ("a", "\u00e9\n", "\U0001f600")
    assert texts in batch
    assert list(iterate(batch, texts)) == list(texts)
    different = batch_differing_spaces([Utf8Text(2), Utf8Text(9)])
    assert ("ab", "abcdefghi") in different
    assert ("abc", "abcdefghi") not in different


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=4))
def test_shared_memory_keeps_texts(texts: list[str]) -> None:
    space = Utf8Text(12)
    memory = create_shared_memory(space, n=len(texts), ctx=multiprocessing)
    view = read(space, memory, n=len(texts))
    for index, text in enumerate(texts):
        write(space, index, "x" * 12, memory)
        write(space, index, text, memory)
    assert copy.deepcopy(view) == tuple(texts)
    assert [view[index] for index in range(len(texts))] == texts


def test_shared_memory_shows_later_writes_and_copies_do_not() -> None:
    space = Utf8Text(4)
    memory = create_shared_memory(space, n=2)
    view = read(space, memory, n=2)
    before = copy.deepcopy(view)
    write(space, 1, "\U0001f600" * 4, memory)
    assert before == ("", "")
    assert view[1:] == ("\U0001f600" * 4,)
    assert view[-1] == "\U0001f600" * 4
    with pytest.raises(IndexError):
        view[2]


def test_shared_memory_refuses_a_text_that_would_run_into_the_next() -> None:
    memory = create_shared_memory(Utf8Text(2), n=2)
    with pytest.raises(ValueError, match="at most 2"):
        write(Utf8Text(2), 0, "123456789", memory)


class Echo(gymnasium.Env[Any, str]):
    """Shows the last action beside a number."""

    def __init__(self) -> None:
        """Make the spaces."""
        self.observation_space = Dict({"text": Utf8Text(30), "count": Discrete(100)})
        self.action_space = Utf8Text(30)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start at nothing."""
        super().reset(seed=seed)
        self.count = 0
        return {"text": "", "count": 0}, {}

    def step(self, action: str) -> Any:
        """Show the action."""
        self.count += 1
        return {"text": action, "count": self.count}, 0.0, False, False, {}


@pytest.mark.parametrize("shared_memory", [True, False])
def test_async_environments_pass_texts_inside_a_dict(shared_memory: bool) -> None:
    envs = gymnasium.vector.AsyncVectorEnv([Echo, Echo], shared_memory=shared_memory)
    try:
        envs.reset(seed=0)
        first = envs.step(("one", "\u4e8c"))[0]
        second = envs.step(("", "\U0001f633"))[0]
    finally:
        envs.close()
    assert first["text"] == ("one", "\u4e8c")
    assert second["text"] == ("", "\U0001f633")
    assert second["count"].tolist() == [2, 2]
