"""Two seats: who hears what, whose tokens are whose, and what each seat earns."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.seat_games import (
    Consultation,
    TakeStones,
    propose_and_solve,
    proposer_reward,
    read_sum,
)
from gym_reason.agents.seats import Said, Seat, TableLimits, play_game, play_games
from gym_reason.errors import UsageError
from gym_reason.types import Message, StopReason, Task, Trajectory
from tests.agents.search.toys import PRINTABLE, ToyPolicy, emitted

PILE = Task("stones", (), "6")
PARAMS = SamplingParams(max_tokens=40)
ILL = Task("ill", (Message("user", "Find out."),), "Influenza", meta={"symptoms": "a fever"})


def seat(name: str, policy: ToyPolicy) -> Seat:
    return Seat(name, policy, PARAMS, policy.encoder)


def script(*lines: str) -> ToyPolicy:
    return ToyPolicy(lambda _, call: lines[min(call, len(lines) - 1)])


def stones(
    first: ToyPolicy, second: ToyPolicy, limits: TableLimits | None = None
) -> Mapping[str, Trajectory]:
    seats = (seat("first", first), seat("second", second))
    return asyncio.run(play_game(TakeStones(), seats, PILE, 0, limits))


def test_each_seat_has_its_own_stream_and_hears_the_other_as_the_user() -> None:
    first, second = script("<think>hm</think>2", "1"), script("1", "<think>so</think>2")
    episodes = stones(first, second)
    assert [turn.action for turn in episodes["first"].turns] == ["<think>hm</think>2", "1"]
    for name, policy in (("first", first), ("second", second)):
        (trace,) = episodes[name].traces
        assert emitted(trace, policy) == "".join(
            turn.action + "<eos>" for turn in episodes[name].turns
        )
        acted = [t for t, own in zip(trace.turn_index, trace.action_mask, strict=True) if own]
        assert sorted(set(acted)) == [0, 1]
    # Words are heard, thoughts are not; what was heard is read and not trained on.
    assert second.prompts[0].endswith("how many you take.\n\n2")
    assert first.prompts[1].endswith("2<eos>1")
    assert not any("hm" in prompt for prompt in second.prompts)
    assert not any("so" in prompt.partition("whoever")[0] for prompt in first.prompts)
    assert "You are the second player" in second.prompts[0]
    assert not any("You are the second player" in prompt for prompt in first.prompts)


def test_returns_sum_to_zero_and_fall_on_the_last_turn_of_each_seat() -> None:
    episodes = stones(script("2", "1"), script("1", "2"))
    assert {name: one.ret for name, one in episodes.items()} == {"first": -1.0, "second": 1.0}
    assert [turn.reward for turn in episodes["first"].turns] == [0.0, -1.0]
    assert all(one.turns[-1].terminated for one in episodes.values())


@pytest.mark.parametrize("move", ["0", "4", "two", "", "-1", "9" * 4000, "\n", "1 1", "<think>1"])
def test_a_move_that_is_none_loses(move: str) -> None:
    episodes = stones(script(move), script("1"))
    assert (episodes["first"].ret, episodes["second"].ret) == (-1.0, 1.0)
    # The other never spoke: it has nothing to be trained on.
    assert episodes["second"].traces == ()


@given(st.lists(st.text(PRINTABLE, max_size=3) | st.sampled_from("123"), min_size=1, max_size=9))
def test_whatever_is_said_a_game_of_stones_is_zero_sum(lines: list[str]) -> None:
    policy = ToyPolicy(lambda _, call: lines[call % len(lines)])
    episodes = stones(policy, policy)
    assert sum(one.ret for one in episodes.values()) == 0.0
    assert all(one.stop_reason is not StopReason.MAX_TURNS for one in episodes.values())


def test_a_game_is_cut_by_turns_and_by_time() -> None:
    cut = stones(script("1"), script("1"), TableLimits(turns=3))
    assert all(one.stop_reason is StopReason.MAX_TURNS for one in cut.values())
    assert all(one.ret == 0.0 and one.turns[-1].truncated for one in cut.values())

    class Hung(ToyPolicy):
        async def sample(self, *arguments: object) -> object:  # type: ignore[override]
            return await asyncio.get_running_loop().create_future()

    late = stones(script("1"), Hung(lambda *_: ""), TableLimits(seconds=0.05))
    assert all(one.stop_reason is StopReason.TIMEOUT for one in late.values())
    assert not late["first"].scorable


def test_groups_are_by_seat() -> None:
    policy = ToyPolicy(lambda _, call: "123"[call % 3])
    seats = (seat("second", policy), seat("first", policy))
    groups = asyncio.run(play_games(TakeStones(), seats, PILE, 5, 0))
    assert set(groups) == {"first", "second"}
    for name, group in groups.items():
        assert group.task.id == f"stones/{name}"
        assert len(group.trajectories) == 5
        assert all(one.meta["seat"] == name for one in group.trajectories)
    assert len({one.seed for one in groups["first"].trajectories}) == 5
    with pytest.raises(UsageError, match="the seats first"):
        asyncio.run(play_game(TakeStones(), seats[1:], PILE, 0))


def test_a_doctor_finds_out_by_asking_and_is_never_told() -> None:
    doctor = script("What is it?", "Since when?", "Diagnosis: influenza.")
    patient = script("I am hot.", "Two days.")
    episodes = asyncio.run(
        play_game(Consultation(), (seat("doctor", doctor), seat("patient", patient)), ILL, 0)
    )
    assert episodes["doctor"].correct
    assert episodes["doctor"].ret == episodes["patient"].ret == 1.0
    assert doctor.prompts[2].endswith("I am hot.Since when?<eos>Two days.")
    assert "a fever" in patient.prompts[0]
    assert not any("fever" in p or "nfluenza" in p for p in doctor.prompts)
    assert not any("nfluenza" in p for p in patient.prompts)


def test_a_wrong_diagnosis_and_none_at_all_earn_nothing() -> None:
    for lines, stop in ((("diagnosis: flu",), "answered"), (("Hm?",), "max_turns")):
        seats = (seat("doctor", script(*lines)), seat("patient", script("Yes.")))
        episodes = asyncio.run(play_game(Consultation(), seats, ILL, 0))
        assert episodes["doctor"].ret == 0.0
        assert not episodes["doctor"].correct
        assert episodes["doctor"].stop_reason == stop


@pytest.mark.parametrize(
    ("share", "earned"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)]
)
def test_a_problem_is_worth_most_where_half_the_attempts_solve_it(
    share: float, earned: float
) -> None:
    assert proposer_reward(share) == earned


def test_a_proposer_earns_for_what_is_solved_sometimes() -> None:
    proposer = script("1+1=", "12 + 30", "2+2", "print(5)", "7+1+1")

    def solve(prompt: str, call: int) -> str:
        return {"1+1=": "2", "12+30=": "42" if call % 2 else "41"}.get(prompt[5:], "5")

    found = asyncio.run(
        propose_and_solve(
            seat("proposer", proposer), seat("solver", ToyPolicy(solve)), "Propose a sum.", 5, 4, 0
        )
    )
    assert [one.ret for one in found.proposer.trajectories] == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert [one.stop_reason for one in found.proposer.trajectories[3:]] == ["invalid_action"] * 2
    assert [group.task.prompt[0].content for group in found.solver] == ["1+1=", "12+30=", "2+2="]
    assert [sum(one.ret for one in group.trajectories) for group in found.solver] == [4.0, 2.0, 0.0]
    assert all(one.traces for group in found.solver for one in group.trajectories)
    with pytest.raises(UsageError, match="0 attempts"):
        asyncio.run(propose_and_solve(seat("p", proposer), seat("s", proposer), "x", 1, 0, 0))


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_a_sum_is_worked_out_here(left: int, right: int) -> None:
    problem = read_sum(f"<think>easy</think> {left} + {right} = ?")
    assert problem is not None
    assert problem.reference == str(left + right)


@pytest.mark.parametrize(
    "words", ["", "1", "1+", "1-1", "2**99999+1", "1+1=2", "1+1\n2+2", "9999999+1", "x" * 99_999]
)
def test_what_is_no_sum_is_refused(words: str) -> None:
    assert read_sum(words) is None


def test_the_rules_of_stones_refuse_a_pile_that_is_none() -> None:
    with pytest.raises(UsageError, match="a pile of"):
        TakeStones().rule(Task("x", (), "many"), [Said("first", "1")])
