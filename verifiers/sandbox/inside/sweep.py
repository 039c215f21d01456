"""What is left of a run when its first process has ended, where no namespace has removed it."""

import contextlib
import ctypes
import os
import signal
import stat

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that none can get away."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def check_alone() -> None:
    """Make sure that `kill_others` will reach runs alone.

    Raises:
        RuntimeError: Where more than the first process and this one, its child, are in sight.
    """
    seen = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    if os.getppid() != 1 or not seen <= {1, os.getpid()}:
        raise RuntimeError("the server is not alone in its process namespace")


def kill_others() -> None:
    """Kill every process of this namespace but the first and this one, and wait for their ends.

    For a root that has a namespace to itself. One signal reaches all at once, so nobody forks or
    stops its way around it, and it needs no new process where their number is used up.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def kill_children() -> None:
    """Kill all descendants of this process, which has adopted its orphans."""
    stopped: set[int] = set()
    # Who is stopped does not fork: after this nobody is left to make new ones.
    while new := _find_descendants(os.getpid()) - stopped:
        for process in new:
            _signal(process, signal.SIGSTOP)
        stopped |= new
    for process in stopped:
        _signal(process, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _find_descendants(process: int) -> set[int]:
    found: set[int] = set()
    waiting = [process]
    while waiting:
        children = _read_children(waiting.pop())
        waiting += [child for child in children if child not in found]
        found.update(children)
    return found


def _read_children(process: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children") as file:
                children += [int(word) for word in file.read().split()]
    return children


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def empty_as(uid: int, folders: list[str]) -> None:
    """Empty folders as the user whose files are in them: not every root may look into them.

    Raises:
        RuntimeError: Where something stays.
    """
    if not any(os.listdir(folder) for folder in folders):
        return
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            for folder in folders:
                empty(folder)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    if any(os.listdir(folder) for folder in folders):
        raise RuntimeError("a run has left files that cannot be removed")


def empty(folder: str) -> None:
    """Remove all that is in a folder and may be removed, however deep it lies."""
    with contextlib.suppress(OSError):
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Folders within folders are moved to the top first, so that no path is ever too long.
            while sum(_remove(top, name) for name in os.listdir(top)):
                pass
        finally:
            os.close(top)


def _remove(top: int, name: str) -> bool:
    """Remove an entry of a folder; say whether that has moved others up into the folder."""
    moved = False
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=top)
            return False
        os.chmod(name, 0o700, dir_fd=top)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            for entry in os.listdir(inner):
                moved = _move_up(top, inner, entry) or moved
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)
    return moved


def _move_up(top: int, inner: int, name: str) -> bool:
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=inner, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=inner)
            return False
        os.chmod(name, 0o700, dir_fd=inner)
        os.rename(name, f"moved-{os.urandom(8).hex()}", src_dir_fd=inner, dst_dir_fd=top)
        return True
    return False
