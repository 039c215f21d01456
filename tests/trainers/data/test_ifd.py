"""IFD: its definition, its limits, what is dropped, and the brief training before."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.data import ifd
from gym_reason.trainers.data.brief_sft import BriefSettings, restored_weights, train_briefly
from gym_reason.trainers.data.clusters import find_clusters, sample_clusters
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.scoring import Scorer, make_trace
from gym_reason.types import Message


def example(prompt: str, response: str, where: str = "line 1") -> Example:
    """Return an example with a prompt of one message."""
    return Example(where, {"id": where}, (Message("user", prompt),), response)


def log_probability(scorer: Scorer, context: tuple[int, ...], answer: tuple[int, ...]) -> float:
    """Return the summed log-probability of an answer, by the model's own forward pass."""
    ids = torch.tensor([[*context, *answer]])
    with torch.no_grad():
        logps = torch.log_softmax(scorer.model(input_ids=ids).logits.double()[0], -1)
    start = len(context)
    return sum(float(logps[start + i - 1, token]) for i, token in enumerate(answer))


EXAMPLES = [
    example("1+1=", "2", "line 1"),
    example("How much is 12 and 30?", "It is 42.", "line 2"),
    example("", "An answer to nothing", "line 3"),
    example("Say yes.", "yes yes yes", "line 4"),
]


def test_the_score_is_the_ratio_of_summed_log_probabilities(scorer: Scorer) -> None:
    scored = ifd.score(scorer, EXAMPLES, DropLog())
    bos = scorer.context_ids(())
    assert bos == (scorer.tokenizer.bos_token_id,)
    for item in scored:
        answer = scorer.response_ids(item.example.response)
        context = scorer.context_ids(item.example.prompt)
        conditioned = log_probability(scorer, context, answer)
        alone = log_probability(scorer, bos, answer)
        assert item.ifd == pytest.approx(conditioned / alone, abs=1e-6)
        assert item.with_prompt == pytest.approx(-conditioned / len(answer), abs=1e-5)
        assert item.alone == pytest.approx(-alone / len(answer), abs=1e-5)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
def test_without_a_question_it_is_one(shared_scorer: Scorer, text: str) -> None:
    prompts = [(), (Message("user", ""),), (Message("system", ""), Message("user", ""))]
    examples = [Example("line 1", {}, prompt, text) for prompt in prompts]
    assert [item.ifd for item in ifd.score(shared_scorer, examples, DropLog())] == [1.0] * 3


def test_batches_and_padding_change_nothing(scorer: Scorer) -> None:
    alone = [ifd.score(scorer, [item], DropLog())[0].ifd for item in EXAMPLES]
    narrow = Scorer(scorer.model, scorer.tokenizer, scorer.encoder, batch_tokens=1)
    for each in (scorer, narrow):
        together = [item.ifd for item in ifd.score(each, EXAMPLES, DropLog())]
        assert together == pytest.approx(alone, abs=1e-6)


def test_what_cannot_be_scored_is_rejected_and_counted(scorer: Scorer) -> None:
    log = DropLog()
    examples = [
        example("1+1=", "2", "line 1"),
        example("1+1=", "zwei ß", "line 2"),
        example("1" * 80, "2" * 20, "line 3"),
    ]
    readable = ifd.find_readable(scorer, examples, log)
    assert [item.where for item in readable] == ["line 1"]
    assert log.counts == {"characters that the tokenizer lacks": 1, "too long for the model": 1}
    assert math.isnan(ifd.ratio_of(1.0, 0.0))
    with torch.no_grad():
        next(scorer.model.parameters()).fill_(math.nan)
    assert ifd.score(scorer, readable, log) == []
    assert log.counts[ifd.NOT_FINITE] == 1


def test_misleading_ones_go_first_and_the_hardest_share_stays(scorer: Scorer) -> None:
    examples = [example("x" * n, "answer", f"line {n}") for n in range(1, 21)]
    scores = {s.example.where: s.ifd for s in ifd.score(scorer, examples, DropLog())}
    log = DropLog()
    kept = ifd.select(scorer, examples, 0.2, log)
    helped = sorted((value for value in scores.values() if value <= 1.0), reverse=True)
    assert [item.ifd for item in kept] == helped[:4]
    assert log.counts.get(ifd.MISLEADING, 0) == sum(value > 1.0 for value in scores.values())
    assert len(kept) + len(log.drops) == 20
    everything = ifd.select(scorer, examples, 1.0, DropLog())
    assert len(everything) == len(helped)


def test_a_model_that_has_learned_the_answers_needs_their_questions(scorer: Scorer) -> None:
    pairs = [("abcdefgh"[n] + "?", "stuvwxyz"[n] * 2) for n in range(8)]
    examples = [example(q, a, f"line {n}") for n, (q, a) in enumerate(pairs)]
    before = [item.ifd for item in ifd.score(scorer, examples, DropLog())]
    traces = [
        make_trace(scorer.context_ids(e.prompt), scorer.response_ids(e.response, end=True))
        for e in examples
    ]
    with restored_weights(scorer):
        train_briefly(scorer, traces, BriefSettings(lr=1e-2, epochs=40), seed=0)
        after = [item.ifd for item in ifd.score(scorer, examples, DropLog())]
    assert sum(after) / len(after) < 0.7 < 0.9 < sum(before) / len(before)
    again = [item.ifd for item in ifd.score(scorer, examples, DropLog())]
    assert again == before  # the weights came back


def test_pre_experience_is_the_same_in_every_run(scorer: Scorer) -> None:
    settings = ifd.PreExperience(clusters=2, each=1, brief=BriefSettings(lr=1e-3))
    with restored_weights(scorer):
        first = ifd.select(scorer, EXAMPLES, 1.0, DropLog(), pre_experience=settings, seed=1)
    with restored_weights(scorer):
        chosen = ifd.gain_experience(scorer, EXAMPLES, settings, seed=1)
        second = ifd.select(scorer, EXAMPLES, 1.0, DropLog(), seed=1)
    assert len(chosen) == 2
    assert [(s.example.where, s.ifd) for s in first] == [(s.example.where, s.ifd) for s in second]


def test_clusters_are_found_whatever_the_order_and_none_is_empty() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    noise = torch.randn(30, 2, generator=torch.Generator().manual_seed(0)) * 0.1
    points = centres.repeat(10, 1) + noise
    found = find_clusters(points, 3, seed=5)
    assert torch.equal(found, find_clusters(points, 3, seed=5))
    for place in range(3):
        assert len(set(found[place::3].tolist())) == 1
    assert set(found.tolist()) == {0, 1, 2}
    assert len(set(find_clusters(points[:2], 7, seed=0).tolist())) == 2
    assert find_clusters(torch.ones(4, 2), 3, seed=0).tolist() == [0, 0, 0, 0]
    chosen = sample_clusters(found, 2, seed=0)
    assert len(chosen) == 6 == len(set(chosen))
    assert sorted(found[chosen].tolist()) == [0, 0, 1, 1, 2, 2]
