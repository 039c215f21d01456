"""Prime fields in which identities are tested, and roots in them.

The primes are drawn at random once per process, about 2^118 large, so that no answer can be
written against them. Each is 1 modulo 24, which gives every field a square root of -1, of 2 and of
3, and a primitive 24th root of unity.
"""

import functools
import hashlib
import secrets
import threading
from dataclasses import dataclass

PRIME_BITS = 119
"""Size of the primes."""

_SECRET = secrets.token_bytes(16)
_SMALL_PRIMES = tuple(n for n in range(5, 400) if all(n % d for d in range(2, n)))
_FIELDS: "list[Field]" = []
_LOCK = threading.Lock()
_MOST_FIELDS = 64


def random_number(*key: object) -> int:
    """Return a number of 256 bits that is fixed for a key within this process."""
    digest = hashlib.blake2b(repr(key).encode("utf-8", "replace"), digest_size=32, key=_SECRET)
    return int.from_bytes(digest.digest(), "big")


@dataclass(frozen=True, slots=True)
class Field:
    """The integers modulo a prime `p` where 8 and 3, but neither 16 nor 9, divide `p - 1`."""

    prime: int
    """The modulus."""
    eighth: int
    """An element of order 8."""

    @property
    def unit(self) -> int:
        """A square root of -1."""
        return self.eighth * self.eighth % self.prime

    def root(self, value: int, degree: int) -> int | None:
        """Return an element whose power `degree` is `value`, or None where none was found."""
        for factor in (2, 3, 5, 7, 11):
            while degree % factor == 0:
                degree //= factor
                found = self._square_root(value) if factor == 2 else self._odd_root(value, factor)
                if found is None:
                    return None
                value = found
        return value if degree == 1 else None

    def root_of_unity(self, order: int) -> int:
        """Return an element of an order that divides `p - 1`."""
        for base in range(2, 200):
            candidate = pow(base, (self.prime - 1) // order, self.prime)
            if all(pow(candidate, order // q, self.prime) != 1 for q in (2, 3, 5, 7, 11)
                   if order % q == 0):  # fmt: skip
                return candidate
        return 1

    def _square_root(self, value: int) -> int | None:
        prime = self.prime
        odd = (prime - 1) // 8
        rest = pow(value, odd, prime)
        # value = power of the eighth root times a square of odd order.
        step = pow(self.eighth, -2 * odd, prime)
        for exponent in range(4):
            if rest == 1:
                shifted = value * pow(self.eighth, -2 * exponent, prime)
                root = pow(shifted, (odd + 1) // 2, prime)
                return root * pow(self.eighth, exponent, prime) % prime
            rest = rest * step % prime
        return None

    def _odd_root(self, value: int, degree: int) -> int | None:
        prime = self.prime
        order = prime - 1
        if order % degree == 0:
            order //= degree
            if order % degree == 0 or pow(value, order, prime) != 1:
                return None
        return pow(value, pow(degree, -1, order), prime)


def field(index: int) -> Field:
    """Return the field of that number, drawn when first asked for."""
    with _LOCK:
        while len(_FIELDS) <= index:
            _FIELDS.append(_draw_field())
        return _FIELDS[index]


def _draw_field() -> Field:
    while True:
        multiple = secrets.randbits(PRIME_BITS - 5) | (1 << (PRIME_BITS - 6)) | 1
        candidate = 24 * multiple + 1
        if multiple % 3 == 0 or any(candidate % small == 0 for small in _SMALL_PRIMES):
            continue
        if any(pow(base, candidate - 1, candidate) != 1 for base in (2, 3, 5, 7)):
            continue
        for base in range(5, 100):
            eighth = pow(base, (candidate - 1) // 8, candidate)
            if pow(eighth, 4, candidate) == candidate - 1:
                return Field(candidate, eighth)


@dataclass(frozen=True, slots=True)
class RootedField:
    """A field with chosen roots of some integers."""

    field: Field
    """The field."""
    roots: dict[int, tuple[int, int]]
    """For an integer, the order N and its N-th root."""


@functools.lru_cache(maxsize=512)
def rooted_field(orders: frozenset[tuple[int, int]], skip: int) -> RootedField | None:
    """Return the field number `skip`, counted among those where the integers have such roots.

    Args:
        orders: Pairs of an integer and the order of the root that it must have.
        skip: How many such fields to pass over.
    """
    for index in range(_MOST_FIELDS):
        candidate = field(index)
        roots: dict[int, tuple[int, int]] = {}
        for base, order in orders:
            root = candidate.root(base % candidate.prime, order)
            if root is None:
                break
            roots[base] = (order, root)
        else:
            if not skip:
                return RootedField(candidate, roots)
            skip -= 1
    return None
