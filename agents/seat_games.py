"""Games for two seats: a pile of stones, a doctor and a patient, who proposes and solves sums."""

import asyncio
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.agents.conversation import Conversation
from gym_reason.agents.seats import Ruling, Said, Seat
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id, derive_seed
from gym_reason.text import after_thinking, fold_characters
from gym_reason.types import (
    Group,
    Message,
    Outcome,
    StopReason,
    Task,
    Trajectory,
    Turn,
    Verdict,
)
from gym_reason.verifiers.math import MathVerifier

_SUM = re.compile(r"([0-9]{1,6}) ?\+ ?([0-9]{1,6}) ?(?:= ?\??)?")
_NUMBER = re.compile(r"[0-9]{1,4}")


class TakeStones:
    """Both take one to three stones from a pile in turn; who takes the last one wins.

    The winner earns 1 and the loser -1, so that the returns of a game sum to zero. A move that is
    no number from one to three, or more than there are, loses. The pile is the task's reference.
    """

    seats = ("first", "second")
    most = 3

    def prompt(self, task: Task, seat: str) -> tuple[Message, ...]:
        """Return the rules and the size of the pile."""
        return (
            Message(
                "user",
                f"There are {pile_of(task)} stones. You and another player take 1, 2 or 3 in turn; "
                f"whoever takes the last one wins. You are the {seat} player. Say only how many "
                "you take.",
            ),
        )

    def rule(self, task: Task, said: Sequence[Said]) -> Ruling:
        """Count the stones; the last move may end the game."""
        left = pile_of(task)
        for move in said:
            taken = read_number(move.words)
            other = next(name for name in self.seats if name != move.seat)
            if taken is None or not 1 <= taken <= min(self.most, left):
                return Ruling(True, {move.seat: -1.0, other: 1.0})
            left -= taken
            if left == 0:
                return Ruling(True, {move.seat: 1.0, other: -1.0})
        return Ruling()

    def end(self, task: Task, said: Sequence[Said]) -> Ruling:
        """Nobody has won a game that was cut."""
        del task, said
        return Ruling(True, {})


class Consultation:
    """A doctor asks, a patient answers, until the doctor names what the patient has.

    `task.meta["symptoms"]` is what the patient may tell; the reference is the diagnosis, which is
    in no prompt of the doctor's. The doctor earns 1 for the right one. The patient earns as much:
    it is there to be understood, and may as well be a policy that is not trained.
    """

    seats = ("doctor", "patient")
    sign = "diagnosis:"

    def prompt(self, task: Task, seat: str) -> tuple[Message, ...]:
        """Return what a seat knows."""
        if seat == "doctor":
            told = "\n".join(message.content for message in task.prompt)
            words = (
                f"{told}\nYou are a doctor. Ask the patient one question at a time. When you know, "
                f"write {self.sign} and what it is."
            )
        else:
            symptoms = task.meta.get("symptoms", "")
            words = (
                f"You are a patient. You have: {symptoms}. Answer the doctor's questions in one "
                "sentence, and say nothing that you were not asked."
            )
        return (Message("user", words.strip()),)

    def rule(self, task: Task, said: Sequence[Said]) -> Ruling:
        """End the game at the doctor's diagnosis."""
        last = said[-1]
        named = last.words.casefold().rpartition(self.sign)
        if last.seat != "doctor" or not named[1]:
            return Ruling()
        right = _plain(named[2]) == _plain(task.reference)
        outcome = Outcome.PASS if right else Outcome.FAIL
        verdict = Verdict(float(right), right, outcome)
        return Ruling(True, dict.fromkeys(self.seats, float(right)), verdicts={"doctor": verdict})

    def end(self, task: Task, said: Sequence[Said]) -> Ruling:
        """Return that no diagnosis was made."""
        del task, said
        return Ruling(True, {}, verdicts={"doctor": Verdict(0.0, False, Outcome.NO_ANSWER)})


@dataclass(frozen=True, slots=True)
class Proposals:
    """What a proposer and a solver have to learn from."""

    proposer: Group
    """The proposer's episodes: one proposal each."""
    solver: tuple[Group, ...]
    """The solver's attempts, a group for each proposal that is a sum."""


async def propose_and_solve(
    proposer: Seat, solver: Seat, prompt: str, proposals: int, attempts: int, seed: int
) -> Proposals:
    """Let one seat propose sums and the other solve each several times.

    The solver earns 1 for a right answer, by the math verifier and a sum that we worked out
    ourselves. The proposer earns `1 - |2p - 1|` for a share p of right answers: most for a problem
    that is solved half the time, nothing for one that is always or never solved, or is no sum.

    Args:
        proposer: Who proposes.
        solver: Who solves; may be the same policy.
        prompt: What the proposer is told.
        proposals: How many are made.
        attempts: How often each is tried.
        seed: Seed of every draw.

    Raises:
        UsageError: A count is not positive.
    """
    if proposals < 1 or attempts < 1:
        raise UsageError(f"{proposals} proposals, {attempts} attempts", "at least one of each")
    task = Task(f"propose/{content_id(prompt)}", (Message("user", prompt),), "")

    async def play(number: int) -> tuple[Trajectory, Group | None]:
        own_seed = derive_seed(seed, number)
        words = await _say(proposer, task, own_seed)
        problem = read_sum(words.turns[0].action)
        if problem is None:
            verdict = Verdict(0.0, False, Outcome.INVALID)
            return _reward(words, 0.0, verdict, StopReason.INVALID_ACTION), None
        tried = await asyncio.gather(
            *(_attempt(solver, problem, derive_seed(own_seed, "try", i)) for i in range(attempts))
        )
        share = sum(one.correct for one in tried) / attempts
        earned = proposer_reward(share)
        verdict = Verdict(earned, earned > 0, Outcome.PASS, {"solved": share})
        return _reward(words, earned, verdict, StopReason.ANSWERED), Group(problem, tuple(tried))

    played = await asyncio.gather(*map(play, range(proposals)))
    return Proposals(
        Group(task, tuple(proposal for proposal, _ in played)),
        tuple(group for _, group in played if group is not None),
    )


def proposer_reward(share: float) -> float:
    """Return what a problem earns that a share of attempts solves: `1 - |2 share - 1|`."""
    return 1.0 - abs(2.0 * share - 1.0)


def read_sum(words: str) -> Task | None:
    """Return the problem that a proposal states, with the answer worked out here; None for none."""
    found = _SUM.fullmatch(fold_characters((after_thinking(words) or "").strip()))
    if found is None:
        return None
    left, right = int(found[1]), int(found[2])
    text = f"{left}+{right}="
    return Task(f"sum/{text}", (Message("user", text),), str(left + right))


def pile_of(task: Task) -> int:
    """Return the size of the pile. Raises UsageError where the reference is none."""
    if _NUMBER.fullmatch(task.reference) is None or int(task.reference) == 0:
        raise UsageError(f"a pile of {task.reference!r}", "a number of stones, 1 or more")
    return int(task.reference)


def read_number(words: str) -> int | None:
    """Return the number that some words are; None for anything else."""
    text = fold_characters(words.strip())
    return int(text) if _NUMBER.fullmatch(text) else None


async def _attempt(solver: Seat, problem: Task, seed: int) -> Trajectory:
    tried = await _say(solver, problem, seed)
    verdict = MathVerifier(plain=True).verify(problem, tried.turns[0].action)
    stop = StopReason.SOLVED if verdict.correct else StopReason.ANSWERED
    return _reward(tried, verdict.reward, verdict, stop)


async def _say(seat: Seat, task: Task, seed: int) -> Trajectory:
    """Return an episode of one answer, not judged yet."""
    conversation = Conversation(task.prompt, seat.encoder)
    params = dataclasses.replace(seat.params, seed=seed)
    completion = await seat.policy.sample(conversation.prompt_ids(), params)
    conversation.add_completion(completion)
    turn = Turn(task.prompt[-1].content, completion.text, completion, 0.0, None, True, False)
    return Trajectory(
        task,
        (turn,),
        conversation.traces(),
        0.0,
        StopReason.ANSWERED,
        seed,
        completion.policy_version,
        {"seat": seat.name},
    )


def _reward(episode: Trajectory, earned: float, verdict: Verdict, stop: StopReason) -> Trajectory:
    turn = dataclasses.replace(episode.turns[0], reward=earned, verdict=verdict)
    return dataclasses.replace(episode, turns=(turn,), ret=earned, stop_reason=stop)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", fold_characters(text).casefold()).strip()
