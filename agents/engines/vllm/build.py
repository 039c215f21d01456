"""Starting a vLLM engine: on a folder that stays, or for a model in training."""

import contextlib
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from gym_reason.agents.engines.local.detokenizer import Detokenizer, StopSearch
from gym_reason.agents.engines.local.engine import find_stop_tokens
from gym_reason.agents.engines.vllm.arguments import engine_arguments, environment
from gym_reason.agents.engines.vllm.backend import Backend
from gym_reason.agents.engines.vllm.canary import REMEDY, Canary, default_limit
from gym_reason.agents.engines.vllm.child import ServerProcess
from gym_reason.agents.engines.vllm.colocated import ColocatedVllm
from gym_reason.agents.engines.vllm.delivery import SHARED_MEMORY
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.heads import (
    choose_width,
    head_width,
    widen_config,
    widen_matrices,
    widen_weights,
)
from gym_reason.agents.engines.vllm.lora import LoraRoom
from gym_reason.agents.engines.vllm.plugin import BACKEND
from gym_reason.agents.engines.vllm.server import ServerVllm
from gym_reason.agents.engines.vllm.settings import (
    EngineKind,
    ServerPlace,
    SyncRoute,
    VllmSettings,
    check_settings,
)
from gym_reason.agents.images import load_image_encoder
from gym_reason.agents.models import DTYPES, choose_device, load_model, resolve_model_folder
from gym_reason.agents.virtual_tokens import find_kind_beside
from gym_reason.errors import ModelError

NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}
"""vLLM's names of types."""
DEVELOPMENT = {"VLLM_SERVER_DEV_MODE": "1"}
"""Has a server answer what takes new weights."""


def start_for_training(
    kind: EngineKind,
    settings: VllmSettings,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    *,
    temperature: float,
    dtype: torch.dtype | None,
    folder: Path,
    place: ServerPlace | None = None,
    in_flight: bool = False,
    lora: LoraRoom | None = None,
) -> VllmEngine:
    """Return an engine that follows a model in training.

    Args:
        kind: `vllm` or `server`.
        settings: How.
        model: Its weights go to vLLM; its folder on the disk, if it has one, is not read.
        tokenizer: The model's.
        temperature: Of the trainer's log-probabilities.
        dtype: Of the trainer's matrix products; None for the weights' own.
        folder: The run's, for weights that go by way of the disk.
        place: Of a server that is started; None for the folder and any GPU.
        in_flight: Whether weights may come while completions are under way; for `vllm` alone.
        lora: What of an adapter vLLM is to apply itself; None to give it merged weights.

    Raises ConfigError, ModelError, RunError or UsageError where it cannot be started.
    """
    check_settings(kind, settings)
    own: torch.dtype = dtype or model.dtype
    chosen = own if settings.dtype == "auto" else DTYPES[settings.dtype]
    with contextlib.ExitStack() as stack:
        configuration = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gym-reason-")))
        model.config.architectures = [type(model).__name__]
        own_width = head_width(model.config)
        # A server that runs already has a model of its own.
        known = bool(settings.base_url)
        width = own_width if known else choose_width(model.config, model.device.type)
        widen_config(model.config, width).save_pretrained(str(configuration))
        tokenizer.save_pretrained(str(configuration))
        scratch = _sync_folder(settings.sync, kind, folder, stack)
        backend = _start(
            kind,
            settings,
            configuration,
            tokenizer,
            device=model.device,
            dtype=chosen,
            trained=True,
            scratch=scratch,
            place=place or ServerPlace(folder / "vllm.log"),
            in_flight=in_flight,
            lora=lora,
        )
        stack.callback(backend.close)
        shape = model.config.get_text_config()
        canary = Canary(
            shape.vocab_size,
            backend.max_positions,
            temperature=temperature,
            dtype=own,
            limit=settings.canary_limit or default_limit(own, chosen),
            remedy=REMEDY if lora is None else f"set vllm.adapter = 'merged', {REMEDY}",
        )
        return VllmEngine(
            backend,
            tokenizer,
            find_stop_tokens(model, tokenizer),
            shape.vocab_size,
            model=model,
            canary=canary,
            translate=lambda weights: widen_weights(weights, own_width, width),
            translate_adapter=None
            if lora is None
            else lambda tensors: widen_matrices(tensors, own_width, width),
            own_seeds=settings.own_seeds,
            resources=stack.pop_all(),
        )


def start_on_folder(
    kind: EngineKind, settings: VllmSettings, path: str | Path
) -> tuple[VllmEngine, Tokenizer]:
    """Return an engine with the weights of a model directory, a checkpoint or a run.

    Raises ConfigError, ModelError, RunError or UsageError where it cannot be started.
    """
    check_settings(kind, settings)
    folder = resolve_model_folder(path)
    if find_kind_beside(folder) is not None:
        raise ModelError(
            f"{folder} has virtual tokens beside its weights", "weights alone", "use engine local"
        )
    device = choose_device()
    try:
        config: Any = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        generation: Any = None
        if (folder / "generation_config.json").is_file():
            generation = GenerationConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"cannot load {folder}: {str(error).strip()[:300]}") from error
    images = load_image_encoder(folder, config, settings.arguments.get("mm_processor_kwargs"))
    if not settings.base_url and choose_width(config, device.type) != head_width(config):
        # What vLLM runs is not what lies there, so it has to be brought to it.
        model, own_tokenizer = load_model(folder, device=str(device))
        log = Path(tempfile.gettempdir())
        engine = start_for_training(
            kind, settings, model, own_tokenizer, temperature=1.0, dtype=None, folder=log
        )
        return engine, own_tokenizer
    chosen = DTYPES.get(settings.dtype, torch.float32 if device.type == "cpu" else torch.bfloat16)
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gym-reason-")))
        backend = _start(
            kind,
            settings,
            folder,
            tokenizer,
            device=device,
            dtype=chosen,
            trained=False,
            scratch=None,
            place=ServerPlace(scratch / "vllm.log"),
            images=images is not None,
        )
        stack.callback(backend.close)
        stops = find_stop_tokens(
            SimpleNamespace(config=config, generation_config=generation), tokenizer
        )
        engine = VllmEngine(
            backend,
            tokenizer,
            stops,
            config.get_text_config().vocab_size,
            own_seeds=settings.own_seeds,
            images=images,
            resources=stack.pop_all(),
        )
        return engine, tokenizer


def _start(
    kind: EngineKind,
    settings: VllmSettings,
    folder: Path,
    tokenizer: Tokenizer,
    *,
    device: torch.device,
    dtype: torch.dtype,
    trained: bool,
    scratch: Path | None,
    place: ServerPlace,
    in_flight: bool = False,
    images: bool = False,
    lora: LoraRoom | None = None,
) -> Backend:
    """Return a vLLM that runs the model of a folder."""
    if kind == "vllm":
        detokenizer = Detokenizer(tokenizer)
        return ColocatedVllm(
            folder,
            settings,
            device=device,
            dtype=NAMES[dtype],
            trained=trained,
            make_search=lambda stop: StopSearch(detokenizer, stop),
            scratch=scratch,
            in_flight=in_flight,
            images=images,
            lora=lora,
        )
    if settings.base_url:
        return ServerVllm(
            settings.base_url,
            settings,
            trained=trained,
            route=settings.sync,
            scratch=scratch,
            adapters=lora is not None,
        )
    arguments = engine_arguments(
        folder,
        settings,
        device=device.type,
        dtype=NAMES[dtype],
        trained=trained,
        images=images,
        lora=lora,
    )
    variables = environment(settings, device.type) | DEVELOPMENT
    # Another GPU's memory is of no use to the trainer.
    can_sleep = trained and settings.sleep and device.type == "cuda" and not settings.gpus
    if gpus := settings.gpus or place.gpus:
        variables["CUDA_VISIBLE_DEVICES"] = gpus
    if settings.sync == "ipc":
        variables["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1"  # our own handles, over the loopback
    if trained:
        by_device = settings.sync in ("ipc", "nccl")
        arguments |= {
            "weight_transfer_config": {"backend": settings.sync if by_device else BACKEND}
        }
    if lora is not None:
        variables["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
    if can_sleep:
        arguments |= {"enable_sleep_mode": True}
    arguments |= {"enable_scale_out": True}  # the endpoint of tokens in and tokens out
    process = ServerProcess(arguments, variables, place)
    return ServerVllm(
        f"http://127.0.0.1:{process.port}",
        settings,
        trained=trained,
        process=process,
        route=settings.sync,
        scratch=scratch,
        can_sleep=can_sleep,
        adapters=lora is not None,
    )


def _sync_folder(
    route: SyncRoute, kind: EngineKind, folder: Path, stack: contextlib.ExitStack
) -> Path | None:
    """Return the folder that weights go by; None where they are handed over in this process."""
    if route in ("ipc", "nccl") or (kind == "vllm" and route in ("auto", "memory")):
        return None
    parent = SHARED_MEMORY if route != "folder" and SHARED_MEMORY.is_dir() else folder
    made = tempfile.TemporaryDirectory(prefix="gym-reason-", dir=parent)
    return Path(stack.enter_context(made))
