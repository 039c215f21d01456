"""Stored episodes scored anew: played again action by action, without asking any policy."""

import asyncio
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gym_reason.agents.base import Action, Round
from gym_reason.agents.conversation import Conversation
from gym_reason.envs.base import unwrap
from gym_reason.errors import EnvError
from gym_reason.evaluate.folder import Episode
from gym_reason.registry import make
from gym_reason.rollout import EnvPool, EpisodeLimits, TextEnv, play_episode
from gym_reason.types import Message, Task, TokenTrace, Trajectory, Turn
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier

AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Rescored:
    """An episode before and after."""

    before: Episode
    """As it was stored."""
    after: Episode
    """With the verdicts that it has now."""

    @property
    def changed(self) -> bool:
        """Whether it is judged otherwise now."""
        one, other = self.before.result, self.after.result
        return (one.outcome, one.correct, one.reward) != (
            other.outcome,
            other.correct,
            other.reward,
        )


class ReplayAgent:
    """Says what was said in an episode, answer by answer."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        """Keep the turns; answers before the last one of a turn are said before it."""
        self._turns = iter(turns)

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the next action. Raises EnvError where the stored episode has ended."""
        rounds: list[Round] = []
        for turn in self._turns:
            if turn.info.get("round"):
                heard = str(turn.info.get("heard", ""))
                rounds.append(Round(turn.action, turn.completion, heard))
                continue
            conversation.add_message(Message("assistant", turn.action))
            return Action(turn.action, turn.completion, tuple(rounds))
        raise EnvError("the environment goes on where the stored episode ended")


def reverify(
    episodes: Iterable[Episode], arguments: dict[str, Any], verifier: str | None
) -> Iterator[Rescored]:
    """Yield each episode, in order, with the verdicts that it has now.

    Args:
        episodes: What was stored.
        arguments: What the environments are made with.
        verifier: Judges in place of the environments' own one; None for that.

    Raises:
        UnknownNameError: For an unknown environment or verifier.
        UsageError: For an argument that one does not take.
    """
    pools: dict[str, EnvPool] = {}
    judge = None if verifier is None else make_verifier(verifier)
    waiting = iter(episodes)
    try:
        while chunk := list(itertools.islice(waiting, AT_ONCE)):
            for env_id in {episode.who.env for episode in chunk} - pools.keys():
                pools[env_id] = EnvPool(partial(_make_env, env_id, arguments, judge))
                pools[env_id].give_back(pools[env_id].take())
            played = asyncio.run(_replay_all(chunk, pools))
            for before, now in zip(chunk, played, strict=True):
                yield Rescored(before, dataclasses.replace(before, trajectory=now))
    finally:
        for pool in pools.values():
            pool.close()


def _make_env(env_id: str, arguments: dict[str, Any], judge: Verifier | None) -> TextEnv:
    env: TextEnv = make(env_id, **arguments)
    if judge is not None:
        unwrap(env).verifier = judge
    return env


async def _replay_all(episodes: Sequence[Episode], pools: dict[str, EnvPool]) -> list[Trajectory]:
    return await asyncio.gather(*(_replay(one.trajectory, pools[one.who.env]) for one in episodes))


async def _replay(stored: Trajectory, envs: EnvPool) -> Trajectory:
    limits = EpisodeLimits(judge_rounds=True)

    def agent_for(env: TextEnv, task: Task) -> ReplayAgent:
        return ReplayAgent(stored.turns)

    now = await play_episode(envs, agent_for, stored.task, stored.seed, None, limits)
    return dataclasses.replace(
        stored,
        turns=now.turns,
        traces=tuple(_cut(trace, len(now.turns)) for trace in stored.traces),
        ret=now.ret,
        stop_reason=now.stop_reason,
        meta={**{k: v for k, v in stored.meta.items() if k != "error"}, **now.meta},
        messages=stored.messages or now.messages,
    )


def _cut(trace: TokenTrace, turns: int) -> TokenTrace:
    """Return a trace without the tokens of turns that came after the end that there is now."""
    kept = [index for index, turn in enumerate(trace.turn_index) if turn < turns]
    if len(kept) == len(trace.ids):
        return trace
    return TokenTrace(
        tuple(trace.ids[i] for i in kept),
        tuple(trace.action_mask[i] for i in kept),
        tuple(trace.logprobs[i] for i in kept),
        tuple(trace.turn_index[i] for i in kept),
        tuple(trace.versions[i] for i in kept) if trace.versions else (),
    )
