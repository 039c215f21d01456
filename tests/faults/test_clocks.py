"""No wait of the package looks at the clock on the wall, which may jump."""

import re
from pathlib import Path

WALL_CLOCK = re.compile(
    r"\btime\.time(_ns)?\(|from time import|datetime\.(utc)?now\(|date\.today\("
)
STAMPS = {
    # What a browser stamps touches with, and when a file was written: nothing waits for them.
    "envs/mobile/devices/chromium.py",
    "gym_reason/evaluate/export_inspect.py",
}


def test_only_stamps_are_of_the_clock_on_the_wall(root: Path) -> None:
    folders = ("agents", "envs", "gym_reason", "trainers", "verifiers")
    files = {path for folder in folders for path in (root / folder).rglob("*.py")}
    assert len(files) > 500
    found = {
        str(path.relative_to(root)) for path in files if WALL_CLOCK.search(path.read_text("utf-8"))
    }
    assert found == STAMPS
