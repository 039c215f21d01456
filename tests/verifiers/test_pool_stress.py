"""The worker pool under thousands of submissions that hang and crash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_row_of_a_hostile_mix_is_answered_once_in_order_and_leaves_nothing(
    root: Path,
) -> None:
    script = root / "benchmarks" / "pool_stress.py"
    done = subprocess.run(
        [sys.executable, script, "--rows", "3000", "--workers", "8", "--timeout", "2"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert (result["answered"], result["out_of_place"], result["orphans"]) == (3_000, 0, 0)
    assert result["unexpected"] == 0
    assert result["outcomes"] == {"pass": 2_940, "timeout": 30, "unscorable": 30}
    assert result["rss_end_mb"] - result["rss_quarter_mb"] < 6
    assert done.returncode == 0
