"""What a reward model learns from: a file, or answers of the policy that the verifier judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gym_reason.agents.demonstration import DemonstrationAgent
from gym_reason.agents.reward_models.folder import Head
from gym_reason.agents.reward_models.rows import RowEncoder, UnreadableRowError
from gym_reason.agents.weights import count_positions
from gym_reason.envs.tables import read_rows
from gym_reason.errors import ConfigError, DataError, RunError
from gym_reason.records import dump_line
from gym_reason.rollout import TextEnv
from gym_reason.seeding import content_id, derive_rng
from gym_reason.trainers.reward_model.rows import READERS, read_pair
from gym_reason.trainers.reward_model.scorer import Example, encode_answers, encode_steps
from gym_reason.trainers.reward_model.settings import RewardModelSettings
from gym_reason.trainers.session import Session
from gym_reason.types import Group, Json, Task, Trajectory
from gym_reason.verifiers.steps import check_steps
from gym_reason.verifiers.steps.checker import TooLongError

NAME = "reward_model"
MOST_TOKENS = 1 << 20

DataRow: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class RewardData:
    """The examples of a run."""

    trained: tuple[Example, ...]
    """Those that are trained on; at least one."""
    held_out: tuple[Example, ...]
    """Those of other prompts, on which the model is measured."""


def load_data(session: Session, head: Head) -> RewardData:
    """Return the examples of the recipe, sampled first where it names no file.

    Sampled rows are kept in the run's folder as `reward_model.jsonl`; a resumed run reads them.
    Raises DataError, with file and line, for a row that cannot be read.
    """
    settings = session.recipe.reward_model
    path = Path(settings.path) if settings.path else session.folder.path / f"{NAME}.jsonl"
    missing = "whether there are answers to learn from"
    if not settings.path and not session.world.decide(path.exists, missing):
        rows = sample_rows(session)
        session.folder.keep(path, b"".join(dump_line(row) for row in rows))
        session.world.wait("the answers to learn from")
    return read_data(session, path, head)


def read_data(session: Session, path: Path, head: Head) -> RewardData:
    """Return the examples of a file; a prompt is on one side alone."""
    settings = session.recipe.reward_model
    encoder = RowEncoder(session.learner.tokenizer, MOST_TOKENS)
    limit = longest_sequence(session)
    read = READERS.get(settings.loss, read_pair)
    trained: list[Example] = []
    held_out: list[Example] = []
    too_long = 0
    for where, row in read_rows(path):
        try:
            text = read(row, settings.labels, settings.margin)
            if head == "token":
                example = encode_steps(text, encoder, settings.separator)
            else:
                example = encode_answers(text, encoder)
        except (ValueError, UnreadableRowError) as error:
            raise DataError(
                f"{where} of {path}: {error}", f"a row for the loss {settings.loss!r}"
            ) from None
        if example.width > limit:
            too_long += 1
            continue
        name = content_id(*(f"{message.role}:{message.content}" for message in text.prompt))
        draw = derive_rng(session.recipe.seed, NAME, "held-out", name).random()
        (held_out if draw < settings.held_out_share else trained).append(example)
    if too_long:
        session.say(f"{path}: dropped {too_long} rows over {limit} tokens")
    if not trained:
        raise DataError(
            f"{path} has no row to train on", "rows within reward_model.max_tokens", "add some"
        )
    session.say(f"{path}: {len(trained)} rows to train on, {len(held_out)} held out")
    return RewardData(tuple(trained), tuple(held_out))


def longest_sequence(session: Session) -> int:
    """Return the most tokens of a sequence, in training and for whoever loads the model."""
    positions = count_positions(session.learner.model)
    known = (session.recipe.reward_model.max_tokens, positions)
    return min(limit for limit in known if limit)


def sample_rows(session: Session) -> list[DataRow]:
    """Return rows of the policy's answers, judged by the environment's verifier.

    Raises RunError where they teach nothing, and ConfigError for an environment of several turns.
    """
    recipe, settings = session.recipe, session.recipe.reward_model
    tasks = session.draw_tasks(settings.problems, NAME, "tasks")
    agent_for = session.policy_agent(recipe.sampling.temperature)
    groups = session.play(agent_for, tasks, settings.samples_per_problem, NAME, "play")
    if any(len(t.turns) > 1 for group in groups for t in group.trajectories):
        raise ConfigError(
            f"{recipe.env.id} has several turns", "an environment of one", "set reward_model.path"
        )
    build = BUILDERS.get(settings.loss, build_pairs)
    full = add_demonstrations(session, groups) if settings.demonstrated else groups
    rows = [row for group in full for row in build(group, distinct(group), settings)]
    scorable = [t for group in groups for t in group.trajectories if t.scorable]
    share = sum(t.correct for t in scorable) / max(len(scorable), 1)
    session.say(f"sampled {len(scorable)} answers, {share:.1%} of them right: {len(rows)} rows")
    if not rows:
        raise RunError(
            f"no problem among {len(groups)} has answers to tell apart ({share:.1%} are right)",
            "a policy that is sometimes right and sometimes wrong",
            "train it more or less, or set reward_model.path",
        )
    return rows


def add_demonstrations(session: Session, groups: Sequence[Group]) -> list[Group]:
    """Return the groups, those without a right answer with the environment's demonstration."""

    def agent_for(env: TextEnv, task: Task) -> DemonstrationAgent:
        actions = env.unwrapped.demonstrate(task, thinking=True)  # type: ignore[attr-defined]
        return DemonstrationAgent(actions, session.learner.tokenizer)

    lacking = [group.task for group in groups if not any(t.correct for t in group.trajectories)]
    played = session.play(agent_for, lacking, 1, NAME, "demonstrate")
    found = {group.task.id: group.trajectories for group in played}
    return [
        Group(group.task, (*group.trajectories, *found.get(group.task.id, ()))) for group in groups
    ]


def distinct(group: Group) -> list[Trajectory]:
    """Return the judged episodes of a group, each answer once."""
    found: dict[str, Trajectory] = {}
    for trajectory in group.trajectories:
        if trajectory.scorable and trajectory.turns and trajectory.turns[0].action.strip():
            found.setdefault(trajectory.turns[0].action, trajectory)
    return list(found.values())


def build_pairs(
    group: Group, answers: Sequence[Trajectory], settings: RewardModelSettings
) -> list[DataRow]:
    """Return pairs of a right and a wrong answer, no answer in two of them."""
    right = [said(t) for t in answers if t.correct]
    wrong = [said(t) for t in answers if not t.correct]
    pairs = list(zip(right, wrong, strict=False))[: settings.pairs_per_problem]
    return [{**asked(group), "chosen": chosen, "rejected": other} for chosen, other in pairs]


def build_list(
    group: Group, answers: Sequence[Trajectory], settings: RewardModelSettings
) -> list[DataRow]:
    """Return one list of answers and their rewards, where these differ."""
    scores = [t.ret for t in answers]
    if len(set(scores)) < 2:
        return []
    return [{**asked(group), "responses": [said(t) for t in answers], "scores": scores}]


def build_scored(
    group: Group, answers: Sequence[Trajectory], settings: RewardModelSettings
) -> list[DataRow]:
    """Return each answer with its reward."""
    return [{**asked(group), "response": said(t), "score": t.ret} for t in answers]


def build_labelled(
    group: Group, answers: Sequence[Trajectory], settings: RewardModelSettings
) -> list[DataRow]:
    """Return each answer with the label 1 where it is right, else 0."""
    return [{**asked(group), "response": said(t), "label": int(t.correct)} for t in answers]


def build_steps(
    group: Group, answers: Sequence[Trajectory], settings: RewardModelSettings
) -> list[DataRow]:
    """Return each answer's steps, labelled by their equations alone, and the last by the verifier.

    A step without an equation that can be judged has no label.
    """
    rows: list[DataRow] = []
    for trajectory in answers:
        text = said(trajectory)
        try:
            steps = check_steps(text, settings.boundary)
        except TooLongError:
            continue
        if not steps:
            continue
        values: Mapping[str, int | None] = {"right": 1, "wrong": 0, "neutral": None}
        labels = [values[step.status] for step in steps]
        labels[-1] = int(trajectory.correct)
        # The very characters that `process_reward_model` will cut out of an answer.
        pieces = [text[step.step.start : step.step.end] for step in steps]
        rows.append({**asked(group), "steps": pieces, "labels": labels})
    return rows


def asked(group: Group) -> DataRow:
    """Return the prompt of a group's task, as messages."""
    prompt = group.task.prompt
    return {"prompt": [{"role": message.role, "content": message.content} for message in prompt]}


def said(trajectory: Trajectory) -> str:
    """Return the answer of an episode of one turn."""
    return trajectory.turns[0].action


RowBuilder: TypeAlias = Callable[
    [Group, Sequence[Trajectory], RewardModelSettings], list[dict[str, Any]]
]

BUILDERS: Mapping[str, RowBuilder] = {
    "bradley_terry": build_pairs,
    "ranked": build_list,
    "regression": build_scored,
    "outcome": build_labelled,
    "classification": build_labelled,
    "process": build_steps,
}
"""What is made of a group's answers for each loss; pairs for any other."""
