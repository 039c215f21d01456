"""A cluster of three Ray nodes in processes: what is killed there is noticed, and costs nothing.

Run by `make test-ray` alone: on a loaded machine Ray itself takes longer than its limits.
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.policy import SamplingParams
from gym_reason.cluster.connection import RayConnection
from gym_reason.cluster.crew import PartLostError
from gym_reason.cluster.settings import CrewSettings, RaySettings
from gym_reason.errors import UsageError
from gym_reason.records import read_jsonl
from gym_reason.registry import load_module
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Json, Task
from gym_reason.verifiers.ray import RayVerifierPool
from tests.agents.loop_backends import TOKENIZER, small_model

if "GYM_REASON_TEST_RAY" not in os.environ:
    pytest.skip("three Ray nodes want a quiet machine: make test-ray", allow_module_level=True)
ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    # Ray leaves sockets and processes to its own exit handlers.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PATIENT_S = 240.0
"""A busy machine may take this long; a test that waits for ever fails by it."""
SILENCE_S = 8.0
SLACK_S = 60.0
"""Beside a limit: on an idle machine 5 seconds are enough, and others may run here too."""
NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes with two processors each, as far as Ray knows."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster_utils: Any = pytest.importorskip("ray.cluster_utils")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    made = start_nodes(cluster_utils)
    yield made
    ray.shutdown()
    made.shutdown()
    wait_until(lambda: not ray_processes(os.getpid()), "the cluster's processes are gone")


def start_nodes(cluster_utils: Any) -> Any:
    """Return a cluster; Ray gives each node half a minute, which a busy machine may not keep."""
    system = {"prestart_worker_first_driver": False, "enable_worker_prestart": False}
    head = {**NODE, "include_dashboard": False, "_system_config": system}
    for attempt in range(4):
        made = cluster_utils.Cluster()
        try:
            for node in (head, NODE, NODE):
                made.add_node(**node)
            return made
        except Exception:
            for pid in ray_processes(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            if attempt == 3:
                raise
    return None


def limits(cluster: Any, count: int = 2) -> RaySettings:
    crew = CrewSettings(count=count)
    return RaySettings(
        cluster.address, crew, crew, crew, silence_timeout_s=SILENCE_S, part_timeout_s=60.0
    )


class Errand:
    """Does what it is told, and dies of it the first time, or each time."""

    def work(self, order: tuple[str, int, Path]) -> int:
        deed, number, folder = order
        mark = folder / f"{deed}-{number}"
        if "twice" in deed or not mark.exists():
            mark.touch()
            self._do(deed)
        with (folder / "done").open("a") as file:
            file.write(f"{number}\n")
        return number

    def _do(self, deed: str) -> None:
        if "killed" in deed:
            os.kill(os.getpid(), signal.SIGKILL)
        if "stopped" in deed:
            os.kill(os.getpid(), signal.SIGSTOP)
        if "starved" in deed:
            bytearray(16 << 30)
        if "refused" in deed:
            raise UsageError("an odd errand", "an even one")
        time.sleep(0.3 if deed == "slow" else 0.0)


def test_killed_stopped_and_starved_workers_are_replaced_and_nothing_comes_twice(
    cluster: Any, tmp_path: Path
) -> None:
    deeds = ["fine", "killed", "slow", "stopped", "starved", "refused", "slow", "fine"]
    connection = RayConnection(limits(cluster))
    told: list[str] = []
    place = CrewSettings(count=2, memory_gib=8)
    crew = connection.hire("errand runner", place, Errand, say=told.append)
    try:
        sent = [
            crew.submit((deed, number, tmp_path), f"errand {number}")
            for number, deed in enumerate(deeds)
        ]
        started = time.monotonic()
        for number, future in enumerate(sent):
            if deeds[number] == "refused":
                with pytest.raises(UsageError, match="an odd errand; expected an even one"):
                    future.result(PATIENT_S)
            else:
                assert future.result(PATIENT_S) == number
        done = Counter(map(int, (tmp_path / "done").read_text().split()))
        assert done == Counter(n for n, deed in enumerate(deeds) if deed != "refused")
        assert crew.lost == len(told) >= 3
        for reason in ("is gone: ", "gave no sign of life for 8 s", "raised MemoryError"):
            assert any(reason in line for line in told), told
        assert time.monotonic() - started < SILENCE_S + SLACK_S

        with pytest.raises(PartLostError, match="errand 9 was lost twice") as caught:
            crew.submit(("killed twice", 9, tmp_path), "errand 9").result(PATIENT_S)
        assert len(str(caught.value).splitlines()) == 1
    finally:
        connection.close()
    wait_until(lambda: not ray_processes(os.getpid(), "ray::Host"), "the workers are gone")


def test_verifiers_on_other_machines_judge_like_those_here(cluster: Any) -> None:
    tasks = [Task(str(n), (), str(n)) for n in range(40)]
    rows = [(task, str(n if n % 3 else n + 1)) for n, task in enumerate(tasks)]
    before = signal.getsignal(signal.SIGTERM)
    with RayVerifierPool("math", limits(cluster)) as pool:
        assert signal.getsignal(signal.SIGTERM) is before
        assert [verdict.correct for verdict in pool.verify_many(rows)] == [
            n % 3 != 0 for n in range(40)
        ]
        for pid in ray_processes(os.getpid(), "ray::Host"):
            os.kill(pid, signal.SIGKILL)
        # Both machines' pools are dead: others take their places.
        found: dict[int, bool] = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: pool.verify(*rows[n]).correct}))
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENT_S)
        assert found == {n: n % 3 != 0 for n in range(6)}


def test_replicas_say_what_the_local_engine_says_and_one_that_dies_is_asked_again(
    cluster: Any,
) -> None:
    from gym_reason.agents.engines.ray.engine import RayEngine

    model = small_model()
    engine = RayEngine(limits(cluster), model, TOKENIZER, temperature=1.0)
    try:
        local = LocalEngine(model, TOKENIZER)
        prompts = [TOKENIZER.encode(text) for text in ("1+1=", "347+285=", "9")] * 8
        params = [SamplingParams(12, seed=seed) for seed in range(24)]
        for version in (1, 2):
            with torch.no_grad():
                model.model.layers[0].mlp.down_proj.weight.add_(0.5)
            local.update_weights()
            engine.update_weights()
            found = engine.generate(prompts, params)
            expected = local.generate(prompts, params)
            assert [one.token_ids for one in found] == [one.token_ids for one in expected]
            assert {one.policy_version for one in found} == {version}
            assert engine.figures()["canary_gap"] < 1e-5
        with pytest.raises(UsageError, match="an empty prompt"):
            engine.generate([prompts[0], []], params[:2])
        os.kill(ray_processes(os.getpid(), "ray::Host")[0], signal.SIGKILL)
        until = time.monotonic() + 30.0
        while engine.figures()["replicas_lost"] == 0 and time.monotonic() < until:
            assert engine.generate(prompts, params) == found  # the death is seen at its next prompt
        assert engine.figures()["replicas_lost"] >= 1
    finally:
        engine.close()


SLOW_SUMS = '''
import os, time
from pathlib import Path
import gym_reason
from gym_reason.envs.arithmetic import Arithmetic

@gym_reason.register("test/SlowSums-v0")
class SlowSums(Arithmetic):
    """Sums, slowly; says who judges them."""
    def step(self, action):
        with open({log!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(0.02)
        return super().step(action)
'''


class NodeKiller(SilentObserver):
    """Kills a node while its worker plays, once the first step of RL is done."""

    def __init__(self, cluster: Any, log: Path) -> None:
        self._cluster = cluster
        self._node = cluster.list_all_nodes()[-1]
        self._log = log
        self.killed = threading.Event()
        self.messages: list[str] = []

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_step(self, row: Mapping[str, Json]) -> None:
        if row["stage"] == "rl" and row["step"] == 1:
            threading.Thread(target=self._kill, args=(self._log.stat().st_size,)).start()

    def _kill(self, size: int) -> None:
        raylets = {p.process.pid for p in self._node.all_processes["raylet"]}
        deadline = time.monotonic() + PATIENT_S
        while time.monotonic() < deadline:
            with self._log.open("rb") as file:
                file.seek(size)
                playing = set(map(int, file.read().rpartition(b"\n")[0].split()))
            if any(parent_of(pid) in raylets for pid in playing):
                self._cluster.remove_node(self._node, allow_graceful=False)
                self.killed.set()
                return
            time.sleep(0.005)


def test_a_run_on_three_nodes_that_loses_one_ends_in_the_bits_of_a_local_one(
    cluster: Any, tmp_path: Path
) -> None:
    module = tmp_path / "slow_sums.py"
    log = tmp_path / "log"
    module.write_text(SLOW_SUMS.format(log=str(log)))
    load_module(str(module))
    recipe = load_recipe(
        "demo",
        [
            *("env.id=test/SlowSums-v0", "model.threads=1", "model.matmul=highest"),
            *("model.size=0.1m", "evaluation.problems=6", "sampling.max_tokens=8"),
            *("cold_start.steps=2", "cold_start.problems=8", "cold_start.batch_rows=8"),
            *("rl.steps=3", "rl.tasks_per_step=12", "rl.samples_per_task=4"),
            *("rl.minibatch_rows=8", "rl.filter=keep_all", "rl.entropy={bonus=0.01}"),
            "rollout.part_tasks=1",
        ],
    )
    train(recipe, tmp_path / "local", SilentObserver())
    remote: Recipe = dataclasses.replace(
        recipe,
        ray=dataclasses.replace(limits(cluster, 3), verifiers=CrewSettings(count=0)),
        rollout=dataclasses.replace(recipe.rollout, backend="ray"),
    )
    killer = NodeKiller(cluster, log)
    train(remote, tmp_path / "ray", killer)
    assert killer.killed.is_set()
    lost = [text for text in killer.messages if "another takes its place" in text]
    assert lost, killer.messages
    for name in sorted(path.name for path in (tmp_path / "local/trajectories").iterdir()):
        assert episodes(tmp_path / "ray", name) == episodes(tmp_path / "local", name), name
    assert weights(tmp_path / "ray") == weights(tmp_path / "local")
    rows = [row for _, row in read_jsonl(tmp_path / "ray/metrics.jsonl")]
    assert [row["workers_lost"] for row in rows if row["stage"] == "rl"][-1] >= 1
    assert all(row["canary_gap"] < 1e-5 for row in rows if "canary_gap" in row)


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    log = (tmp_path / "log").open("wb")
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "gym_reason", "train", "demo", "rollout.backend=ray"),
            *("ray.workers.count=1", "model.threads=1", "evaluation.problems=20000"),
            *("model.size=0.1m", "--out", str(tmp_path / "run")),
        ],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(run.kill)
        wait_until(lambda: bool(ray_processes(run.pid, "ray::Host")), "a worker runs")
        processes = ray_processes(run.pid)
        os.killpg(run.pid, signal.SIGINT)  # what a terminal does: to Ray's processes too
        time.sleep(0.3)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(PATIENT_S) == 130, (tmp_path / "log").read_text()
        wait_until(lambda: not any(map(is_alive, processes)), "Ray's processes are gone")
    assert "stopped by Ctrl-C" in (tmp_path / "log").read_text()


def weights(folder: Path) -> bytes:
    return (folder / "checkpoints/last/model/model.safetensors").read_bytes()


def episodes(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the episodes of a file, without what a clock decides."""
    return [without_times(row) for _, row in read_jsonl(folder / "trajectories" / name)]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key != "seconds"}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def ray_processes(root: int, name: str = "ray") -> list[int]:
    """Return the descendants of a process whose command line tells of Ray."""
    parents = {int(p.name): parent_of(int(p.name)) for p in Path("/proc").glob("[0-9]*")}
    found = []
    for pid in parents:
        above = parents.get(pid)
        while above not in (None, 0, root):
            above = parents.get(above or 0)
        if above == root and is_alive(pid):
            with contextlib.suppress(OSError):
                if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
    return found


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENT_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENT_S:g} s: {what}"
        time.sleep(0.05)
