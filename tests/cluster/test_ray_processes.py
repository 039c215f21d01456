"""Several training processes beside Ray: what they end in is what one process alone ends in.

Run by `make test-ray` alone, as `test_ray_cluster` is.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gym_reason.records import read_jsonl
from tests.trainers.distributed.ranks import FSDP
from tests.trainers.distributed.test_runs import SYNC, alone, assert_alike, rows_of, together
from tests.trainers.rollouts.test_ahead import assert_same, cut_back

if "GYM_REASON_TEST_RAY" not in os.environ:
    pytest.skip("Ray wants a quiet machine: make test-ray", allow_module_level=True)
ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    # Ray leaves sockets and processes to its own exit handlers.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# With parts of one task, they are the same whoever plays them.
STEPS = ("cold_start.steps=0", "rl.steps=3", "rollout.part_tasks=1")
AHEAD = ("rollout.ahead=1",)
PROGRAMS = (
    *("env.id=gym_reason/Code-v0", "model.alphabet=''", "sampling.max_tokens=12"),
    *("env.kwargs={prompt_style='bare',topic='arithmetic',depth=2}", "cold_start.problems=4"),
    *("rl.steps=1", "rl.tasks_per_step=2", "rl.samples_per_task=2"),
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Lend the address of a cluster of one node."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200 * 2**20,
        _system_config={"prestart_worker_first_driver": False},
    )
    yield f"ray.address={ray.get_runtime_context().gcs_address}"
    ray.shutdown()


@pytest.mark.parametrize(
    ("words", "where", "environment"),
    [
        ((), ("rollout.backend=ray",), {}),
        (AHEAD, ("rollout.backend=ray",), FSDP),
        (AHEAD, ("engine=ray",), {}),
        ((), ("engine=ray",), FSDP),
    ],
    ids=["workers", "workers ahead, split weights", "replicas ahead", "replicas, split weights"],
)
def test_two_processes_beside_ray_end_as_one_without(
    words: Sequence[str],
    where: Sequence[str],
    environment: Mapping[str, str],
    address: str,
    tmp_path: Path,
) -> None:
    one, two = alone(tmp_path / "one", "grpo", [*STEPS, *words]), tmp_path / "two"
    ranks = together(two, "grpo", [*STEPS, *words, *where, address], environment=environment)
    assert ranks.said(1) == ""
    assert_alike(one, two)
    rows = rows_of(two)
    assert all(0.0 < row["canary_gap"] < 1e-5 for row in rows)
    assert [row.get("staleness_most", 0) for row in rows] == [0, len(words), len(words)]


@pytest.mark.parametrize("where", ["rollout.backend=ray", "engine=ray"])
def test_a_run_ahead_on_ray_resumes_to_the_bit(where: str, address: str, tmp_path: Path) -> None:
    words = [*STEPS, *AHEAD, where, address]
    whole, part = alone(tmp_path / "whole", "grpo", words), tmp_path / "part"
    cut_back(whole, part, "step-000001")
    alone(part, "grpo", words, resume=True)
    assert_same(whole, part, apart=SYNC)
    shutil.rmtree(part)
    local = alone(tmp_path / "local", "grpo", [*STEPS, *AHEAD])
    assert_alike(local, whole)


@pytest.mark.parametrize("joins", [True, False], ids=["a cluster", "each its own Ray"])
def test_each_process_has_its_share_of_the_verifiers(
    joins: bool, address: str, tmp_path: Path
) -> None:
    one, two = alone(tmp_path / "one", "grpo", PROGRAMS), tmp_path / "two"
    ray_words = ["ray.verifiers.count=2", *([address] if joins else [])]
    together(two, "grpo", [*PROGRAMS, *ray_words])
    assert_alike(one, two)
    judged = [row for _, row in read_jsonl(two / "trajectories/rl-000001.jsonl.zst")]
    assert {verdict_of(row) for row in judged} <= {"fail", "invalid", "no_answer", "pass"}


def verdict_of(row: Mapping[str, Any]) -> str:
    return str(row["turns"][-1]["verdict"]["outcome"])
