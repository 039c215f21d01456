"""Becomes bubblewrap: joins a cgroup, takes a private view of the mounts, leaves root.

Run as a program of its own, `python -I -S launcher.py SETTINGS`, so that the process that asks for
a sandbox, which may have threads, has nothing to do between fork and exec. The settings are a
JSON object: `join`, the files to write this process's id to; `uid`, the user to become, or null;
`binds`, pairs of a folder and the name that it gets below `/tmp` in the private view, where that
user may reach it; `argv`, bubblewrap's command line.
"""

import ctypes
import json
import os
import sys

_CLONE_NEWNS, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20000, 1 << 12, 1 << 14, 1 << 18


def main(settings_text: str) -> None:
    """Do it; does not return."""
    settings = json.loads(settings_text)
    for path in settings["join"]:
        with open(path, "w") as file:
            file.write(str(os.getpid()))
    if settings["uid"] is not None:
        _hide_mounts(settings["binds"])
        _leave_root(settings["uid"])
    os.chdir("/")
    # An empty environment: the first process inside shows its own to everyone inside.
    os.execve(settings["argv"][0], settings["argv"], {})


def _hide_mounts(binds: "list[list[str]]") -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: "str | None", flags: int, data: "str | None") -> None:
        texts = [None if text is None else text.encode() for text in (source, target, kind)]
        if libc.mount(*texts, ctypes.c_ulong(flags), None if data is None else data.encode()):
            raise OSError(ctypes.get_errno(), f"cannot mount {target}")

    if libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "cannot take a mount namespace")
    mount("none", "/", None, _MS_REC | _MS_PRIVATE, None)
    folders = [(os.open(folder, os.O_PATH | os.O_DIRECTORY), name) for folder, name in binds]
    mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755,size=64k")
    for descriptor, name in folders:
        target = os.path.join("/tmp", name)
        os.mkdir(target)
        mount(f"/proc/self/fd/{descriptor}", target, None, _MS_BIND | _MS_REC, None)
        os.close(descriptor)


def _leave_root(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


if __name__ == "__main__":
    main(sys.argv[1])
