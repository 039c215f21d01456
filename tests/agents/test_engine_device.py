"""What a decode step asks of a device: tokens and log-probabilities, and no number besides."""

from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.precision import use_fast_matmul
from gym_reason.agents.policy import SamplingParams
from tests.agents.loop_backends import TOKENIZER, small_model

# Each of these makes Python wait for all that a GPU has still to do.
WAITING = ("_local_scalar_dense", "equal", "nonzero", "is_nonzero", "_unique2", "masked_select")


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations of torch by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def run(prompts: list[list[int]], params: SamplingParams) -> Counter[str]:
    engine = LocalEngine(small_model(), TOKENIZER, stop_token_ids=())
    watch = Watch()
    with watch:
        engine.generate(prompts, params)
    return watch.seen


def test_a_decode_step_asks_for_no_number() -> None:
    # Prompts of two lengths and samples that share one: rows stand at different positions.
    prompts = [[1, 6, 7]] * 4 + [[1, 6, 7, 8, 9]] * 4
    for params in (SamplingParams(24), SamplingParams(24, 0.7, top_k=5, top_p=0.9)):
        seen = run(prompts, params)
        assert seen["bmm"] > 40
        assert not [name for name in WAITING if seen[name]]


def test_row_numbers_follow_the_model_to_another_device() -> None:
    engine = LocalEngine(small_model(), TOKENIZER)
    decoder: Any = engine.decoder
    assert decoder.row_numbers(4).device.type == "cpu"
    decoder.device = torch.device("meta")
    assert decoder.row_numbers(4).device.type == "meta"


def test_products_on_a_gpu_are_not_rounded_by_what_suits_a_cpu() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        assert use_fast_matmul("auto", "cuda").precision == "highest"
        assert torch.get_float32_matmul_precision() == "highest"
        assert use_fast_matmul("medium", "cuda").precision == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
