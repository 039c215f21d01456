"""What of a run is done on other machines, started once it is asked for."""

import asyncio
import pickle
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from gym_reason.cluster.settings import require_ray
from gym_reason.errors import ConfigError
from gym_reason.rollout import Judging
from gym_reason.trainers.distributed.playing import share_verifiers
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rollouts.playing import EnvKey
from gym_reason.types import Group, Task
from gym_reason.verifiers.base import Verifier

if TYPE_CHECKING:
    from gym_reason.trainers.ray.rollouts import RayRollouts
    from gym_reason.verifiers.ray import RayVerifierPool

T = TypeVar("T")

THREADS_PER_PROCESS = 4
"""Submissions that wait, for each process that judges elsewhere."""


class Remote:
    """The rollout workers and the verifiers of a run; none where its recipe asks for none."""

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        say: Callable[[str], None],
        beat: Callable[[], None],
    ) -> None:
        """Start nothing yet.

        Args:
            recipe: The run's.
            learner: Whose weights are played with.
            say: Told, in the caller's thread, what a person should know.
            beat: Called, in any thread, where something moved.
        """
        self._recipe = recipe
        self._ray = share_verifiers(recipe, learner.world)
        self._beat = beat
        self._with_executor: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._learner = learner
        self._say = say
        self._rollouts: RayRollouts | None = None
        self._judges: dict[bytes, RayVerifierPool] = {}

    @property
    def plays(self) -> bool:
        """Whether episodes of the policy are played elsewhere."""
        return self._recipe.rollout.backend == "ray"

    @property
    def judging(self) -> Judging | None:
        """What has heavy environments judged elsewhere; None where they judge themselves."""
        return self._judge if self._ray.verifiers.count else None

    async def play(
        self,
        temperature: float,
        envs: EnvKey,
        tasks: Sequence[Task],
        samples: int,
        seeds: Sequence[int],
        name: str,
    ) -> list[Group]:
        """Play episodes elsewhere; see `RayRollouts.play`."""
        self.start()
        assert self._rollouts is not None
        return await self._rollouts.play(temperature, envs, tasks, samples, seeds, name)

    def start(self) -> None:
        """Start the rollout workers, where the recipe has any and they do not run yet.

        Raises UsageError without Ray, and RunError where the cluster cannot be joined.
        """
        if self._rollouts is None and self.plays:
            from gym_reason.trainers.ray.rollouts import RayRollouts

            self._rollouts = RayRollouts(self._recipe, self._learner, self._say, self._beat)

    async def with_threads(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns, with a thread for each submission that others could judge."""
        verifiers, loop = self._ray.verifiers, asyncio.get_running_loop()
        if verifiers.count and loop not in self._with_executor:
            # Python's own number of threads is that of this machine's processors.
            threads = THREADS_PER_PROCESS * verifiers.count * verifiers.threads
            self._with_executor.add(loop)
            loop.set_default_executor(ThreadPoolExecutor(threads, "step"))
        return await work

    def figures(self) -> Mapping[str, float]:
        """Return what the last step took of it, for its metrics."""
        return self._rollouts.figures() if self._rollouts is not None else {}

    def close(self) -> None:
        """End whatever was started."""
        for pool in self._judges.values():
            pool.close()
        if self._rollouts is not None:
            self._rollouts.close()

    def _judge(self, verifier: Verifier) -> Verifier:
        """Return the pool that judges for a verifier and for all that are the same."""
        from gym_reason.verifiers.ray import RayVerifierPool

        key = pickle.dumps(verifier)
        if key not in self._judges:
            self._judges[key] = RayVerifierPool(verifier, self._ray)
        return self._judges[key]


def check_remote(recipe: Recipe) -> None:
    """Refuse what cannot be done elsewhere. Raises ConfigError, and UsageError without Ray."""
    plays = recipe.rollout.backend == "ray"
    if not plays and recipe.engine != "ray" and not recipe.ray.verifiers.count:
        return
    if recipe.rollout.in_flight and (plays or recipe.engine == "ray"):
        raise ConfigError(
            "rollout.in_flight with weights that go to other machines",
            "rollout.ahead alone: new weights reach a worker between two parts of the work",
        )
    if plays and recipe.engine == "ray":
        raise ConfigError(
            "engine = 'ray' with rollout.backend = 'ray'",
            "one of them: rollout workers have engines of their own",
            "leave engine out",
        )
    if plays and recipe.engine == "server" and not recipe.vllm.base_url:
        raise ConfigError(
            "engine = 'server' with rollout.backend = 'ray'",
            "vllm.base_url of a server that runs: each worker would start one",
        )
    if plays and recipe.ray.workers.count < 1:
        raise ConfigError("ray.workers.count = 0 with rollout.backend = 'ray'", "1 or more")
    if plays and recipe.ray.verifiers.count:
        raise ConfigError(
            f"ray.verifiers.count = {recipe.ray.verifiers.count} with rollout.backend = 'ray'",
            "0: rollout workers judge where they play",
        )
    if (plays or recipe.engine == "ray") and recipe.adapter.virtual:
        raise ConfigError(
            f"adapter.kind = {recipe.adapter.kind!r} with an engine on another machine",
            "an adapter of layers: virtual tokens are no weights of the model",
        )
    require_ray()
