"""The batch in slices of rows, each with the prefixes that its rows begin with, once each.

The positions before the first one that is wanted are a row's prefix. Samples of one prompt have
the same prefix: it is computed once for all of them in a slice, and they look back at it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SLICE_NUMBERS = 160_000
"""Numbers of the residual stream in a slice: temporary tensors then stay in the CPU's cache."""


@dataclass(frozen=True, slots=True)
class RowSlice:
    """Some rows of the batch. U prefixes of P tokens, n rows of S more tokens."""

    rows: tuple[int, ...]
    """Which rows."""
    prefix_rows: tuple[int, ...]
    """A row for each distinct prefix, from which it is read; U of them."""
    source_n: Tensor | None
    """The prefix of each row; None where row `i` has prefix `i`, so that nothing is copied."""

    def count_tokens(self, length: int, start: int) -> int:
        """Return U P + n S."""
        return len(self.prefix_rows) * start + len(self.rows) * (length - start)


def slice_rows(ids_NT: Tensor, start: int, width: int) -> list[RowSlice]:
    """Return the slices to work on one after the other; all rows at once off the CPU.

    Rows with the same prefix stand together, as far as a slice has room for them.

    Args:
        ids_NT: Token ids.
        start: P, the length of a prefix.
        width: Numbers that the residual stream has for a token.
    """
    rows, length = ids_NT.shape
    groups = group_prefixes(ids_NT, start)
    tokens = start * len(groups) + rows * (length - start)
    count = 1
    if ids_NT.device.type == "cpu":
        count = min(rows, max(1, round(tokens * width / SLICE_NUMBERS)))
    parts: list[list[list[int]]] = [[] for _ in range(count)]
    placed = 0
    for group in groups:
        # A group goes where its middle row belongs; one that is larger than a slice is divided.
        if len(group) * count <= rows:
            at = (2 * placed + len(group)) * count // (2 * rows)
            parts[min(at, count - 1)].append(group)
        else:
            for index, row in enumerate(group):
                part = parts[(placed + index) * count // rows]
                if index == 0 or not part:
                    part.append([])
                part[-1].append(row)
        placed += len(group)
    return [_make_slice(part, ids_NT.device) for part in parts if part]


def group_prefixes(ids_NT: Tensor, start: int) -> list[list[int]]:
    """Return the rows by their first `start` tokens, in the order in which each comes first."""
    if start == 0:
        return [[row] for row in range(len(ids_NT))]
    prefixes = ids_NT[:, :start].cpu().contiguous().numpy()
    groups: dict[bytes, list[int]] = {}
    for row, prefix in enumerate(prefixes):
        groups.setdefault(prefix.tobytes(), []).append(row)
    return list(groups.values())


def _make_slice(groups: list[list[int]], device: torch.device) -> RowSlice:
    rows = tuple(row for group in groups for row in group)
    source = None
    if len(groups) < len(rows):
        numbers = [number for number, group in enumerate(groups) for _ in group]
        source = torch.tensor(numbers, device=device)
    return RowSlice(rows, tuple(group[0] for group in groups), source)
