"""Step pairs: the first wrong step of a failed answer against a right one at the same place.

The arithmetic step checker finds the wrong step. The right one comes from an answer to the same
problem that is right and begins with the same steps, or else from an attempt to go on from there
that ends right. Source: Step-DPO, arXiv 2406.18629, section 3.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gym_reason.agents.demonstration import DemonstrationAgent
from gym_reason.agents.policy import Tokenizer
from gym_reason.rollout import TextEnv
from gym_reason.text import THINK_CLOSE, THINK_OPEN
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.preference.examples import Example, make_trace
from gym_reason.trainers.preference.records import prompt_columns
from gym_reason.trainers.preference.sampling import Answer, level_of, sampling_params
from gym_reason.trainers.preference.settings import STAGE
from gym_reason.trainers.session import Session
from gym_reason.types import Json, Outcome, Task
from gym_reason.verifiers.steps import Boundary, check_steps, split_steps
from gym_reason.verifiers.steps.checker import TooLongError

_PIECE = re.compile(r"[^,;\n]+")
COMMAS = "commas"


@dataclass(frozen=True, slots=True)
class WrongStep:
    """The first wrong step of an answer."""

    task: Task
    """The problem."""
    context: tuple[int, ...]
    """The tokens of its prompt."""
    prefix: tuple[int, ...]
    """Those of the steps before."""
    step: tuple[int, ...]
    """Those of the step."""


def split_tokens(tokenizer: Tokenizer, ids: Sequence[int], by: str) -> list[tuple[int, ...]]:
    """Return the tokens of each step of an answer; together they are the answer.

    A step begins where the one before ends, so what separates the two belongs to the second. A
    token belongs to the step in which its text begins; what stands behind the last step, such as
    the end-of-sequence token, belongs to that one.
    """
    texts = [str(tokenizer.decode([token], skip_special_tokens=True)) for token in ids]
    ends = _step_ends("".join(texts), by)[:-1]
    steps: list[list[int]] = [[]]
    place = 0
    for token, text in zip(ids, texts, strict=True):
        if len(steps) <= len(ends) and place >= ends[len(steps) - 1]:
            steps.append([])
        steps[-1].append(token)
        place += len(text)
    return [tuple(step) for step in steps]


def _step_ends(text: str, by: str) -> list[int]:
    """Return where each step of a text ends."""
    if by != COMMAS:
        boundary: Boundary = by  # type: ignore[assignment]
        return [step.end for step in split_steps(text, boundary)]
    tags = (THINK_OPEN, THINK_CLOSE)
    for tag in tags:
        text = text.replace(tag, "\n" * len(tag))
    return [piece.end() for piece in _PIECE.finditer(text) if piece[0].strip()]


def find_wrong_step(
    answer: Answer, tokenizer: Tokenizer, by: str, log: DropLog
) -> WrongStep | None:
    """Return the first step that the checker finds wrong, else the last: the answer itself.

    None, and a line in `log`, for an answer without an end that could be judged.
    """
    task = answer.trajectory.task
    verdict = answer.trajectory.verdict
    steps = split_tokens(tokenizer, answer.response, by)
    wrong = next((at for at, step in enumerate(steps) if _is_wrong(tokenizer, step)), None)
    if wrong is None and (verdict is None or verdict.outcome is not Outcome.FAIL):
        log.add(task.id, "no wrong step")
        return None
    at = len(steps) - 1 if wrong is None else wrong
    prefix = tuple(token for step in steps[:at] for token in step)
    return WrongStep(task, answer.context, prefix, steps[at])


def _is_wrong(tokenizer: Tokenizer, step: Sequence[int]) -> bool:
    text = str(tokenizer.decode(list(step), skip_special_tokens=True)).lstrip(",; \n")
    try:
        return any(part.status == "wrong" for part in check_steps(text))
    except TooLongError:
        return False


def right_step(
    wrong: WrongStep, responses: Iterable[Sequence[int]], tokenizer: Tokenizer, by: str
) -> tuple[int, ...] | None:
    """Return the step of a right answer that stands in the place of a wrong one; None without."""
    for response in responses:
        steps = split_tokens(tokenizer, response, by)
        before: tuple[int, ...] = ()
        for step in steps:
            if before == wrong.prefix and step != wrong.step:
                return step
            before = (*before, *step)
            if len(before) > len(wrong.prefix):
                break
    return None


def make_step_pairs(
    session: Session, answers_of: Sequence[Sequence[Answer]], number: int, log: DropLog
) -> list[Example]:
    """Return the step pairs of the groups of a round; the answers of each are distinct."""
    settings, tokenizer = session.recipe.preference, session.learner.tokenizer
    by = settings.step_boundary
    found: list[tuple[WrongStep, tuple[int, ...]]] = []
    open_ones: list[WrongStep] = []
    for answers in answers_of:
        right = [a.response for a in answers if a.trajectory.correct]
        failed = [a for a in answers if not a.trajectory.correct]
        for answer in failed[: settings.records_per_task]:
            wrong = find_wrong_step(answer, tokenizer, by, log)
            if wrong is None:
                continue
            step = right_step(wrong, right, tokenizer, by)
            if step is None:
                open_ones.append(wrong)
            else:
                found.append((wrong, step))
    for wrong, continued in zip(
        open_ones, continue_rightly(session, open_ones, number), strict=True
    ):
        step = right_step(wrong, continued, tokenizer, by)
        if step is None:
            log.add(wrong.task.id, "nobody goes on rightly")
        else:
            found.append((wrong, step))
    return [_to_example(tokenizer, wrong, step) for wrong, step in found]


def continue_rightly(
    session: Session, wrong_steps: Sequence[WrongStep], number: int
) -> list[list[tuple[int, ...]]]:
    """Return, for each wrong step, the answers that go on from before it and are right."""
    settings, learner = session.recipe.preference, session.learner
    tries = settings.continuations
    if not wrong_steps or tries == 0:
        return [[] for _ in wrong_steps]
    starts = [(*wrong.context, *wrong.prefix) for wrong in wrong_steps]
    params = [
        sampling_params(session, len(start), "continue", number, index, attempt)
        for index, start in enumerate(starts)
        for attempt in range(tries)
    ]
    completions = session.complete([s for s in starts for _ in range(tries)], params)
    responses = [
        (*wrong_steps[index // tries].prefix, *completion.token_ids)
        for index, completion in enumerate(completions)
    ]
    texts = deque(
        str(learner.tokenizer.decode(list(response), skip_special_tokens=True))
        for response in session.shared_play.own(responses)
    )

    def agent_for(env: TextEnv, task: Task) -> DemonstrationAgent:
        # The episodes of this process ask for agents in order, each before it waits for anything.
        return DemonstrationAgent([texts.popleft()], learner.tokenizer)

    tasks = [wrong.task for wrong in wrong_steps]
    envs = session.envs(level_of(session))
    groups = session.play(agent_for, tasks, tries, STAGE, "continue", number, envs=envs)
    played = [trajectory for group in groups for trajectory in group.trajectories]
    found: list[list[tuple[int, ...]]] = [[] for _ in wrong_steps]
    for index, (response, trajectory) in enumerate(zip(responses, played, strict=True)):
        if trajectory.correct:
            found[index // tries].append(response)
    return found


def _to_example(tokenizer: Tokenizer, wrong: WrongStep, step: tuple[int, ...]) -> Example:
    def words(ids: Sequence[int]) -> str:
        return str(tokenizer.decode(list(ids), skip_special_tokens=True))

    end = getattr(tokenizer, "eos_token_id", None)
    record: dict[str, Json] = {
        "prompt": prompt_columns(wrong.task.prompt),
        "prefix": words(wrong.prefix),
        "chosen_step": words(step),
        "rejected_step": words(wrong.step),
        "last": end in step and end in wrong.step,
    }
    context = (*wrong.context, *wrong.prefix)
    traces = (make_trace(context, step), make_trace(context, wrong.step))
    return Example(traces, (1.0, 0.0), record)
