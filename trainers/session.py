"""What every stage of a run works with: the model, its engine, the tasks and the run's progress."""

import contextlib
import functools
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.memory import is_out_of_memory
from gym_reason.agents.policy import SamplingParams
from gym_reason.envs.base import sample_tasks
from gym_reason.envs.curriculum import Curriculum
from gym_reason.errors import RunError
from gym_reason.rollout import (
    AgentFactory,
    EnvPool,
    EpisodeLimits,
    group_episodes,
    list_episodes,
    run_episodes,
)
from gym_reason.seeding import derive_seed
from gym_reason.trainers.distributed.playing import SharedPlay, main_plays
from gym_reason.trainers.distributed.sharding import gather_state
from gym_reason.trainers.model.adapters import make_adapter
from gym_reason.trainers.model.files import ModelWriter
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.observer import Observer
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rollouts.loops import run_apart
from gym_reason.trainers.rollouts.playing import EnvKey, PolicyAgents, make_envs, make_policy_agents
from gym_reason.trainers.rollouts.remote import Remote
from gym_reason.trainers.rollouts.stall import StallWatch
from gym_reason.trainers.run.checkpoint import CheckpointStore, Part, Progress
from gym_reason.trainers.run.folder import RunFolder
from gym_reason.trainers.run.stop import Stalled, Stopped, StopRequest
from gym_reason.types import Completion, Group, Json, Task, Trajectory

T = TypeVar("T")

BASE = "base"
"""Folder, in a run's, of the weights that its adapter began on."""


class Speaking(Protocol):
    """Something of which it can be told whether it lives, such as an engine."""

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved."""
        ...


class Session:
    """One process's work on a run, alone or beside others."""

    def __init__(
        self,
        recipe: Recipe,
        folder: RunFolder,
        learner: Learner,
        progress: Progress,
        observer: Observer,
        stop: StopRequest,
    ) -> None:
        """Put the parts together; `progress` says where the run stands."""
        self.recipe = recipe
        self.folder = folder
        self.learner = learner
        self.progress = progress
        self.observer = observer
        self.store = CheckpointStore(folder.checkpoints, recipe.checkpoint.keep)
        self.world = learner.world
        self._model_writer = (
            ModelWriter(learner.plain, learner.tokenizer, folder.path)
            if self.world.is_main
            else None
        )
        self.parts: dict[str, Part] = {}
        """What the stage under way keeps in its checkpoints besides the model."""
        self.stop = stop
        self.beats = 0
        """How many episodes, or parts of them elsewhere, have ended: a sign of life."""
        self.speakers: list[Speaking] = []
        """Engines besides the learner's that are listened to."""
        self.watch = StallWatch(recipe.rollout.stall_seconds, stop, folder.path)
        self._clock = time.monotonic()
        self._limits = EpisodeLimits(step_seconds=recipe.env.step_seconds)
        self._pools: dict[EnvKey, EnvPool] = {}
        self._remote = Remote(recipe, learner, self.say, self.beat)
        self.shared_play = SharedPlay(self.world, main_only=main_plays(recipe))
        """Decides what of all that is to be played this process plays."""
        settings = recipe.curriculum
        self.curriculum = (
            Curriculum(
                settings.levels,
                raise_at=settings.raise_at,
                lower_at=settings.lower_at,
                window=settings.window,
                rehearse=settings.rehearse,
            )
            if settings.levels
            else None
        )
        if self.curriculum is not None and progress.curriculum is not None:
            self.curriculum.load_state(progress.curriculum)
        self.read_curriculum = self.curriculum_state
        """Returns the curriculum's state as a checkpoint is to hold it; None without one."""

    def curriculum_state(self) -> dict[str, Json] | None:
        """Return the curriculum's state as it is; None without one."""
        return None if self.curriculum is None else self.curriculum.state()

    def envs(self, level: int | None = None, split: str = "") -> EnvPool:
        """Return the environments of a level of the curriculum and a split.

        "" stands for the environment's own split.
        """
        key = EnvKey(level, split)
        if key not in self._pools:
            self._pools[key] = make_envs(self.recipe, key, self._remote.judging)
        return self._pools[key]

    @functools.cached_property
    def gamma(self) -> float:
        """The discount of the environment's MDP."""
        pool = self.envs(0 if self.curriculum is not None else None)
        env = pool.take()
        pool.give_back(env)
        return float(getattr(env.unwrapped, "gamma", 1.0))

    def draw_tasks(
        self, count: int, *names: int | str, level: int | None = None
    ) -> tuple[Task, ...]:
        """Return tasks of the training split for the draw that `names` names."""
        return _draw(self.envs(level), count, derive_seed(self.recipe.seed, *names))

    def play_held_out(self) -> list[Trajectory]:
        """Answer the held-out problems greedily: the hardest level, the same for every seed."""
        settings = self.recipe.evaluation
        level = len(self.recipe.curriculum.levels) - 1 if self.curriculum is not None else None
        pool = self.envs(level, settings.split)
        drawn = _draw(pool, settings.problems, derive_seed(0, "held-out"))
        tasks = list({task.id: task for task in drawn}.values())  # a small split repeats itself
        groups = self.play(self.policy_agent(0.0), tasks, 1, "held-out", envs=pool)
        return [group.trajectories[0] for group in groups]

    def play(
        self,
        agent_for: AgentFactory,
        tasks: Sequence[Task],
        samples: int,
        *names: int | str,
        envs: EnvPool | None = None,
        encoder: ChatEncoder | None = None,
    ) -> list[Group]:
        """Return what `play_episodes` does, from an event loop of its own."""
        return run_apart(
            self.play_episodes(agent_for, tasks, samples, *names, envs=envs, encoder=encoder)
        )

    async def play_episodes(
        self,
        agent_for: AgentFactory,
        tasks: Sequence[Task],
        samples: int,
        *names: int | str,
        envs: EnvPool | None = None,
        encoder: ChatEncoder | None = None,
    ) -> list[Group]:
        """Play episodes; their draws derive from the run's seed and `names`.

        Each process plays a share of them, or the main one plays all; either way every one gets
        all. `encoder` belongs to agents that ask another policy than the learner's.
        """
        base = derive_seed(self.recipe.seed, *names)
        seeds = [derive_seed(base, index) for index in range(len(tasks))]
        pool = envs or self.envs()
        name = " ".join(map(str, names))
        what, shared = f"the episodes of {name}", self.shared_play
        if isinstance(agent_for, PolicyAgents) and self._remote.plays:
            key = next((key for key, own in self._pools.items() if own is pool), None)
            if key is not None:
                temperature = agent_for.temperature
                return await shared.join(
                    lambda: self._remote.play(temperature, key, tasks, samples, seeds, name), what
                )
        encoder = encoder or self.learner.encoder
        groups: list[Group] = []
        for part in self.recipe.rollout.split(len(tasks)):
            chosen = slice(part.start, part.stop)
            own = shared.own(list_episodes(tasks[chosen], samples, seeds[chosen]))
            play = functools.partial(self._play_own, pool, agent_for, own, encoder)
            groups += group_episodes(tasks[chosen], samples, await shared.join(play, what))
        return groups

    async def _play_own(
        self,
        pool: EnvPool,
        agent_for: AgentFactory,
        episodes: Sequence[tuple[Task, int]],
        encoder: ChatEncoder,
    ) -> list[Trajectory]:
        """Play what is this process's own."""
        playing = run_episodes(
            pool, agent_for, episodes, encoder, self._limits, lambda _: self.beat()
        )
        return await self._remote.with_threads(playing)

    def complete(
        self, prompts: Sequence[Sequence[int]], params: Sequence[SamplingParams]
    ) -> list[Completion]:
        """Return a completion of each prompt; the processes share them out as they do episodes."""
        engine, shared = self.learner.engine, self.shared_play
        return shared.join_at_once(
            lambda: engine.generate(shared.own(prompts), shared.own(params)), "completions"
        )

    def beat(self) -> None:
        """Take note that an episode ended, or a part of them elsewhere."""
        self.beats += 1

    def start_workers(self) -> None:
        """Start those who play elsewhere, if there are any and they have not been asked yet."""
        self._remote.start()

    @property
    def pulse(self) -> int:
        """Changes whenever anything moved: an episode ended, a token was drawn, a pass began.

        So it does in a wait for other processes: what stands still is in one of those.
        """
        speakers: tuple[Speaking, ...] = (self.world, self.learner.engine, *self.speakers)
        return self.beats + self.learner.passes + sum(one.pulse for one in speakers)

    @contextlib.contextmanager
    def watched(self, what: str) -> Iterator[None]:
        """End what the block does where nothing moves for `rollout.stall_seconds`.

        Raises RunError then, and where no memory is left; `what` is its name in the message.
        """
        try:
            with self.watch.over(what, lambda: self.pulse):
                yield
        except Stalled as stalled:
            raise RunError(str(stalled)) from None
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(
                f"no memory was left in {what}: {str(error) or type(error).__name__}",
                remedy="take less at a time (micro_batch_tokens, model.cache_bytes, fewer samples) "
                "and go on with --resume",
            ) from error

    def policy_agent(self, temperature: float) -> PolicyAgents:
        """Return agents that ask the learner's engine, or where they play, one that follows it."""
        return make_policy_agents(self.recipe, self.learner.engine, temperature)

    def engine_figures(self) -> dict[str, Json]:
        """Return what new weights and those who play with them cost, for the metrics of a step."""
        return {**self.learner.engine.figures(), **self._remote.figures()}

    def finish_step(self, row: dict[str, Json], *, last: bool) -> None:
        """Write a step's metrics, save a checkpoint where one is due, and stop where asked to.

        The checkpoint of a stage's last step is left to the end of the stage, which knows more.
        Raises RunError, and Stopped after a signal.
        """
        self._tick()
        self.progress.metrics_bytes = self.folder.append_metrics(row)
        self.observer.on_step(row)
        due = not last and self.progress.step % max(self.recipe.checkpoint.every_steps, 1) == 0
        signal = self._stop_signal()
        if due or signal is not None:
            self.save()
        if signal is not None:
            raise Stopped(signal)

    def stop_if_asked(self) -> None:
        """Raise Stopped where Ctrl-C or SIGTERM came; what is to be kept has been saved."""
        signal = self._stop_signal()
        if signal is not None:
            raise Stopped(signal)

    def _stop_signal(self) -> int | None:
        """Return the signal that came to any of the processes by now."""
        came = self.world.gather(self.stop.signal, "whether to stop")
        return next((signal for signal in came if signal is not None), None)

    def seed_generators(self, *names: int | str) -> None:
        """Seed the global generators for what a model or an environment may draw from them."""
        seed = derive_seed(self.recipe.seed, "global", *names)
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)

    def save(self, *, milestone: bool = False) -> None:
        """Save a checkpoint, with the parts of the stage under way.

        Raises RunError, and keeps the one before, where a weight is not finite.
        """
        self._tick()
        learner, where = self.learner, f"step {self.progress.step}"
        learner.merge()
        largest = [weight.detach().abs().max() for weight in learner.whole.parameters()]
        check_finite(torch.stack(largest).max().item(), "a weight", where)
        self.world.check_same(learner.whole.named_parameters(), f"at {where}")
        self.progress.curriculum = self.read_curriculum()
        self.progress.version = max(self.progress.version, learner.engine.version)
        states = {
            name: gather_state(part.state_dict(), keep=self.world.is_main)
            for name, part in self.parts.items()
        }
        if self._model_writer is not None:
            self.store.save(
                self.progress,
                self._model_writer,
                states,
                adapter=learner.adapter,
                milestone=milestone,
            )

    def keep(self) -> None:
        """Save a checkpoint unless the last one is of this very step. Raises RunError."""
        if not self.world.decide(self._is_saved, "whether the last checkpoint is of this step"):
            self.save()

    def _is_saved(self) -> bool:
        last = self.store.last()
        return last is not None and self.store.load_progress(last).step == self.progress.step

    def adapt(self) -> None:
        """Put the recipe's adapter on the weights, and keep these in the run's folder."""
        base = self.folder.path / BASE
        if self._model_writer is not None:
            self._model_writer.write_whole(base)
        seed = derive_seed(self.recipe.seed, "adapter")
        adapter = make_adapter(self.learner.plain, self.recipe.adapter, seed, base)
        self.learner.adapt(adapter)
        self.say(f"adapter {self.recipe.adapter.kind}: {adapter.describe()}")

    def start_stage(self, name: str, total: int, parts: Mapping[str, Part]) -> None:
        """Begin a stage of `total` steps, or go on with it as the last checkpoint has it.

        Until the next stage, every checkpoint holds `parts`.
        """
        done = self.progress.done(name)
        checkpoint = self.store.last()
        if done > 0 and checkpoint is not None:
            self.store.load_parts(checkpoint, parts)
        self.parts = dict(parts)
        self.observer.on_stage(name, total, done)

    def say(self, text: str) -> None:
        """Tell the observer and the log."""
        self.folder.log(text)
        self.observer.on_message(text)

    def close(self) -> None:
        """Close every environment, and the engine."""
        self.watch.close()
        try:
            for pool in self._pools.values():
                pool.close()
        finally:
            self._remote.close()
            self.learner.engine.close()

    def _tick(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._clock
        self._clock = now


def _draw(envs: EnvPool, count: int, seed: int) -> tuple[Task, ...]:
    env = envs.take()
    try:
        return sample_tasks(env, count, seed)
    finally:
        envs.give_back(env)


def check_finite(value: float, name: str, where: str) -> None:
    """Raise RunError where a loss, a norm or a weight is not finite: it would end the model."""
    if not math.isfinite(value):
        raise RunError(
            f"{name} is {value} at {where}",
            "a finite number",
            "lower the learning rate; the last checkpoint is whole",
        )
