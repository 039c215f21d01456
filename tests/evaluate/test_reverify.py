"""Stored episodes judged anew: the same verdicts, or those of another verifier."""

import dataclasses
from collections.abc import Sequence

import pytest

import gym_reason
from gym_reason.agents.base import Action, Round
from gym_reason.agents.conversation import Conversation
from gym_reason.envs.base import ReasoningEnv, Transition
from gym_reason.errors import UnknownNameError
from gym_reason.evaluate.folder import Episode
from gym_reason.evaluate.play import Request, play_episodes
from gym_reason.evaluate.results import Contestant
from gym_reason.evaluate.reverify import reverify
from gym_reason.registry import make
from gym_reason.rollout import EnvPool, EpisodeLimits, TextEnv
from gym_reason.trajectories import task_key
from gym_reason.types import Completion, Message, Outcome, Task, TokenTrace, Trajectory, Verdict

ENV = "test_reverify/Product-v0"
TASK = Task("six", (Message("user", "6*7="),), "42")


@gym_reason.register(ENV)
class Product(ReasoningEnv):
    """Two turns: the second answer is judged."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"max_turns": 2, "verifier": "exact", **options})  # type: ignore[arg-type]

    def all_tasks(self) -> Sequence[Task]:
        return (TASK,)

    def transition(self, action: str) -> Transition:
        if action == "wait":
            return Transition(0.0, False, feedback="go on")
        return super().transition(action)


class Loop:
    """Has an answer before each of its answers."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = iter(texts)

    async def act(self, conversation: Conversation, seed: int) -> Action:
        text = next(self._texts)
        conversation.add_message(Message("assistant", text))
        said = Completion((1, 2), (-0.5, -0.5), text, "stop")
        return Action(text, said, (Round(f"7{text}", said, "no"),))


def play(texts: Sequence[str], **options: object) -> Episode:
    """Return an episode with two tokens of the policy a turn."""
    kept: list[Trajectory] = []
    pool = EnvPool(lambda: make(ENV, **options))

    def agent_for(env: TextEnv, task: Task) -> Loop:
        return Loop(texts)

    limits = EpisodeLimits(judge_rounds=True)
    play_episodes(
        pool, agent_for, [Request(TASK, 0)], 0, None, limits, lambda _, one: kept.append(one)
    )
    turns = tuple(turn for turn in range(len(kept[0].turns)) for _ in range(2))
    trace = TokenTrace(turns, (True,) * len(turns), (-0.5,) * len(turns), turns)
    trajectory = dataclasses.replace(kept[0], traces=(trace,))
    return Episode(Contestant(ENV, "p"), task_key(TASK), 0, trajectory)


def test_nothing_changes_where_nothing_changed() -> None:
    episodes = [play(["42"]), play(["wait", "41"]), play(["wait", "wait"])]
    found = list(reverify(episodes, {}, None))
    assert [one.before for one in found] == episodes
    assert [one.after for one in found] == episodes
    assert not any(one.changed for one in found)


def test_another_verifier_judges_what_was_said() -> None:
    (found,) = reverify([play(["wait", "42.0"])], {}, "math")
    assert (found.before.result.correct, found.after.result.correct) == (False, True)
    assert found.changed
    # The answers of a loop before its last are judged anew too, where the episode is one action.
    single = play(["42.0"], max_turns=1)
    (found,) = reverify([single], {"max_turns": 1}, "math")
    assert found.after.result.rounds == (False, True)
    assert found.after.trajectory.traces == single.trajectory.traces


def test_an_episode_that_ends_earlier_now_loses_the_tokens_after_that() -> None:
    long = play(["wait", "42"])
    (found,) = reverify([long], {"max_turns": 1}, None)
    now = found.after.trajectory
    assert [turn.action for turn in now.turns] == ["7wait", "wait"]
    assert now.traces[0].turn_index == (0, 0, 1, 1)
    assert not found.after.result.correct


def test_an_episode_that_would_go_on_cannot_be_judged() -> None:
    (found,) = reverify([play(["wait"], max_turns=1)], {}, None)
    assert found.after.result.correct is None
    assert "goes on where the stored episode ended" in found.after.result.error


def test_what_could_not_be_judged_may_be_judged_now() -> None:
    good = play(["42"])
    lost = dataclasses.replace(good.trajectory, meta={"error": "the sandbox died", "note": 1})
    last = dataclasses.replace(lost.turns[-1], verdict=Verdict(0.0, False, Outcome.UNSCORABLE))
    lost = dataclasses.replace(lost, turns=(*lost.turns[:-1], last))
    (found,) = reverify([dataclasses.replace(good, trajectory=lost)], {}, None)
    assert (found.before.result.correct, found.after.result.correct) == (None, True)
    assert found.after.trajectory.meta == {"note": 1}


def test_an_unknown_verifier_is_told() -> None:
    with pytest.raises(UnknownNameError, match="exact"):
        list(reverify([play(["42"])], {}, "exat"))
