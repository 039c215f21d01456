"""Rows that a run makes itself: right answers of a teacher, answers of the student, pairs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.demonstration import DemonstrationAgent
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from gym_reason.rollout import AgentFactory, EnvPool, TextEnv
from gym_reason.seeding import derive_rng, derive_seed
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.distillation.filters import Answer, Limits, screen
from gym_reason.trainers.distillation.rows import Data, Row, rows_of
from gym_reason.trainers.session import Session
from gym_reason.trainers.teacher.model import find_teacher, load_speaker
from gym_reason.types import Group, Task, Trajectory

STAGE = "distill"


def envs_of(session: Session) -> EnvPool:
    """Return the environments that answers are given in: of a curriculum, the lowest level's."""
    return session.envs(_level(session))


def _level(session: Session) -> int | None:
    return 0 if session.curriculum is not None else None


def draw_problems(session: Session) -> tuple[Task, ...]:
    """Return the problems of the stage, each once: a small environment repeats its own."""
    count = session.recipe.distill.data.tasks
    drawn = session.draw_tasks(count, STAGE, "tasks", level=_level(session))
    return tuple({task.id: task for task in drawn}.values())


def right_answers(session: Session, tasks: Sequence[Task], log: DropLog) -> dict[str, list[Row]]:
    """Return right answers by the task's name: the teacher's, or the environment's own.

    They are texts, played again as if the student had said them, and verified a second time: what
    the teacher's tokenizer was does not matter. What is dropped, and why, goes into `log`.
    """
    if session.recipe.distill.data.source == "environment":
        env = envs_of(session).take()
        texts = {task.id: [env.unwrapped.demonstrate(task, thinking=True)] for task in tasks}  # type: ignore[attr-defined]
        envs_of(session).give_back(env)
    else:
        texts = _teacher_texts(session, tasks, log)
    found: dict[str, list[Row]] = defaultdict(list)
    for number in range(max(map(len, texts.values()), default=0)):
        chosen = [task for task in tasks if len(texts[task.id]) > number]
        for trajectory in _replay(session, chosen, texts, number):
            if trajectory.correct:
                found[trajectory.task.id] += rows_of([trajectory], f"/{number}")
            else:
                log.add(trajectory.task.id, "refused when it was played again")
    return found


def _replay(
    session: Session,
    tasks: Sequence[Task],
    texts: Mapping[str, Sequence[Sequence[str]]],
    number: int,
) -> list[Trajectory]:
    tokenizer = session.learner.tokenizer

    def agent_for(env: TextEnv, task: Task) -> DemonstrationAgent:
        return DemonstrationAgent(texts[task.id][number], tokenizer)

    envs = envs_of(session)
    return _flat(session.play(agent_for, tasks, 1, STAGE, "replay", number, envs=envs))


def _teacher_texts(
    session: Session, tasks: Sequence[Task], log: DropLog
) -> dict[str, list[tuple[str, ...]]]:
    """Return the actions of the teacher's answers that pass every test, by the task's name."""
    settings = session.recipe.distill.data
    speaker = load_speaker(session, find_teacher(session))
    params = SamplingParams(
        max_tokens=session.recipe.sampling.max_tokens, temperature=settings.temperature
    )
    agent = AnswerAgent(BoundedPolicy(speaker.engine, speaker.engine.max_positions), params)
    agent_for: AgentFactory = lambda env, task: agent  # noqa: E731
    played = _flat(
        session.play(
            agent_for,
            tasks,
            settings.samples_per_task,
            *(STAGE, "teacher"),
            envs=envs_of(session),
            encoder=speaker.encoder,
        )
    )
    limits = Limits(min_score=settings.min_score, max_repeats=settings.max_repeats)
    texts: dict[str, list[tuple[str, ...]]] = {task.id: [] for task in tasks}
    reasons = screen([answer_of(trajectory) for trajectory in played], limits)
    for trajectory, reason in zip(played, reasons, strict=True):
        if reason:
            log.add(trajectory.task.id, reason)
        else:
            texts[trajectory.task.id].append(tuple(turn.action for turn in trajectory.turns))
    return texts


def answer_of(trajectory: Trajectory) -> Answer:
    """Return what the tests look at in an episode."""
    score = (trajectory.ret if trajectory.correct else 0.0) if trajectory.scorable else None
    finished = all(t.completion is None or t.completion.finish_reason == "stop"
                   for t in trajectory.turns)  # fmt: skip
    text = "\n".join(turn.action for turn in trajectory.turns)
    return Answer(trajectory.task.id, text, score, finished)


def student_answers(session: Session, tasks: Sequence[Task], samples: int) -> list[Trajectory]:
    """Return answers of the student as it is now, without those that nobody could judge."""
    agent_for = session.policy_agent(session.recipe.sampling.temperature)
    envs = envs_of(session)
    played = _flat(session.play(agent_for, tasks, samples, STAGE, "student", envs=envs))
    return [trajectory for trajectory in played if trajectory.scorable and trajectory.traces]


def sampled_rows(session: Session, log: DropLog) -> list[Row]:
    """Return right answers to the stage's problems."""
    found = right_answers(session, draw_problems(session), log)
    return [row for rows in found.values() for row in rows]


def sampled_pairs(session: Session, log: DropLog) -> list[Row]:
    """Return pairs: a right answer, and a wrong one of the student to the same problem.

    Raises RunError where no problem has both.
    """
    settings = session.recipe.distill.data
    tasks = draw_problems(session)
    right = right_answers(session, tasks, log)
    wrong: dict[str, list[Trajectory]] = defaultdict(list)
    for trajectory in student_answers(session, tasks, settings.samples_per_task):
        if not trajectory.correct:
            wrong[trajectory.task.id].append(trajectory)
    rows: list[Row] = []
    for task in tasks:
        for chosen, rejected in zip(right.get(task.id, ()), wrong[task.id], strict=False):
            rows += [chosen, rows_of([rejected], "/wrong")[0]]
    if not rows:
        raise RunError(
            f"none of the {len(tasks)} problems has a right answer and a wrong one of the student",
            "both, for a pair",
            "take more problems, or a student that errs",
        )
    return rows


def sampled_scored(session: Session, log: DropLog) -> list[Row]:
    """Return answers of the student with their scores; for `uft` right answers of a score of 1 too.

    Each kind is as frequent as the other in what `uft` is given.
    """
    settings = session.recipe.distill.data
    tasks = draw_problems(session)
    rows: list[Row] = []
    answers = student_answers(session, tasks, settings.samples_per_task)
    for index, trajectory in enumerate(answers):
        rows += rows_of([trajectory], f"/student{index}")
    if session.recipe.distill.objective == "uft":
        right = [row for each in right_answers(session, tasks, log).values() for row in each]
        rng = derive_rng(session.recipe.seed, STAGE, "mixture")
        rows += (
            [right[place] for place in rng.integers(len(right), size=len(rows))] if right else []
        )
    return rows


def fresh_rows(session: Session, data: Data, step: int, count: int) -> list[Row]:
    """Return answers of the student as it is now, to new problems or to prompts of the file.

    Raises RunError where not a single token was sampled.
    """
    names = (STAGE, "fresh", step)
    if data.from_file:
        rows = _complete_prompts(session, data, step, count)
    else:
        tasks = session.draw_tasks(count, *names, level=_level(session))
        agent_for = session.policy_agent(session.recipe.sampling.temperature)
        rows = rows_of(_flat(session.play(agent_for, tasks, 1, *names, envs=envs_of(session))))
    if not rows:
        raise RunError(f"the student said nothing at step {step} of distillation")
    return rows


def _complete_prompts(session: Session, data: Data, step: int, count: int) -> list[Row]:
    sampling, learner = session.recipe.sampling, session.learner
    rng = derive_rng(session.recipe.seed, STAGE, "prompts", step)
    sources = data.rows[::2] if data.paired else data.rows
    limit = learner.max_positions
    prompts = [sources[place].prompt_ids for place in rng.integers(len(sources), size=count)]
    prompts = [ids for ids in prompts if limit is None or len(ids) < limit]
    params = [
        SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            seed=derive_seed(session.recipe.seed, STAGE, "complete", step, index),
        )
        for index in range(len(prompts))
    ]
    completions = session.complete(prompts, params)
    return [
        Row(
            f"fresh{index}",
            (*ids, *completion.token_ids),
            (False,) * len(ids) + (True,) * len(completion.token_ids),
        )
        for index, (ids, completion) in enumerate(zip(prompts, completions, strict=True))
        if completion.token_ids
    ]


def _flat(groups: Sequence[Group]) -> list[Trajectory]:
    return [trajectory for group in groups for trajectory in group.trajectories]
