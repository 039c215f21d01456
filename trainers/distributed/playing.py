"""Who plays the episodes of a run that several processes train: each a share, or one for all."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gym_reason.cluster.settings import RaySettings
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.recipe import Recipe

T = TypeVar("T")

SIGN_S = 1.0
"""Seconds between two words of the process that plays to those that wait for it."""


def main_plays(recipe: Recipe) -> bool:
    """Return whether the main process plays for all; otherwise each process plays its share.

    Machines of a cluster, and a server that runs already, take weights from one side alone; and
    what is played ahead of the updates is in the order of one thread.
    """
    elsewhere = recipe.rollout.backend == "ray" or recipe.engine == "ray"
    return elsewhere or bool(recipe.vllm.base_url) or recipe.rollout.ahead > 0


def plays_here(recipe: Recipe, world: World) -> bool:
    """Return whether this process plays."""
    return world.is_main or not main_plays(recipe)


def share_verifiers(recipe: Recipe, world: World) -> RaySettings:
    """Return `[ray]` with the count of this process's verifiers: its share, and at least one.

    Where it does not play the count is 0.
    """
    count = recipe.ray.verifiers.count
    if not plays_here(recipe, world):
        count = 0
    elif count and not main_plays(recipe):
        count = max(len(world.own(range(count))), 1)
    verifiers = dataclasses.replace(recipe.ray.verifiers, count=count)
    return dataclasses.replace(recipe.ray, verifiers=verifiers)


class SharedPlay:
    """Deals out what is to be played, and gives every process what came of it."""

    def __init__(self, world: World, *, main_only: bool = False) -> None:
        """Keep who plays.

        Args:
            world: The processes.
            main_only: Whether the main one plays for all.
        """
        self._world = world
        self._main_only = main_only and world.size > 1

    @property
    def here(self) -> bool:
        """Whether this process plays."""
        return self._world.is_main or not self._main_only

    def own(self, items: Sequence[T]) -> Sequence[T]:
        """Return what of some items this process plays."""
        if self._main_only:
            return items if self.here else items[:0]
        return self._world.own(items)

    async def join(self, play: Callable[[], Awaitable[Sequence[T]]], what: str) -> list[T]:
        """Return what all processes have played, in order of rank.

        Args:
            play: Plays what is this process's own; not called where that is nothing.
            what: Its name, for messages.

        Raises what went wrong in this process, and RunError for another's: then all of them raise.
        """
        played: Sequence[T] = ()
        failure: Exception | None = None
        try:
            if not self._main_only:
                played = await play()
            elif self.here:
                played = await self._play_for_all(play(), what)
            else:
                self._wait_for_main(what)
        except Exception as error:
            failure = error
        return self._world.join_or_fail(played, failure, what)

    def join_at_once(self, make: Callable[[], Sequence[T]], what: str) -> list[T]:
        """Return what all processes have made, as `join` does, without a sign in between."""
        made: Sequence[T] = ()
        failure: Exception | None = None
        try:
            made = make() if self.here else ()
        except Exception as error:
            failure = error
        return self._world.join_or_fail(made, failure, what)

    async def _play_for_all(self, play: Awaitable[Sequence[T]], what: str) -> Sequence[T]:
        """Play, and tell the others now and then that it goes on."""
        playing = asyncio.ensure_future(play)
        try:
            over = False
            while not over:
                await asyncio.wait({playing}, timeout=SIGN_S)
                over = self._world.decide(playing.done, f"the playing of {what}")
        finally:
            playing.cancel()
        return playing.result()

    def _wait_for_main(self, what: str) -> None:
        while not self._world.decide(lambda: True, f"the playing of {what}"):
            pass  # the one that plays has given a sign of life
