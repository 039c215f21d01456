"""Two seats at one table: policies that answer each other, each with its own tokens and return.

One policy may sit in both seats (self-play) or only in one, the other being played by another
model. Each seat has a conversation of its own, in which the other's words are the user's: what it
emitted is trained on there, and nothing else. A seat never sees the other's prompt or thoughts.
"""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.errors import UsageError
from gym_reason.seeding import derive_seed
from gym_reason.text import after_thinking
from gym_reason.types import (
    Group,
    Message,
    StopReason,
    Task,
    Trajectory,
    Turn,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits at the table."""

    name: str
    """The role, as the game calls it: `doctor`, `first`."""
    policy: Policy
    """Who speaks."""
    params: SamplingParams
    """How it is sampled from."""
    encoder: ChatEncoder
    """Turns what it hears into tokens."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a seat said, in the order of the game."""

    seat: str
    """Who."""
    words: str
    """What, without its thoughts; empty where a thought never ended."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a game makes of the last words."""

    over: bool = False
    """Whether the game ends here."""
    returns: Mapping[str, float] = field(default_factory=dict)
    """What each seat earned in all, once it is over; 0 for one that is not named."""
    shown: str | None = None
    """What the other seat hears in place of the words; None for the words themselves."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """What is said of a seat's play, once it is over."""


class Game(Protocol):
    """The rules of a table. It keeps no state: all there is to know is in what was said."""

    @property
    def seats(self) -> tuple[str, str]:
        """The names of the seats; the first begins."""
        ...

    def prompt(self, task: Task, seat: str) -> tuple[Message, ...]:
        """Return what a seat is told before the game; never what only the other may know."""
        ...

    def rule(self, task: Task, said: Sequence[Said]) -> Ruling:
        """Return what follows from the last words; it never raises for what a policy wrote."""
        ...

    def end(self, task: Task, said: Sequence[Said]) -> Ruling:
        """Return the ruling on a game that was cut by a limit from outside."""
        ...


@dataclass(frozen=True, slots=True)
class TableLimits:
    """Where a game is cut from outside."""

    turns: int = 16
    """Most turns of both seats together."""
    seconds: float | None = None
    """Most seconds of a game; None leaves it to turns and tokens."""


@dataclass(slots=True)
class _Chair:
    """A seat during a game."""

    seat: Seat
    task: Task
    conversation: Conversation
    turns: list[Turn] = field(default_factory=list)

    async def speak(self, seed: int) -> str:
        """Let the policy speak and return all it said."""
        params = dataclasses.replace(self.seat.params, seed=seed)
        prompt_ids = self.conversation.prompt_ids()
        observation = self.conversation.messages[-1].content
        completion = await self.seat.policy.sample(prompt_ids, params)
        self.conversation.add_completion(completion)
        self.conversation.end_turn()
        turn = Turn(observation, completion.text, completion, 0.0, None, False, False)
        self.turns.append(turn)
        return completion.text

    def settle(self, ruling: Ruling, cut: StopReason | None, seed: int) -> Trajectory:
        """Return the game as this seat's episode: all it earned falls to its last turn, if any."""
        earned = float(ruling.returns.get(self.seat.name, 0.0))
        verdict = ruling.verdicts.get(self.seat.name)
        if self.turns:
            self.turns[-1] = dataclasses.replace(
                self.turns[-1],
                reward=earned,
                verdict=verdict,
                terminated=cut is None,
                truncated=cut is not None,
            )
        stop = cut or (StopReason.SOLVED if verdict and verdict.correct else StopReason.ANSWERED)
        versions = [turn.completion.policy_version for turn in self.turns if turn.completion]
        return Trajectory(
            task=self.task,
            turns=tuple(self.turns),
            traces=self.conversation.traces(),
            ret=earned,
            stop_reason=stop,
            seed=seed,
            policy_version=min(versions, default=0),
            meta={"seat": self.seat.name},
        )


async def play_game(
    game: Game, seats: Sequence[Seat], task: Task, seed: int, limits: TableLimits | None = None
) -> dict[str, Trajectory]:
    """Play one game and return each seat's episode.

    Args:
        game: The rules.
        seats: Who sits where, in any order.
        task: What it is about; a game may keep a secret in its reference, which no seat hears
            unless the game tells it.
        seed: Seed of every draw.
        limits: Where to cut.

    Raises:
        UsageError: The seats are not those of the game.
    """
    limits = limits or TableLimits()
    chairs = _set_table(game, seats, task)
    said: list[Said] = []
    ruling: Ruling | None = None
    cut: StopReason | None = None
    try:
        async with asyncio.timeout(limits.seconds):
            for number in range(limits.turns):
                own, other = (game.seats[(number + side) % 2] for side in (0, 1))
                words = await chairs[own].speak(derive_seed(seed, "turn", number))
                said.append(Said(own, (after_thinking(words) or "").strip()))
                ruling = game.rule(task, said)
                if ruling.over:
                    break
                heard = said[-1].words if ruling.shown is None else ruling.shown
                _tell(chairs[other].conversation, heard)
            else:
                cut = StopReason.MAX_TURNS
    except TimeoutError:
        cut = StopReason.TIMEOUT
    if cut is not None or ruling is None:
        ruling = game.end(task, said)
    return {name: chairs[name].settle(ruling, cut, seed) for name in game.seats}


def _set_table(game: Game, seats: Sequence[Seat], task: Task) -> dict[str, _Chair]:
    if sorted(seat.name for seat in seats) != sorted(game.seats):
        raise UsageError(
            f"the seats {', '.join(seat.name for seat in seats)}", ", ".join(game.seats)
        )
    chairs: dict[str, _Chair] = {}
    for seat in seats:
        own = seat_task(game, task, seat.name)
        chairs[seat.name] = _Chair(seat, own, Conversation(own.prompt, seat.encoder))
    return chairs


def _tell(conversation: Conversation, words: str) -> None:
    """Add what the other said, to the prompt itself before the seat has spoken.

    Chat templates may refuse two messages of the user in a row.
    """
    *before, last = conversation.messages
    if last.role == "user":
        joined = f"{last.content}\n\n{words}" if last.content else words
        conversation.messages = (*before, dataclasses.replace(last, content=joined))
    else:
        conversation.add_message(Message("user", words))


def seat_task(game: Game, task: Task, seat: str) -> Task:
    """Return the task as a seat is given it: episodes of one seat are compared with each other."""
    return dataclasses.replace(task, id=f"{task.id}/{seat}", prompt=game.prompt(task, seat))


async def play_games(
    game: Game,
    seats: Sequence[Seat],
    task: Task,
    count: int,
    seed: int,
    limits: TableLimits | None = None,
) -> dict[str, Group]:
    """Play several games on one task at once and return each seat's episodes as a group.

    A seat's advantage is taken within its own group: the roles earn by different rules.
    """
    seeds = [derive_seed(seed, number) for number in range(count)]
    played = await asyncio.gather(
        *(play_game(game, seats, task, own_seed, limits) for own_seed in seeds)
    )
    return {
        name: Group(seat_task(game, task, name), tuple(episodes[name] for episodes in played))
        for name in game.seats
    }
