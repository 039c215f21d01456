"""What the pieces of an embedded tokenizer are learned from: demonstrations, as they are read."""

from collections.abc import Iterator

from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.registry import make
from gym_reason.seeding import derive_seed
from gym_reason.trainers.recipe import Recipe

EPISODES = 400
"""Demonstrations that are played for it."""


def read_demonstrations(recipe: Recipe) -> Iterator[str]:
    """Yield every text of demonstrations of the training split: prompts, actions, observations.

    They are the same for every seed of a recipe, so that its runs share a vocabulary.
    """
    kwargs = dict(recipe.env.kwargs)
    if recipe.curriculum.levels:
        kwargs |= recipe.curriculum.levels[-1]
    env = make(recipe.env.id, **kwargs, split=recipe.env.split)
    for task in sample_tasks(env, EPISODES, derive_seed(0, "tokenizer")):
        _, info = env.reset(options={"task": task})
        yield from (message.content for message in info["messages"])
        *before, last = unwrap(env).demonstrate(task, thinking=True)
        for action in before:
            yield action
            _, _, _, _, info = env.step(action)
            yield from (message.content for message in info["messages"])
        yield last  # what follows it, nobody reads; and judging it may take long
    env.close()
