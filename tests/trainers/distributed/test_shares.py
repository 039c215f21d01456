"""The rows of a step among processes: each once, and like work for all."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.errors import ConfigError, UsageError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.distributed.checks import check_world
from gym_reason.trainers.distributed.gpus import own_gpu, share_gpus
from gym_reason.trainers.distributed.launch import ALONE_REMARK, open_world
from gym_reason.trainers.distributed.playing import main_plays, plays_here, share_verifiers
from gym_reason.trainers.distributed.shares import share_micro_batches, split_evenly
from gym_reason.trainers.distributed.world import ALONE, World
from gym_reason.trainers.model.learner import EMBEDDED_POSITIONS, build_learner
from gym_reason.trainers.preference.records import TOO_LONG, read_records
from gym_reason.trainers.recipe import load_recipe

T = TypeVar("T")


class OneOf(World):
    """A process among others that are not there: for plans, which need no word from them."""

    def __init__(self, rank: int, size: int, *, sharded: bool = False) -> None:
        super().__init__()
        self.rank, self.size = self.local_rank, self.local_size = rank, size
        self.mesh = "a mesh" if sharded else None

    def own(self, items: Sequence[T]) -> Sequence[T]:
        first, last = (rank * len(items) // self.size for rank in (self.rank, self.rank + 1))
        return items[first:last]


costs = st.lists(st.integers(2, 300), min_size=1, max_size=40)


@settings(max_examples=50)
@given(costs, st.integers(1, 6))
def test_each_item_is_in_one_share_and_no_share_is_far_above_another(
    found: Sequence[int], count: int
) -> None:
    shares = split_evenly(found, count)
    assert sorted(item for share in shares for item in share) == list(range(len(found)))
    loads = [sum(found[item] for item in share) for share in shares]
    assert max(loads) - min(loads) <= max(found)


@settings(max_examples=50)
@given(costs, st.integers(1, 6), st.integers(1, 600), st.booleans())
def test_the_passes_of_all_processes_hold_each_row_once(
    lengths: Sequence[int], count: int, limit: int, sharded: bool
) -> None:
    worlds = [OneOf(rank, count, sharded=sharded) for rank in range(count)]
    passes = [share_micro_batches(world, lengths, limit) for world in worlds]
    real = [row for each in passes for one in each if one.counts for row in one.items]
    assert sorted(real) == list(range(len(lengths)))
    # Split weights are gathered in every pass, so nobody may have one more than another.
    assert not sharded or len({len(each) for each in passes}) == 1
    assert sharded or all(one.counts for each in passes for one in each)


def test_one_process_has_the_plan_that_it_always_had() -> None:
    assert [one.items for one in share_micro_batches(ALONE, [5, 9, 4, 9], 18)] == [[1, 3], [0, 2]]


@pytest.mark.parametrize(
    ("words", "sharded", "expected"),
    [
        (["engine=vllm"], False, "engine = 'vllm' in 2 processes; expected engine = 'server'"),
        (["engine=vllm", "rollout.ahead=1"], True, "engine = 'vllm' in 2 processes"),
        (["engine=server", "vllm.gpus='0,1,2'"], False, "vllm.gpus = '0,1,2' for the servers of 2"),
        (["adapter.kind=lora"], True, "adapter.kind = 'lora' with FSDP"),
        (["adapter.kind=prompt"], True, "adapter.kind = 'prompt' with FSDP"),
        (["rl.critic.kind=separate"], True, "rl.critic.kind = 'separate' with FSDP"),
        (["reward_model.steps=1", "rl.steps=0"], True, "a reward model with FSDP"),
    ],
)
def test_what_several_processes_cannot_do_is_refused(
    words: list[str], sharded: bool, expected: str
) -> None:
    recipe = load_recipe("demo", words)
    with pytest.raises(ConfigError) as error:
        check_world(recipe, OneOf(0, 2, sharded=sharded))
    assert expected in str(error.value)
    check_world(recipe, ALONE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], False),
        (["engine=server"], False),
        (["ray.verifiers.count=2"], False),
        (["rollout.ahead=1"], True),
        (["rollout.backend=ray"], True),
        (["rollout.backend=ray", "engine=vllm"], True),
        (["engine=ray"], True),
        (["engine=server", "vllm.base_url='http://x:1'", "vllm.gpus='0,1,2'"], True),
    ],
)
def test_one_plays_for_all_where_the_engine_is_one(words: list[str], expected: bool) -> None:
    recipe, worlds = load_recipe("demo", words), [OneOf(rank, 2) for rank in range(2)]
    assert main_plays(recipe) is expected
    assert [plays_here(recipe, world) for world in worlds] == [True, not expected]
    for world in worlds:
        check_world(recipe, world)


@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(1, 6))
def test_verifiers_go_to_those_who_play(count: int, size: int) -> None:
    worlds = [OneOf(rank, size) for rank in range(size)]
    each, one = [f"ray.verifiers.count={count}"], [f"ray.verifiers.count={count}", "engine=ray"]
    shares, of_one = (
        [share_verifiers(load_recipe("demo", words), world).verifiers.count for world in worlds]
        for words in (each, one)
    )
    assert min(shares) >= 1
    assert sum(shares) == max(count, size)
    assert of_one == [count, *[0] * (size - 1)]


class Following(OneOf):
    """A process beside a main one whose server takes 100 tokens."""

    def decide(self, make: Callable[[], Any], what: str) -> Any:
        return 100


def test_all_processes_leave_out_what_is_too_long_for_the_one_that_plays(tmp_path: Path) -> None:
    learner = build_learner(load_recipe("grpo", ["model.size=0.1m"]).model, 1, None)
    assert learner.max_positions == learner.engine.max_positions == EMBEDDED_POSITIONS
    learner.join(Following(1, 2))
    assert learner.max_positions == 100
    pairs = [{"prompt": "1+1=", "chosen": "2" * length, "rejected": "3"} for length in (5, 200)]
    file, log = tmp_path / "pairs.jsonl", DropLog()
    file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), "utf-8")
    assert len(read_records(file, "pair", learner, log)) == 1
    assert [drop.reason for drop in log.drops] == [TOO_LONG]


def test_each_server_has_gpus_of_its_own() -> None:
    worlds = [OneOf(rank, 2) for rank in range(2)]
    assert [share_gpus("4, 5,6,7", world) for world in worlds] == ["4,5", "6,7"]
    assert [share_gpus("", world) for world in worlds] == ["", ""]
    assert [own_gpu("", world) for world in worlds] == ["0", "1"]
    assert [own_gpu("6,GPU-ab", world) for world in worlds] == ["6", "GPU-ab"]
    with pytest.raises(ConfigError, match="a multiple of 2: each gets as many"):
        share_gpus("0,1,2", worlds[0])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "with DeepSpeed; expected plain processes"),
        ({"ACCELERATE_MIXED_PRECISION": "bf16"}, "set model.precision"),
        ({"ACCELERATE_USE_FSDP": "true"}, "expected --fsdp_version 2"),
        (
            {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_OFFLOAD_PARAMS": "true"},
            "leave --fsdp_offload_params as it is",
        ),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE = 'two'; expected a number"),
    ],
)
def test_what_a_launcher_asks_for_in_vain_is_refused(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as error:
        open_world()
    assert expected in str(error.value)


def test_one_process_where_several_were_asked_for_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert open_world().describe() == ""
    # What `accelerate launch --num_processes 2` sets on a machine without several GPUs.
    monkeypatch.setenv("ACCELERATE_USE_CPU", "False")
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert open_world().describe() == ALONE_REMARK
    assert open_world().size == 1
