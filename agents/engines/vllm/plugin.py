"""What vLLM is told of us, in every process of its own: a way to take over weights.

vLLM calls `register` by the entry point `vllm.general_plugins`. A server that somebody else starts
with `--weight-transfer-config '{"backend": "gym_reason"}'` knows it too.
"""

import importlib

BACKEND = "gym_reason"
"""Name of the way, for vLLM's `WeightTransferConfig`."""


def register() -> None:
    """Make the way known, once."""
    factory = importlib.import_module(
        "vllm.distributed.weight_transfer.factory"
    ).WeightTransferEngineFactory
    if BACKEND not in factory._registry:
        factory.register_engine(
            BACKEND, "gym_reason.agents.engines.vllm.transfer", "OfferedWeightsEngine"
        )
