"""Tasks that cannot be done: what is right is to say so, and to leave everything as it is."""

from collections.abc import Mapping

from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft
from gym_reason.verifiers.state.goals import Goal
from gym_reason.verifiers.state.world import Value, World


def make_twin(world: World, sentences: tuple[str, ...], params: Mapping[str, Value]) -> Draft:
    """Return the task that names something that is not there, in the words of one that can be done.

    Args:
        world: The device at the start.
        sentences: Those of the task that can be done.
        params: The values in the sentences.
    """
    return Draft(world, Goal(feasible=False), sentences, params, _leave)


def _leave(hand: Hand) -> None:
    """Do nothing: there is nothing to be done."""
