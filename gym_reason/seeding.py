"""Random draws that depend on what is drawn, never on when.

Every generator is derived from a run's seed and a path of names such as `(seed, "rl", "play", step,
task, sample)`, so a resumed run, a second process and an interleaved environment all draw the same
numbers.
"""

import hashlib

import numpy as np


def derive_seed(seed: int, *path: int | str) -> int:
    """Return a 63-bit seed for the draw that `path` names under `seed`."""
    # Numbers of NumPy name the same draw as Python's; "3" and 3 name different ones.
    parts = [part if isinstance(part, str) else int(part) for part in (seed, *path)]
    joined = _join(*(f"{type(part).__name__}:{part}" for part in parts))
    digest = hashlib.blake2b(joined, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derive_rng(seed: int, *path: int | str) -> np.random.Generator:
    """Return a generator for the draws that `path` names under `seed`."""
    return np.random.default_rng(derive_seed(seed, *path))


def content_id(*parts: str) -> str:
    """Return a stable 16-digit name for a piece of content."""
    return hashlib.blake2b(_join(*parts), digest_size=8).hexdigest()


def _join(*parts: str) -> bytes:
    """Return the parts as bytes, each after its length: other parts never give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%s" % (len(part), part) for part in encoded)
