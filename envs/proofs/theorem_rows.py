"""Files of theorems: JSON lines, each with a statement and perhaps a known proof."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gym_reason.envs.tables import Row, modification_key, read_rows
from gym_reason.errors import DataError
from gym_reason.verifiers.proofs.interactive.system import Theorem

SPLITS = ("train", "test")
"""What a row may say of its split."""
_TEXTS = ("statement", "preamble", "name")
_FIELDS = (*_TEXTS, "script", "split")


@dataclass(frozen=True, slots=True)
class TheoremRow:
    """A theorem, with what is known of it."""

    theorem: Theorem
    """The theorem."""
    script: tuple[str, ...] = ()
    """The steps of a proof; none where none is known."""
    split: str = ""
    """`train` or `test`; empty where its content says."""


def read_theorems(path: Path) -> tuple[TheoremRow, ...]:
    """Return the theorems of a file, read once while its size and time of change stay the same.

    Raises:
        DataError: In one line that names the file and the line.
    """
    if not path.is_file():
        raise DataError(f"no file {path}", "a .jsonl file of theorems")
    return _read(path, modification_key(path))


@lru_cache(maxsize=16)
def _read(path: Path, key: tuple[int, int]) -> tuple[TheoremRow, ...]:
    del key  # Another one means that the file has changed.
    rows = tuple(_read_row(path, row) for row in read_rows(path))
    if not rows:
        raise DataError(f"{path} has no rows", "at least one theorem")
    return rows


def _read_row(path: Path, row: Row) -> TheoremRow:
    where, columns = row
    unknown = sorted(columns.keys() - set(_FIELDS))
    if unknown:
        raise DataError(f"{unknown[0]!r} in {where} of {path}", f"only {', '.join(_FIELDS)}")
    texts = {name: columns[name] for name in _TEXTS if name in columns}
    for name, text in texts.items():
        if not isinstance(text, str) or (name != "preamble" and not text.strip()):
            raise DataError(f"{name!r} in {where} of {path} is {text!r:.60}", "a text")
    if "statement" not in texts:
        raise DataError(f"{where} of {path} has no 'statement'", "the proposition to prove")
    script = columns.get("script", [])
    if not isinstance(script, list) or not all(isinstance(step, str) for step in script):
        raise DataError(f"'script' in {where} of {path} is {script!r:.60}", "a list of steps")
    split = columns.get("split", "")
    if split not in ("", *SPLITS):
        raise DataError(f"'split' in {where} of {path} is {split!r:.60}", "train or test")
    return TheoremRow(Theorem(**texts), tuple(script), split)
