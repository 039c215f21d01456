"""Virtual tokens in the engine: every row begins with them, however it is batched."""

from typing import Literal

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine, decoder
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.agents.virtual_tokens import VirtualTokens, find_virtual_tokens
from gym_reason.errors import ModelError

Kind = Literal["prefix", "prompt"]
COUNT = 5
PROMPTS = [[1, 4, 5, 6, 7, 8], [1, 9], [1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]]


@pytest.fixture(scope="module", params=["prefix", "prompt"])
def engine(request: pytest.FixtureRequest) -> LocalEngine:
    """Return an engine on a model of random weights with virtual tokens that matter."""
    tokenizer = build_character_tokenizer("0123456789+=,")
    model = build_preset("0.1m", len(tokenizer), max_positions=64, seed=0)
    kind: Kind = request.param
    width = 64 if kind == "prompt" else 2 * 2 * 2 * 16
    weight = torch.randn(COUNT, width, generator=torch.Generator().manual_seed(0))
    VirtualTokens(kind, weight).attach(model)
    return LocalEngine(model, tokenizer)


def params(**changes: float) -> SamplingParams:
    """Return settings of a short greedy completion."""
    return SamplingParams(max_tokens=20, temperature=changes.get("temperature", 0.0), seed=1)


def test_logprobs_are_those_of_a_full_forward_pass(engine: LocalEngine) -> None:
    for prompt, found in zip(
        PROMPTS, engine.generate(PROMPTS, params(temperature=1.0)), strict=True
    ):
        ids_NL = torch.tensor([[*prompt, *found.token_ids]])
        with torch.no_grad():
            logits_NTV = engine.model(input_ids=ids_NL[:, :-1], use_cache=False).logits
        logps_T = logits_NTV.log_softmax(-1)[0, len(prompt) - 1 :]
        expected_T = logps_T.gather(1, ids_NL[0, len(prompt) :, None]).squeeze(1)
        assert torch.allclose(torch.tensor(found.logprobs), expected_T, atol=1e-5)


def test_spans_and_crowds_change_nothing(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [engine.generate([prompt], params())[0].token_ids for prompt in PROMPTS]
    few = LocalEngine(engine.model, engine.tokenizer, max_rows=2)
    crowd = few.generate([*PROMPTS, *PROMPTS], params())
    assert [completion.token_ids for completion in crowd] == [*expected, *expected]
    monkeypatch.setattr(decoder, "SPAN_SCORES", 1)
    spans = engine.generate([PROMPTS[2] * 3], params())[0].token_ids
    monkeypatch.undo()
    assert spans == engine.generate([PROMPTS[2] * 3], params())[0].token_ids


def test_a_long_row_keeps_what_it_has_when_others_join(engine: LocalEngine) -> None:
    alone = SamplingParams(max_tokens=50, temperature=0.0)
    expected = engine.generate([[1, 9]], alone)[0].token_ids
    few = LocalEngine(engine.model, engine.tokenizer, max_rows=3)
    short = SamplingParams(max_tokens=3, temperature=0.0)
    crowd = few.generate([[1, 9], *[[1, n] for n in range(4, 10)]], [alone, *[short] * 6])
    assert crowd[0].token_ids == expected


def test_they_take_positions(engine: LocalEngine) -> None:
    assert engine.max_positions == 64 - COUNT
    whole = engine.generate([[1, 5]], SamplingParams(max_tokens=1000, temperature=1.0, seed=4))[0]
    assert len(whole.token_ids) <= 64 - COUNT - 2


def test_a_call_that_counts_positions_itself_is_refused(engine: LocalEngine) -> None:
    found = find_virtual_tokens(engine.model)
    assert found is not None
    assert found.count == COUNT
    ids_NT = torch.tensor([[1, 5]])
    with pytest.raises(ModelError, match="called with attention_mask"):
        engine.model(input_ids=ids_NT, attention_mask=torch.ones_like(ids_NT))
