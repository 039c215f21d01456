"""The groups of an RL step: episodes on drawn tasks, at the curriculum's level, with experts."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from gym_reason.agents.demonstration import DemonstrationAgent
from gym_reason.errors import RunError
from gym_reason.rollout import TextEnv
from gym_reason.seeding import derive_rng
from gym_reason.trainers.formulas import filters
from gym_reason.trainers.formulas.rewards import self_consistency
from gym_reason.trainers.rl.settings import RewardSettings
from gym_reason.trainers.rl.spread import describe_spread
from gym_reason.trainers.rollouts.loops import run_apart
from gym_reason.trainers.session import Session
from gym_reason.types import Group, Json, Outcome, Task, Trajectory


@dataclass(frozen=True, slots=True)
class Sample:
    """An episode that may enter an update."""

    trajectory: Trajectory
    """The episode."""
    group: int
    """Number of its group, from 0."""
    reward: float
    """Its reward, before any penalty of length."""
    expert: bool = False
    """Whether an expert played it."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a step has to learn from."""

    groups: tuple[Group, ...]
    """Every group that was played, discarded ones included."""
    samples: tuple[Sample, ...]
    """The episodes that passed the filter, by group."""

    @property
    def groups_used(self) -> int:
        """How many groups have an episode that passed."""
        return len({sample.group for sample in self.samples})


def collect(session: Session, step: int) -> Collected:
    """Return what `play_step` does, from an event loop of its own."""
    return run_apart(play_step(session, step))


async def play_step(session: Session, step: int) -> Collected:
    """Play groups until enough of them pass the filter, or the batches of the step are used up."""
    settings = session.recipe.rl
    groups: list[Group] = []
    kept: list[Sample] = []
    for batch in range(settings.refill_batches + 1):
        fresh = await _play_batch(session, step, batch)
        experts = await _play_experts(session, step, batch, fresh)
        kept += _keep(session, _samples(session, fresh, experts, len(groups)), step, batch)
        groups += fresh
        if len({sample.group for sample in kept}) >= settings.tasks_per_step:
            break
    wanted = sorted({sample.group for sample in kept})[: settings.tasks_per_step]
    return Collected(tuple(groups), number_groups([s for s in kept if s.group in wanted]))


def number_groups(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return episodes with their groups numbered from 0, without gaps."""
    number = {group: index for index, group in enumerate(sorted({s.group for s in samples}))}
    return tuple(dataclasses.replace(sample, group=number[sample.group]) for sample in samples)


async def _play_batch(session: Session, step: int, batch: int) -> list[Group]:
    """Return the groups of a batch, on tasks of the curriculum's level where there is one."""
    settings, curriculum = session.recipe.rl, session.curriculum
    agent_for = session.policy_agent(session.recipe.sampling.temperature)
    # A step's first batch draws under the step's own name, whether or not others may follow.
    later: tuple[int, ...] = (batch,) if batch else ()
    names: tuple[int | str, ...] = ("rl", "tasks", step, *later)
    seeds: tuple[int | str, ...] = ("rl", "play", step, *later)
    if curriculum is None:
        tasks = session.draw_tasks(settings.tasks_per_step, *names)
        return await session.play_episodes(agent_for, tasks, settings.samples_per_task, *seeds)
    rng = derive_rng(session.recipe.seed, "rl", "level", step, batch)
    levels = [curriculum.draw_level(rng) for _ in range(settings.tasks_per_step)]
    groups: list[Group] = []
    for level in sorted(set(levels)):
        tasks = session.draw_tasks(levels.count(level), *names, "level", level, level=level)
        played = await session.play_episodes(
            agent_for,
            tasks,
            settings.samples_per_task,
            *(*seeds, "level", level),
            envs=session.envs(level),
        )
        for trajectory in (t for group in played for t in group.trajectories if t.scorable):
            curriculum.record(level, trajectory.correct)
        groups.extend(played)
    return groups


async def _play_experts(
    session: Session, step: int, batch: int, groups: Sequence[Group]
) -> list[tuple[Trajectory, ...]]:
    """Return the expert's episodes of each group: demonstrations, played and verified."""
    count = session.recipe.rl.expert_samples
    if count == 0:
        return [()] * len(groups)

    def agent_for(env: TextEnv, task: Task) -> DemonstrationAgent:
        actions = env.unwrapped.demonstrate(task, thinking=True)  # type: ignore[attr-defined]
        return DemonstrationAgent(actions, session.learner.tokenizer)

    tasks = [group.task for group in groups]
    played = await session.play_episodes(agent_for, tasks, count, "rl", "expert", step, batch)
    return [
        tuple(trajectory for trajectory in group.trajectories if trajectory.correct)
        for group in played
    ]


def _samples(
    session: Session,
    groups: Sequence[Group],
    experts: Sequence[tuple[Trajectory, ...]],
    first: int,
) -> list[Sample]:
    """Return the episodes of a batch with their rewards; groups are numbered from `first`."""
    settings = session.recipe.rl.rewards
    samples: list[Sample] = []
    for index, (group, expert) in enumerate(zip(groups, experts, strict=True), first):
        own = [t for t in group.trajectories if t.scorable and t.traces]
        rewards = reward_samples(own, settings)
        samples += [Sample(t, index, reward) for t, reward in zip(own, rewards, strict=True)]
        samples += [Sample(t, index, t.ret, expert=True) for t in expert]
    return samples


def _keep(session: Session, samples: list[Sample], step: int, batch: int) -> list[Sample]:
    """Return the episodes that pass the recipe's filter."""
    settings = session.recipe.rl
    if settings.rewards.shuffle:
        rng = derive_rng(session.recipe.seed, "rl", "shuffle", step, batch)
        dealt = rng.permutation([sample.reward for sample in samples]).tolist()
        samples = [
            dataclasses.replace(sample, reward=reward)
            for sample, reward in zip(samples, dealt, strict=True)
        ]
    if not samples:
        return []
    rewards_N = torch.tensor([sample.reward for sample in samples], dtype=torch.float64)
    group_N = torch.tensor([sample.group for sample in samples])
    keep = filters.get(settings.filter)(rewards_N, group_N).tolist()
    return [sample for sample, kept in zip(samples, keep, strict=True) if kept]


def reward_samples(trajectories: Sequence[Trajectory], settings: RewardSettings) -> list[float]:
    """Return the rewards of a group's episodes, before any penalty of length."""
    if settings.self_consistency:
        answers = [t.turns[-1].action.rpartition("</think>")[2].strip() for t in trajectories]
        return self_consistency(answers, torch.zeros(len(answers), dtype=torch.long)).tolist()
    return [max(t.ret, settings.answered) if answered_wrongly(t) else t.ret for t in trajectories]


def answered_wrongly(trajectory: Trajectory) -> bool:
    """Return whether an answer could be read and was judged wrong."""
    return trajectory.verdict is not None and trajectory.verdict.outcome is Outcome.FAIL


def cut_off(trajectory: Trajectory) -> bool:
    """Return whether the limit on tokens ended an answer of the episode."""
    return any(
        t.completion is not None and t.completion.finish_reason == "length"
        for t in trajectory.turns
    )


def describe(collected: Collected) -> dict[str, Json]:
    """Return the step's figures; episodes that could not be scored are counted, not averaged.

    Raises RunError where none could.
    """
    groups = collected.groups
    played = [trajectory for group in groups for trajectory in group.trajectories]
    scorable = [trajectory for trajectory in played if trajectory.scorable]
    if not scorable:
        raise RunError(
            f"none of the {len(played)} episodes of a step could be scored: "
            f"{why_unscorable(played)}",
            remedy="go on from the checkpoint with --resume",
        )
    count = len(scorable)
    return {
        "reward": sum(t.ret for t in scorable) / count,
        "accuracy": sum(t.correct for t in scorable) / count,
        "length": sum(t.completion_tokens for t in scorable) / count,
        "cut_off": sum(cut_off(t) for t in scorable) / count,
        "no_answer": sum(_no_answer(t) for t in scorable) / count,
        "unscorable": len(played) - count,
        "groups": len(groups),
        "groups_used": collected.groups_used,
        "groups_discarded": len(groups) - collected.groups_used,
        **describe_spread(groups),
    }


def why_unscorable(played: Sequence[Trajectory]) -> object:
    """Return what is known of why episodes could not be scored: the first reason."""
    for trajectory in played:
        if error := trajectory.meta.get("error"):
            return error
        if trajectory.verdict is not None and trajectory.verdict.detail:
            return trajectory.verdict.detail
    return "no verdict"


def _no_answer(trajectory: Trajectory) -> bool:
    return trajectory.verdict is not None and trajectory.verdict.outcome is Outcome.NO_ANSWER
