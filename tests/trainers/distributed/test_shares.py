"""The rows of a step among processes: each once, and like work for all."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.errors import ConfigError, UsageError
from gym_reason.trainers.distributed.checks import check_world
from gym_reason.trainers.distributed.launch import ALONE_REMARK, open_world
from gym_reason.trainers.distributed.shares import share_micro_batches, split_evenly
from gym_reason.trainers.distributed.world import ALONE, World
from gym_reason.trainers.recipe import load_recipe


class OneOf(World):
    """A process among others that are not there: for plans, which need no word from them."""

    def __init__(self, rank: int, size: int, *, sharded: bool = False) -> None:
        super().__init__()
        self.rank, self.size = rank, size
        self.mesh = "a mesh" if sharded else None


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
        (["engine=vllm"], False, "engine = 'vllm' in 2 processes"),
        (["engine=server", "vllm.base_url='http://x:1'"], False, "engine = 'server' in 2"),
        (["rollout.backend=ray"], False, "rollout.backend = 'ray' in 2 processes"),
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
