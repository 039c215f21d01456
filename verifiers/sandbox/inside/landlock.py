"""File system and signal limits that a process lays on itself, where no namespace does.

Source: the kernel's Documentation/userspace-api/landlock.rst.
"""

import contextlib
import ctypes
import os
import struct
from typing import Any

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_BASE_RIGHTS = (1 << 13) - 1
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_SCOPE_SOCKETS_AND_SIGNALS = 3
_TCP = 3
_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    return max(0, int(_call(_CREATE, None, 0, _VERSION_FLAG)))


def restrict(scratch: str, readable: list[str]) -> None:
    """Confine this process and all that it starts; does nothing where there is no Landlock.

    Files are written below `scratch` alone, and read there, below `readable` and where programs
    and libraries lie; from version 4 on no TCP connection is made; from version 6 on no process
    outside is signalled.

    Raises:
        OSError: Where the kernel refuses.
    """
    known = version()
    if not known:
        return
    rights = _BASE_RIGHTS | (_REFER if known >= 2 else 0) | (_TRUNCATE if known >= 3 else 0)
    fields = [rights]
    if known >= 4:
        fields.append(_TCP)
    if known >= 6:
        fields.append(_SCOPE_SOCKETS_AND_SIGNALS)
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    rules = [(path, reading) for path in (*_SYSTEM_FOLDERS, *_SYSTEM_FILES, *readable)]
    rules += [(path, _READ_FILE | _WRITE_FILE) for path in _DEVICES]
    _apply(fields, [*rules, (scratch, rights)])


def hide_folders(listable: list[str], own: list[str]) -> None:
    """Refuse to list any folder but those below `listable` and `own`, where there is Landlock 2.

    Files are moved between folders below `own` alone.

    Raises:
        OSError: Where the kernel refuses.
    """
    if version() >= 2:
        # A rule on anything forbids moves between folders unless it is said where they may be.
        rules = [(path, _READ_DIR) for path in listable if os.path.isdir(path)]
        rules += [(path, _READ_DIR | _REFER) for path in own]
        _apply([_READ_DIR | _REFER], rules)


def keep_writes_in(folders: list[str]) -> None:
    """Refuse to write below any other folder, `/proc` among them, where there is Landlock 2.

    What a process may write about itself there includes how soon it dies when memory runs out.

    Raises:
        OSError: Where the kernel refuses.
    """
    known = version()
    if known >= 2:
        # Without the right to refer, nothing could be moved from one folder to another.
        rights = _WRITE_FILE | _REFER | (_TRUNCATE if known >= 3 else 0)
        _apply([rights], [(folder, rights) for folder in folders])


def _apply(fields: list[int], rules: list[tuple[str, int]]) -> None:
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _check(_call(_CREATE, attributes, len(attributes), 0))
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights)
        _check(int(_libc.prctl(38, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3)))
        _check(_call(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= _ON_FILES
            rule = struct.pack("=Qi", rights, descriptor)
            _check(_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
        finally:
            os.close(descriptor)


def _call(number: int, *arguments: Any) -> int:
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *wide))


def _check(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return result
