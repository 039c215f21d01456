"""The trainer's side of rollouts on a cluster: parts go out, groups come back in order."""

import asyncio
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import gym_reason
from gym_reason.agents.engines.ray.kit import pack_kit
from gym_reason.agents.engines.ray.weights import WeightSender, checksum, make_canary
from gym_reason.agents.weights import count_bytes
from gym_reason.cluster.connection import RayConnection
from gym_reason.registry import loaded_modules
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.ray.worker import Blueprint, Part, Played, RolloutWorker
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rollouts.playing import EnvKey
from gym_reason.types import Group, Task


class RayRollouts:
    """Workers that play a run's episodes with the weights of its learner."""

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        say: Callable[[str], None],
        beat: Callable[[], None],
    ) -> None:
        """Join the cluster and have the workers start.

        Args:
            recipe: The run's.
            learner: Whose weights they play with.
            say: Told, in the caller's thread, whom the crew lost and why.
            beat: Called, in any thread, as a part is done.

        Raises UsageError without Ray, and RunError where the cluster cannot be joined.
        """
        settings, model = recipe.ray, learner.plain
        self._recipe = recipe
        self._learner = learner
        self._say = say
        self._beat = beat
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._connection = RayConnection(settings, count_bytes(model.parameters()))
        kit = pack_kit(
            model,
            learner.tokenizer,
            device=settings.workers.device(recipe.model.device),
            dtype=learner.autocast,
            threads=settings.workers.threads,
            cache_bytes=recipe.model.cache_bytes or None,
        )
        blueprint = Blueprint(recipe, kit, tuple(loaded_modules), gym_reason.__version__)
        # Weights that a server is given by the trainer's engine go to no worker.
        self._sender: WeightSender | None = None
        if not recipe.vllm.base_url:
            canary = make_canary(
                settings, model, recipe.sampling.temperature, learner.autocast, "a rollout worker"
            )
            self._sender = WeightSender(self._connection.put, canary)
        self._crew = self._connection.hire(
            "rollout worker",
            settings.workers,
            RolloutWorker,
            self._connection.put(blueprint),
            at_once=settings.parts_at_once,
            say=self._told.put,
        )

    async def play(
        self,
        temperature: float,
        envs: EnvKey,
        tasks: Sequence[Task],
        samples: int,
        seeds: Sequence[int],
        name: str,
    ) -> list[Group]:
        """Play `samples` episodes on each task; return one group a task, in order.

        Args:
            temperature: Of sampling.
            envs: Where they are played.
            tasks: The problems.
            samples: Episodes a task.
            seeds: One for each task; sample j of it draws from `(seed, j)`.
            name: What messages call these episodes.

        Raises:
            RunError: A part was lost twice, no worker starts, or one has other weights.
        """
        learner = self._learner
        # Those of the engine here: ahead of the updates it has left the weights in training.
        model, version = learner.engine.model, learner.engine.version
        delivery = None
        if self._sender is not None:
            delivery = self._sender.deliver(model, version, checksum(model))
        split = self._recipe.rollout.split(len(tasks), self._recipe.ray.workers.count)
        sent: list[Future[Played]] = []
        for number, part in enumerate(split, 1):
            work = Part(
                delivery,
                version,
                tuple(tasks[index] for index in part),
                tuple(seeds[index] for index in part),
                samples,
                temperature,
                envs,
            )
            future = self._crew.submit(work, f"part {number} of {len(split)} of {name}")
            future.add_done_callback(lambda _: self._beat())
            sent.append(future)
        groups: list[Group] = []
        try:
            for future in sent:
                played = await asyncio.wrap_future(future)
                if self._sender is not None and delivery is not None:
                    self._sender.check(model, delivery, played.canary)
                groups += played.groups
        finally:
            for future in sent:
                future.cancel()
            self._tell()
        return groups

    def figures(self) -> Mapping[str, float]:
        """Return what the last packing of weights took, the canary's gap, and workers lost."""
        figures: dict[str, float] = {"workers_lost": self._crew.lost}
        if self._sender is not None:
            figures |= {"sync_seconds": self._sender.seconds, "canary_gap": self._sender.gap}
        return figures

    def close(self) -> None:
        """End the workers, and the cluster where it is the run's own."""
        self._connection.close()
        self._tell()

    def _tell(self) -> None:
        while not self._told.empty():
            self._say(self._told.get())
