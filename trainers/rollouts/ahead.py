"""Episodes played ahead of the updates, in a thread of their own.

Without weights in flight, the episodes of step n are played with the weights with which step
`n - ahead` began, whatever the threads do: a run ends in the same bits each time. The engine
samples from a snapshot; a checkpoint holds the episodes that are played already and the weights of
those that are not.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch

from gym_reason.agents.policy import AdaptedPolicy
from gym_reason.errors import GymReasonError, RunError
from gym_reason.trainers.distributed.playing import SharedPlay
from gym_reason.trainers.distributed.world import ALONE
from gym_reason.trainers.rl.collect import play_step
from gym_reason.trainers.rl.update import check_gap
from gym_reason.trainers.rollouts.audit import measure_gap
from gym_reason.trainers.rollouts.episodes import STAGE, Played
from gym_reason.trainers.rollouts.followed import News, hand_out, tell, tell_failure
from gym_reason.trainers.rollouts.loops import LoopThread
from gym_reason.trainers.rollouts.settings import RolloutSettings
from gym_reason.trainers.rollouts.snapshot import Snapshot, Weights, capture
from gym_reason.trainers.rollouts.staleness import describe_staleness, drop_stale
from gym_reason.trainers.rollouts.stall import Watched
from gym_reason.trainers.rollouts.stored import dump_episodes, load_episodes
from gym_reason.trainers.run.stop import Stopped
from gym_reason.trainers.session import Session
from gym_reason.types import Json

POLL_S = 0.25
"""Most seconds between two looks at whether a wait is of any use."""
CLOSE_S = 3.0
"""What the thread is given to end where the run ends with it."""


@dataclass(slots=True, eq=False)
class Job:
    """The episodes of a step, asked for or played."""

    step: int
    """The step."""
    version: int
    """Version of the weights that it was asked for with."""
    weights: Weights | None
    """These, until it is played; None where it takes what the engine has."""
    future: "Future[None] | None" = None
    """Done when it is played."""
    watched: Watched | None = None
    """While it is played."""
    began: float = 0.0
    ended: float = 0.0
    """On the monotonic clock."""
    played: Played | None = None
    """What came of it."""
    content: bytes = b""
    """Its episodes as a checkpoint holds them, once one did."""


class PlayedAhead:
    """Plays the episodes of the next steps beside the updates.

    Where several processes train, this is what the main one has; see `followed` for the others.
    """

    def __init__(self, session: Session) -> None:
        """Be ready to play; nothing runs before the first `take`."""
        self._session = session
        self._settings = session.recipe.rollout
        self._jobs: dict[int, Job] = {}
        self._lock = threading.Lock()
        self._curriculum = session.read_curriculum()
        self._latest: tuple[int, Weights] | None = None
        self._snapshot: Snapshot | None = None
        self._thread: LoopThread | None = None
        self._turn = asyncio.Lock()
        self._threads_before = torch.get_num_threads()
        self._failure: BaseException | None = None
        self._shared_play = session.shared_play
        session.learner.merge()

    # What the trainer's thread calls.

    def take(self, step: int) -> Played:
        """Order what may be played with the weights as they are, and wait for the step's episodes.

        Raises RunError, and Stopped after a signal; a checkpoint is there then.
        """
        session = self._session
        if self._thread is None:
            self._start()
        for number in range(step, min(step + self._settings.ahead + 1, session.recipe.rl.steps)):
            if number not in self._jobs:
                self._order(number)
        job = self._jobs[step]
        started = time.monotonic()
        try:
            with session.watch.rest():
                self._await(job)
            played = self._hand_over(job, (started, time.monotonic()))
        except Stopped:  # every process has heard of it; of a second Ctrl-C nobody would
            session.keep()
            raise
        except Exception as error:
            tell_failure(session, error)
            session.keep()
            raise
        with self._lock:
            del self._jobs[step]
        return hand_out(session, played)

    def pass_on_weights(self) -> Mapping[str, Json]:
        """Count the new weights; those in flight go on to the thread at once."""
        session = self._session
        session.progress.version += 1
        session.learner.merge()
        if self._settings.in_flight:
            version, weights = self._capture()
            assert self._thread is not None
            self._thread.call(lambda: self._swap_in_flight(weights, version))
        return {}

    def close(self, limit_s: float = CLOSE_S) -> None:
        """End the thread; the engine follows the weights in training again.

        Raises RunError where the thread does not end in time: it still has the engine then.
        """
        with self._lock:
            self._jobs.clear()
        self._session.read_curriculum = self._session.curriculum_state
        self._session.shared_play = self._shared_play
        if self._thread is None:
            return
        torch.set_num_threads(self._threads_before)
        ended, self._thread = self._thread.close(limit_s), None
        if not ended:
            raise RunError(
                f"the thread that plays episodes ahead did not end within {limit_s:g} s",
                remedy="go on with --resume",
            )
        learner = self._session.learner
        learner.lead_engine()
        learner.engine.version = self._session.progress.version

    def state_dict(self) -> dict[str, Any]:
        """Return what is played or asked for, for a checkpoint."""
        with self._lock:
            jobs = [(job, job.played, job.weights) for _, job in sorted(self._jobs.items())]
            curriculum = self._curriculum  # as these very episodes have left it
        rows, weights = [], {}
        for job, played, own in jobs:
            row: dict[str, Any] = {"step": job.step, "version": job.version}
            if played is not None:
                job.content = job.content or dump_episodes(played.collected)
                row["episodes"] = torch.from_numpy(np.frombuffer(job.content, np.uint8).copy())
                row["said"] = json.dumps([played.seconds, played.level, dict(played.figures)])
            elif own is None:
                continue  # in flight: it is asked for again
            elif job.version != self._session.progress.version:
                weights[job.version] = list(own)
            rows.append(row)
        return {"jobs": rows, "weights": weights, "curriculum": json.dumps(curriculum)}

    def load_state_dict(self, state: Any, /) -> None:
        """Take over what a checkpoint holds; what is not played yet is played again."""
        device, curriculum = self._session.learner.device, self._session.curriculum
        if (
            curriculum is not None
            and (left := json.loads(state.get("curriculum", "null"))) is not None
        ):
            curriculum.load_state(left)
            self._curriculum = left
        for row in state["jobs"]:
            version = int(row["version"])
            job = Job(int(row["step"]), version, None)
            if "episodes" in row:
                seconds, level, figures = json.loads(row["said"])
                collected = load_episodes(row["episodes"].numpy().tobytes())
                job.played = Played(collected, seconds, level, figures)
            elif version in state["weights"]:
                job.weights = tuple(weight.to(device) for weight in state["weights"][version])
            else:
                job.weights = self._capture()[1]
            self._jobs[job.step] = job

    def _start(self) -> None:
        """Give the engine weights of its own; go on with what a checkpoint left to be played."""
        session, learner = self._session, self._session.learner
        # Environments are the thread's from here on, so that this is asked of one now.
        _ = session.gamma
        session.start_workers()
        # The thread exchanges nothing with other processes: its order would not be theirs.
        session.shared_play = SharedPlay(ALONE)
        self._snapshot = Snapshot(learner.sampled, learner.low_rank)
        learner.engine.before_refresh = None
        learner.engine.follow(self._snapshot.model)
        if isinstance(learner.engine, AdaptedPolicy):
            learner.engine.follow_adapter(self._snapshot.adapter)
        learner.engine.version = session.progress.version
        session.read_curriculum = lambda: self._curriculum
        shares = self._threads_before, self._threads_before
        recipe = session.recipe
        samples_here = recipe.engine == "local" and recipe.rollout.backend == "local"
        shared = learner.device.type == "cpu" and samples_here
        if shared:
            shares = split_threads(self._threads_before)
        torch.set_num_threads(shares[1])  # the calling thread's own number
        self._thread = LoopThread("gym_reason.rollout", lambda: torch.set_num_threads(shares[0]))
        session.say(describe_ahead(self._settings, shares if shared else None))
        for _, job in sorted(self._jobs.items()):
            if job.played is None:
                job.future = self._thread.submit(self._play(job))

    def _order(self, step: int) -> None:
        """Have the episodes of a step played, with the weights as they are now."""
        assert self._thread is not None
        version, weights = self._session.progress.version, None
        if not self._settings.in_flight:
            version, weights = self._capture()
        job = Job(step, version, weights)
        with self._lock:
            self._jobs[step] = job
        job.future = self._thread.submit(self._play(job))

    def _capture(self) -> tuple[int, Weights]:
        """Return the version of the weights in training and a copy of them."""
        version = self._session.progress.version
        if self._latest is None or self._latest[0] != version:
            learner = self._session.learner
            self._latest = version, capture(learner.sampled, learner.low_rank)
        return self._latest

    def _await(self, job: Job) -> None:
        """Return once a job is done. Raises RunError and Stopped."""
        assert self._thread is not None
        name = f"the playing of the episodes of step {job.step + 1}"
        while job.played is None:
            assert job.future is not None
            if job.future.done() and job.played is None:
                cancelled = job.future.cancelled()
                _explain(self._thread.failure if cancelled else job.future.exception(), name)
            if self._failure is not None:
                _explain(self._failure, "the swap of weights in flight")
            if not self._thread.alive and job.played is None:
                _explain(self._thread.failure, name)
            if job.watched is not None and job.watched.message:
                raise RunError(job.watched.message)
            tell(self._session, News.NOT_YET)
            self._session.stop_if_asked()
            wait([job.future], POLL_S)

    def _hand_over(self, job: Job, waited: tuple[float, float]) -> Played:
        """Return the episodes without those that are too old, and say how old they are."""
        played, progress = job.played, self._session.progress
        assert played is not None
        gap = played.figures.get("gap")
        if isinstance(gap, float):
            limit = self._session.recipe.rl.mismatch.gap_limit
            check_gap(gap, limit, f"version {job.version} of the weights")
        collected, dropped = drop_stale(played.collected, progress.version, self._settings.ahead)
        idle = max(0.0, min(waited[1], job.ended) - max(waited[0], job.began))
        figures = {
            **played.figures,
            **describe_staleness(collected, progress.version),
            "dropped_stale": dropped,
            "wait_seconds": waited[1] - waited[0],
            # Of episodes from a checkpoint, nothing was played in this process.
            "overlap_seconds": job.ended - job.began - idle,
        }
        return Played(collected, played.seconds, played.level, figures)

    # What the thread itself calls.

    async def _play(self, job: Job) -> None:
        """Play the episodes of a step: alone, or beside those of others where weights fly in."""
        session = self._session
        engine, curriculum = session.learner.engine, session.curriculum
        async with contextlib.nullcontext() if self._settings.in_flight else self._turn:
            with session.watch.over(
                f"the playing of the episodes of step {job.step + 1}",
                lambda: session.beats + engine.pulse,
            ) as job.watched:
                job.began = time.monotonic()
                if job.weights is not None:
                    self._swap(job.weights, job.version)
                session.seed_generators(STAGE, job.step)
                collected = await play_step(session, job.step)
                figures = session.engine_figures()
                assert self._snapshot is not None
                gap = measure_gap(session, self._snapshot.model, collected, engine.version)
                if gap is not None:
                    figures["gap"] = gap
                job.ended = time.monotonic()
            level = None if curriculum is None else curriculum.level
            with self._lock:
                self._curriculum = session.curriculum_state()
                job.played = Played(collected, job.ended - job.began, level, figures)
                job.weights = None

    def _swap(self, weights: Weights, version: int) -> None:
        """Go on with other weights."""
        engine = self._session.learner.engine
        if version != engine.version:
            assert self._snapshot is not None
            self._snapshot.load(weights)
            engine.update_weights(version)

    def _swap_in_flight(self, weights: Weights, version: int) -> None:
        try:
            self._swap(weights, version)
        except Exception as error:  # handed to the trainer, who waits for episodes
            self._failure = error


def split_threads(count: int) -> tuple[int, int]:
    """Return how many of torch's threads play and how many update: half each, at least one."""
    playing = max(1, count // 2)
    return playing, max(1, count - playing)


def describe_ahead(settings: RolloutSettings, shares: tuple[int, int] | None) -> str:
    """Return a sentence on how episodes are played; `shares` are the threads of the two sides."""
    steps = "1 step" if settings.ahead == 1 else f"{settings.ahead} steps"
    parts = [f"episodes are played up to {steps} ahead of the updates"]
    if shares is not None:
        parts.append(f"threads: {shares[0]} to play, {shares[1]} to update")
    if settings.in_flight:
        parts.append("new weights reach completions under way: no run can be repeated to the bit")
    return "; ".join(parts)


def _explain(error: BaseException | None, what: str) -> NoReturn:
    """Raise what went wrong in the thread: an error of ours as it is, any other with its cause."""
    if isinstance(error, GymReasonError):
        raise error
    detail = "its thread ended" if error is None else f"{type(error).__name__}: {error}"
    raise RunError(f"{what} failed: {detail}", remedy="go on with --resume") from error
