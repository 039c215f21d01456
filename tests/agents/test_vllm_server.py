"""A vLLM server as its client sees it: tokens, weights, refusals, silence and death."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.build import start_for_training
from gym_reason.agents.engines.vllm.child import ServerProcess, find_free_port, server_command
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.server import GENERATE, ServerVllm
from gym_reason.agents.engines.vllm.settings import ServerPlace, VllmSettings
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from tests.agents.loop_backends import TOKENIZER, LoopServer, run_server, small_model

PROMPTS = [TOKENIZER.encode(text) for text in ("1+1=", "347+285=", "9")]
QUICK = VllmSettings(timeout_s=1.0, start_timeout_s=5.0)


@pytest.fixture
def server() -> Iterator[LoopServer]:
    with run_server(small_model(seed=1)) as server:
        yield server


def test_a_model_in_training_is_sampled_by_a_server(server: LoopServer, tmp_path: Path) -> None:
    model = small_model()
    engine = start_for_training(
        "server", VllmSettings(base_url=server.url), model, TOKENIZER,
        temperature=1.0, dtype=None, folder=tmp_path,
    )  # fmt: skip
    try:
        local = LocalEngine(model, TOKENIZER)
        for version in (1, 2):
            with torch.no_grad():
                model.model.layers[0].mlp.down_proj.weight.add_(0.5)
            engine.update_weights()
            found = engine.generate(PROMPTS, SamplingParams(8, 0.0))
            expected = local.generate(PROMPTS, SamplingParams(8, 0.0))
            assert [one.token_ids for one in found] == [one.token_ids for one in expected]
            assert found[0].policy_version == version
        order = ["/start_weight_update", "/update_weights", "/finish_weight_update"]
        asked = [path for path in server.asked if path != GENERATE]
        assert asked == ["/init_weight_transfer_engine", *[*order, "/reset_prefix_cache"] * 2]
    finally:
        engine.close()
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_and_one_that_is_cancelled(server: LoopServer) -> None:
    model = small_model(seed=1)
    client = ServerVllm(server.url, VllmSettings(), trained=False)
    engine = VllmEngine(client, TOKENIZER, (), len(TOKENIZER))

    async def ask() -> list[tuple[int, ...]]:
        calls = [asyncio.create_task(engine.sample(PROMPTS[0], SamplingParams(6, seed=s)))
                 for s in range(40)]  # fmt: skip
        await asyncio.sleep(0.01)
        calls[3].cancel()
        said = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(said.pop(3), asyncio.CancelledError)
        return [one.token_ids for one in said]  # type: ignore[union-attr]

    try:
        found = asyncio.run(ask())
        local = LocalEngine(model, TOKENIZER, stop_token_ids=())
        expected = local.generate([PROMPTS[0]] * 40, [SamplingParams(6, seed=s) for s in range(40)])
        del expected[3]
        assert found == [one.token_ids for one in expected]
        assert asyncio.run(ask()) == found  # another event loop
    finally:
        client.close()


@pytest.mark.parametrize(
    ("path", "status", "content", "message"),
    [
        (GENERATE, 500, b"out of memory", "answers .* with 500: out of memory"),
        (GENERATE, 200, b"<html>", "what is no JSON"),
        (GENERATE, 200, b"[]", "is no completion"),
        (GENERATE, 200, b'{"choices": []}', "no finite"),
        (GENERATE, 200, b'{"choices": [{"index": 0, "token_ids": null}]}', "is no completion"),
        (GENERATE, 200, b'{"choices": [{"index": 0, "token_ids": [3], '
         b'"logprobs": {"content": [{"logprob": NaN}]}}]}', "no finite"),
        (GENERATE, 200, b"[" * 100_000, "no JSON"),
        (GENERATE, 200, b"\xff\xfe", "no JSON"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_an_error_of_one_line(
    server: LoopServer, path: str, status: int, content: bytes, message: str
) -> None:
    client = ServerVllm(server.url, QUICK, trained=False)
    engine = VllmEngine(client, TOKENIZER, (), len(TOKENIZER))
    server.answers[path] = (status, content)
    try:
        with pytest.raises(RunError, match=message) as caught:
            engine.generate(PROMPTS, SamplingParams(4))
        assert "\n" not in str(caught.value)
        del server.answers[path]
        assert len(engine.generate(PROMPTS, SamplingParams(4))) == 3
    finally:
        client.close()


def test_a_silent_server_ends_the_wait_by_name(server: LoopServer) -> None:
    client = ServerVllm(server.url, QUICK, trained=False)
    engine = VllmEngine(client, TOKENIZER, (), len(TOKENIZER))
    server.silent.set()
    try:
        with pytest.raises(RunError, match=f"{server.url} gave no sign of life for 1 s while it"):
            asyncio.run(engine.sample(PROMPTS[0], SamplingParams(4)))
        with pytest.raises(RunError, match="no sign of life"):
            engine.generate(PROMPTS, SamplingParams(4))
    finally:
        client.close()


def test_a_server_without_development_endpoints_says_how_to_get_them(
    server: LoopServer, tmp_path: Path
) -> None:
    server.answers["/init_weight_transfer_engine"] = (404, b'{"detail": "Not Found"}')
    with pytest.raises(RunError, match="VLLM_SERVER_DEV_MODE=1"):
        start_for_training(
            "server", VllmSettings(base_url=server.url), small_model(), TOKENIZER,
            temperature=1.0, dtype=None, folder=tmp_path,
        )  # fmt: skip


def test_a_sync_that_fails_half_way_stops_the_run(server: LoopServer, tmp_path: Path) -> None:
    engine = start_for_training(
        "server", VllmSettings(base_url=server.url), small_model(), TOKENIZER,
        temperature=1.0, dtype=None, folder=tmp_path,
    )  # fmt: skip
    server.answers["/finish_weight_update"] = (500, b"died")
    try:
        with pytest.raises(RunError, match="/finish_weight_update with 500: died"):
            engine.update_weights()
    finally:
        engine.close()


def test_nobody_at_the_address_is_told_at_once() -> None:
    with pytest.raises(RunError, match="was lost while it was starting"):
        ServerVllm("http://127.0.0.1:9", QUICK, trained=False)


def test_the_command_of_a_server_says_all_that_the_engine_is_told() -> None:
    arguments = {
        "model": "/m",
        "dtype": "float32",
        "enforce_eager": True,
        "max_num_seqs": 8,
        "enable_prefix_caching": False,
        "weight_transfer_config": {"backend": "x"},
        "lora_target_modules": ["q_proj", "k_proj"],
    }
    command = server_command(arguments, 81)
    assert command[:3] == [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    assert " ".join(command[3:]) == (
        "--host 127.0.0.1 --port 81 --model /m --dtype float32 --enforce-eager --max-num-seqs 8 "
        '--no-enable-prefix-caching --weight-transfer-config {"backend": "x"} '
        "--lora-target-modules q_proj k_proj"
    )


def test_processes_that_look_at_the_same_time_find_ports_of_their_own() -> None:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # As few as many systems allow: the search must not hold what it does not want.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 256), most))
    try:
        for count in (2, 3, 8):
            found = [find_free_port(number, count) % count for number in range(count)]
            assert found == list(range(count))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def test_a_server_that_ends_says_how_and_why(tmp_path: Path) -> None:
    variables = {"PYTHONPATH": str(tmp_path)}  # where there is vLLM, this one comes first
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text("raise MemoryError('none left')")
    process = ServerProcess({"model": "/m"}, variables, ServerPlace(tmp_path / "log.txt"))
    with pytest.raises(RunError, match=r"ended with exit status 1: .*MemoryError: none left"):
        ServerVllm(
            f"http://127.0.0.1:{process.port}", VllmSettings(), trained=False, process=process
        )
    process.close()


def test_a_server_that_is_killed_is_told_from_one_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text("import time; time.sleep(600)")
    process = ServerProcess(
        {"model": "/m"}, {"PYTHONPATH": str(tmp_path)}, ServerPlace(tmp_path / "log.txt")
    )
    assert process.find_fault() is None
    os.kill(process.pid, signal.SIGKILL)
    while process.find_fault() is None:
        time.sleep(0.01)
    assert "ended by SIGKILL" in str(process.find_fault())
    process.close()
    process = ServerProcess(
        {"model": "/m"}, {"PYTHONPATH": str(tmp_path)}, ServerPlace(tmp_path / "log.txt")
    )
    with pytest.raises(RunError, match=r"did not start within 0\.5 s"):
        ServerVllm(
            f"http://127.0.0.1:{process.port}",
            VllmSettings(start_timeout_s=0.5),
            trained=False,
            process=process,
        )
    assert process.find_fault() is not None
