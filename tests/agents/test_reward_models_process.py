"""Process reward models against transformers' own forward pass, token by token."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    Qwen3Config,
    Qwen3ForSequenceClassification,
    Qwen3ForTokenClassification,
)

import gym_reason.agents.reward_models  # noqa: F401  (registers the verifiers)
from gym_reason.agents.reward_models import ProcessRewardModelVerifier, aggregate
from gym_reason.agents.reward_models.aggregation import Aggregation
from gym_reason.agents.reward_models.process import MOST_STEP_PARTS
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers import make_verifier

TOKENIZER = build_character_tokenizer("0123456789+-= <>/abcdehiknoprstu|\n;")
TASK = Task("t", (Message("user", "1+2+3="),), "6")
STEPS = ["1+2=3", "3+3=6", "so it is 6"]
SOLUTION = "\n\n".join(STEPS)
RULES: tuple[Aggregation, ...] = ("min", "product", "last", "mean")
Saver = Callable[..., tuple[Path, Any]]


@pytest.fixture
def save(tmp_path: Path) -> Saver:
    def write(kind: Any, labels: int, positions: int = 256) -> tuple[Path, Any]:
        make_config: Any = Qwen3Config
        config = make_config(
            vocab_size=len(TOKENIZER),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=positions,
            pad_token_id=TOKENIZER.pad_token_id,
            num_labels=labels,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            model: Any = kind(config).eval()
            torch.nn.init.normal_(model.score.weight, std=0.5)
        model.save_pretrained(str(tmp_path))
        TOKENIZER.save_pretrained(str(tmp_path))
        return tmp_path, model

    return write


def chance(logits: torch.Tensor) -> float:
    """Return the chance of the last label, or the sigmoid of an only one."""
    return float(logits.sigmoid()[0] if len(logits) == 1 else logits.softmax(-1)[-1])


def token_chances(model: Any, steps: list[str], separator: str) -> list[float]:
    text = "<bos>1+2+3=" + "".join(step + separator for step in steps)
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    ends, start = [], len(TOKENIZER.encode("<bos>1+2+3=", add_special_tokens=False))
    for step in steps:
        start += len(step) + len(separator)
        ends.append(start - 1)
    assert ends[-1] == len(ids) - 1
    return [chance(logits[end]) for end in ends]


def prefix_chances(model: Any, prefixes: list[str]) -> list[float]:
    values = []
    for prefix in prefixes:
        text = f"<bos>1+2+3={prefix}<eos>"
        ids = TOKENIZER.encode(text, add_special_tokens=False)
        with torch.no_grad():
            values.append(chance(model(torch.tensor([ids])).logits[0]))
    return values


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("separator", ["\n", "; ;"])
def test_a_token_classifier_is_read_behind_each_step(
    save: Saver, labels: int, separator: str
) -> None:
    folder, model = save(Qwen3ForTokenClassification, labels)
    verifier = ProcessRewardModelVerifier(folder, separator=separator, device="cpu")
    wanted = token_chances(model, STEPS, separator)
    verdict = verifier.verify(TASK, SOLUTION)
    assert [verdict.parts[f"step_{n}"] for n in (1, 2, 3)] == pytest.approx(wanted, abs=1e-6)
    assert verdict.reward == verdict.parts["aggregate"] == pytest.approx(min(wanted), abs=1e-6)
    assert verdict.parts["steps"] == 3
    assert f"step {wanted.index(min(wanted)) + 1} of 3" in verdict.detail
    assert verdict.correct == (min(wanted) >= 0.5)


@pytest.mark.parametrize("labels", [1, 2])
def test_a_sequence_classifier_reads_up_to_each_step(save: Saver, labels: int) -> None:
    folder, model = save(Qwen3ForSequenceClassification, labels)
    verifier = ProcessRewardModelVerifier(folder, "mean", batch_tokens=60, device="cpu")
    wanted = prefix_chances(model, [STEPS[0], "\n\n".join(STEPS[:2]), SOLUTION])
    verdict = verifier.verify(TASK, SOLUTION)
    assert [verdict.parts[f"step_{n}"] for n in (1, 2, 3)] == pytest.approx(wanted, abs=1e-6)
    assert verdict.reward == pytest.approx(sum(wanted) / 3, abs=1e-6)


@pytest.mark.parametrize("kind", [Qwen3ForTokenClassification, Qwen3ForSequenceClassification])
def test_a_group_is_scored_as_each_alone(save: Saver, kind: Any) -> None:
    folder, _ = save(kind, 2)
    verifier = ProcessRewardModelVerifier(folder, batch_tokens=100, device="cpu")
    solutions = [SOLUTION, STEPS[0], "", "\n\n".join(STEPS[::-1]), " \n\n ", "3\n\n6"]
    verdicts = verifier.verify_group(TASK, solutions)
    alone = [verifier.verify(TASK, solution) for solution in solutions]
    assert [v.outcome for v in verdicts] == [v.outcome for v in alone]
    assert [v.reward for v in verdicts] == pytest.approx([v.reward for v in alone], abs=1e-6)
    assert [v.outcome is Outcome.NO_ANSWER for v in verdicts] == [0, 0, 1, 0, 1, 0]
    assert len({round(v.reward, 5) for v in verdicts}) == 5


@pytest.mark.parametrize("rule", RULES)
def test_the_aggregation_is_of_the_steps(save: Saver, rule: Aggregation) -> None:
    folder, model = save(Qwen3ForTokenClassification, 2)
    wanted = token_chances(model, STEPS, "\n")
    verifier = make_verifier(f"process_reward_model:{folder},{rule},device=cpu,separator=\\n")
    reward = verifier.verify(TASK, SOLUTION).reward
    by_hand = {
        "min": min(wanted),
        "product": wanted[0] * wanted[1] * wanted[2],
        "last": wanted[2],
        "mean": sum(wanted) / 3,
    }
    assert reward == pytest.approx(by_hand[rule], abs=1e-6)


def test_a_separator_in_a_step_is_not_scored(save: Saver) -> None:
    folder, model = save(Qwen3ForTokenClassification, 2)
    verifier = ProcessRewardModelVerifier(folder, separator="<eos>", device="cpu")
    scores = verifier.score_many([(TASK, "1+2=3<eos>\n\n3+3=6")])[0]
    assert len(scores.values) == 2
    ids = TOKENIZER.encode("<bos>1+2+3=1+2=3< eos><eos>", add_special_tokens=False)
    with torch.no_grad():
        wanted = chance(model(torch.tensor([ids])).logits[0, -1])
    assert scores.values[0] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("kind", [Qwen3ForTokenClassification, Qwen3ForSequenceClassification])
def test_what_does_not_fit_is_no_score(save: Saver, kind: Any) -> None:
    folder, _ = save(kind, 2, positions=32)
    verifier = ProcessRewardModelVerifier(folder, device="cpu")
    crowded = Task("t", (Message("user", "1" * 40),), "")
    rows = [(TASK, SOLUTION + SOLUTION), (TASK, STEPS[0]), (crowded, STEPS[0])]
    long, short, impossible = verifier.verify_many(rows)
    assert (long.outcome, long.reward) == (Outcome.OUTPUT_LIMIT, 0.0)
    assert short.outcome in (Outcome.PASS, Outcome.FAIL)
    assert impossible.outcome is Outcome.UNSCORABLE
    assert "32 tokens" in long.detail
    assert "32 tokens" in impossible.detail


def test_the_number_of_steps_is_limited_and_so_are_the_parts(save: Saver) -> None:
    folder, _ = save(Qwen3ForTokenClassification, 2)
    verifier = ProcessRewardModelVerifier(folder, max_steps=40, device="cpu")
    verdict = verifier.verify(TASK, "\n\n".join("3" for _ in range(40)))
    assert verdict.parts["steps"] == 40
    assert len([name for name in verdict.parts if name.startswith("step_")]) == MOST_STEP_PARTS
    over = verifier.verify(TASK, "\n\n".join("3" for _ in range(41)))
    assert (over.outcome, over.reward) == (Outcome.OUTPUT_LIMIT, 0.0)


def test_scores_that_are_not_finite_are_unscorable(save: Saver) -> None:
    folder, model = save(Qwen3ForTokenClassification, 2)
    with torch.no_grad():
        model.score.weight[1] = math.inf
    model.save_pretrained(str(folder))
    verdict = ProcessRewardModelVerifier(folder, device="cpu").verify(TASK, SOLUTION)
    assert (verdict.outcome, verdict.reward) == (Outcome.UNSCORABLE, 0.0)


def test_thinking_may_be_left_out(save: Saver) -> None:
    folder, model = save(Qwen3ForTokenClassification, 2)
    verifier = ProcessRewardModelVerifier(folder, drop_thinking=True, device="cpu")
    verdict, unfinished = verifier.verify_group(TASK, [f"<think>no</think>{SOLUTION}", "<think>1"])
    assert verdict.reward == pytest.approx(min(token_chances(model, STEPS, "\n")), abs=1e-6)
    assert unfinished.outcome is Outcome.NO_ANSWER


def test_a_separator_without_a_token_is_refused(save: Saver) -> None:
    folder, _ = save(Qwen3ForTokenClassification, 2)
    with pytest.raises(UsageError, match="separator '§'"):
        ProcessRewardModelVerifier(folder, separator="§", device="cpu").prepare()


def test_it_is_pickled_without_its_weights(save: Saver) -> None:
    folder, _ = save(Qwen3ForTokenClassification, 2)
    verifier = ProcessRewardModelVerifier(folder, device="cpu")
    reward = verifier.verify(TASK, SOLUTION).reward
    content = pickle.dumps(verifier)
    assert len(content) < 2000
    assert pickle.loads(content).verify(TASK, SOLUTION).reward == reward


@pytest.mark.parametrize(
    "options",
    [
        {"aggregation": "max"},
        {"threshold": 1.5},
        {"max_steps": 0},
        {"separator": ""},
        {"boundary": "words"},
        {"label": -1},
    ],
)
def test_options_that_cannot_be(save: Saver, options: dict[str, Any]) -> None:
    folder, _ = save(Qwen3ForTokenClassification, 2)
    with pytest.raises(UsageError):
        ProcessRewardModelVerifier(folder, **options)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_order_of_the_aggregations(scores: list[float]) -> None:
    product, least, mean = (aggregate(scores, rule) for rule in ("product", "min", "mean"))
    assert product <= least <= mean + 1e-12
    assert least <= aggregate(scores, "last") <= max(scores)
    assert mean <= max(scores) + 1e-12


def test_no_steps_have_no_aggregate() -> None:
    with pytest.raises(UsageError, match="no steps"):
        aggregate([], "min")
