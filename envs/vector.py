"""A vector environment that has a whole batch of answers verified at once."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gym_reason.envs.base import ReasoningEnv, check_integer, unwrap
from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown, make
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.pool import VerifierPool

Texts = tuple[str, ...]
BatchStep = tuple[
    Texts, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]
]


class PooledVectorEnv(SyncVectorEnv[Texts, Texts]):
    """Environments whose answers a `VerifierPool` judges side by side.

    It returns what `SyncVectorEnv` returns on the same environments, in all three autoreset modes;
    a step takes as long as the verifier needs for the batch on all workers. A verifier that passes
    the pool's deadline or ends its process gives a verdict here, and there a hang or a crash.

    It is meant for environments of one turn, which have every action judged as it stands. In others
    an action that is only a step is judged too, to no use, and what is judged in its place is
    judged by itself.
    """

    def __init__(
        self,
        env_fns: Sequence[Callable[[], gymnasium.Env[str, str]]],
        *,
        pool: VerifierPool | None = None,
        workers: int = 1,
        timeout_s: float = 5.0,
        modules: Sequence[str] = (),
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        """Make the environments, and the pool.

        Args:
            env_fns: Functions that make a ReasoningEnv each, wrapped or not, with one verifier.
            pool: Runs that verifier; it stays open. None for a pool of its own.
            workers: Processes of its own pool.
            timeout_s: Wall-clock limit of its own pool for one answer.
            modules: Modules or `.py` files that its workers import first.
            autoreset_mode: `NextStep`, `SameStep` or `Disabled`.

        Raises:
            UsageError: For no environment, verifiers that differ, or limits out of range.
        """
        if not env_fns:
            raise UsageError("no environment", "at least one")
        # Closing has to work wherever the rest fails.
        self._pool: VerifierPool | None = None
        self._owns_pool = False
        super().__init__(env_fns, autoreset_mode=_read_mode(autoreset_mode))
        self._over = np.zeros(self.num_envs, dtype=np.bool_)
        try:
            self._inner = [unwrap(env) for env in self.envs]
            verifier = _shared_verifier(self._inner)
            self._owns_pool = pool is None
            self._pool = pool or VerifierPool(verifier, workers, timeout_s, modules)
        except BaseException:
            self.close()
            raise
        self._judges = [_Judge(verifier.name, self._pool) for _ in self._inner]
        for env, judge in zip(self._inner, self._judges, strict=True):
            env.verifier = judge

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Texts, dict[str, Any]]:
        """Start episodes: all of them, or those of `options["reset_mask"]`."""
        mask = (options or {}).get("reset_mask", slice(None))
        # Gymnasium takes the mask out of the options; the caller may want to use them again.
        result = super().reset(
            seed=seed if seed is None or isinstance(seed, int) else list(seed),
            options=None if options is None else dict(options),
        )
        self._over[mask] = False
        return result

    def step(self, actions: Texts) -> BatchStep:
        """Take an action in each environment, after the pool has judged all of them.

        Raises:
            UsageError: For a batch of another size, or an action that is no text.
        """
        if isinstance(actions, str) or len(actions) != self.num_envs:
            raise UsageError(f"a batch of {len(actions)} actions", f"{self.num_envs} of them")
        waiting = [
            (judge, env.task, action)
            for env, judge, action, over in zip(
                self._inner, self._judges, actions, self._over, strict=True
            )
            if not over and action in env.action_space
        ]
        assert self._pool is not None
        verdicts = self._pool.verify_many((task, action) for _, task, action in waiting)
        for (judge, task, action), verdict in zip(waiting, verdicts, strict=True):
            judge.known = (task, action, verdict)
        result = super().step(actions)
        self._over = np.logical_or(result[2], result[3])
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            self._over[:] = False
        return result

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments, and the pool where it is its own."""
        super().close_extras(**kwargs)
        if self._pool is not None and self._owns_pool:
            self._pool.close()


class _Judge:
    """Stands in for the verifier of one environment: it knows the verdict that is asked next."""

    def __init__(self, name: str, pool: VerifierPool) -> None:
        self.name = name
        self.known: tuple[Task, str, Verdict] | None = None
        self._pool = pool

    def verify(self, task: Task, submission: str) -> Verdict:
        known, self.known = self.known, None
        if known is not None and known[0] is task and known[1] == submission:
            return known[2]
        # The environment, or a wrapper, made something else of the action.
        return self._pool.verify(task, submission)


def make_pooled_vec(
    env_id: str,
    num_envs: int,
    *,
    workers: int = 1,
    timeout_s: float = 5.0,
    modules: Sequence[str] = (),
    autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    **kwargs: object,
) -> PooledVectorEnv:
    """Make `num_envs` environments of one id whose answers are judged at once.

    Args:
        env_id: A registered environment, best one of one turn.
        num_envs: How many.
        workers: Processes that verify.
        timeout_s: Wall-clock limit for one answer.
        modules: Modules or `.py` files that the processes import first.
        autoreset_mode: `NextStep`, `SameStep` or `Disabled`.
        kwargs: Arguments of the environment.

    Raises:
        UnknownNameError, UsageError: As `make` and `PooledVectorEnv` do.
    """
    check_integer("num_envs", num_envs, 1, 1_000_000)
    return PooledVectorEnv(
        [lambda: make(env_id, **kwargs)] * num_envs,
        workers=workers,
        timeout_s=timeout_s,
        modules=modules,
        autoreset_mode=autoreset_mode,
    )


def _read_mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    names = {known.value: known for known in AutoresetMode}
    if mode not in names:
        raise UsageError(*explain_unknown("autoreset mode", mode, list(names)))
    return names[mode]


def _shared_verifier(envs: Sequence[ReasoningEnv]) -> Verifier:
    """Return the verifier of all environments. Raises UsageError where there is no such thing."""
    first = envs[0].verifier
    contents = set()
    for env in envs:
        try:
            contents.add(pickle.dumps(env.verifier))
        except Exception as error:  # Pickling runs the verifier's own code.
            raise UsageError(
                f"the verifier {first.name!r} cannot be pickled: {error}",
                "a verifier that a module defines",
            ) from None
    if len(contents) > 1:
        raise UsageError("environments whose verifiers differ", "one verifier for all of them")
    return first
