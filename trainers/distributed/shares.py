"""Which rows of an optimiser step a process computes: each row once, and like work for all."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.model.batch import TokenBatch, plan_micro_batches

Plan = Callable[[list[int]], list[list[int]]]
"""From some items to the forward passes over them."""


class Pass(NamedTuple):
    """A forward pass of this process."""

    items: list[int]
    """What goes through it."""
    counts: bool = True
    """False where it only keeps step with other processes: nothing of it may be kept."""

    def weigh(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss as it counts."""
        return loss if self.counts else loss * 0.0


class Rows(NamedTuple):
    """A forward pass over rows of a batch."""

    index_N: torch.Tensor
    """Which rows of the batch."""
    batch: TokenBatch
    """Their tokens."""
    counts: bool
    """As of `Pass`."""


def split_evenly(costs: Sequence[int], count: int) -> list[list[int]]:
    """Return which items each of `count` processes takes, so that their costs come out alike.

    The dearest item goes first, each to whoever has the least so far. The items of a process stand
    in their order.
    """
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for item in sorted(range(len(costs)), key=lambda item: (-costs[item], item)):
        least = loads.index(min(loads))
        shares[least].append(item)
        loads[least] += costs[item]
    return [sorted(share) for share in shares]


def share_passes(world: World, costs: Sequence[int], plan: Plan) -> list[Pass]:
    """Return the forward passes of this process over its share of some items; there must be one.

    Where the processes have to keep step, one that has fewer passes than another repeats the
    cheapest item, in passes that do not count.
    """
    plans = [plan(share) if share else [] for share in split_evenly(costs, world.size)]
    passes = [Pass(items) for items in plans[world.rank]]
    if world.keeps_step:
        cheapest = min(range(len(costs)), key=lambda item: (costs[item], item))
        missing = max(map(len, plans)) - len(passes)
        passes += [Pass([cheapest], counts=False) for _ in range(missing)]
    return passes


def share_micro_batches(world: World, lengths: Sequence[int], limit_tokens: int) -> list[Pass]:
    """Return this process's forward passes over rows, of at most `limit_tokens` or of one row."""

    def plan(rows: list[int]) -> list[list[int]]:
        found = plan_micro_batches([lengths[row] for row in rows], limit_tokens)
        return [[rows[at] for at in micro] for micro in found]

    return share_passes(world, lengths, plan)


def forward_passes(
    world: World, batch: TokenBatch, parts: Sequence[Sequence[int]], limit_tokens: int
) -> Iterator[Rows]:
    """Yield this process's forward passes over sets of rows, each set shared out by itself.

    So the passes over a set are those of an optimiser step on the same rows.
    """
    for rows in parts:
        lengths = [batch.lengths[row] for row in rows]
        for items, counts in share_micro_batches(world, lengths, limit_tokens):
            chosen = [rows[item] for item in items]
            index_N = torch.tensor(chosen, device=batch.ids_NL.device)
            yield Rows(index_N, batch.select(chosen), counts)
