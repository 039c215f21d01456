"""Two processes wait for each other: what they exchange, and how a wait ends that never would."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
import torch

from gym_reason.errors import RunError
from gym_reason.trainers.distributed.world import World
from tests.trainers.distributed.ranks import meet, start


def exchange(world: World) -> None:
    """Use every way of exchange; a process whose assertion fails ends with another code."""
    rank = world.rank
    assert world.decide(lambda: f"by {rank}", "a decision") == "by 0"
    # Of unlike sizes, one of them large.
    assert world.gather("x" * (1 + rank * 300_000), "texts") == ["x", "x" * 300_001]
    items = list(range(5))
    time.sleep(0.3 * rank)
    waited = world.pulse
    world.wait("the one that is late")
    assert rank == 1 or world.pulse > waited + 3  # a sign of life
    assert list(world.own(items)) == ([0, 1], [2, 3, 4])[rank]
    assert world.join(world.own(items), "items") == items
    assert world.join([], "nothing") == []
    assert world.join_or_fail([rank], None, "numbers") == [0, 1]
    # Larger than what is padded to one length, and then an error that both come to know of.
    assert world.gather(b"y" * (3 << 20) * rank, "bytes") == [b"", b"y" * (3 << 20)]
    assert not world.fails_together
    with pytest.raises(
        RunError, match="^the disk is full" if rank else "^rank 1: the disk is full"
    ):
        world.join_or_fail([], RunError("the disk is full") if rank else None, "numbers")
    assert world.fails_together
    assert world.add_figures({"both": 1.5} | ({"one": 2.0} if rank else {}), "figures") == {
        "both": 3.0,
        "one": 2.0,
    }
    weights = [torch.nn.Parameter(torch.zeros(2, 3)) for _ in range(3)]
    weights.append(torch.nn.Parameter(torch.zeros(4, dtype=torch.float64)))
    weights[0].grad = torch.full((2, 3), 1.0 + rank)
    if rank == 1:
        weights[1].grad = torch.ones(2, 3)
    weights[3].grad = torch.full((4,), 0.1, dtype=torch.float64)
    world.sum_gradients(weights)
    sums = [None if weight.grad is None else weight.grad.flatten().tolist() for weight in weights]
    # A weight that only one process has a gradient for is stepped by both, or they would part.
    assert sums == [[3.0] * 6, [1.0] * 6, None, [0.2] * 4]
    same = torch.ones(3)
    world.check_same([("weight", same)], "here")
    same[1] += rank * 1e-7
    with pytest.raises(RunError, match=r"weight of rank [01] is not that of rank [01] here"):
        world.check_same([("weight", same)], "here")


def test_two_processes_hold_the_same_after_every_exchange(tmp_path: Path) -> None:
    ranks = start(tmp_path, 2, meet, exchange)
    assert ranks.wait() == [0, 0], ranks.said(0) + ranks.said(1)


def stall(world: World) -> None:
    """Let the other process wait for longer than it will."""
    world.limit_waits(1.0)
    world.gather(None, "the first thing")
    if world.rank == 1:
        time.sleep(4.0)
    world.gather(None, "the second thing")


def stray(world: World) -> None:
    """Be at other things than each other, and then at the same."""
    with pytest.raises(RunError, match="lost each other at the work of rank"):
        world.gather(None, f"the work of rank {world.rank}")
    world.wait("the same thing")  # too late


def fail(world: World) -> None:
    """Fail in one process, while the other waits."""
    if world.rank == 1:
        raise RunError("the disk of this machine is full")
    world.wait("what never comes")


def die(world: World) -> None:
    """Be killed in one process, while the other waits."""
    time.sleep(2.5)
    if world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    world.wait("what never comes")


def hang(world: World) -> None:
    """Fail in one process, while the other is in code that looks at nothing."""
    if world.rank == 1:
        raise RunError("the disk of this machine is full")
    time.sleep(100.0)


@pytest.mark.parametrize(
    ("work", "code", "expected"),
    [
        (
            stall,
            1,
            r"waited 1 s .* at the second thing: rank 1 is at the work after the first thing",
        ),
        (stray, 1, r"lost each other at the work of rank 0: rank 1 is at .*the work of rank 1;"),
        (fail, 1, r"rank 1: the disk of this machine is full"),
        (die, 1, r"rank 1 \(process \d+\) is gone; it was at"),
        pytest.param(hang, 1, r"^gym-reason: rank 1: the disk", marks=pytest.mark.slow),
    ],
)
def test_a_wait_that_would_not_end_ends_with_the_name_of_what_stalled(
    work: object, code: int, expected: str, tmp_path: Path
) -> None:
    started = time.monotonic()
    ranks = start(tmp_path, 2, meet, work)
    codes = ranks.wait()
    assert codes[0] == code
    assert codes[1] != 0
    said = ranks.said(0)
    assert re.search(expected, said, re.MULTILINE), said
    assert "Traceback" not in ranks.said(1)
    assert time.monotonic() - started < 90.0  # no wait of half an hour, and none for ever
