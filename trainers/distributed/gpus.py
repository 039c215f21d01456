"""Which GPUs belong to a process, among those that are on its machine."""

from gym_reason.errors import ConfigError
from gym_reason.trainers.distributed.world import World


def share_gpus(gpus: str, world: World) -> str:
    """Return the part of a list of GPUs, as CUDA_VISIBLE_DEVICES has it, that is this process's.

    Raises ConfigError where the processes of a machine cannot have equally many.
    """
    names = [name.strip() for name in gpus.split(",") if name.strip()]
    if len(names) % world.local_size:
        raise ConfigError(
            f"vllm.gpus = {gpus!r} for the servers of {world.local_size} processes",
            f"a multiple of {world.local_size}: each gets as many",
        )
    each = len(names) // world.local_size
    return ",".join(names[world.local_rank * each : (world.local_rank + 1) * each])


def own_gpu(visible: str, world: World) -> str:
    """Return the name of the GPU that this process trains on.

    Args:
        visible: CUDA_VISIBLE_DEVICES; empty where nobody has set it.
        world: The processes; each uses the GPU of its number on its machine.
    """
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return names[world.local_rank] if world.local_rank < len(names) else str(world.local_rank)
