"""The local engine against transformers' own generation and plain forward passes."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.local.decoder import Decoder
from gym_reason.agents.engines.local.fused import FusedDecoder
from gym_reason.agents.engines.local.generic import GenericDecoder, RecomputeDecoder
from gym_reason.agents.models import build_qwen3
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import ModelError, UsageError

torch.set_num_threads(
    1
)  # the models are too small for two, which wait for each other on a busy machine

TOKENIZER = build_character_tokenizer("0123456789+=")
VOCABULARY = len(TOKENIZER)
PROMPTS = [
    TOKENIZER.encode(text) for text in ("1+1=", "347+285=", "9", "12345678901234567", "347+285=")
]


def qwen3(layers: int = 2, vocab_size: int = VOCABULARY) -> Any:
    model = build_qwen3(
        vocab_size, layers=layers, hidden=32, heads=4, kv_heads=2, head_dim=8, feed_forward=64,
        max_positions=128, seed=3,
    )  # fmt: skip
    return sharpen(model)


def sharpen(model: Any) -> Any:
    """Scale random weights up: the likeliest token stands out and is not always the same."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            else:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def llama_like(config_class: Any, model_class: Any, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "attn_implementation": "eager",
    }
    return sharpen(model_class(config_class(**{**settings, **changes})))


def gpt2() -> Any:
    make_config: Any = GPT2Config
    config = make_config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
    )  # fmt: skip
    return sharpen(GPT2LMHeadModel(config))


MODELS: dict[str, tuple[Callable[[], Any], type[Decoder]]] = {
    "qwen3": (qwen3, FusedDecoder),
    "qwen3-large-vocabulary": (lambda: qwen3(vocab_size=300), FusedDecoder),
    "qwen2": (lambda: llama_like(Qwen2Config, Qwen2ForCausalLM), FusedDecoder),
    "llama": (lambda: llama_like(LlamaConfig, LlamaForCausalLM), FusedDecoder),
    "llama-bias": (
        lambda: llama_like(LlamaConfig, LlamaForCausalLM, attention_bias=True),
        FusedDecoder,
    ),
    "mistral": (
        lambda: llama_like(MistralConfig, MistralForCausalLM, sliding_window=None),
        GenericDecoder,
    ),
    "gpt2": (gpt2, GenericDecoder),
    "mistral-window": (
        lambda: llama_like(MistralConfig, MistralForCausalLM, sliding_window=6),
        RecomputeDecoder,
    ),
}


@pytest.fixture(scope="module", params=list(MODELS))
def engine(request: pytest.FixtureRequest) -> LocalEngine:
    build, kind = MODELS[request.param]
    engine = LocalEngine(build(), TOKENIZER)
    assert type(engine.decoder) is kind
    return engine


def generate_one(model: Any, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt])
    result = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False
    )
    return list(result[0, len(prompt) :].tolist())


def reference_logps(model: Any, prompt: list[int], tokens: tuple[int, ...]) -> torch.Tensor:
    ids = torch.tensor([[*prompt, *tokens]])
    with torch.no_grad():
        logps = model(ids).logits[0].log_softmax(-1)
    chosen: torch.Tensor = logps[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None])
    return chosen.squeeze(1)


def test_greedy_tokens_equal_those_of_generate(engine: LocalEngine) -> None:
    found = engine.generate(PROMPTS, SamplingParams(max_tokens=40, temperature=0))
    for prompt, completion in zip(PROMPTS, found, strict=True):
        assert list(completion.token_ids) == generate_one(engine.model, prompt, 40)
    assert len({completion.token_ids for completion in found}) > 2


def test_logprobs_are_those_of_a_full_forward_pass(engine: LocalEngine) -> None:
    params = [SamplingParams(max_tokens=30, seed=index) for index in range(len(PROMPTS))]
    for prompt, completion in zip(PROMPTS, engine.generate(PROMPTS, params), strict=True):
        expected = reference_logps(engine.model, prompt, completion.token_ids)
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=0)


def test_few_rows_and_many_requests_give_what_one_batch_gives(engine: LocalEngine) -> None:
    small = LocalEngine(engine.model, TOKENIZER, max_rows=3)
    prompts = [PROMPTS[index % len(PROMPTS)] for index in range(20)]
    params = [SamplingParams(max_tokens=3 + index, seed=index) for index in range(20)]
    whole = engine.generate(prompts, params)
    found = small.generate(prompts, params)
    assert [c.token_ids for c in found] == [c.token_ids for c in whole]
    assert [c.text for c in found] == [c.text for c in whole]


def test_a_seed_gives_the_same_tokens_alone_and_in_a_crowd(engine: LocalEngine) -> None:
    params = [SamplingParams(max_tokens=12, seed=index) for index in range(30)]
    crowd = engine.generate([PROMPTS[1]] * 30, params)
    for index in (0, 13, 29):
        alone = engine.generate([PROMPTS[1]], params[index])[0]
        assert alone.token_ids == crowd[index].token_ids
    assert len({completion.token_ids for completion in crowd}) > 5


def test_long_prompts_are_prefilled_in_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [TOKENIZER.encode("1234567890+=" * repeat)[:90] for repeat in (7, 8)]
    for build in (qwen3, gpt2):
        engine = LocalEngine(build(), TOKENIZER)
        params = SamplingParams(max_tokens=5, temperature=0)
        whole = engine.generate(prompts, params)
        monkeypatch.setattr("gym_reason.agents.engines.local.decoder.SPAN_SCORES", 1)
        spans = engine.generate(prompts, params)
        monkeypatch.undo()
        assert [c.token_ids for c in spans] == [c.token_ids for c in whole]


def test_weights_are_never_stale() -> None:
    model = qwen3()
    engine = LocalEngine(model, TOKENIZER)
    params = SamplingParams(max_tokens=8, seed=1)

    def gap() -> float:
        completion = engine.generate([PROMPTS[1]], params)[0]
        expected = reference_logps(model, PROMPTS[1], completion.token_ids)
        return float((torch.tensor(completion.logprobs) - expected).abs().max())

    for fused in (False, True):
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.05, fused=fused)
        model(torch.tensor([PROMPTS[1]])).logits.square().sum().backward()
        optimiser.step()
        assert gap() < 1e-4
    model.load_state_dict({k: v * 1.1 for k, v in model.state_dict().items()})
    assert gap() < 1e-4
    with torch.no_grad():
        model.model.layers[0].mlp.gate_proj.weight = torch.nn.Parameter(torch.randn(64, 32))
    assert gap() < 1e-4
    model.model.layers[1].self_attn.v_proj.weight.data.mul_(3.0)
    assert gap() > 1e-3  # hidden from the watch
    engine.refresh()
    assert gap() < 1e-4


@pytest.mark.parametrize("name", ["qwen3", "qwen3-large-vocabulary", "llama-bias", "gpt2"])
def test_bf16_is_near_fp32_and_follows_the_weights(name: str) -> None:
    build, kind = MODELS[name]
    model = build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)  # milder logits: rounding shows in them in proportion
    engine = LocalEngine(model, TOKENIZER, dtype=torch.bfloat16)
    assert type(engine.decoder) is kind
    assert engine.dtype == torch.bfloat16
    params = [SamplingParams(max_tokens=20, seed=index) for index in range(len(PROMPTS))]

    def gap() -> float:
        gaps = [
            torch.tensor(completion.logprobs) - reference_logps(model, prompt, completion.token_ids)
            for prompt, completion in zip(PROMPTS, engine.generate(PROMPTS, params), strict=True)
        ]
        return float(torch.cat(gaps).abs().max())

    assert 1e-6 < gap() < 0.1
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.05)
    before = engine.generate(PROMPTS, params)
    model(torch.tensor([PROMPTS[1]])).logits.square().sum().backward()
    optimiser.step()
    assert 1e-6 < gap() < 0.2
    assert [c.logprobs for c in engine.generate(PROMPTS, params)] != [c.logprobs for c in before]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_type_that_cannot_be_computed_in() -> None:
    with pytest.raises(UsageError, match="int8"):
        LocalEngine(qwen3(), TOKENIZER, dtype=torch.int8)


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
def test_a_small_cache_runs_fewer_rows_and_gives_the_same(name: str) -> None:
    model = MODELS[name][0]()
    engine = LocalEngine(model, TOKENIZER)
    per_token = engine.decoder.bytes_per_token
    assert per_token == 2 * 2 * 32 * 4 // (2 if name == "qwen3" else 1)
    prompts = [PROMPTS[index % len(PROMPTS)] for index in range(70)]
    params = [SamplingParams(max_tokens=1 + index % 40, seed=index) for index in range(70)]
    whole = engine.generate(prompts, params)
    for limit in (1, 32 * 64 * per_token):
        small = LocalEngine(model, TOKENIZER, max_cache_bytes=limit)
        most = watch_rows(small)
        found = small.generate(prompts, params)
        assert [c.token_ids for c in found] == [c.token_ids for c in whole]
        assert max(rows for rows, _ in most) == (1 if limit == 1 else 32)
        if limit > 1:
            assert max(rows * tokens for rows, tokens in most) * per_token <= limit
    with pytest.raises(UsageError, match="max_cache_bytes=0"):
        LocalEngine(model, TOKENIZER, max_cache_bytes=0)


def test_memory_follows_a_long_row_after_many_short_ones_and_back() -> None:
    model = qwen3()
    limit = 32 * 64 * LocalEngine(model, TOKENIZER).decoder.bytes_per_token
    engine = LocalEngine(model, TOKENIZER, max_cache_bytes=limit)
    prompts = [PROMPTS[0]] * 65
    lengths = [3] * 31 + [50] + [100] + [4] * 32
    params = [SamplingParams(max_tokens=m, seed=i) for i, m in enumerate(lengths)]
    most = watch_rows(engine)
    found = engine.generate(prompts, params)
    expected = LocalEngine(model, TOKENIZER).generate(prompts, params)
    assert [c.token_ids for c in found] == [c.token_ids for c in expected]
    assert all(
        size <= limit for size in (slab_bytes(rows, tokens, engine) for rows, tokens in most)
    )


def watch_rows(engine: LocalEngine) -> list[tuple[int, int]]:
    """Return a list that receives rows and capacity at each decode step of the engine."""
    decoder: Any = engine.decoder
    decode, seen = decoder.decode, []

    def watched(tokens_N: torch.Tensor, *rest: Any) -> torch.Tensor:
        logits: torch.Tensor = decode(tokens_N, *rest)
        seen.append((tokens_N.shape[0], decoder._slabs.capacity))
        return logits

    decoder.decode = watched
    return seen


def slab_bytes(rows: int, tokens: int, engine: LocalEngine) -> int:
    return -(-rows // 16) * 16 * tokens * engine.decoder.bytes_per_token


def test_versions_count_updates() -> None:
    engine = LocalEngine(qwen3(), TOKENIZER)
    assert isinstance(engine, Policy)
    assert engine.version == 0
    engine.update_weights()
    engine.update_weights()
    completion = engine.generate([PROMPTS[0]], SamplingParams(max_tokens=2))[0]
    assert completion.policy_version == engine.version == 2
    engine.update_weights(7)
    assert engine.version == 7


def test_stop_tokens_end_a_completion_and_leave_no_text() -> None:
    engine = LocalEngine(qwen3(), TOKENIZER, stop_token_ids=())
    free = engine.generate([PROMPTS[1]], SamplingParams(max_tokens=40, seed=4))[0]
    assert free.finish_reason == "length"
    assert len(free.token_ids) == 40
    stop = free.token_ids[10]
    end = free.token_ids.index(stop) + 1
    params = SamplingParams(max_tokens=40, seed=4, stop_token_ids=(stop,))
    stopped = engine.generate([PROMPTS[1]], params)[0]
    assert stopped.finish_reason == "stop"
    assert stopped.token_ids == free.token_ids[:end]
    expected = TOKENIZER.decode(list(free.token_ids[: end - 1]))
    assert stopped.text == expected


def test_a_special_token_inside_an_answer_stays_visible() -> None:
    model = qwen3()
    engine = LocalEngine(model, TOKENIZER)
    seen = 0
    for seed in range(60):
        completion = engine.generate([PROMPTS[1]], SamplingParams(max_tokens=30, seed=seed))[0]
        ids = list(completion.token_ids)
        stopped = completion.finish_reason == "stop"
        assert stopped == (ids[-1] == TOKENIZER.eos_token_id)
        shown = ids[:-1] if stopped else ids
        assert completion.text == TOKENIZER.decode(shown)
        assert completion.text.count("<bos>") == sum(
            token == TOKENIZER.bos_token_id for token in shown
        )
        assert "<eos>" not in completion.text
        seen += TOKENIZER.bos_token_id in shown
    assert seen > 5


def test_stop_strings_cut_the_text_and_keep_the_tokens() -> None:
    engine = LocalEngine(qwen3(), TOKENIZER, stop_token_ids=())
    free = engine.generate([PROMPTS[1]], SamplingParams(max_tokens=40, seed=4))[0]
    stop = free.text[7:9]
    assert len(stop) == 2
    params = SamplingParams(max_tokens=40, seed=4, stop=("never", stop))
    others = SamplingParams(max_tokens=20, seed=5)
    found = engine.generate([PROMPTS[0], PROMPTS[1], PROMPTS[2]], [others, params, others])[1]
    assert found.finish_reason == "stop"
    assert found.text == free.text[: free.text.index(stop)]
    assert found.token_ids == free.token_ids[: len(found.token_ids)]
    assert stop in TOKENIZER.decode(list(found.token_ids))
    assert stop not in TOKENIZER.decode(list(found.token_ids[:-1]))


def test_text_at_the_position_limit_ends_with_length() -> None:
    engine = LocalEngine(qwen3(), TOKENIZER, stop_token_ids=())
    prompt = [6] * 120
    completion = engine.generate([prompt], SamplingParams(max_tokens=50))[0]
    assert len(completion.token_ids) == 8
    assert completion.finish_reason == "length"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [([], "empty"), ([6] * 128, "128 tokens"), ([1, 99], "token 99"), ([-1], "-1")],
)
def test_prompts_that_cannot_be_completed(prompt: list[int], words: str) -> None:
    engine = LocalEngine(qwen3(), TOKENIZER)
    with pytest.raises(UsageError, match=words):
        engine.generate([prompt], SamplingParams())


def test_logits_that_are_not_finite_are_an_error_and_leave_no_trace() -> None:
    model = qwen3()
    engine = LocalEngine(model, TOKENIZER)
    params = SamplingParams(max_tokens=6, seed=1)
    before = engine.generate(PROMPTS, params)
    kept = model.model.norm.weight.detach().clone()
    with torch.no_grad():
        model.model.norm.weight.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        engine.generate(PROMPTS, params)
    with torch.no_grad():
        model.model.norm.weight.copy_(kept)
    after = engine.generate(PROMPTS, params)
    assert [c.token_ids for c in after] == [c.token_ids for c in before]


def test_training_mode_adds_no_dropout_and_is_kept() -> None:
    model = gpt2()
    engine = LocalEngine(model, TOKENIZER)
    params = SamplingParams(max_tokens=10, seed=2)
    expected = engine.generate([PROMPTS[1]], params)[0]
    model.train()
    assert engine.generate([PROMPTS[1]], params)[0].token_ids == expected.token_ids
    assert model.training


def test_the_fallback_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        LocalEngine(llama_like(MistralConfig, MistralForCausalLM, sliding_window=4), TOKENIZER)
    assert "recomputed for every token" in caplog.text
