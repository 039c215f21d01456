"""The arguments and the environment that vLLM is started with."""

from pathlib import Path
from typing import Any

from gym_reason.agents.engines.vllm.lora import LoraRoom
from gym_reason.agents.engines.vllm.settings import VllmSettings


def engine_arguments(
    folder: Path,
    settings: VllmSettings,
    *,
    device: str,
    dtype: str,
    trained: bool,
    in_flight: bool = False,
    images: bool = False,
    lora: LoraRoom | None = None,
) -> dict[str, Any]:
    """Return the arguments of vLLM's engine; `settings.arguments` has the last word.

    Where weights come `in_flight`, under completions, prompts of an older version cannot be
    forgotten while these hold them, so that none are kept; and no step may be under way between two
    steps, so that each token is known to be of one version.
    `processed_logprobs` are those of the distribution that a token was drawn from, which is what a
    completion holds; vLLM's default is those of the model at temperature 1. With `images` it needs
    the tokenizer, whose tokens stand for them. With `lora` it has room for an adapter.
    """
    arguments: dict[str, Any] = {
        "model": str(folder),
        "skip_tokenizer_init": not images,
        "generation_config": "vllm",
        "dtype": dtype,
        "load_format": "dummy" if trained else "auto",
        "max_num_seqs": settings.max_rows,
        "enable_prefix_caching": settings.prefix_caching,
        "enforce_eager": settings.eager or device == "cpu",
        "logprobs_mode": "processed_logprobs",
        "disable_log_stats": True,
        "seed": 0,
    }
    if in_flight:
        arguments |= {"enable_prefix_caching": False, "async_scheduling": False}
    if lora is not None:
        arguments |= lora.arguments()
    if settings.max_positions:
        arguments["max_model_len"] = settings.max_positions
    if device != "cpu":
        arguments["gpu_memory_utilization"] = settings.memory_share
    return arguments | dict(settings.arguments)


def environment(settings: VllmSettings, device: str) -> dict[str, str]:
    """Return the variables of the environment that vLLM reads."""
    variables = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    if device == "cpu":
        # Its own binding of threads to cores takes cores that other processes keep busy.
        variables |= {
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_CPU_KVCACHE_SPACE": str(settings.cache_gib),
        }
    return variables
