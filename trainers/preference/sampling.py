"""Preference records of the policy's own answers, which the environment has judged."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.agents.policy import SamplingParams
from gym_reason.seeding import derive_seed
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.preference.examples import Example, make_trace
from gym_reason.trainers.preference.records import TIED, prompt_columns
from gym_reason.trainers.preference.settings import STAGE
from gym_reason.trainers.session import Session
from gym_reason.types import Group, Json, Trajectory


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the policy, judged."""

    context: tuple[int, ...]
    """The tokens before its first own one."""
    response: tuple[int, ...]
    """Those from there on."""
    trajectory: Trajectory
    """Its episode."""

    @property
    def reward(self) -> float:
        """What it earned."""
        return self.trajectory.ret

    @property
    def text(self) -> str:
        """What was said, turn by turn."""
        return "\n".join(turn.action for turn in self.trajectory.turns)


def level_of(session: Session) -> int | None:
    """Return the curriculum's level; None without a curriculum."""
    return session.curriculum.level if session.curriculum is not None else None


def play_round(session: Session, number: int, tasks: int) -> list[Group]:
    """Return the policy's answers to the problems of a round, judged."""
    settings, level = session.recipe.preference, level_of(session)
    return session.play(
        session.policy_agent(session.recipe.sampling.temperature),
        session.draw_tasks(tasks, STAGE, "tasks", number, level=level),
        settings.samples_per_task,
        STAGE,
        "play",
        number,
        envs=session.envs(level),
    )


def distinct_answers(group: Group, log: DropLog) -> list[Answer]:
    """Return the different answers of a group, the best first; each is there once."""
    answers: dict[tuple[int, ...], Answer] = {}
    for trajectory in group.trajectories:
        if not trajectory.scorable:
            log.add(group.task.id, "unscorable")
        elif len(trajectory.traces) != 1:
            log.add(group.task.id, "no single token stream")
        else:
            trace = trajectory.traces[0]
            start = trace.action_mask.index(True)
            answer = Answer(trace.ids[:start], trace.ids[start:], trajectory)
            if answer.response in answers:
                log.add(group.task.id, "said before")
            answers.setdefault(answer.response, answer)
    return sorted(answers.values(), key=lambda answer: -answer.reward)


def make_pairs(group: Group, answers: Sequence[Answer], limit: int, log: DropLog) -> list[Example]:
    """Return the best answer with the worst one, then with the second worst, and so on.

    Where several answers are the best, they take turns. A group whose answers all earned the same
    goes into `log`.
    """
    pairs: list[Example] = []
    best = [answer for answer in answers if answer.reward == answers[0].reward]
    worse_ones = [answer for answer in reversed(answers) if answer.reward < answers[0].reward]
    for better, worse in zip(itertools.cycle(best), worse_ones[:limit]):
        record: dict[str, Json] = {
            "prompt": prompt_columns(group.task.prompt),
            "chosen": better.text,
            "rejected": worse.text,
            "margin": better.reward - worse.reward,
        }
        traces = (better.trajectory.traces[0], worse.trajectory.traces[0])
        pairs.append(Example(traces, (better.reward, worse.reward), record))
    if not pairs:
        log.add(group.task.id, _why_no_pair(answers))
    return pairs


def make_lists(group: Group, answers: Sequence[Answer], limit: int, log: DropLog) -> list[Example]:
    """Return all different answers as one ranked list, unless they earned the same."""
    if len({answer.reward for answer in answers}) < 2:
        log.add(group.task.id, _why_no_pair(answers))
        return []
    scores = tuple(answer.reward for answer in answers)
    record: dict[str, Json] = {
        "prompt": prompt_columns(group.task.prompt),
        "responses": [answer.text for answer in answers],
        "scores": list(scores),
    }
    return [Example(tuple(a.trajectory.traces[0] for a in answers), scores, record)]


def make_negatives(
    group: Group, answers: Sequence[Answer], limit: int, log: DropLog, *, retain: bool
) -> list[Example]:
    """Return wrong answers and, where asked, as many right ones that are to be kept."""
    wrong = [answer for answer in reversed(answers) if not answer.trajectory.correct][:limit]
    right = [answer for answer in answers if answer.trajectory.correct][: limit if retain else 0]
    if not wrong and not right:
        log.add(group.task.id, "no wrong answer")
    return [
        Example(
            (answer.trajectory.traces[0],),
            (float(keep),),
            {
                "prompt": prompt_columns(group.task.prompt),
                "rejected": answer.text,
                "retain": keep,
            },
        )
        for keep, chosen in ((False, wrong), (True, right))
        for answer in chosen
    ]


def _why_no_pair(answers: Sequence[Answer]) -> str:
    if answers and all(answer.trajectory.correct for answer in answers):
        return "no wrong answer"
    return TIED if any(answer.trajectory.correct for answer in answers) else "no right answer"


def add_self_samples(session: Session, examples: Sequence[Example], number: int) -> list[Example]:
    """Return negatives with samples of the policy behind the unwanted response, unjudged.

    A sample that says the unwanted response is left out.
    """
    settings = session.recipe.preference
    contexts = [
        example.traces[0].ids[: example.traces[0].action_mask.index(True)] for example in examples
    ]
    params = [
        sampling_params(session, len(context), number, index, sample)
        for index, context in enumerate(contexts)
        for sample in range(settings.self_samples)
    ]
    prompts = [context for context in contexts for _ in range(settings.self_samples)]
    completions = iter(session.complete(prompts, params))
    found = []
    for context, example in zip(contexts, examples, strict=True):
        own = [
            make_trace(context, next(completions).token_ids) for _ in range(settings.self_samples)
        ]
        own = [trace for trace in own if trace.ids != example.traces[0].ids]
        found.append(
            dataclasses.replace(
                example,
                traces=(example.traces[0], *own),
                scores=(0.0, *(1.0 for _ in own)),
            )
        )
    return found


def sampling_params(session: Session, before: int, *names: int | str) -> SamplingParams:
    """Return how a completion after `before` tokens is drawn; `names` name the draw."""
    sampling = session.recipe.sampling
    limit = session.learner.max_positions
    room = sampling.max_tokens if limit is None else min(sampling.max_tokens, limit - before)
    return SamplingParams(
        max_tokens=max(room, 1),
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        seed=derive_seed(session.recipe.seed, STAGE, "sample", *names),
    )
