"""The pieces of asynchronous rollouts: stored episodes, ages, snapshots, the thread."""

import asyncio
import copy
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from gym_reason.trainers.rl.collect import Collected, Sample, collect
from gym_reason.trainers.rollouts.audit import measure_gap
from gym_reason.trainers.rollouts.loops import LoopThread
from gym_reason.trainers.rollouts.snapshot import Snapshot, capture
from gym_reason.trainers.rollouts.staleness import describe_staleness, drop_stale
from gym_reason.trainers.rollouts.stored import dump_episodes, load_episodes
from gym_reason.trainers.session import Session
from gym_reason.types import (
    Completion,
    Group,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.trainers.rollouts.gated import small
from tests.trainers.test_update import make_session

FLOATS = st.floats(allow_nan=False, width=32)


@st.composite
def episodes(draw: st.DrawFn, task: Task) -> Trajectory:
    """Return an episode of any words, numbers and versions."""
    count = draw(st.integers(1, 4))
    ids = tuple(draw(st.lists(st.integers(0, 2**31), min_size=count, max_size=count)))
    logprobs = tuple(draw(st.lists(FLOATS, min_size=count, max_size=count)))
    versions = tuple(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
    versions = draw(st.sampled_from([(), versions]))
    text = draw(st.text(max_size=5))
    said = Completion(ids, logprobs, text, "length", min(versions, default=3), versions)
    verdict = Verdict(draw(FLOATS), draw(st.booleans()), Outcome.FAIL, {"a": draw(FLOATS)})
    turn = Turn(text, text, said, draw(FLOATS), verdict, True, False)
    trace = TokenTrace(ids, (True,) * count, logprobs, (0,) * count, versions)
    return Trajectory(
        task,
        (turn,),
        (trace,),
        draw(FLOATS),
        StopReason.ANSWERED,
        draw(st.integers(0, 2**63)),
        said.policy_version,
        messages=(Message("user", text, (b"\x00\xff",)),),
    )


@st.composite
def collections(draw: st.DrawFn) -> Collected:
    """Return the episodes of a step, of which some passed, and some experts'."""
    groups, samples = [], []
    for number in range(draw(st.integers(1, 3))):
        words = draw(st.text(alphabet=st.characters(), max_size=4))
        task = Task(f"task {number}", (Message("user", words),), words)
        played = draw(st.lists(episodes(task), min_size=1, max_size=2))
        groups.append(Group(task, tuple(played)))
        samples += [Sample(one, number, draw(FLOATS)) for one in played if draw(st.booleans())]
        if draw(st.booleans()):
            samples.append(Sample(draw(episodes(task)), number, 1.0, expert=True))
    return Collected(tuple(groups), tuple(samples))


@settings(max_examples=25)
@given(collections())
def test_stored_episodes_come_back_as_they_were(collected: Collected) -> None:
    found = load_episodes(dump_episodes(collected))
    assert found == collected
    # A sample is an episode of its group, not another one that looks like it.
    own = [id(t) for group in found.groups for t in group.trajectories]
    assert all(id(sample.trajectory) in own for sample in found.samples if not sample.expert)


def test_bytes_that_are_no_episodes_are_refused_in_one_line() -> None:
    with pytest.raises(RunError, match="episodes of a checkpoint cannot be read"):
        load_episodes(b"no episodes")


def sample(*versions: int, group: int = 0, expert: bool = False) -> Sample:
    """Return an episode whose tokens are of some versions, behind a prompt of two."""
    count = len(versions)
    trace = TokenTrace(
        (1,) * (count + 2), (False,) * 2 + (True,) * count, (0.0,) * (count + 2),
        (0,) * (count + 2), (0, 0, *versions) if len(set(versions)) > 1 else (),
    )  # fmt: skip
    task = Task("1", (), "")
    episode = Trajectory(task, (), (trace,), 0.0, StopReason.ANSWERED, 0, min(versions))
    return Sample(episode, group, 0.0, expert)


def test_an_episode_is_as_old_as_its_oldest_token() -> None:
    samples = (sample(5, 5), sample(3, 4, 5), sample(1, 5, group=1), sample(4, group=2),
               sample(0, group=3, expert=True))  # fmt: skip
    kept, dropped = drop_stale(Collected((), samples), 5, 2)
    assert dropped == 1
    assert [one.trajectory for one in kept.samples] == [
        one.trajectory for one in (samples[0], samples[1], samples[3], samples[4])
    ]
    assert [one.group for one in kept.samples] == [0, 0, 1, 2]
    ages = describe_staleness(kept, 5)
    assert ages == {"staleness": pytest.approx((0 + 0 + 2 + 1 + 0 + 1) / 6), "staleness_most": 2}
    assert drop_stale(kept, 5, 2) == (kept, 0)
    assert describe_staleness(Collected((), ()), 5) == {"staleness": 0.0, "staleness_most": 0}


def test_updates_leave_a_snapshot_alone_and_loading_is_exact() -> None:
    model = small_model()
    model.lm_head.weight = model.model.embed_tokens.weight  # tied
    snapshot = Snapshot(model)
    assert snapshot.model.lm_head.weight is snapshot.model.model.embed_tokens.weight
    assert not any(weight.requires_grad for weight in snapshot.model.parameters())
    engine, prompt = LocalEngine(snapshot.model, TOKENIZER), TOKENIZER.encode("347+285=")
    (before,) = engine.generate([prompt], SamplingParams(12, seed=3))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(input_ids=torch.tensor([prompt])).logits.square().sum().backward()
    optimiser.step()
    engine.update_weights()
    (still,) = engine.generate([prompt], SamplingParams(12, seed=3))
    assert (still.token_ids, still.logprobs) == (before.token_ids, before.logprobs)
    weights = capture(model)
    expected = LocalEngine(copy.deepcopy(model), TOKENIZER).generate([prompt], SamplingParams(12))
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()  # what was captured is apart from these
    snapshot.load(weights)
    engine.update_weights()
    (found,) = engine.generate([prompt], SamplingParams(12))
    assert (found.token_ids, found.logprobs) == (expected[0].token_ids, expected[0].logprobs)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Return a session that has not begun."""
    yield from make_session(small("rl.tasks_per_step=2"), tmp_path / "session")


def test_the_audit_compares_sampler_and_trainer_at_the_same_weights(session: Session) -> None:
    collected, model = collect(session, 0), session.learner.model
    gap = measure_gap(session, model, collected, 0)
    assert gap is not None
    assert gap < 1e-5
    assert measure_gap(session, model, collected, 1) is None
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    moved = measure_gap(session, model, collected, 0)
    assert moved is not None
    assert moved > 0.01
    wrong = tuple(
        dataclasses.replace(one, expert=True) for one in collected.samples
    )  # an expert's tokens have no sampler
    assert measure_gap(session, model, dataclasses.replace(collected, samples=wrong), 0) is None


def test_the_thread_runs_ends_and_fails_in_front_of_whoever_waits() -> None:
    prepared = threading.Event()
    thread = LoopThread("test.loop", prepared.set)

    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    assert thread.submit(add(2, 3)).result(30.0) == 5
    assert prepared.is_set()
    endless = thread.submit(asyncio.sleep(1000.0))
    assert thread.close(30.0)
    assert endless.cancelled()
    assert not thread.alive
    assert thread.submit(add(2, 3)).cancelled()
    thread.call(prepared.clear)  # nobody is there to call it
    assert prepared.is_set()

    def fail() -> None:
        raise ValueError("unprepared")

    failed = LoopThread("test.loop", fail)
    assert failed.close(30.0)
    assert isinstance(failed.failure, ValueError)
