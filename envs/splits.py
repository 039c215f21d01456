"""Train and test splits that depend on a task's name alone, and so are always disjoint."""

import zlib

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

SPLITS = ("train", "test", "all")
"""The splits of an environment whose source names none."""

TEST_ONE_IN = 10
"""One task in this many belongs to the test split."""


def split_of(name: str) -> str:
    """Return `train` or `test` for the task (or the content) called `name`."""
    # A checksum is enough: it only has to spread, and most names are hashes already.
    is_test = zlib.crc32(name.encode("utf-8", "surrogatepass")) % TEST_ONE_IN == 0
    return "test" if is_test else "train"


def in_split(name: str, split: str) -> bool:
    """Return whether the task called `name` belongs to `split`."""
    return split == "all" or split_of(name) == split


def check_split(split: object, known: tuple[str, ...] = SPLITS) -> str:
    """Return `split`. Raises UsageError with the nearest name where it is none of `known`."""
    if not isinstance(split, str) or split not in known:
        raise UsageError(*explain_unknown("split", str(split), list(known)))
    return split
