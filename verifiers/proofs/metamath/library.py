"""Databases by name or path, each read once."""

import threading
from pathlib import Path

from gym_reason.errors import DataError
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.reader import read_database

PACKAGED = ("propositional",)
"""The databases that come with the package."""

_databases: dict[Path, tuple[tuple[int, int], Database]] = {}
_lock = threading.Lock()


def find_database(name: str) -> Path:
    """Return the file of a database: one of `PACKAGED`, or a path."""
    if name in PACKAGED:
        return Path(__file__).with_name(f"{name}.mm")
    return Path(name)


def load_database(name: str | Path) -> Database:
    """Return a database, read once while the size and the time of change of its file stay the same.

    Args:
        name: One of `PACKAGED`, or the path of a `.mm` file.

    Raises:
        DataError: Where it cannot be read or breaks a rule of the language.
    """
    path = find_database(str(name))
    try:
        status = path.stat()
    except OSError as error:
        found = f"cannot read the database {path}: {error.strerror}"
        raise DataError(found, f"a .mm file, or one of {', '.join(PACKAGED)}") from error
    key = (status.st_size, status.st_mtime_ns)
    with _lock:
        cached = _databases.get(path)
        if cached is None or cached[0] != key:
            cached = (key, read_database(path))
            _databases[path] = cached
        return cached[1]
