"""Whom a crew loses, replaces and blames: members in threads that die and hang as they are told."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.cluster import crew as crew_module
from gym_reason.cluster.crew import Crew, PartLostError
from gym_reason.cluster.settings import RaySettings
from gym_reason.errors import RunError, UsageError

QUICK = RaySettings(part_timeout_s=2.5, silence_timeout_s=1.5, start_timeout_s=1.5)
PATIENT_S = 30.0
"""A busy machine may take this long; a test that waits for ever fails by it."""

Fate = str
"""`fine`, `dies`, `hangs` (beats on), `freezes` (gives no sign of life), `raises`, `refuses`."""


class Gone(Exception):
    """What a member that is no more answers."""


@dataclass
class Village:
    """The members that a crew hired, what they were given, and how each part fares."""

    fates: dict[int, list[Fate]] = field(default_factory=dict)
    """By part: what becomes of the first member that has it, of the second, ..."""
    starts: list[Fate] = field(default_factory=list)
    """The same of the first member's start, the second's, ...; fine beyond them."""
    members: list["Villager"] = field(default_factory=list)
    given: Counter[int] = field(default_factory=Counter)
    done: Counter[int] = field(default_factory=Counter)

    def hire(self) -> "Villager":
        self.members.append(Villager(self, len(self.members)))
        return self.members[-1]


class Villager:
    """A member; each call of it is a thread."""

    def __init__(self, village: Village, number: int) -> None:
        self.village = village
        self.number = number
        self.dead = threading.Event()
        self.frozen = threading.Event()

    def start(self) -> "Future[str]":
        starts = self.village.starts
        fate = starts[self.number] if self.number < len(starts) else "fine"
        return self._call(lambda: self._meet(fate, f"house {self.number}"))

    def work(self, part: int) -> "Future[Any]":
        fates = self.village.fates.get(part, [])
        turn = self.village.given[part]
        self.village.given[part] += 1
        fate = fates[turn] if turn < len(fates) else "fine"

        def act() -> int:
            result: int = self._meet(fate, part)
            self.village.done[part] += 1
            return result

        return self._call(act)

    def beat(self) -> "Future[Any]":
        return self._call(lambda: self._meet("freezes" if self.frozen.is_set() else "fine", None))

    def kill(self) -> None:
        self.dead.set()

    def _meet(self, fate: Fate, result: Any) -> Any:
        if fate == "dies":
            self.dead.set()
        if fate == "freezes":
            self.frozen.set()
        if fate == "slow":
            time.sleep(3.0)
        if fate in ("hangs", "freezes"):
            self.dead.wait(PATIENT_S)
        if self.dead.is_set():
            raise Gone(f"house {self.number} burned down")
        if fate == "raises":
            raise MemoryError("no room")
        if fate == "refuses":
            raise UsageError("an odd part", "an even one")
        return result

    def _call(self, act: Callable[[], Any]) -> "Future[Any]":
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(act())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


@contextmanager
def crew(
    village: Village, count: int = 2, limits: RaySettings = QUICK, **kwargs: Any
) -> Iterator[Crew]:
    made = Crew("villager", count, limits, village.hire, **kwargs)
    try:
        yield made
    finally:
        made.close()
        assert all(member.dead.is_set() for member in village.members)


def outcome(future: "Future[Any]") -> Any:
    error = future.exception(PATIENT_S)
    return type(error) if error is not None else future.result()


LOSSES = ("dies", "hangs", "freezes", "raises")


@settings(max_examples=5)
@given(
    st.lists(st.lists(st.sampled_from([*LOSSES, "refuses", "fine"]), max_size=2), max_size=3),
    st.integers(1, 3),
)
def test_no_part_is_lost_and_none_comes_twice(fates: list[list[Fate]], count: int) -> None:
    village = Village(dict(enumerate(fates)))
    with crew(village, count) as hands:
        sent = [hands.submit(part, f"part {part}") for part in range(len(fates) + 3)]
        found = [outcome(future) for future in sent]
    for part, got in enumerate(found):
        ours = fates[part] if part < len(fates) else []
        first = next((fate for fate in ours if fate not in LOSSES), "fine")
        losses = next((i for i, fate in enumerate(ours) if fate not in LOSSES), len(ours))
        if losses == 2:
            assert got is PartLostError
            assert village.done[part] == 0
        elif first == "refuses":
            assert got is UsageError
        else:
            assert got == part
            assert village.done[part] == 1
        assert village.given[part] == min(losses + 1, 2)


def test_a_replacement_is_told_of_with_its_reason() -> None:
    village = Village({0: ["dies"], 1: ["hangs"], 2: ["freezes"], 3: ["raises"]})
    told: list[str] = []
    with crew(village, say=told.append) as hands:
        for part in range(4):
            assert hands.submit(part, f"part {part}").result(PATIENT_S) == part
        assert hands.lost == 4
    reasons = "\n".join(told)
    assert "raised Gone: house" in reasons
    assert "did not finish part 1 within 2.5 s" in reasons
    assert "raised MemoryError: no room" in reasons
    assert "gave no sign of life for 1.5 s" in reasons
    assert len(told) == 4
    assert all("another takes its place, and 1 of its parts" in line for line in told)


def test_a_part_that_costs_two_workers_ends_with_a_line_that_names_it() -> None:
    with crew(Village({7: ["dies", "raises"]})) as hands:
        with pytest.raises(PartLostError, match="part 7 of play was lost twice") as caught:
            hands.submit(7, "part 7 of play").result(PATIENT_S)
        assert "villager" in str(caught.value)
        assert "raised MemoryError: no room" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        assert hands.submit(8, "part 8").result(PATIENT_S) == 8


@pytest.mark.parametrize("starts", [["hangs"] * 9, ["freezes"] * 9])
def test_where_nobody_starts_everything_fails(starts: list[Fate]) -> None:
    with crew(Village(starts=starts)) as hands:
        sent = [hands.submit(part, "a part") for part in range(3)]
        for future in sent:
            with pytest.raises(RunError, match=r"no villager was ready within 1\.5 s"):
                future.result(PATIENT_S)
        with pytest.raises(RunError, match="no villager was ready"):
            hands.submit(4, "a late part").result(PATIENT_S)


def test_starts_that_fail_again_and_again_end_it() -> None:
    with (
        crew(Village(starts=["raises"] * 99)) as hands,
        pytest.raises(RunError, match=r"\d villagers in a row.*MemoryError"),
    ):
        hands.submit(0, "a part").result(PATIENT_S)


def test_what_is_wrong_with_the_run_is_said_as_it_is() -> None:
    with crew(Village(starts=["refuses"])) as hands, pytest.raises(UsageError, match="an odd part"):
        hands.submit(0, "a part").result(PATIENT_S)


def test_one_that_does_not_start_is_not_waited_for_where_another_works() -> None:
    village = Village(starts=["hangs", "fine", "hangs", "hangs"])
    with crew(village) as hands:
        deadline = time.monotonic() + 2.5 * QUICK.start_timeout_s
        part = 0
        while time.monotonic() < deadline:
            assert hands.submit(part, "a part").result(PATIENT_S) == part
            part += 1
            time.sleep(0.1)
        assert len(village.members) >= 3


def test_parts_go_to_the_least_loaded_and_never_too_many_at_a_time() -> None:
    village = Village({part: ["hangs"] for part in range(6)})
    with crew(village, limits=RaySettings(), at_once=3) as hands:
        for part in range(8):
            hands.submit(part, "a part", weight=5 if part == 0 else 1)
        deadline = time.monotonic() + PATIENT_S
        while sum(village.given.values()) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sorted(village.given) == [0, 1, 2, 3, 4, 5]


def test_a_cancelled_part_is_not_begun_and_closing_fails_the_rest() -> None:
    village = Village({0: ["hangs"]})
    with crew(village, count=1, limits=RaySettings()) as hands:
        first, second, third = (hands.submit(part, "a part") for part in range(3))
        while not village.given:
            time.sleep(0.01)
        assert second.cancel()
        assert not first.cancel()
        hands.close()
        for future in (first, third):
            with pytest.raises(RunError, match="closed"):
                future.result(PATIENT_S)
    assert village.given == Counter([0])


def test_many_threads_and_a_loop_ask_at_once() -> None:
    village = Village({3: ["dies"], 30: ["raises"], 31: ["dies"]})
    with crew(village, count=3, limits=RaySettings(), at_once=2) as hands:

        async def ask() -> list[int]:
            sent = [asyncio.wrap_future(hands.submit(part, "a part")) for part in range(40)]
            return list(await asyncio.gather(*sent))

        found: dict[int, list[int]] = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: asyncio.run(ask())}))
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENT_S)
        assert list(found.values()) == [list(range(40))] * 3


def test_nobody_is_blamed_for_the_time_that_this_process_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew_module, "HELD_UP_S", 0.5)
    with crew(Village({1: ["slow"]})) as hands:
        sent = [hands.submit(part, f"part {part}") for part in range(2)]
        # What is told of a result is told by the crew's own thread, which looks at no clock then.
        sent[0].add_done_callback(lambda _: time.sleep(2.8))
        assert [future.result(PATIENT_S) for future in sent] == [0, 1]
        assert hands.lost == 0


def test_a_part_that_cannot_be_sent_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Villager, part: int) -> "Future[Any]":
        if part == 1:
            raise TypeError("cannot pickle a lock")
        return original(self, part)

    original = Villager.work
    monkeypatch.setattr(Villager, "work", refuse)
    with crew(Village()) as hands:
        sent = [hands.submit(part, f"part {part}") for part in range(3)]
        with pytest.raises(RunError, match=r"part 1 cannot be sent.*cannot pickle a lock"):
            sent[1].result(PATIENT_S)
        assert [sent[0].result(PATIENT_S), sent[2].result(PATIENT_S)] == [0, 2]
