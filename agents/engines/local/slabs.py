"""Key and value memory for many rows: contiguous slabs that grow in steps."""

import math

from torch import Tensor

BUCKET = 16
"""Slabs hold a multiple of this many tokens and of this many rows."""

FIRST_CAPACITY = 64
"""Tokens that the first slabs have room for, unless no row can get that long."""

STORAGE_LIMIT_BYTES = 256 * 2**20
"""Most unused memory that is kept for the next slabs."""


def round_up(count: int) -> int:
    """Return the next multiple of `BUCKET`."""
    return -(-count // BUCKET) * BUCKET


class Storage:
    """Memory of slabs that are no longer in use, kept for the next ones.

    Fresh memory of this size comes page by page from the system, which on a CPU costs as much as
    the products.
    """

    def __init__(self) -> None:
        """Start without memory."""
        self._free: list[Tensor] = []

    def take(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a contiguous tensor with the type and device of `like`; its values are unset."""
        needed = math.prod(shape)
        fitting = [
            block
            for block in self._free
            if block.numel() >= needed and block.dtype == like.dtype and block.device == like.device
        ]
        if not fitting:
            return like.new_empty(shape)
        best = min(fitting, key=Tensor.numel)
        self._free = [block for block in self._free if block is not best]
        return best[:needed].view(shape)

    def give_back(self, slab: Tensor) -> None:
        """Keep the memory of a slab that nobody uses any more, if there is room."""
        if slab.is_cuda:
            # CUDA memory has an allocator that does this already.
            return
        # A slab may be a part of an older, larger block: the whole block is what is kept.
        block = slab.new_empty(0).set_(slab.untyped_storage())
        if sum(item.nbytes for item in self._free) + block.nbytes <= STORAGE_LIMIT_BYTES:
            self._free.append(block)


class KeyValueSlabs:
    """Keys and values of every layer: keys_RHDC (transposed) and values_RHCD.

    R rows, H heads, C tokens of capacity, D width. Keys are stored transposed because that is what
    the product with the queries reads fastest. A layer's slab is made at its first write, which
    fixes H and D. Everything unwritten is zero: an attention weight of zero times an unset number
    could be NaN.
    """

    def __init__(self, layers: int, rows: int, length: int, storage: Storage) -> None:
        """Make room for `rows` and `length`, both rounded up to a multiple of `BUCKET`."""
        self._storage = storage
        self.rows = round_up(rows)
        self.capacity = round_up(length)
        self._keys: list[Tensor | None] = [None] * layers
        self._values: list[Tensor | None] = [None] * layers

    def layer(self, index: int, rows: int, length: int) -> tuple[Tensor, Tensor]:
        """Return views of a layer: keys_NHDL and values_NHLD of the first rows and tokens."""
        keys, values = self._keys[index], self._values[index]
        assert keys is not None, "a layer is read after its first write"
        assert values is not None, "a layer is read after its first write"
        return keys[:rows, :, :, :length], values[:rows, :, :length]

    def reading_length(self, longest: int) -> int:
        """Return how many tokens to read where the longest row has `longest`.

        The whole slab, which is contiguous and for that twice as fast to read, unless more than
        half of it would be read in vain.
        """
        length = round_up(longest)
        return self.capacity if self.capacity <= 2 * length else length

    def write_span(self, index: int, start: int, keys_RHTD: Tensor, values_RHTD: Tensor) -> None:
        """Write T tokens of the first rows at positions `start` onwards, the same in every row."""
        self._make(index, keys_RHTD, values_RHTD)
        rows, stop = keys_RHTD.shape[0], start + keys_RHTD.shape[2]
        keys, values = self.layer(index, rows, self.capacity)
        keys[:, :, :, start:stop] = keys_RHTD.transpose(2, 3)
        values[:, :, start:stop] = values_RHTD

    def write_tokens(
        self,
        index: int,
        row_N: Tensor,
        position: Tensor | int,
        keys_NHD: Tensor,
        values_NHD: Tensor,
    ) -> None:
        """Write one token per row; `row_N` counts from 0 to N - 1.

        `position` holds each row's position, or is a number where all rows are at the same one,
        which is much cheaper.
        """
        keys, values = self._keys[index], self._values[index]
        assert keys is not None, "a row is prefilled before it decodes"
        assert values is not None, "a row is prefilled before it decodes"
        if isinstance(position, int):
            rows = keys_NHD.shape[0]
            keys[:rows, :, :, position].copy_(keys_NHD)
            values[:rows, :, position].copy_(values_NHD)
            return
        keys[row_N, :, :, position] = keys_NHD
        values[row_N, :, position] = values_NHD

    def reserve(self, rows: int, length: int, most: int) -> None:
        """Make room for at least the first `rows` rows and `length` tokens; may drop other rows.

        `most` is the length that no row will exceed, 0 if unknown. Copies are rare because the
        capacity grows by half, but never above `most`, so that memory stays within rows * most.
        """
        capacity = self.capacity
        if length > capacity:
            ahead = max(FIRST_CAPACITY, length, capacity + capacity // 2)
            capacity = round_up(max(length, min(ahead, most or ahead)))
        elif round_up(rows) <= self.rows:
            return
        elif most:
            capacity = min(capacity, round_up(max(length, most)))
        rows = round_up(rows)
        for index, (keys, values) in enumerate(zip(self._keys, self._values, strict=True)):
            if keys is None or values is None:
                continue
            heads, width = keys.shape[1:3]
            self._keys[index] = self._resize(keys, (rows, heads, width, capacity))
            heads, width = values.shape[1], values.shape[3]
            self._values[index] = self._resize(values, (rows, heads, capacity, width))
        self.rows, self.capacity = rows, capacity

    def copy_from(self, other: "KeyValueSlabs", source_N: Tensor, first: int, length: int) -> None:
        """Fill rows from `first` with `length` tokens of the rows `source_N` of other slabs."""
        rows = slice(first, first + source_N.shape[0])
        for index, (keys, values) in enumerate(zip(other._keys, other._values, strict=True)):
            assert keys is not None, "rows are copied after a prefill"
            assert values is not None, "rows are copied after a prefill"
            self._make(index, keys.transpose(2, 3), values)
            own_keys, own_values = self._keys[index], self._values[index]
            assert own_keys is not None
            assert own_values is not None
            own_keys[rows, :, :, :length] = keys[..., :length][source_N]
            own_keys[rows, :, :, length:] = 0
            own_values[rows, :, :length] = values[:, :, :length][source_N]
            own_values[rows, :, length:] = 0

    def move(self, source_N: Tensor, target_N: Tensor) -> None:
        """Copy rows onto other rows of the same slabs; no row is both."""
        for slab in (*self._keys, *self._values):
            if slab is not None:
                slab.index_copy_(0, target_N, slab.index_select(0, source_N))

    def free(self) -> None:
        """Give the memory back to the storage; the slabs are of no use afterwards."""
        for slab in (*self._keys, *self._values):
            if slab is not None:
                self._storage.give_back(slab)
        self._keys.clear()
        self._values.clear()

    def _make(self, index: int, keys_RHTD: Tensor, values_RHTD: Tensor) -> None:
        if self._keys[index] is not None:
            return
        heads, width = keys_RHTD.shape[1], keys_RHTD.shape[3]
        shape = (self.rows, heads, width, self.capacity)
        self._keys[index] = self._storage.take(shape, keys_RHTD).zero_()
        heads, width = values_RHTD.shape[1], values_RHTD.shape[3]
        shape = (self.rows, heads, self.capacity, width)
        self._values[index] = self._storage.take(shape, values_RHTD).zero_()

    def _resize(self, old: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a slab of another size with what both have room for; the rest is zero."""
        new = self._storage.take(shape, old).zero_()
        both = tuple(slice(min(a, b)) for a, b in zip(old.shape, shape, strict=True))
        new[both] = old[both]
        self._storage.give_back(old)
        return new
