"""Metamath as an MDP: goals backwards, a stack forwards, whole proofs."""

import itertools
import warnings
from collections.abc import Iterable
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.envs.check import check
from gym_reason.envs.proofs.metamath import Metamath, register_metamath
from gym_reason.envs.proofs.metamath_backwards import Backwards, RefusedError
from gym_reason.envs.proofs.metamath_forwards import Forwards
from gym_reason.errors import DataError, GymReasonError, UsageError
from gym_reason.registry import make
from gym_reason.types import Outcome, Task
from gym_reason.verifiers.audit import audit, contract_of, make_case
from gym_reason.verifiers.proofs.metamath import read_database
from gym_reason.verifiers.proofs.metamath.library import load_database

WAYS: list[dict[str, str]] = [
    {"mode": mode, "direction": direction, "reward": reward}
    for mode, direction, reward in (
        ("steps", "backwards", "sparse"),
        ("steps", "backwards", "dense"),
        ("steps", "forwards", "sparse"),
        ("steps", "forwards", "dense"),
        ("proof", "backwards", "sparse"),
    )
]


def play(env: Metamath, task: Task, actions: tuple[str, ...]) -> tuple[float, bool]:
    """Return the sum of the rewards and whether the theorem was proved."""
    env.reset(options={"task": task})
    total = 0.0
    for place, action in enumerate(actions, 1):
        _, reward, terminated, truncated, info = env.step(action)
        total += reward
        assert not truncated or terminated
        if terminated:
            assert place == len(actions)
            return total, info["verdict"].correct
    return total, False


def task_of(env: Metamath, theorem: str) -> Task:
    """Return the task of a theorem."""
    tasks = env.tasks()
    assert tasks is not None
    return next(task for task in tasks if task.meta["theorem"] == theorem)


def solve_all(database: str | Path, way: dict[str, str], every: int) -> int:
    """Replay the known proofs and return how many there are."""
    env = Metamath(database=database, split="all", **way)  # type: ignore[arg-type]
    tasks = env.tasks()
    assert tasks is not None
    for task in tasks[::every]:
        total, proved = play(env, task, env.demonstrate(task))
        assert total == pytest.approx(1.0), task.meta
        assert proved
    return len(tasks)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_known_proofs_of_our_database_solve_every_task(way: dict[str, str]) -> None:
    assert solve_all("propositional", way, 1) == 110


@pytest.mark.parametrize(("name", "every", "count"), [("ql", 40, 1140), ("hol", 8, 151)])
@pytest.mark.parametrize("direction", ["backwards", "forwards"])
def test_the_known_proofs_of_public_databases_solve_their_tasks(
    shared_data: Path, name: str, every: int, count: int, direction: str
) -> None:
    assert solve_all(shared_data / f"{name}.mm", {"direction": direction}, every) == count


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ql", "hol", "demo0"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_all_known_proofs_of_public_databases(
    shared_data: Path, name: str, way: dict[str, str]
) -> None:
    # Both rewards replay the same steps, and the dense one looks at each of them.
    every = 20 if name == "ql" and way["mode"] == "steps" and way["reward"] == "sparse" else 1
    assert solve_all(shared_data / f"{name}.mm", way, every)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_gymnasiums_checker_has_nothing_to_say(way: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(unwrap(make("gym_reason/Metamath-v0", **way)))


@pytest.mark.parametrize("way", WAYS[::3], ids=str)
def test_our_checker_has_nothing_to_say(way: dict[str, str]) -> None:
    report = check("gym_reason/Metamath-v0", **way)
    assert [one for one in report.checks if not one.ok] == []


def test_the_audit_finds_nothing() -> None:
    env = Metamath(split="all")
    contract = contract_of(env.verifier)
    cases = [
        make_case(task, contract, env.submissions(task), wrong=(env.wrong_action(task),))
        for task in sample_tasks(env, 10, seed=0)
    ]
    report = audit(env.verifier, cases, contract=contract, workers=0)
    assert report.false_positives.judged > 500
    assert report.false_negatives.judged >= 10
    assert report.worst_rate == 0.0
    assert report.unscorable == []


def test_an_episode_backwards_reads_as_it_should() -> None:
    env = Metamath(split="all")
    observation, _ = env.reset(options={"task": task_of(env, "chain")})
    assert "mp-under: |- ( p -> q ) , |- ( p -> ( q -> r ) ) => |- ( p -> r )\n" in observation
    assert "id: |- ( p -> p )\n" in observation
    assert "mp2:" not in observation
    assert observation.endswith(
        "Theorem chain: |- ( p -> r )\nchain.1: |- ( p -> q )\nchain.2: |- ( q -> r )\n\n"
        "Goals, the first one first:\n1. |- ( p -> r )"
    )
    steps = [
        ("mp-under", "refused: the goal leaves open q: mp-under q := ...", 1),
        ("mp-under q := (", "refused: q := ( is no wff", 1),
        ("mp-under q := zz", "refused: 'zz' is neither a constant nor a variable here", 1),
        ("mp-under s := p", "refused: s := p gives no value", 1),
        ("mp-under q := q , q := q", "refused: q has two values", 1),
        ("mp-under p := q , q := q", "refused: mp-under concludes '|- ( p -> r )'", 1),
        ("chain", "refused: no statement 'chain' can be used here", 1),
        ("mp2", "refused: no statement 'mp2' can be used here", 1),
        ("id", "refused: id concludes '|- ( p -> p )', which does not fit", 1),
        ("chain.1", "refused: chain.1 is '|- ( p -> q )', not the goal", 1),
        ("", "refused: the action is empty", 1),
        ("mp-under q := q", "2 goals", 2),
        ("<think>the first hypothesis</think> chain.1", "proved", 1),
        ("keep", "1 goal", 1),
    ]
    for action, said, goals in steps:
        observation, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated, info["verdict"]) == (0.0, False, False, None)
        (message,) = info["messages"]
        assert message.content.startswith(said), message.content
        assert observation.endswith(said) or said in observation.rsplit("\n\n", 1)[1]
        assert message.content.count("\n") == goals + 1
    _, reward, terminated, _, info = env.step("chain.2")
    assert (reward, terminated, info["verdict"].outcome) == (1.0, True, Outcome.PASS)


def test_an_episode_forwards_reads_as_it_should() -> None:
    env = Metamath(split="all", direction="forwards")
    observation, _ = env.reset(options={"task": task_of(env, "keep")})
    assert "wp: wff p\n" in observation
    assert observation.endswith("keep.1: |- p\n\nThe stack is empty.")
    steps = [
        ("mp", "refused: it takes 4 entries, and the stack has 0"),
        ("wp wq", "refused: an action is one label"),
        ("#1", "refused: there is no result #1"),
        ("#", "refused: the stack is empty"),
        ("min", "refused: no statement 'min' can be used here"),
        ("wr", "pushed #1"),
        ("#", "taken off"),
        ("wp", "pushed #2"),
        ("wq", "pushed #3"),
        ("#2", "pushed #2"),
        ("wi", "pushed #4"),
        ("keep.1", "pushed #5"),
        ("ax-keep", "refused: wq needs 'wff q', and the stack has '|- p'"),
        ("#2", "pushed #2"),
        ("#3", "pushed #3"),
        ("ax-keep", "pushed #6"),
    ]
    content = ""
    for action, said in steps:
        _, reward, terminated, _, info = env.step(action)
        assert (reward, terminated) == (0.0, False)
        content = info["messages"][0].content
        assert content.startswith(said), content
    assert content.endswith("#2 wff p\n#4 wff ( q -> p )\n#5 |- p\n#6 |- ( p -> ( q -> p ) )")
    _, reward, terminated, _, info = env.step("mp")
    assert (reward, terminated, info["verdict"].correct) == (1.0, True, True)


def test_another_proof_than_the_known_one_is_as_good() -> None:
    for reward in ("sparse", "dense"):
        env = Metamath(split="all", reward=reward)
        task = task_of(env, "id")
        longer = (
            "mp-under q := ( p -> p )", "ax-keep", "keep", "mp p := ( p -> ( p -> p ) )", "ax-keep",
            "keep", "mp-under q := ( p -> p )",
        )  # fmt: skip
        total, proved = play(env, task, longer)
        assert not proved
        assert total < 1.0
        detour = ("mp p := ( p -> ( p -> p ) )", "ax-keep", "mp p := ( p -> ( ( p -> p ) -> p ) )",
                  "ax-keep", "ax-share")  # fmt: skip
        total, proved = play(env, task, detour)
        assert proved
        assert total == pytest.approx(1.0)


def test_the_dense_reward_pays_each_lemma_once() -> None:
    env = Metamath(split="all", direction="forwards", reward="dense")
    task = task_of(env, "keep")
    env.reset(options={"task": task})
    rewards = []
    actions = ("wp", "wq", "#1", "wi", "keep.1", "#1", "#2", "ax-keep", "#", "#1", "#2", "ax-keep")
    for action in (*actions, "mp"):
        rewards.append(env.step(action)[1])
    # Of the known proof's two lemmas, the axiom's instance and the theorem, one comes on the way.
    assert rewards == [0.0] * 7 + [0.25] + [0.0] * 4 + [0.75]


def test_a_task_may_be_of_another_database(tmp_path: Path) -> None:
    path = tmp_path / "mine.mm"
    path.write_text(MINE)
    register_metamath("test/Mine-v0", path, direction="forwards")
    try:
        mine = unwrap(make("test/Mine-v0", split="all"))
        tasks = mine.tasks()
        assert tasks is not None
        assert [task.meta["theorem"] for task in tasks] == ["t1", "t2"]
        assert isinstance(mine, Metamath)
        ours = Metamath(split="all", direction="forwards")
        for task in tasks:
            assert play(ours, task, mine.demonstrate(task)) == (1.0, True)
    finally:
        del gymnasium.registry["test/Mine-v0"]


MINE = """$c set wff |- = ( ) $. $v x y z a b $.
vx $f set x $. vy $f set y $. vz $f set z $. wa $f wff a $. wb $f wff b $.
wxy $a wff x = y $.
${ wr.1 $e |- a $. wr $a wff ( a ) $. $}
${ $d x a $. ax $a |- x = x a $. $}
any $a |- a $.
${ $d x y z $. t1 $p |- x = x y = z $= vx vy vz wxy ax $. $}
t2 $p |- ( x = y ) $= vx vy wxy vx vy wxy any wr any $.
open $p |- x = y $= ? $.
"""


def test_disjoint_variables_are_asked_for_at_once() -> None:
    database = read_database("x.mm", MINE)
    state = Backwards(database, database.theorem("t1"))
    assert state.act("ax") == "proved"
    assert state.finished
    other = read_database("x.mm", MINE.replace("${ $d x y z $. t1", "${ t1"))
    state = Backwards(other, other.theorem("t1"))
    with pytest.raises(RefusedError, match="must be disjoint, and the theorem has no"):
        state.act("ax")
    assert not state.finished


def test_a_type_that_needs_a_proof_is_a_goal() -> None:
    database = read_database("x.mm", MINE)
    state = Backwards(database, database.theorem("t2"))
    assert state.act("any a := ( x = y )") == "1 goal"
    assert state.goals == ["wff ( x = y ) "]
    assert state.act("wr a := x = y") == "1 goal"
    assert state.goals == ["|- x = y "]
    assert state.act("any a := x = y") == "proved"
    assert state.finished


def test_a_proof_that_has_gaps_is_no_task(tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    path.write_text(MINE[: MINE.index("${ $d x y z $.")] + "open $p |- x = y $= ? $.\n")
    with pytest.raises(DataError, match="no theorem with a proof"):
        Metamath(database=path)


def test_a_database_whose_proofs_are_wrong_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    path.write_text(MINE.replace("vx vy vz wxy ax", "vx vz vy wxy ax"))
    env = Metamath(database=path, split="all")
    with pytest.raises(DataError, match=r"x\.mm, line 7: the proof of 't1' fails: it proves"):
        env.reset(options={"task": 0})


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"mode": "whole"}, "mode"),
        ({"direction": "sideways"}, "direction"),
        ({"reward": "huge"}, "reward"),
        ({"premises": "some"}, "premises"),
        ({"database": "/nowhere/x.mm"}, "cannot read the database /nowhere/x.mm"),
        ({"max_turns": 0}, "max_turns"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Metamath(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("reference", ["", "7", "[]", '{"database": "propositional"}'])
def test_a_task_without_a_theorem_is_refused(reference: str) -> None:
    env = Metamath()
    task = Task("t", env.reset()[1]["messages"], reference)
    with pytest.raises(GymReasonError, match=r"task t|theorem"):
        env.reset(options={"task": task})


def test_the_premises_shown_are_those_asked_for() -> None:
    shown = {}
    for premises in ("all", "used", "none"):
        env = Metamath(split="all", premises=premises)
        shown[premises] = env.reset(options={"task": task_of(env, "iff-export")})[0]
    assert "iff: |- ( p -> q ) , |- ( q -> p ) => |- ( p <-> q )\n" in shown["used"]
    assert "peirce:" not in shown["used"]
    assert "peirce:" in shown["all"]
    assert "iff:" not in shown["none"]
    assert all("or-cong:" not in text for text in shown.values())


def test_what_comes_later_is_not_shown() -> None:
    env = Metamath(split="all")
    tasks = env.tasks()
    assert tasks is not None
    labels = [str(task.meta["theorem"]) for task in tasks]
    for task, later in itertools.pairwise(tasks):
        assert f"\n{later.meta['theorem']}: " not in task.prompt[0].content
    assert len(set(labels)) == len({task.id for task in tasks}) == len(labels)


def test_episodes_end_after_a_little_more_than_twice_the_known_proof() -> None:
    env = Metamath(split="all")
    task = task_of(env, "chain")
    env.reset(options={"task": task})
    count = 0
    truncated = False
    while not truncated:
        _, reward, terminated, truncated, _ = env.step("nothing")
        assert (reward, terminated) == (0.0, False)
        count += 1
    assert count == 2 * len(env.demonstrate(task)) + 8


def act_all(state: Backwards | Forwards, actions: Iterable[str]) -> None:
    """Take actions until one is refused."""
    for action in actions:
        state.act(action)


def test_goals_do_not_grow_without_end() -> None:
    database = load_database("propositional")
    theorem = database.theorem("iff-cases")
    doubled = ["p"]
    for _ in range(20):
        doubled.append(f"( {doubled[-1]} -> {doubled[-1]} )")
    with pytest.raises(RefusedError, match="too long"):
        act_all(Backwards(database, theorem), (f"mp p := {formula}" for formula in doubled))
    state = Backwards(database, theorem)
    with pytest.raises(RefusedError, match="more than 200 goals"):
        act_all(state, ["mp p := p"] * 201)
    assert len(state.goals) == 200
    assert state.describe().endswith("and 180 more")


def test_results_do_not_grow_without_end() -> None:
    database = load_database("propositional")
    # Each round doubles the last result.
    rounds = (action for number in range(1, 60) for action in (f"#{number}", f"#{number}", "wi"))
    state = Forwards(database, database.theorem("iff-cases"))
    with pytest.raises(RefusedError, match="would write more than"):
        act_all(state, ("wp", *rounds))
    assert len(state.describe()) < 20_000


WORDS = "mp mp-under keep chain.1 id p q := , ( -> ) # #1 #99 #-1 wp wi ax-keep <think> </think>"
ENVS = {way: Metamath(split="all", direction=way) for way in ("backwards", "forwards")}


@settings(deadline=None)
@given(
    st.sampled_from(sorted(ENVS)),
    st.lists(
        st.lists(st.sampled_from([*WORDS.split(), "\u03c6", "#\u0661"]), max_size=8).map(" ".join)
        | st.text(max_size=20)
    ),
)
def test_no_action_breaks_an_episode(direction: str, actions: list[str]) -> None:
    env = ENVS[direction]
    env.reset(options={"task": task_of(env, "chain")})
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        assert observation in env.observation_space
        assert terminated == (info["verdict"] is not None)
        assert reward == (1.0 if terminated else 0.0)
        if terminated or truncated:
            break


def test_a_random_policy_solves_next_to_nothing() -> None:
    env = Metamath(split="all")
    solved = 0
    for place, task in enumerate(sample_tasks(env, 40, seed=1)):
        env.reset(seed=place, options={"task": task})
        labels = [one.label for one in load_database("propositional").assertions]
        over = False
        while not over:
            action = labels[int(env.np_random.integers(len(labels)))]
            _, reward, terminated, truncated, _ = env.step(action)
            solved += reward > 0
            over = terminated or truncated
    assert solved <= 2
