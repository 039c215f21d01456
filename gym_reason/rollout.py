"""Episodes: an agent acts in an environment until it ends, for many episodes at once.

Every episode is a coroutine. While one waits for the policy the others go on, so the engine finds a
full batch.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import gymnasium

from gym_reason.agents.base import Action, Agent
from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.threads import run_in_thread
from gym_reason.envs.base import ReasoningEnv
from gym_reason.errors import EnvError
from gym_reason.rounds import credit_rounds, round_turn
from gym_reason.seeding import derive_seed
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
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import is_deterministic
from gym_reason.verifiers.once import JudgedOnce, VerdictMemory

TextEnv = gymnasium.Env[str, str]
AgentFactory = Callable[[TextEnv, Task], Agent]
Judging = Callable[[Verifier], Verifier]
"""Returns what judges in a verifier's place, as it does."""


@dataclass(frozen=True, slots=True)
class EpisodeLimits:
    """Where an episode is cut from outside."""

    turns: int = 64
    """Most turns; the environment's own limit usually comes first."""
    step_seconds: float = 600.0
    """Most seconds of one step of a heavy environment."""
    judge_rounds: bool = False
    """Whether the answers before the last one of a turn are judged too, for reports."""
    seconds: float | None = None
    """Most seconds of an episode, waiting for the policy included: for policies that may hang.

    None leaves it to turns and tokens. A clock would cut just the long answers, and more of them on
    a slower machine.
    """


class EnvPool:
    """Environments of one kind, made when needed and used again.

    Heavy ones share a memory of verdicts: what many samples of a group have in common is judged
    once, where the verifier is deterministic.
    """

    def __init__(self, make_env: Callable[[], TextEnv], judging: Judging | None = None) -> None:
        """Keep how to make one, and who judges for the verifiers of heavy ones."""
        self._make_env = make_env
        self._judging = judging
        self._idle: list[TextEnv] = []
        self._verdicts = VerdictMemory()

    def take(self) -> TextEnv:
        """Return an environment that nobody else uses."""
        return self._idle.pop() if self._idle else self._make()

    def give_back(self, env: TextEnv) -> None:
        """Let another episode use `env`."""
        self._idle.append(env)

    def close(self) -> None:
        """Close every idle environment."""
        while self._idle:
            self._idle.pop().close()

    def _make(self) -> TextEnv:
        env = self._make_env()
        inner = env.unwrapped
        if isinstance(inner, ReasoningEnv) and inner.heavy:
            if self._judging is not None:
                inner.verifier = self._judging(inner.verifier)
            if is_deterministic(inner.verifier):
                inner.verifier = JudgedOnce(inner.verifier, self._verdicts)
        return env


async def run_episode(
    env: TextEnv,
    agent: Agent,
    task: Task,
    seed: int,
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
) -> Trajectory:
    """Play one episode and return it whole, whatever happens in it.

    Args:
        env: An environment that no other episode uses meanwhile.
        agent: Acts; one object for this episode alone, unless it keeps no state.
        task: The problem; given to `env.reset` by value.
        seed: Seed of the environment's and the agent's draws.
        encoder: Turns messages into tokens; None for agents that ask no policy.
        limits: Where to cut.
    """
    started = time.monotonic()
    turns: list[Turn] = []
    asked = 0
    conversation = Conversation(task.prompt, encoder)
    stop_reason: StopReason | None = None
    meta: dict[str, object] = {}
    try:
        async with asyncio.timeout(limits.seconds):
            observation, conversation.messages = _reset(env, task, seed)
            conversation.messages = _illustrate(env, conversation.messages)
            while stop_reason is None:
                action = await agent.act(conversation, derive_seed(seed, "turn", asked))
                asked += 1
                before = await _judge_rounds(env, task, observation, action, limits)
                said, turn = await _step(env, observation, action, limits.step_seconds)
                turns += credit_rounds(before, turn, action.improvement)
                conversation.end_turn()
                stop_reason = _stop_reason(turn, asked, limits)
                if stop_reason is None:
                    observation, messages = said
                    for message in _illustrate(env, messages):
                        conversation.add_message(message)
    except TimeoutError:
        stop_reason = StopReason.TIMEOUT
    except EnvError as error:
        stop_reason, meta["error"] = StopReason.ENV_ERROR, str(error)
    versions = [turn.completion.policy_version for turn in turns if turn.completion]
    if (oldest := conversation.oldest_version()) is not None:
        versions.append(oldest)  # of what was said aside, or before an action that never came
    return Trajectory(
        task=task,
        turns=tuple(turns),
        traces=conversation.traces(),
        ret=_discounted_return(turns, getattr(env.unwrapped, "gamma", 1.0)),
        stop_reason=stop_reason,
        seed=seed,
        policy_version=min(versions, default=0),
        meta=meta,
        messages=conversation.messages,
        seconds=round(time.monotonic() - started, 6),
    )


async def play_episode(
    envs: EnvPool,
    agent_for: AgentFactory,
    task: Task,
    seed: int,
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
) -> Trajectory:
    """Play one episode in an environment of the pool; see `run_episode`."""
    env = envs.take()
    trajectory = await run_episode(env, agent_for(env, task), task, seed, encoder, limits)
    # A step that outlived its limit may still run in its thread: its environment is given up.
    if trajectory.stop_reason not in (StopReason.TIMEOUT, StopReason.ENV_ERROR):
        envs.give_back(env)
    return trajectory


def _reset(env: TextEnv, task: Task, seed: int) -> tuple[str, tuple[Message, ...]]:
    try:
        observation, info = env.reset(seed=seed, options={"task": task})
        return _read(observation, info["messages"]), info["messages"]
    except Exception as error:
        raise _broken(env, "reset", error) from error


def _broken(env: TextEnv, where: str, error: Exception) -> EnvError:
    """Return the error that ends one episode: an environment is anybody's code."""
    trace = traceback.format_exc(limit=-3)
    return EnvError(f"{env} failed at {where}: {type(error).__name__}: {error} ({trace})")


async def _judge_rounds(
    env: TextEnv, task: Task, observation: str, action: Action, limits: EpisodeLimits
) -> list[Turn]:
    """Return the answers before an action as turns, judged where that is asked for.

    Only where an episode is one action, an answer before it is a submission of its own. What the
    verifier says is written down; the agent never hears it.
    """
    if not action.rounds:
        return []
    verdicts: list[Verdict | None] = [None] * len(action.rounds)
    inner = env.unwrapped
    single = isinstance(inner, ReasoningEnv) and inner.max_turns == 1
    if single and (limits.judge_rounds or action.improvement):
        assert isinstance(inner, ReasoningEnv)
        verifier = inner.verifier
        try:
            for index, one in enumerate(action.rounds):
                judge = partial(verifier.verify, task, one.text)
                limit_s = limits.step_seconds
                verdicts[index] = await run_in_thread(judge, limit_s) if inner.heavy else judge()
        except TimeoutError:
            raise
        except Exception as error:
            raise _broken(env, "the judging of a round", error) from error
    elif action.improvement:
        raise EnvError(
            f"credit for improvement in {env}", "an environment whose episode is one action"
        )
    return [
        round_turn(observation, one, verdict)
        for one, verdict in zip(action.rounds, verdicts, strict=True)
    ]


async def _step(
    env: TextEnv, observation: str, action: Action, limit_s: float
) -> tuple[tuple[str, tuple[Message, ...]], Turn]:
    """Step the environment, off the event loop where it says that it is heavy.

    Returns what it shows next, as text and as messages, and the turn.
    """
    try:
        if getattr(env.unwrapped, "heavy", False):
            # Nobody waits for the thread of a step that never ends, not even the end of the loop.
            result = await run_in_thread(partial(env.step, action.text), limit_s)
        else:
            result = env.step(action.text)
    except TimeoutError:
        raise
    except Exception as error:
        raise _broken(env, "step", error) from error
    shown, reward, terminated, truncated, info = result
    turn = Turn(
        observation=observation,
        action=action.text,
        completion=action.completion,
        reward=float(reward),
        verdict=info.get("verdict"),
        terminated=terminated,
        truncated=truncated,
    )
    messages = info.get("messages")
    if messages is None:
        messages = (Message("user", shown),)
    return (_read(shown, messages), messages), turn


def _read(observation: object, messages: tuple[Message, ...]) -> str:
    """Return an observation as records keep it: one that is no text as what messages say of it."""
    if isinstance(observation, str):
        return observation
    return "\n\n".join(message.content for message in messages)


def _illustrate(env: TextEnv, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages with the images that belong to them, from an environment that has any."""
    inner = env.unwrapped
    if not isinstance(inner, ReasoningEnv) or not inner.shows_images:
        return messages
    try:
        return inner.illustrate(messages)
    except Exception as error:
        raise _broken(env, "the pictures of a message", error) from error


def _stop_reason(turn: Turn, count: int, limits: EpisodeLimits) -> StopReason | None:
    if turn.terminated or turn.truncated:
        if turn.verdict is not None and turn.verdict.correct:
            return StopReason.SOLVED
        if turn.completion is not None and turn.completion.finish_reason == "length":
            return StopReason.MAX_TOKENS
        if turn.verdict is not None and turn.verdict.outcome is Outcome.INVALID:
            return StopReason.INVALID_ACTION
        return StopReason.ANSWERED if turn.terminated else StopReason.MAX_TURNS
    return StopReason.MAX_TURNS if count >= limits.turns else None


def _discounted_return(turns: Sequence[Turn], gamma: float) -> float:
    total = 0.0
    for turn in reversed(turns):
        total = turn.reward + gamma * total
    return total


async def run_groups(
    envs: EnvPool,
    agent_for: AgentFactory,
    tasks: Sequence[Task],
    samples: int,
    task_seeds: Sequence[int],
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> list[Group]:
    """Play `samples` episodes on each task, all at once, and return them as one group a task.

    Args:
        envs: Where environments come from.
        agent_for: Makes the agent of an episode from its environment and task.
        tasks: The problems.
        samples: Episodes a task.
        task_seeds: One for each task; its sample j draws from `(seed, j)`.
        encoder: Turns messages into tokens; None for agents that ask no policy.
        limits: Where to cut an episode.
        on_episode: Called with each episode as it ends, for progress.
    """
    episodes = list_episodes(tasks, samples, task_seeds)
    played = await run_episodes(envs, agent_for, episodes, encoder, limits, on_episode)
    return group_episodes(tasks, samples, played)


def list_episodes(
    tasks: Sequence[Task], samples: int, task_seeds: Sequence[int]
) -> list[tuple[Task, int]]:
    """Return the episodes of some groups, one behind the other, each as its task and its seed."""
    return [
        (task, derive_seed(seed, sample))
        for task, seed in zip(tasks, task_seeds, strict=True)
        for sample in range(samples)
    ]


async def run_episodes(
    envs: EnvPool,
    agent_for: AgentFactory,
    episodes: Sequence[tuple[Task, int]],
    encoder: ChatEncoder | None,
    limits: EpisodeLimits,
    on_episode: Callable[[Trajectory], None] | None = None,
) -> list[Trajectory]:
    """Play episodes of `list_episodes`, all at once, and return them in their order."""

    async def play(task: Task, seed: int) -> Trajectory:
        trajectory = await play_episode(envs, agent_for, task, seed, encoder, limits)
        if on_episode is not None:
            on_episode(trajectory)
        return trajectory

    return await asyncio.gather(*(play(task, seed) for task, seed in episodes))


def group_episodes(
    tasks: Sequence[Task], samples: int, played: Sequence[Trajectory]
) -> list[Group]:
    """Return the episodes of `list_episodes`, played, as one group a task."""
    return [
        Group(task, tuple(played[index * samples : (index + 1) * samples]))
        for index, task in enumerate(tasks)
    ]
