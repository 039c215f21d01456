"""Programs that attack the verifier, and honest ones that look like it: every one is judged right.

Each row of the corpus names the outcomes that it may end in.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.sandbox.boxes import close_all
from tests.verifiers.code.judging import judge_all
from tests.verifiers.sandbox.scripts import find_cgroups, find_processes, read_mounts

CORPUS = Path(__file__).with_name("data") / "code_attacks.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text().split("\n") if line]
WRITTEN = ("/tmp/fill", "/var/tmp/fill", "/work/fill", "/tmp/w2", "/dev/shm/fill")
"""Where attacks of the corpus try to leave something."""
SETTINGS = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/etc/passwd")


def read_host() -> dict[str, object]:
    """Return what the attacks would change, or leave behind."""
    folders = {*sys.path, str(Path.home()), os.getcwd()}
    return {
        "settings": [Path(path).read_bytes() for path in SETTINGS if Path(path).exists()],
        "written": [path for path in WRITTEN if Path(path).exists()],
        "pth": [path for path in folders if Path(path, "zz_gym_pwn.pth").exists()],
        "mounts": read_mounts(),
        "processes": find_processes(os.getpid()),
        "cgroups": find_cgroups(os.getpid()),
        "descriptors": set(os.listdir("/proc/self/fd")),
    }


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own for what sandboxes write while they start."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="module")
def hosts() -> list[dict[str, object]]:
    """The state of the host before and after the attacks."""
    return []


@pytest.fixture(scope="module")
def verdicts(
    needs_bubblewrap: None, temporary: Path, hosts: list[dict[str, object]]
) -> dict[str, Verdict]:
    close_all()
    hosts.append(read_host())
    verifier = CodeVerifier("bubblewrap", timeout=2.0, feedback="test")
    rows = [(json.dumps(row["tests"]), row["program"], {"language": row["language"]})
            for row in ROWS]  # fmt: skip
    found = judge_all(verifier, rows)
    close_all()
    hosts.append(read_host())
    return {row["id"]: verdict for row, verdict in zip(ROWS, found, strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_the_outcome_is_an_accepted_one(row: dict[str, Any], verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[row["id"]]
    assert verdict.outcome.value in row["accept"], verdict.detail
    assert verdict.correct == (row["kind"] == "control")
    assert verdict.reward == float(verdict.correct)


def test_the_corpus_has_attacks_and_honest_programs() -> None:
    kinds = [row["kind"] for row in ROWS]
    assert (kinds.count("attack"), kinds.count("control")) == (87, 10)


def test_none_is_our_fault(verdicts: dict[str, Verdict]) -> None:
    ours = {name: v.detail for name, v in verdicts.items() if v.outcome is Outcome.UNSCORABLE}
    assert ours == {}


def test_the_host_is_untouched(
    verdicts: dict[str, Verdict], hosts: list[dict[str, object]], temporary: Path
) -> None:
    before, after = hosts
    assert len(verdicts) == len(ROWS)
    assert after == before
    assert list(temporary.iterdir()) == []
