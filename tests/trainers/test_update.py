"""The step of RL on real models: padding, splits and interruptions change nothing."""

import dataclasses
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gym_reason.errors import RunError
from gym_reason.registry import recipes
from gym_reason.trainers.bench import online_recipes
from gym_reason.trainers.model import logprobs
from gym_reason.trainers.model.critic import Critic, all_values
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.rl import policy_step
from gym_reason.trainers.rl import update as update_module
from gym_reason.trainers.rl.collect import Collected, collect, describe
from gym_reason.trainers.rl.streams import Players
from gym_reason.trainers.rl.window import Window, attach_advantages, make_window
from gym_reason.trainers.run.checkpoint import Progress
from gym_reason.trainers.run.folder import RunFolder
from gym_reason.trainers.run.stop import StopRequest
from gym_reason.trainers.session import Session
from gym_reason.trainers.train import train
from tests.trainers.test_train import assert_same

SMALL = (
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "evaluation.problems=8"),
    *("cold_start.steps=0", "rl.steps=3", "rl.tasks_per_step=4", "rl.samples_per_task=4"),
    *("rl.minibatch_rows=8", "sampling.max_tokens=8", "checkpoint.keep=100", "rl.log_groups=0"),
    # Partial credit: a model that knows nothing earns some now and then.
    *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='sort',count=2}"),
    *("model.alphabet=0123456789s=", "rl.refill_batches=0"),
    *("teacher.size=0.1m", "teacher.steps=2", "teacher.problems=8"),
)


def small(name: str, *overrides: str) -> Recipe:
    """Return a recipe that takes three steps in a second."""
    return load_recipe(name, [*SMALL, *overrides])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Return a session of the recipe `grpo` that has not begun."""
    yield from make_session(small("grpo", "rl.tasks_per_step=8"), tmp_path / "session")


def make_session(recipe: Recipe, folder: Path) -> Iterator[Session]:
    """Lend a session."""
    torch.set_num_threads(1)
    with RunFolder(folder) as run, StopRequest() as stop:
        learner = build_learner(recipe.model, recipe.seed, None)
        session = Session(recipe, run, learner, Progress(), SilentObserver(), stop)
        yield session
        session.close()


def gradients(session: Session, window: Window, limit_tokens: int) -> dict[str, torch.Tensor]:
    """Return the gradient of one optimiser step on a window, with passes of a given size."""
    rl = dataclasses.replace(
        session.recipe.rl, micro_batch_tokens=limit_tokens, minibatches=1, filter="keep_all"
    )
    session.recipe = dataclasses.replace(session.recipe, rl=rl)
    optimiser = torch.optim.SGD(session.learner.model.parameters(), lr=0.0)
    update_module.update(session, Players(optimiser), window, 0)
    return {
        name: weight.grad.clone()
        for name, weight in session.learner.model.named_parameters()
        if weight.grad is not None
    }


@pytest.mark.parametrize("mode", ["token_mean", "seq_mean_token_mean", "seq_mean_token_sum_norm"])
def test_the_split_into_passes_changes_nothing(session: Session, mode: str) -> None:
    rl = dataclasses.replace(session.recipe.rl, aggregation=mode, kl=type(session.recipe.rl.kl)())
    session.recipe = dataclasses.replace(session.recipe, rl=rl)
    window = make_window(session, collect(session, 0))
    assert window is not None
    whole = gradients(session, window, 1 << 20)
    single = gradients(session, window, 1)
    assert whole.keys() == single.keys()
    assert any(gradient.abs().max() > 0 for gradient in whole.values())
    for name, gradient in whole.items():
        torch.testing.assert_close(single[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_rows_without_a_signal_are_skipped_and_change_nothing(session: Session) -> None:
    collected = collect(session, 0)
    window = make_window(session, collected)
    assert window is not None
    before = gradients(session, window, 1 << 20)
    rows = []
    original = logprobs.score_tokens

    def count(model: object, ids_NL: torch.Tensor, *args: object, **kwargs: object) -> object:
        rows.append(len(ids_NL))
        return original(model, ids_NL, *args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_step, "score_tokens", count)
        after = gradients(session, window, 1 << 20)
    rewards: dict[int, set[float]] = {}
    for sample in collected.samples:
        rewards.setdefault(sample.group, set()).add(sample.reward)
    mixed = {group for group, values in rewards.items() if len(values) > 1}
    assert sum(rows) == sum(sample.group in mixed for sample in collected.samples)
    assert 0 < sum(rows) < len(collected.samples)
    for name, gradient in before.items():
        assert torch.equal(after[name], gradient)


def test_a_window_without_any_signal_takes_no_step(session: Session) -> None:
    collected = collect(session, 0)
    alike = tuple(dataclasses.replace(sample, reward=0.0) for sample in collected.samples)
    trajectories = {id(sample): sample for sample in alike}
    assert trajectories
    flat = tuple(
        dataclasses.replace(
            sample, trajectory=dataclasses.replace(sample.trajectory, ret=0.0, turns=tuple(
                dataclasses.replace(turn, reward=0.0) for turn in sample.trajectory.turns
            ))
        )
        for sample in alike
    )  # fmt: skip
    window = make_window(session, Collected(collected.groups, flat))
    assert window is not None
    before = [weight.detach().clone() for weight in session.learner.model.parameters()]
    optimiser = torch.optim.SGD(session.learner.model.parameters(), lr=1.0)
    assert update_module.update(session, Players(optimiser), window, 0).figures == {"updates": 0}
    for old, weight in zip(before, session.learner.model.parameters(), strict=True):
        assert torch.equal(old, weight)


def test_kept_episodes_carry_the_advantages_that_they_were_trained_with(session: Session) -> None:
    collected = collect(session, 0)
    window = make_window(session, collected)
    assert window is not None
    optimiser = torch.optim.SGD(session.learner.model.parameters(), lr=0.0)
    advantages_NT = update_module.update(session, Players(optimiser), window, 0).advantages_NT
    played = [trajectory for group in collected.groups for trajectory in group.trajectories]
    kept = attach_advantages(played, collected.samples, advantages_NT)
    sample_of = {id(sample.trajectory): sample for sample in collected.samples}
    mean: dict[int, float] = {}
    for group in {sample.group for sample in collected.samples}:
        rewards = [sample.reward for sample in collected.samples if sample.group == group]
        mean[group] = sum(rewards) / len(rewards)
    for before, after in zip(played, kept, strict=True):
        sample = sample_of.get(id(before))
        if sample is None:
            assert after is before
            continue
        found = after.meta["advantages"]
        assert isinstance(found, list)
        first, *rest = found[0]
        trace = after.traces[0]
        assert first == 0.0
        assert len(rest) == len(trace.ids) - 1
        written = [a for a, mask in zip(rest, trace.action_mask[1:], strict=True) if mask]
        better = sample.reward - mean[sample.group]
        assert all(math.copysign(1, value) == math.copysign(1, better) for value in written)
        assert not any(a for a, mask in zip(rest, trace.action_mask[1:], strict=True) if not mask)
    assert sample_of


def test_nothing_to_train_on_is_no_window(session: Session) -> None:
    assert make_window(session, Collected((), ())) is None


def test_a_critic_that_shares_the_policy_says_what_a_separate_one_says(session: Session) -> None:
    window = make_window(session, collect(session, 0))
    assert window is not None
    model = session.learner.model
    found = []
    for separate in (True, False):
        critic = Critic(model, separate=separate)
        assert isinstance(critic.head, torch.nn.Linear)
        torch.nn.init.ones_(critic.head.weight)
        values_NT, last_N = all_values(
            critic, session.learner, window.batch, [list(range(len(window.batch)))], 64
        )
        found.append((values_NT, last_N))
    torch.testing.assert_close(found[0], found[1])
    assert found[0][0].abs().max() > 0


def test_an_experts_rows_join_their_group(tmp_path: Path) -> None:
    for session in make_session(small("luffy"), tmp_path / "luffy"):
        collected = collect(session, 0)
        experts = [sample for sample in collected.samples if sample.expert]
        assert len(experts) == 4
        assert {sample.group for sample in experts} == {0, 1, 2, 3}
        window = make_window(session, collected)
        assert window is not None
        assert int(window.expert_N.sum()) == 4
        expert_mask_NT = window.batch.mask_NT[window.expert_N]
        lengths = [len(sample.trajectory.turns[0].completion.token_ids) for sample in experts]  # type: ignore[union-attr]
        assert expert_mask_NT.sum(1).tolist() == lengths


def test_refilling_replaces_groups_without_a_signal_and_counts_them(tmp_path: Path) -> None:
    recipe = small("dapo", "rl.refill_batches=5", "rl.tasks_per_step=4")
    for session in make_session(recipe, tmp_path / "dapo"):
        collected = collect(session, 0)
        rewards: dict[int, set[float]] = {}
        for sample in collected.samples:
            rewards.setdefault(sample.group, set()).add(sample.reward)
        assert len(rewards) <= 4
        assert all(len(values) > 1 for values in rewards.values())
        row = describe(collected)
        assert row["groups"] == len(collected.groups)
        assert row["groups_discarded"] == len(collected.groups) - len(rewards)
        assert len(collected.groups) > 4


@pytest.mark.parametrize("name", online_recipes())
def test_every_online_recipe_resumes_to_the_bit_from_its_middle(name: str, tmp_path: Path) -> None:
    recipe = small(name)
    whole = tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    part = tmp_path / "part"
    shutil.copytree(whole, part, symlinks=True)
    steps = sorted((part / "checkpoints").glob("step-*"))
    for later in steps[1:]:
        shutil.rmtree(later)
    train(recipe, part, SilentObserver(), resume=True)
    assert_same(whole, part)


def test_a_run_that_dies_within_a_window_resumes_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small("ppo", "rl.epochs=2", "rl.minibatches=2", "rl.critic.warmup_steps=0")
    train(recipe, tmp_path / "whole", SilentObserver())
    original, calls = update_module._optimise, []

    def die(*args: object) -> object:
        calls.append(args)
        if len(calls) == 6:  # the second update of the second step, in its first pass
            raise RunError("the power went")
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(update_module, "_optimise", die)
    with pytest.raises(RunError, match="the power went"):
        train(recipe, tmp_path / "part", SilentObserver())
    monkeypatch.undo()
    train(recipe, tmp_path / "part", SilentObserver(), resume=True)
    assert_same(tmp_path / "whole", tmp_path / "part")


def test_what_is_unverified_says_so_and_nothing_else_does() -> None:
    for name in recipes:
        recipe = load_recipe(name)
        assert (recipe.grade == "U") == recipe.description.startswith("EXPERIMENTAL"), name
