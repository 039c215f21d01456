"""A rollout worker and the weights on their way to it, in this process: all but Ray itself."""

import copy
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from gym_reason.agents.engines.ray.kit import pack_kit
from gym_reason.agents.engines.ray.weights import (
    WeightReceiver,
    WeightSender,
    checksum,
    load_weights,
    make_canary,
    pack_weights,
)
from gym_reason.agents.weights import fingerprint
from gym_reason.errors import ConfigError, RunError
from gym_reason.rollout import EpisodeLimits
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.model.optimiser import make_optimiser
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.ray.worker import Blueprint, Part, RolloutWorker
from gym_reason.trainers.recipe import Recipe, dump_recipe, load_recipe
from gym_reason.trainers.rl.collect import collect
from gym_reason.trainers.rollouts import episodes
from gym_reason.trainers.rollouts.playing import EnvKey
from gym_reason.trainers.rollouts.remote import check_remote
from gym_reason.trainers.rollouts.settings import RolloutSettings
from gym_reason.trainers.run.checkpoint import Progress
from gym_reason.trainers.run.folder import RunFolder
from gym_reason.trainers.run.stop import StopRequest
from gym_reason.trainers.session import Session
from gym_reason.trainers.settings import OptimiserSettings
from gym_reason.trainers.train import train
from tests.agents.loop_backends import run_server, small_model

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=4"),
    *("cold_start.steps=1", "cold_start.problems=8", "cold_start.batch_rows=8"),
    *("rl.steps=4", "rl.tasks_per_step=3", "rl.samples_per_task=2", "rl.minibatch_rows=2"),
    *("rl.filter=keep_all", "rl.entropy={bonus=0.01}", "sampling.max_tokens=6"),
]


def small(*overrides: str) -> Recipe:
    return load_recipe("demo", [*SMALL, *overrides])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    recipe = small("rollout.part_tasks=2")
    learner = build_learner(recipe.model, 0, None)
    with RunFolder(tmp_path / "run") as folder, StopRequest() as stop:
        made = Session(recipe, folder, learner, Progress(), SilentObserver(), stop)
        yield made
        made.close()


def blueprint_of(session: Session, **changes: Any) -> Blueprint:
    learner = session.learner
    kit = pack_kit(
        learner.plain, learner.tokenizer, device="cpu", dtype=None, threads=1, cache_bytes=None
    )
    return dataclasses.replace(Blueprint(session.recipe, kit, (), "0.1.0"), **changes)


def sender_of(session: Session, sent: list[Any]) -> WeightSender:
    def put(packed: Any) -> int:
        sent.append(copy.deepcopy(packed))
        return len(sent) - 1

    canary = make_canary(session.recipe.ray, session.learner.plain, 1.0, None, "a rollout worker")
    return WeightSender(put, canary)


def test_a_worker_plays_what_the_trainer_plays_and_follows_its_weights(session: Session) -> None:
    sent: list[Any] = []
    sender, learner = sender_of(session, sent), session.learner
    worker = RolloutWorker(blueprint_of(session), lambda reference, _: sent[reference])
    optimiser = make_optimiser(learner.model.parameters(), OptimiserSettings(lr=0.05))
    tasks, seeds = session.draw_tasks(4, "test"), (1, 2, 3, 4)
    try:
        for version in (0, 1, 2):
            delivery = sender.deliver(learner.plain, version, checksum(learner.plain))
            agents = session.policy_agent(1.0)
            for part in ((0, 1), (2, 3), (0, 1)):
                chosen = tuple(tasks[i] for i in part), tuple(seeds[i] for i in part)
                played = worker.work(Part(delivery, version, *chosen, 3, 1.0, EnvKey()))
                sender.check(learner.plain, delivery, played.canary)
                expected = run_locally(session, agents, *chosen)
                assert list(played.groups) == expected
                assert expected[0].trajectories[0].policy_version == version
            assert sender.gap < 1e-5
            # What torch does not count as a change of the weights is one.
            before = fingerprint(learner.plain)
            for weight in learner.model.parameters():
                weight.grad = torch.randn_like(weight)
            optimiser.step()
            assert fingerprint(learner.plain) == before
            learner.engine.update_weights()
        assert len(sent) == 3
    finally:
        worker.close()


def run_locally(session: Session, agents: Any, tasks: Any, seeds: Any) -> Any:
    import asyncio

    from gym_reason.rollout import run_groups

    limits, encoder = EpisodeLimits(), session.learner.encoder
    return asyncio.run(run_groups(session.envs(), agents, tasks, 3, seeds, encoder, limits))


def test_parts_of_the_local_backend_give_the_same_groups_in_the_same_order(
    session: Session,
) -> None:
    tasks = session.draw_tasks(5, "test")
    found = session.play(session.policy_agent(1.0), tasks, 2, "name")
    assert [group.task for group in found] == list(tasks)
    session.recipe = dataclasses.replace(session.recipe, rollout=RolloutSettings())
    whole = session.play(session.policy_agent(1.0), tasks, 2, "name")
    assert [tokens(group) for group in found] == [tokens(group) for group in whole]
    assert session.play(session.policy_agent(1.0), (), 2, "name") == []


def tokens(group: Any) -> list[Any]:
    return [trace.ids for episode in group.trajectories for trace in episode.traces]


def test_weights_that_arrive_wrong_stop_the_run(session: Session) -> None:
    sent: list[Any] = []
    sender, model = sender_of(session, sent), session.learner.plain
    other = copy.deepcopy(model)
    delivery = sender.deliver(model, 3, checksum(model))
    with torch.no_grad():
        next(iter(other.parameters())).mul_(-2.0)
    stale = pack_weights(other)
    worker = RolloutWorker(blueprint_of(session), lambda reference, _: stale)
    try:
        part = Part(delivery, 3, session.draw_tasks(1, "test"), (1,), 1, 1.0, EnvKey())
        played = worker.work(part)
        with pytest.raises(RunError, match=r"a rollout worker and the model differ.*version 3"):
            sender.check(model, delivery, played.canary)
        assert worker.work(part).canary is None
    finally:
        worker.close()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_packed_weights_are_the_weights_to_the_bit(dtype: torch.dtype) -> None:
    model, other = small_model().to(dtype), small_model(seed=1).to(dtype)
    packed = pack_weights(model)
    assert "lm_head.weight" not in packed  # tied: it comes once
    load_weights(other, packed)
    expected = model.state_dict()
    assert all(torch.equal(one, expected[name]) for name, one in other.state_dict().items())
    assert checksum(other) == checksum(model)


def test_weights_that_do_not_fit_are_refused() -> None:
    model = small_model()
    packed = pack_weights(model)
    name = next(iter(packed))
    with pytest.raises(RunError, match=rf"1 weights did not come, .*{name}|weights did not come"):
        load_weights(model, {key: one for key, one in packed.items() if key != name})
    with pytest.raises(RunError, match="no such weight"):
        load_weights(model, packed | {"another": packed[name]})
    with pytest.raises(RunError, match="for a model with one of"):
        load_weights(model, packed | {name: dataclasses.replace(packed[name], shape=(1, 2))})


def test_an_older_delivery_does_not_bring_older_weights_back(session: Session) -> None:
    sent: list[Any] = []
    sender, learner = sender_of(session, sent), session.learner
    model = copy.deepcopy(learner.plain)
    receiver = WeightReceiver(model, learner.engine, lambda reference: sent[reference])
    first = sender.deliver(learner.plain, 1, 1)
    second = sender.deliver(learner.plain, 2, 2)
    assert receiver.follow(second) is not None
    assert receiver.follow(first) is None
    assert receiver.follow(second) is None
    assert learner.engine.version == 2


def test_a_worker_of_another_installation_refuses(session: Session) -> None:
    with pytest.raises(RunError, match=r"expected 9\.9, as the trainer has it"):
        RolloutWorker(blueprint_of(session, version="9.9"))


def test_a_worker_may_ask_a_server_that_the_trainer_keeps_up_to_date(tmp_path: Path) -> None:
    model = small_model(seed=1)
    with run_server(model) as server:
        recipe = small("engine=server", f"vllm.base_url='{server.url}'", "rollout.backend=ray")
        local = build_learner(recipe.model, 0, None)
        from tests.agents.loop_backends import TOKENIZER

        kit = pack_kit(model, TOKENIZER, device="cpu", dtype=None, threads=1, cache_bytes=None)
        assert type(local.engine).__name__ == "LocalEngine"
        worker = RolloutWorker(Blueprint(recipe, kit, (), "0.1.0"))
        try:
            with RunFolder(tmp_path / "run") as folder, StopRequest() as stop:
                session = Session(recipe, folder, local, Progress(), SilentObserver(), stop)
                tasks = session.draw_tasks(2, "test")
            played = worker.work(Part(None, 7, tasks, (1, 2), 2, 1.0, EnvKey()))
            assert played.canary is None
            assert [group.task for group in played.groups] == list(tasks)
            episodes = [t for group in played.groups for t in group.trajectories]
            assert {episode.policy_version for episode in episodes} == {7}
            assert all(episode.completion_tokens for episode in episodes)
        finally:
            worker.close()


@given(st.integers(0, 300), st.integers(0, 40), st.integers(0, 40))
def test_a_split_holds_each_task_once_in_order(tasks: int, part_tasks: int, workers: int) -> None:
    parts = RolloutSettings(part_tasks=part_tasks).split(tasks, workers)
    assert [task for part in parts for task in part] == list(range(tasks))
    assert all(0 < len(part) <= (part_tasks or tasks) for part in parts)
    if workers and not part_tasks and tasks:
        assert len(parts) <= workers
    assert len({len(part) for part in parts}) <= 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rollout.backend=rai", "ray"),
        ("rollout.part_tasks=-1", "part_tasks = -1"),
        ("ray.workers.count=-1", "count = -1"),
        ("ray.workers.cpus=nan", "cpus = nan"),
        ("ray.workers.gpus=-1", "gpus = -1"),
        ("ray.workers.resources={sandbox='one'}", "sandbox = 'one'"),
        ("ray.workers.resources={sandbox=true}", "sandbox = True"),
        ("ray.workers.memory_gib=inf", "memory_gib = inf"),
        ("ray.workers.cpu=1", "did you mean 'cpus'"),
        ("ray.parts_at_once=0", "parts_at_once = 0"),
        ("ray.part_timeout_s=0", "part_timeout_s"),
        ("ray.silence_timeout_s=nan", "silence_timeout_s"),
        ("ray.start_timeout_s=inf", "start_timeout_s"),
        ("ray.object_store_mib=-1", "object_store_mib"),
        ("ray.canary_limit=nan", "canary_limit"),
        ("ray.address=7", "address"),
    ],
)
def test_a_setting_that_no_cluster_can_have_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(override)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["rollout.backend=ray", "engine=ray"], "engines of their own"),
        (["rollout.backend=ray", "engine=server"], "vllm.base_url"),
        (["rollout.backend=ray", "rollout.ahead=1", "rollout.in_flight=true"], "ahead alone"),
        (["engine=ray", "rollout.ahead=2", "rollout.in_flight=true"], "ahead alone"),
        (["rollout.backend=ray", "ray.workers.count=0"], "1 or more"),
        (["rollout.backend=ray", "ray.verifiers.count=2"], "judge where they play"),
        (["rollout.backend=ray", "adapter.kind=prefix"], "virtual"),
        (["engine=ray", "adapter.kind=prompt"], "virtual"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_remote(small(*overrides))


def test_the_settings_survive_the_recipe_of_a_run(tmp_path: Path) -> None:
    recipe = small("ray.workers={count=3,gpus=0.5,resources={sandbox=2}}", "ray.address=auto")
    (tmp_path / "recipe.toml").write_text(dump_recipe(recipe), "utf-8")
    assert load_recipe(str(tmp_path / "recipe.toml")) == recipe
    check_remote(small())  # without Ray nothing is asked for


def test_a_run_that_cannot_play_on_leaves_a_checkpoint_of_all_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(
        *("checkpoint.every_steps=100", "curriculum.levels=[{digits=1},{digits=2}]"),
        *("curriculum.window=4", "curriculum.lower_at=0.0", "curriculum.raise_at=0.01"),
    )
    train(recipe, tmp_path / "whole", SilentObserver())

    def break_off(session: Session, step: int) -> Any:
        found = collect(session, step)
        if step == 2:
            raise RunError("part 1 of rl play 2 was lost twice")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(episodes, "collect", break_off)
        with pytest.raises(RunError, match="lost twice"):
            train(recipe, tmp_path / "part", SilentObserver())
    steps = sorted(path.name for path in (tmp_path / "part/checkpoints").glob("step-*"))
    assert steps[-1] == "step-000003"  # one of the cold start, two of RL
    train(recipe, tmp_path / "part", SilentObserver(), resume=True)
    file = "checkpoints/last/model/model.safetensors"
    part, whole = (load_file(tmp_path / name / file) for name in ("part", "whole"))
    assert part.keys() == whole.keys()
    assert all(torch.equal(part[name], whole[name]) for name in whole)


def test_ray_is_imported_in_one_place_alone_and_only_when_that_is_called(root: Path) -> None:
    folders = ("agents", "envs", "trainers", "verifiers", "gym_reason")
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]
    naming = re.compile(r"""^\s*(import|from) ray\b|import_module\(["']ray""", re.MULTILINE)
    found = [path for path in files if naming.search(path.read_text("utf-8"))]
    assert found == [root / "gym_reason/cluster/connection.py"]
    text = found[0].read_text("utf-8")
    assert not re.search(r"^(import|from) ray\b|^\w.*import_module", text, re.MULTILINE)
