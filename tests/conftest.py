"""What every test may ask for."""

import contextlib
import gc
import os
import signal
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gym_reason.errors import RunError
from gym_reason.verifiers.proofs.lean.verifier import LeanVerifier
from gym_reason.verifiers.proofs.rocq.system import RocqVerifier
from gym_reason.verifiers.sandbox.boxes import try_backend
from tests.cli.commands import CommandServer

ROOT = Path(__file__).resolve().parent.parent

# A shell starts background jobs with Ctrl-C ignored, and the programs under test inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests read models and tokenizers that they made themselves; nothing may be fetched.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Tests run beside others, and the threads of two that wait for one core wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes depends on what else the machine does, and no test measures time.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: with one of them last, all but one worker would wait."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave out of garbage collections what is imported and collected, which all tests need.

    It is a million objects, and to look through them takes longer than many a test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; a test that asks for it is skipped where there is none."""
    named = os.environ.get("GYM_REASON_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; name its folder in GYM_REASON_DATA")
    return folder


@pytest.fixture(scope="session")
def needs_bubblewrap() -> None:
    """Skip what needs the default sandbox where it does not work; CI has to have one that does."""
    try:
        try_backend("bubblewrap")
    except RunError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set, and the default sandbox does not work: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def needs_coq(needs_bubblewrap: None) -> None:
    """Skip what needs Coq where it is not installed; CI has to have it."""
    try:
        RocqVerifier().prepare()
    except RunError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set, and Coq is not installed: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def needs_lean(needs_bubblewrap: None) -> None:
    """Skip what needs Lean where it is not installed, in CI too: no package brings it."""
    try:
        LeanVerifier().prepare()
    except RunError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """What starts commands and programs as processes of their own, at little cost."""
    with contextlib.closing(CommandServer(tmp_path_factory.mktemp("commands"))) as server:
        yield server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; a test that asks for it is skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
