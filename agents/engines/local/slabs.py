"""Key and value memory for many rows: contiguous slabs that grow in steps, so that no product copies a slice."""

import torch
from torch import Tensor

BUCKET = 16
"""Slabs hold a multiple of this many tokens and of this many rows."""


def round_up(count: int) -> int:
    """Return the next multiple of `BUCKET`."""
    return -(-count // BUCKET) * BUCKET


class KeyValueSlabs:
    """Keys and values of every layer: keys_RHDL (transposed) and values_RHLD, R rows, H heads, L tokens, D width.

    Keys are stored transposed because that is what the product with the queries reads fastest. A layer's slab is
    made at its first write, which fixes H and D. Everything unwritten is zero: an attention weight of zero times
    an unset number could be NaN.
    """

    def __init__(self, layers: int, rows: int, length: int) -> None:
        """Make room for `rows` and `length`, both rounded up to a multiple of `BUCKET`."""
        self.rows = round_up(rows)
        self.length = round_up(length)
        self._keys: list[Tensor | None] = [None] * layers
        self._values: list[Tensor | None] = [None] * layers

    def layer(self, index: int, rows: int) -> tuple[Tensor, Tensor]:
        """Return views of the first `rows` of a layer's keys_RHDL and values_RHLD."""
        keys, values = self._keys[index], self._values[index]
        assert keys is not None and values is not None, "a layer is read after its first write"
        return keys[:rows], values[:rows]

    def write_span(self, index: int, start: int, keys_RHTD: Tensor, values_RHTD: Tensor) -> None:
        """Write T tokens of the first rows at positions `start` onwards, the same in every row."""
        self._make(index, keys_RHTD, values_RHTD)
        rows, stop = keys_RHTD.shape[0], start + keys_RHTD.shape[2]
        keys, values = self.layer(index, rows)
        keys[:, :, :, start:stop] = keys_RHTD.transpose(2, 3)
        values[:, :, start:stop] = values_RHTD

    def write_tokens(
        self, index: int, row_N: Tensor, position_N: Tensor, keys_NHD: Tensor, values_NHD: Tensor
    ) -> None:
        """Write one token per row at its own position; `row_N` counts from 0 to N - 1."""
        keys, values = self._keys[index], self._values[index]
        assert keys is not None and values is not None, "a row is prefilled before it decodes"
        keys[row_N, :, :, position_N] = keys_NHD
        values[row_N, :, position_N] = values_NHD

    def reserve(self, rows: int, length: int) -> None:
        """Grow to at least this size. Shrinks the length when a quarter of it or more would stay unused."""
        rows, length = max(self.rows, round_up(rows)), round_up(length)
        if self.rows >= rows and 4 * length > 3 * self.length and length <= self.length:
            return
        kept = min(length, self.length)
        for index, (keys, values) in enumerate(zip(self._keys, self._values, strict=True)):
            if keys is None or values is None:
                continue
            new_keys = keys.new_zeros(rows, *keys.shape[1:3], length)
            new_keys[: self.rows, :, :, :kept] = keys[..., :kept]
            new_values = values.new_zeros(rows, values.shape[1], length, values.shape[3])
            new_values[: self.rows, :, :kept] = values[:, :, :kept]
            self._keys[index], self._values[index] = new_keys, new_values
        self.rows, self.length = rows, length

    def copy_from(self, other: "KeyValueSlabs", source_N: Tensor, first: int, length: int) -> None:
        """Fill rows `first` onwards with `length` tokens of the rows `source_N` of another set of slabs."""
        rows = slice(first, first + source_N.shape[0])
        for index, (keys, values) in enumerate(zip(other._keys, other._values, strict=True)):
            assert keys is not None and values is not None, "rows are copied after a prefill"
            self._make(index, keys.transpose(2, 3), values)
            own_keys, own_values = self._keys[index], self._values[index]
            assert own_keys is not None and own_values is not None
            own_keys[rows, :, :, :length] = keys[..., :length][source_N]
            own_keys[rows, :, :, length:] = 0
            own_values[rows, :, :length] = values[:, :, :length][source_N]
            own_values[rows, :, length:] = 0

    def move(self, source_N: Tensor, target_N: Tensor) -> None:
        """Copy rows onto other rows of the same slabs; no row is both."""
        for slab in (*self._keys, *self._values):
            if slab is not None:
                slab.index_copy_(0, target_N, slab.index_select(0, source_N))

    def _make(self, index: int, keys_RHTD: Tensor, values_RHTD: Tensor) -> None:
        if self._keys[index] is not None:
            return
        heads, width = keys_RHTD.shape[1], keys_RHTD.shape[3]
        self._keys[index] = torch.zeros(
            (self.rows, heads, width, self.length), dtype=keys_RHTD.dtype, device=keys_RHTD.device
        )
        self._values[index] = torch.zeros(
            (self.rows, values_RHTD.shape[1], self.length, values_RHTD.shape[3]),
            dtype=values_RHTD.dtype,
            device=values_RHTD.device,
        )
