import pytest

from gym_reason.envs.base import sample_tasks
from gym_reason.errors import EnvError, UsageError
from gym_reason.interop.episodes import Episode, to_chat
from gym_reason.interop.trl import make_environment_factory, make_seed_rows, make_trl_tasks
from gym_reason.registry import register_verifier
from gym_reason.types import Message, Outcome, Task, Verdict

ARITHMETIC, STEPS = "gym_reason/Arithmetic-v0", "gym_reason/Steps-v0"


@register_verifier("interop_broken")
class Broken:
    name = "interop_broken"

    def verify(self, task: Task, submission: str) -> Verdict:
        return Verdict(0.0, False, Outcome.UNSCORABLE)


def test_an_episode_keeps_its_return_and_its_verdict() -> None:
    episode = Episode(STEPS, {"digits": 2, "reward": "dense"})
    with pytest.raises(EnvError, match="none was started"):
        episode.act("1")
    task = sample_tasks(episode.env, 1, seed=0)[0]
    assert episode.start(task)
    for action in episode.env.demonstrate(task):
        episode.act(action)
    assert episode.over
    assert episode.correct
    assert episode.outcome == "pass"
    assert episode.total == pytest.approx(1.0)
    assert episode.turns == len(episode.env.demonstrate(task)) > 1
    episode.start(task)
    assert (episode.total, episode.turns, episode.over, episode.outcome) == (0.0, 0, False, "")


def test_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="pictures"):
        to_chat((Message("user", "look", (b"x",)),))


def test_trl_gets_rows_and_a_reward_for_each_completion() -> None:
    tasks = make_trl_tasks(ARITHMETIC, 6, digits=2)
    assert len({row["task_id"] for row in tasks.rows}) == 6
    names = [row["task_id"] for row in tasks.rows[:3]]
    left, right = (int(part) for part in tasks.rows[0]["prompt"][0]["content"][:-1].split("+"))
    texts = [str(left + right), f"{left + right + 1}", ""]
    assert tasks.reward(completions=texts, task_id=[names[0]] * 3, prompts=[]) == [1.0, 0.0, 0.0]
    chat = [[{"role": "assistant", "content": text}] for text in texts]
    assert tasks.reward(completions=chat, task_id=[names[0]] * 3) == [1.0, 0.0, 0.0]
    with pytest.raises(UsageError, match="rows of the same"):
        tasks.reward(completions=["1"], task_id=["other"])
    with pytest.raises(UsageError, match="make_environment_factory"):
        make_trl_tasks(STEPS, 2)


def test_what_cannot_be_scored_has_no_reward() -> None:
    tasks = make_trl_tasks(ARITHMETIC, 1, verifier="interop_broken")
    assert tasks.reward(completions=["1"], task_id=[tasks.rows[0]["task_id"]]) == [None]
    made = make_environment_factory(ARITHMETIC, verifier="interop_broken")()
    made.reset(seed=0)
    made.act("1")
    assert made.get_reward() is None


def test_an_environment_of_trl_plays_an_episode() -> None:
    made = make_environment_factory(STEPS, digits=2)()
    row = make_seed_rows(3)[2]
    shown = made.reset(**row)
    assert shown == made.reset(**row)
    task = made._episode.env.task
    said = [made.act(action) for action in made._episode.env.demonstrate(task)]
    assert said[-1].endswith("The episode is over.")
    assert made.act("1") == "The episode is over."
    assert made.get_reward() == 1.0
