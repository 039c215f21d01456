"""What fine-tuned loops are trained on, from episodes that were played.

The rows are those that `gym-reason train sft` and the preference trainers read: `messages`, with
`loss` where not all of what the assistant says is to be learned, and `prompt`, `chosen`,
`rejected`. A chain is kept only where its last answer is right, a pair only where one answer is
right and the other wrong: play with a verifier that judges each round (`judge_rounds` of
`EpisodeLimits`). An episode of several actions, or one that no verifier could judge, gives no row.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.refine.talk import join_heard
from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.types import Message, Trajectory, Turn

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seats:
    """What the seats of a loop are called in its prompts."""

    critic: str
    """The role that says what is wrong; empty where a tool says it."""
    mender: str
    """The role that writes the next answer."""
    heard: str
    """What the mender's prompt calls that which was said."""
    done: str = ""
    """What the critic says where nothing is wrong; empty where it is not asked to."""


SEATS: dict[str, Seats] = {
    "self-critique": Seats("critique", "refine", "critique"),
    "refiner": Seats("hint", "regenerate", "hint", "No hint"),
    "volcano": Seats("critique", "revise", "critique"),
    "self-edit": Seats("", "edit", "result"),
    "baldur": Seats("", "repair", "error"),
    "coderl": Seats("", "repair", "result"),
}
"""The loops whose seats are asked aside: each is shown no more than its prompt."""
MENDING = tuple(name for name, seats in SEATS.items() if not seats.critic)
"""Those that a tool speaks to, and that mend an answer by what it says."""


@dataclass(frozen=True, slots=True)
class Step:
    """An answer, what was said to it, and the answer after it."""

    before: Turn
    """The answer."""
    heard: str
    """What was said to it."""
    after: Turn
    """The next one."""


def critique_rows(
    trajectories: Iterable[Trajectory], loop: str, prompts: PromptBook | None = None
) -> Iterator[Row]:
    """Yield rows for the critic and the mender of `self-critique`, `refiner` and `volcano`.

    For each step of a chain whose last answer is right: the critic's prompt and what it said, and
    the mender's prompt and the answer that it wrote, where that answer is right. Where the loop's
    critic has a word for an answer without a mistake, the right one at the end gives it.

    Source: Saunders et al. 2022, arXiv 2206.05802; Paul et al. 2023, arXiv 2304.01904.

    Raises:
        UsageError: For a loop without a critic.
    """
    seats = _find_seats(loop, critics=True)
    book = prompts or PromptBook(loop)
    for trajectory in trajectories:
        turns = find_chain(trajectory)
        if not turns or not is_right(turns[-1]):
            continue
        for step in steps_of(turns):
            # A critique of an answer that was right already teaches to find fault.
            if not is_right(step.before) and step.heard:
                yield _make_row(_ask_critic(book, seats, trajectory, step.before), step.heard)
            yield from _mender_rows(book, seats, trajectory, step)
        if seats.done:
            yield _make_row(_ask_critic(book, seats, trajectory, turns[-1]), seats.done)


def mend_rows(
    trajectories: Iterable[Trajectory], loop: str, prompts: PromptBook | None = None
) -> Iterator[Row]:
    """Yield rows for the editor of `self-edit` and the repair models of `baldur` and `coderl`.

    Each is a triple of the papers: the task, the answer that failed and what the tool said of it
    as the prompt; the answer that passes as the response.

    Source: Zhang et al. 2023, arXiv 2305.04087; First et al. 2023, arXiv 2303.04910.

    Raises:
        UsageError: For a loop that no tool speaks to.
    """
    seats = _find_seats(loop, critics=False)
    book = prompts or PromptBook(loop)
    for trajectory in trajectories:
        for step in steps_of(find_chain(trajectory)):
            yield from _mender_rows(book, seats, trajectory, step)


def selfee_rows(
    trajectories: Iterable[Trajectory],
    prompts: PromptBook | None = None,
    done: str = "Revision is not needed",
) -> Iterator[Row]:
    """Yield one conversation for each chain of `selfee` whose last answer is right.

    It goes from the answer over feedback and revision to the feedback that ends it. Wrong answers
    stand in it and are not learned.

    Source: the repository kaistAI/SelFee, whose chains end where no revision is needed.
    """
    book = prompts or PromptBook("selfee")
    for trajectory in trajectories:
        turns = find_chain(trajectory)
        if not turns or not is_right(turns[-1]):
            continue
        task = {"task": join_heard(trajectory.task.prompt), "done": done}
        said = [(message, False) for message in trajectory.task.prompt]
        for turn in turns:
            # What was said to a right answer on the way led away from it.
            last, right = turn is turns[-1], is_right(turn)
            feedback = done if last else str(turn.info.get("heard", ""))
            said.append((Message("assistant", turn.action), right))
            said.append((Message("user", book.render("feedback", task)), False))
            said.append((Message("assistant", feedback), last or not right))
            if not last:
                said.append((Message("user", book.render("revise", task)), False))
        if all(message.content.strip() for message, learned in said if learned):
            yield {
                "messages": [_to_json(message) for message, _ in said],
                "loss": [learned for _, learned in said],
            }


def decide_pairs(
    trajectories: Iterable[Trajectory], prompts: PromptBook | None = None
) -> Iterator[Row]:
    """Yield preference pairs for the deciding step of `volcano`: `A` over `B`, or the reverse.

    Each pair of answers of which one is right comes in both orders, so that the place of an answer
    tells nothing.

    Source: Lee et al. 2023, arXiv 2311.07362.
    """
    book = prompts or PromptBook("volcano")
    for trajectory in trajectories:
        task = join_heard(trajectory.task.prompt)
        for step in steps_of(find_chain(trajectory)):
            if is_right(step.before) == is_right(step.after):
                continue
            for first, second in ((step.before, step.after), (step.after, step.before)):
                values = {"task": task, "first": first.action, "second": second.action}
                better, worse = ("A", "B") if is_right(first) else ("B", "A")
                yield {
                    "prompt": book.render("decide", values),
                    "chosen": better,
                    "rejected": worse,
                }


def improvement_pairs(trajectories: Iterable[Trajectory]) -> Iterator[Row]:
    """Yield the right last answer over each wrong one before it, as answers to the task itself.

    For any loop: what it came to in several rounds is preferred in one.
    """
    for trajectory in trajectories:
        turns = find_chain(trajectory)
        if not turns or not is_right(turns[-1]):
            continue
        wrong = dict.fromkeys(turn.action for turn in turns[:-1] if _is_wrong(turn))
        for rejected in wrong:
            if rejected != turns[-1].action:
                yield {
                    "prompt": [_to_json(message) for message in trajectory.task.prompt],
                    "chosen": turns[-1].action,
                    "rejected": rejected,
                }


def find_chain(trajectory: Trajectory) -> tuple[Turn, ...]:
    """Return the answers of an episode of one action, oldest first; none for another episode."""
    *before, last = trajectory.turns or (None,)
    if last is None or not trajectory.scorable or last.info.get("round"):
        return ()
    return trajectory.turns if all(turn.info.get("round") for turn in before if turn) else ()


def steps_of(turns: tuple[Turn, ...]) -> list[Step]:
    """Return each answer with what was said to it and the one after, where both were judged."""
    return [
        Step(before, str(before.info.get("heard", "")), after)
        for before, after in itertools.pairwise(turns)
        if before.verdict is not None and after.verdict is not None
    ]


def is_right(turn: Turn) -> bool:
    """Return whether the verifier took an answer for right."""
    return turn.verdict is not None and turn.verdict.correct


def _is_wrong(turn: Turn) -> bool:
    return turn.verdict is not None and not turn.verdict.correct


def _find_seats(loop: str, *, critics: bool) -> Seats:
    known = [name for name in SEATS if (name not in MENDING) == critics]
    if loop not in known:
        raise UsageError(*explain_unknown("loop with such rows", loop, known))
    return SEATS[loop]


def _ask_critic(book: PromptBook, seats: Seats, trajectory: Trajectory, turn: Turn) -> str:
    values = {"task": join_heard(trajectory.task.prompt), "draft": turn.action, "done": seats.done}
    return book.render(seats.critic, values)


def _mender_rows(
    book: PromptBook, seats: Seats, trajectory: Trajectory, step: Step
) -> Iterator[Row]:
    """Yield the row of a step from a wrong answer to a right one."""
    if is_right(step.before) or not is_right(step.after) or not step.heard:
        return
    values: Mapping[str, object] = {
        "task": join_heard(trajectory.task.prompt),
        "draft": step.before.action,
        seats.heard: step.heard,
    }
    yield _make_row(book.render(seats.mender, values), step.after.action)


def _make_row(prompt: str, response: str) -> Row:
    messages = (Message("user", prompt), Message("assistant", response))
    return {"messages": [_to_json(message) for message in messages]}


def _to_json(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}
