"""Gymnasium spaces for text: `Utf8Text`, and what vector environments need to batch it."""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from ctypes import c_uint8
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any, TypeAlias, overload

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Tuple
from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector.utils import (
    batch_differing_spaces,
    create_empty_array,
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)

Mask: TypeAlias = tuple[int | None, None]
"""A length (None draws one) and, since the alphabet is all of Unicode, no choice of characters."""

_SAMPLED_RANGES = np.array(
    [
        (0x0020, 0x007F),  # ASCII, three times: most text has much of it
        (0x0030, 0x003A),
        (0x0061, 0x007B),
        (0x0009, 0x000B),  # tab and newline
        (0x00A1, 0x0180),  # Latin with accents
        (0x0300, 0x0370),  # combining marks
        (0x0391, 0x03A2),  # Greek
        (0x0410, 0x0450),  # Cyrillic
        (0x05D0, 0x05EB),  # Hebrew, written from right to left
        (0x0905, 0x093A),  # Devanagari
        (0x2200, 0x2300),  # mathematical operators
        (0x4E00, 0x9FA6),  # Chinese characters
        (0xAC00, 0xD7A4),  # Hangul
        (0x1D400, 0x1D455),  # mathematical letters, beyond the first plane
        (0x1F300, 0x1F650),  # emoji
        (0x20000, 0x20100),  # rare Chinese characters, second plane
    ]
)
_LENGTH_BYTES = 4
_MAX_CHARACTER_BYTES = 4


class Utf8Text(Space[str]):
    """All texts of valid Unicode whose length in characters lies within two bounds, inclusive."""

    def __init__(
        self, max_length: int, min_length: int = 0, seed: int | np.random.Generator | None = None
    ) -> None:
        """Make the space. Raises ValueError unless 0 <= min_length <= max_length."""
        if not 0 <= min_length <= max_length:
            raise ValueError(f"lengths from {min_length} to {max_length} hold no text")
        self.min_length = int(min_length)
        self.max_length = int(max_length)
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a text is no vector of fixed length."""
        return False

    def contains(self, x: object) -> bool:
        """Return whether `x` is a text of the space. Lone surrogates are not Unicode text."""
        if not isinstance(x, str) or not self.min_length <= len(x) <= self.max_length:
            return False
        if x.isascii():
            return True
        try:
            x.encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def sample(self, mask: Mask | None = None, probability: Mask | None = None) -> str:
        """Return a text of many scripts; short ones are likelier than long ones.

        Args:
            mask: `(length, None)` fixes the length.
            probability: The same; only one of the two may be given.

        Raises:
            ValueError: For both at once, a length outside the space, or a choice of characters.
        """
        if mask is not None and probability is not None:
            raise ValueError("mask and probability are both given; expected one of them")
        length = self._chosen_length(mask if mask is not None else probability)
        rng = self.np_random
        if length is None:
            spread = self.max_length - self.min_length + 1
            length = self.min_length + int(spread * float(rng.random()) ** 3)
        ranges = _SAMPLED_RANGES[rng.integers(len(_SAMPLED_RANGES), size=length)]
        low, high = ranges[:, 0], ranges[:, 1]
        code_points = low + (rng.random(length) * (high - low)).astype(np.int64)
        text: str = code_points.astype("<u4").tobytes().decode("utf-32-le")
        return text

    def _chosen_length(self, choice: Mask | None) -> int | None:
        if choice is None:
            return None
        length, characters = choice
        if characters is not None:
            raise ValueError(
                "a choice of characters is given; expected None, the alphabet is Unicode"
            )
        if length is not None and not self.min_length <= length <= self.max_length:
            raise ValueError(f"length {length}; expected {self.min_length} to {self.max_length}")
        return length

    def to_jsonable(self, sample_n: Iterable[str]) -> list[str]:
        """Return texts as a list, which JSON can hold."""
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        """Return texts read from JSON. Raises ValueError for one that is not in the space."""
        for text in sample_n:
            if not self.contains(text):
                raise ValueError(f"{text!r:.80} is not in {self}")
        return list(sample_n)

    def __eq__(self, other: object, /) -> bool:
        """Return whether the other space holds the same texts."""
        return (
            isinstance(other, Utf8Text)
            and self.min_length == other.min_length
            and self.max_length == other.max_length
        )

    def __repr__(self) -> str:
        """Return the call that makes the space."""
        if self.min_length:
            return f"Utf8Text({self.max_length}, min_length={self.min_length})"
        return f"Utf8Text({self.max_length})"


# `batch_space` and `concatenate` already make a Tuple of any Space. `iterate` must stay
# unregistered: a batch of texts is iterated text by text, and a registered function would be asked
# to iterate each text.


@create_empty_array.register(Utf8Text)
def _create_empty_texts(
    space: Utf8Text, n: int = 1, fn: Callable[..., object] = np.zeros
) -> tuple[str, ...]:
    return (" " * space.min_length,) * n


# Gymnasium looks at the first of the spaces, which its annotation cannot say.
@batch_differing_spaces.register(Utf8Text)
def _batch_differing_texts(  # type: ignore[misc]
    spaces: Sequence[Utf8Text],
) -> "Tuple[Any]":
    return Tuple([Utf8Text(space.max_length, space.min_length) for space in spaces])


@is_space_dtype_shape_equiv.register(Utf8Text)
def _is_text_equivalent(space_1: Utf8Text, space_2: object) -> bool:
    return isinstance(space_2, Utf8Text) and space_1.max_length == space_2.max_length


def _bytes_per_text(space: Utf8Text) -> int:
    return _LENGTH_BYTES + _MAX_CHARACTER_BYTES * space.max_length


@create_shared_memory.register(Utf8Text)
def _create_shared_texts(
    space: Utf8Text, n: int = 1, ctx: Any = multiprocessing
) -> "SynchronizedArray[c_uint8]":
    memory: SynchronizedArray[c_uint8] = ctx.Array(c_uint8, n * _bytes_per_text(space))
    return memory


@write_to_shared_memory.register(Utf8Text)
def _write_shared_text(
    space: Utf8Text, index: int, values: str, shared_memory: "SynchronizedArray[c_uint8]"
) -> None:
    content = values.encode("utf-8")
    size = _bytes_per_text(space)
    if len(content) > size - _LENGTH_BYTES:
        raise ValueError(f"a text of {len(values)} characters; expected at most {space.max_length}")
    memory = memoryview(shared_memory.get_obj()).cast("B")
    start = index * size + _LENGTH_BYTES
    memory[start - _LENGTH_BYTES : start] = len(content).to_bytes(_LENGTH_BYTES, "little")
    memory[start : start + len(content)] = content


class SharedTexts(Sequence[str]):
    """The texts in shared memory, as they are at the moment of reading.

    Gymnasium reads the memory once, before anything is in it, and copies what it got at every step.
    So this is a view, and its deep copy a tuple of texts.
    """

    def __init__(self, space: Utf8Text, memory: memoryview, count: int) -> None:
        """View `count` texts of `space` in `memory`."""
        self._memory = memory
        self._size = _bytes_per_text(space)
        self._count = count

    def __len__(self) -> int:
        """Return the number of texts."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """Return one text, or several as a tuple."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._count)))
        begin = range(self._count)[index] * self._size
        start = begin + _LENGTH_BYTES
        length = int.from_bytes(self._memory[begin:start], "little")
        return bytes(self._memory[start : start + length]).decode("utf-8")

    def __deepcopy__(self, memo: dict[int, object]) -> tuple[str, ...]:
        """Return the texts as they are now."""
        return tuple(self)

    def __repr__(self) -> str:
        """Return the texts."""
        return f"SharedTexts({tuple(self)!r})"


@read_from_shared_memory.register(Utf8Text)
def _read_shared_texts(
    space: Utf8Text, shared_memory: "SynchronizedArray[c_uint8]", n: int = 1
) -> Any:
    return SharedTexts(space, memoryview(shared_memory.get_obj()).cast("B"), n)
