"""The pooled vector environment does what `SyncVectorEnv` does, in every autoreset mode."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

import gym_reason
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import unwrap
from gym_reason.envs.vector import PooledVectorEnv, make_pooled_vec
from gym_reason.envs.wrappers import Notes, TokenActions
from gym_reason.errors import EnvError, UnknownNameError, UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.pool import VerifierPool

COUNT = 3
MODES = list(AutoresetMode)
Maker = Callable[[], gymnasium.Env[str, str]]
MAKERS: dict[str, Maker] = {
    "Arithmetic": lambda: gym_reason.make("gym_reason/Arithmetic-v0", digits=1),
    "Countdown": lambda: gym_reason.make("gym_reason/Countdown-v0", partial_credit=0.1),
    "Digits": lambda: gym_reason.make("gym_reason/Digits-v0"),
    "Steps": lambda: gym_reason.make("gym_reason/Steps-v0", digits=1, max_turns=3),
    "notes": lambda: Notes(gym_reason.make("gym_reason/Arithmetic-v0", digits=1)),
    "tokens": lambda: TokenActions(gym_reason.make("gym_reason/Arithmetic-v0"), max_tokens=2),
}
ACTIONS = ("", "0", "7", "12", "\ud800", "<note>x</note>5", "x" * 20_000, "(1+2)*3", "\n", "1=1")


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    """A pool of the verifier that most of the environments here have."""
    with VerifierPool(Arithmetic().verifier, workers=2) as pool:
        yield pool


def draw_actions(envs: SyncVectorEnv[Any, Any], rng: np.random.Generator) -> tuple[str, ...]:
    """Return an action for each environment: the right one, or one that may be anything."""
    references = [unwrap(env).task.reference for env in envs.envs]
    return tuple(
        reference if rng.random() < 0.4 else ACTIONS[rng.integers(len(ACTIONS))]
        for reference in references
    )


def assert_equal(first: Any, second: Any) -> None:
    assert data_equivalence(first, second, exact=True), f"{first}\n{second}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MAKERS)
def test_it_equals_the_environments_one_by_one(name: str, mode: AutoresetMode) -> None:
    sync = SyncVectorEnv([MAKERS[name]] * COUNT, autoreset_mode=mode)
    pooled = PooledVectorEnv([MAKERS[name]] * COUNT, autoreset_mode=mode)
    try:
        assert pooled.metadata == sync.metadata
        assert pooled.action_space == sync.action_space
        assert pooled.observation_space == sync.observation_space
        assert_equal(pooled.reset(seed=4), sync.reset(seed=4))
        rng = np.random.default_rng(0)
        for step in range(25):
            actions = draw_actions(sync, rng)
            result, expected = pooled.step(actions), sync.step(actions)
            assert_equal(result, expected)
            assert result[0] in pooled.observation_space
            over = expected[2] | expected[3]
            if mode is AutoresetMode.DISABLED and over.any():
                assert_equal(
                    pooled.reset(options={"reset_mask": over}),
                    sync.reset(options={"reset_mask": over.copy()}),
                )
            elif step == 12:
                assert_equal(pooled.reset(seed=[1, None, 3]), sync.reset(seed=[1, None, 3]))
    finally:
        pooled.close()
        sync.close()


class CountingPool(VerifierPool):
    """A pool that counts its batches and its single rows."""

    def __init__(self) -> None:
        super().__init__(Arithmetic().verifier)
        self.batches: list[int] = []
        self.singles = 0

    def verify_many(self, items: Any) -> Any:
        rows = list(items)
        self.batches.append(len(rows))
        return super().verify_many(rows)

    def verify(self, task: Task, submission: str) -> Verdict:
        self.singles += 1
        return super().verify(task, submission)


def test_a_step_is_one_batch_without_what_is_not_judged() -> None:
    with CountingPool() as pool:
        envs = PooledVectorEnv([MAKERS["Arithmetic"]] * COUNT, pool=pool)
        envs.reset(seed=0)
        envs.step(("1", "2", "\ud800"))
        assert (pool.batches, pool.singles) == ([2], 0)
        envs.step(("1", "2", "3"))  # All three begin anew.
        assert (pool.batches, pool.singles) == ([2, 0], 0)
        envs.step(("1", "2", "3"))
        assert (pool.batches, pool.singles) == ([2, 0, 3], 0)
        envs.close()
        # A pool that was given stays open.
        assert pool.verify(Task("1", (), "7"), "7").correct


class Sleeper:
    """A verifier that never ends on some submissions."""

    name = "sleeper"

    def verify(self, task: Task, submission: str) -> Verdict:
        while submission == "wait":
            pass
        return Verdict(1.0, True, Outcome.PASS)


SLEEPER = """
from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Verdict

@register_verifier("test_vector_sleeper")
class Sleeper:
    name = "test_vector_sleeper"

    def verify(self, task, submission):
        while submission == "wait":
            pass
        return Verdict(1.0, True, Outcome.PASS)
"""


def test_an_answer_that_hangs_the_verifier_costs_its_own_reward_alone(tmp_path: Any) -> None:
    module = tmp_path / "vector_sleeper.py"
    module.write_text(SLEEPER)
    pool = VerifierPool("test_vector_sleeper", timeout_s=0.3, modules=[str(module)])
    maker = lambda: Arithmetic(verifier="test_vector_sleeper")  # noqa: E731
    envs = PooledVectorEnv([maker] * COUNT, pool=pool)
    envs.reset(seed=0)
    _, rewards, terminated, _, infos = envs.step(("a", "wait", "b"))
    assert rewards.tolist() == [1.0, 0.0, 1.0]
    assert terminated.all()
    assert infos["verdict"][1].outcome is Outcome.TIMEOUT
    envs.close()
    pool.close()


def test_gymnasiums_vector_wrappers_work_on_it(pool: VerifierPool) -> None:
    inner = PooledVectorEnv(
        [MAKERS["Arithmetic"]] * COUNT, pool=pool, autoreset_mode=AutoresetMode.SAME_STEP
    )
    envs: Any = DictInfoToList(RecordEpisodeStatistics(inner))
    envs.reset(seed=0)
    answers = tuple(unwrap(env).task.reference for env in inner.envs)
    _, rewards, _, _, infos = envs.step(answers)
    assert rewards.tolist() == [1.0] * COUNT
    assert [info["final_info"]["verdict"].correct for info in infos] == [True] * COUNT
    assert [info["episode"]["r"] for info in infos] == [1.0] * COUNT


def test_environments_are_made_by_their_id() -> None:
    envs = make_pooled_vec(
        "gym_reason/Arithmetic-v0", 2, workers=2, autoreset_mode="SameStep", digits=2
    )
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    observations, infos = envs.reset(seed=3)
    assert [len(observation) for observation in observations] == [len("12+34=")] * 2
    assert len(set(infos["task_id"])) == 2
    envs.close()
    envs.close()
    with pytest.raises(UnknownNameError, match="Arithmetic"):
        make_pooled_vec("gym_reason/Arithmetik-v0", 2)


def test_options_of_the_caller_are_left_as_they_are(pool: VerifierPool) -> None:
    envs = PooledVectorEnv(
        [MAKERS["Arithmetic"]] * 2, pool=pool, autoreset_mode=AutoresetMode.DISABLED
    )
    envs.reset(seed=0)
    options = {"reset_mask": np.array([True, False])}
    envs.reset(options=options)
    assert list(options) == ["reset_mask"]


def test_wrong_calls_are_refused(pool: VerifierPool) -> None:
    envs = PooledVectorEnv([MAKERS["Arithmetic"]] * 2, pool=pool)
    with pytest.raises(EnvError, match="reset"):
        envs.step(("1", "2"))
    envs.reset(seed=0)
    actions: Any
    for actions, message in (
        (("1",), "a batch of 1"),
        ("12", "a batch of"),
        (("1", 2), "type int"),
    ):
        with pytest.raises(UsageError, match=message):
            envs.step(actions)


@pytest.mark.parametrize(
    ("makers", "arguments", "message"),
    [
        ([], {}, "no environment"),
        ([Arithmetic, lambda: Arithmetic(verifier="exact")], {}, "verifiers differ"),
        ([lambda: Arithmetic(verifier=Sleeper())], {"workers": 0}, "workers = 0"),
        ([Arithmetic], {"autoreset_mode": "samestep"}, "did you mean 'SameStep'"),
        ([lambda: gymnasium.make("CartPole-v1")], {}, "a ReasoningEnv"),
    ],
)
def test_wrong_arguments_are_refused(makers: Any, arguments: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PooledVectorEnv(makers, **arguments)


def test_a_verifier_that_cannot_be_pickled_is_told() -> None:
    class Local(Sleeper):
        """Has no import name."""

    with pytest.raises(UsageError, match="cannot be pickled"):
        PooledVectorEnv([lambda: Arithmetic(verifier=Local())])
