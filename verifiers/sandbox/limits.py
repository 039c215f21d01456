"""What one run in a sandbox may use."""

import sys
from dataclasses import dataclass

from gym_reason.errors import UsageError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use, its whole process tree together unless a field says otherwise."""

    memory_bytes: int = 256 * MIB
    """Memory, pages of the private disk included."""
    processes: int = 32
    """Processes and threads at a time."""
    output_bytes: int = MIB
    """Standard output and standard error, each."""
    disk_bytes: int = 64 * MIB
    """Each of the two private file systems, `/tmp` and `/dev/shm`; also the largest file."""
    files: int = 2_000
    """Files and folders on each of them."""
    open_files: int = 128
    """Open files of one process."""

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can run."""
        least = Limits.__dataclass_fields__
        for name in least:
            value = getattr(self, name)
            floor = _LEAST[name]
            if not isinstance(value, int) or isinstance(value, bool) or value < floor:
                raise UsageError(f"{name} = {value!r}", f"a whole number, {floor} or more")
            if value > _MOST[name]:
                raise UsageError(f"{name} = {value!r}", f"a whole number, {_MOST[name]} or less")

    def of_each_run(self) -> dict[str, int]:
        """Return the limits that a run lays on itself, whatever counts memory and processes."""
        return {
            "disk_bytes": self.disk_bytes,
            "files": self.files,
            "open_files": self.open_files,
        }


_LEAST = {
    "memory_bytes": 32 * MIB,
    "processes": 1,
    "output_bytes": 1,
    "disk_bytes": 4_096,
    "files": 8,
    "open_files": 16,
}
# What the kernel takes: no more processes than it has numbers for, sizes that fit into its types.
_MOST = {**dict.fromkeys(_LEAST, 1 << 50), "processes": 1 << 22, "open_files": 1 << 20}


def check_seconds(name: str, value: float) -> float:
    """Return a positive, finite number of seconds. Raises UsageError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= sys.float_info.max:
        raise UsageError(f"{name} = {value!r}", "a positive number of seconds")
    return float(value)
