"""Which processes a launcher has started: `accelerate launch`, torchrun, or none."""

import os
import warnings
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from gym_reason.errors import RunError, UsageError
from gym_reason.trainers.distributed.world import World, describe_error

MEETING_S = 600.0
"""Longest wait for the processes to meet."""
ALONE_REMARK = (
    "accelerate launch has started one process; for several of them add --multi_gpu, on CPUs too"
)
HOW = "accelerate launch --multi_gpu --num_processes N -m gym_reason train ..."


def open_world() -> World:
    """Return the processes that this one was started with, once all of them are there.

    Raises:
        UsageError: The launcher asks for what there is not, or Accelerate is not installed.
        RunError: The processes do not meet.
    """
    if _number("WORLD_SIZE", 1) <= 1:
        # Without several GPUs Accelerate takes --num_processes for advice, and says nothing.
        single = "ACCELERATE_USE_CPU" in os.environ and "MASTER_PORT" in os.environ
        return World(ALONE_REMARK if single else "")
    if find_spec("accelerate") is None:
        raise UsageError(
            f"WORLD_SIZE = {os.environ['WORLD_SIZE']} without the package accelerate",
            "it installed",
            'pip install "gym-reason[distributed]"',
        )
    _check_launcher()
    return _join()


def _check_launcher() -> None:
    """Refuse what a launcher may ask for and nobody here would do. Raises UsageError."""
    for name, what in (("DEEPSPEED", "DeepSpeed"), ("MEGATRON_LM", "Megatron-LM")):
        if _flag(f"ACCELERATE_USE_{name}"):
            raise UsageError(f"accelerate launch with {what}", "plain processes or FSDP2", HOW)
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if precision != "no":
        raise UsageError(
            f"accelerate launch --mixed_precision {precision}",
            "the precision in the recipe",
            "set model.precision",
        )
    if not _flag("ACCELERATE_USE_FSDP"):
        return
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UsageError("accelerate launch --use_fsdp of version 1", "--fsdp_version 2")
    for name, wanted, remedy in (
        ("RESHARD_AFTER_FORWARD", "true", "leave --fsdp_reshard_after_forward as it is"),
        ("OFFLOAD_PARAMS", "false", "leave --fsdp_offload_params as it is"),
        ("ACTIVATION_CHECKPOINTING", "false", "set model.gradient_checkpointing in the recipe"),
    ):
        found = os.environ.get(f"FSDP_{name}", wanted)
        if found.lower() != wanted:
            raise UsageError(f"FSDP_{name} = {found}", wanted, remedy)


def _join() -> World:
    """Meet the other processes through Accelerate."""
    import torch
    from accelerate import PartialState

    from gym_reason.trainers.distributed.processes import ProcessWorld
    from gym_reason.trainers.distributed.watch import Watch, open_store

    on_gpu = torch.cuda.is_available()
    # Objects go by way of the CPU, so both kinds of tensors need a way to the others.
    backend: dict[str, Any] = {"backend": "cpu:gloo,cuda:nccl"} if on_gpu else {"cpu": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the number of threads is the recipe's
            state = PartialState(timeout=timedelta(seconds=MEETING_S), **backend)
        store = open_store(os.environ["MASTER_ADDR"], _number("MASTER_PORT", 29500))
    except (RuntimeError, ValueError, KeyError) as error:
        raise RunError(f"the processes do not meet: {describe_error(error)}", HOW) from None
    if state.num_processes != _number("WORLD_SIZE", 1):
        raise UsageError(
            f"{state.num_processes} process where WORLD_SIZE says {os.environ['WORLD_SIZE']}",
            "processes of a launcher, with LOCAL_RANK and MASTER_ADDR",
            HOW,
        )
    return ProcessWorld(
        Watch(store, state.process_index, state.num_processes),
        local_rank=_number("LOCAL_RANK", 0),
        local_size=_number("LOCAL_WORLD_SIZE", 1),
        device=torch.device(str(state.device)),
        splits=_flag("ACCELERATE_USE_FSDP"),
    )


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name} = {text!r}", "a number, as a launcher sets it") from None


def _flag(name: str) -> bool:
    return os.environ.get(name, "false").strip().lower() in ("true", "1", "yes")
