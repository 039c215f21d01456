"""Natural deduction: the theorems that are drawn, and the environment in both modes."""

from typing import Any

import numpy as np
import pytest

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.check import check
from gym_reason.envs.proofs.arithmetic_shapes import draw_equation
from gym_reason.envs.proofs.natural import NaturalDeduction, NaturalDeductionSteps
from gym_reason.envs.proofs.schemes import INDUCTION_SCHEMES, QUANTIFIER_SCHEMES, fill
from gym_reason.envs.proofs.shapes import draw_tree
from gym_reason.envs.proofs.theorems import KINDS, MAX_LEVEL, draw_theorem, rename
from gym_reason.envs.splits import split_of
from gym_reason.errors import EnvError, UsageError
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.audit import audit, contract_of, make_case
from gym_reason.verifiers.proofs.natural.decide import IntuitionisticDecider, follows_classically
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.prover import find_proof
from gym_reason.verifiers.proofs.natural.script import run_script
from gym_reason.verifiers.proofs.natural.show import show_formula
from gym_reason.verifiers.proofs.natural.syntax import Atom, LogicError, free_variables
from gym_reason.verifiers.proofs.natural.verifier import write_reference

SWAP = Task(
    "swap",
    (Message("user", "theorem P & Q -> Q & P"),),
    write_reference("P & Q -> Q & P", frozenset({PEANO})),
)
SWAP_SCRIPT = ("intro H", "cases H with p q", "split", "exact q", "exact p")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [1, 4])
def test_every_theorem_has_its_proof(kind: str, level: int) -> None:
    for seed in range(8):
        draft = draw_theorem(np.random.default_rng(seed), kind, level)
        formula = parse_formula(draft.statement)
        assert not free_variables(formula)
        assert show_formula(formula) == draft.statement
        assert len(draft.script) >= level + 2
        assert run_script("\n".join(draft.script), formula, draft.axioms).theorem is not None
        assert draw_theorem(np.random.default_rng(seed), kind, level) == draft


def test_the_hardest_level_has_theorems() -> None:
    for kind in ("propositional", "quantifiers", "equality"):
        draft = draw_theorem(np.random.default_rng(3), kind, MAX_LEVEL)
        assert len(draft.script) >= MAX_LEVEL + 2


def test_classical_theorems_need_a_classical_step_in_about_half() -> None:
    needed = 0
    for seed in range(40):
        draft = draw_theorem(np.random.default_rng(seed), "propositional", 2, classical=True)
        formula = parse_formula(draft.statement)
        assert follows_classically((), formula)
        needed += not IntuitionisticDecider().follows((), formula)
        assert draft.axioms == {PEANO, CLASSICAL}
    assert 10 < needed < 30


@pytest.mark.parametrize("scheme", [text for _, text in (*QUANTIFIER_SCHEMES, *INDUCTION_SCHEMES)])
def test_every_scheme_is_a_theorem(scheme: str) -> None:
    formula = parse_formula(scheme.replace("{k}", "2"))
    assert find_proof(formula, frozenset({PEANO})) is not None


def test_a_scheme_is_filled_in_without_capture() -> None:
    scheme = parse_formula("forall y, A(y) -> exists x, A(f(x))")
    filling = parse_formula("P(x) & ~Q(x, x)", "x")
    expected = "forall y, P(y) & ~Q(y, y) -> exists x, P(f(x)) & ~Q(f(x), f(x))"
    assert fill(scheme, {"A": filling}) == parse_formula(expected)


def test_theorems_of_one_shape_are_one() -> None:
    one = rename(parse_formula("Q(0) -> (forall n, Q(n) -> R(g(n))) -> R(g(0))"))
    other = rename(parse_formula("A(0) -> (forall x, A(x) -> Q(f(x))) -> Q(f(0))"))
    assert one == other
    assert show_formula(one) == "P(0) -> (forall x, P(x) -> Q(f(x))) -> Q(f(0))"
    with pytest.raises(LogicError, match="names"):
        rename(parse_formula(" & ".join(f"P{number}" for number in range(40))))


def test_drawn_trees_have_their_size() -> None:
    for seed in range(30):
        tree = draw_tree(np.random.default_rng(seed), seed % 7, [Atom("P"), Atom("Q")])
        # Each connective joins two; a negation joins one with False.
        assert tree.measure.size == 2 * (seed % 7) + 1


def test_drawn_equations_hold() -> None:
    drawn = 0
    for seed in range(60):
        try:
            equation = draw_equation(np.random.default_rng(seed), 3)
        except LogicError:
            continue
        drawn += 1
        for numbers in ({0: 0, 1: 0, 2: 0}, {0: 1, 1: 2, 2: 3}, {0: 4, 1: 0, 2: 1}):
            assert holds(show_formula(equation), numbers)
    assert drawn > 20


def holds(text: str, numbers: dict[int, int]) -> bool:
    """Return whether an equation holds for some numbers, by Python's arithmetic."""
    names, _, equation = text.removeprefix("forall ").partition(", ")
    given = {name: numbers[place] for place, name in enumerate(names.split())}
    left, right = equation.split(" = ")
    meaning = {"S": lambda number: number + 1, **given}
    return bool(eval(left, {}, meaning) == eval(right, {}, meaning))


@pytest.mark.parametrize("mode", ["proof", "steps"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_task_is_solved_by_its_demonstration(mode: str, kind: str) -> None:
    env = NaturalDeduction(mode=mode, kind=kind, level=1, classical=True, unicode=True)
    for task in sample_tasks(env, 6, seed=1):
        env.reset(options={"task": task})
        actions = env.demonstrate(task)
        assert len(actions) == 1 or mode == "steps"
        steps = [env.step(action) for action in actions]
        _, reward, terminated, _, info = steps[-1]
        assert (reward, terminated) == (1.0, True), info
        assert info["verdict"].outcome is Outcome.PASS


@pytest.mark.parametrize("mode", ["proof", "steps"])
def test_a_demonstration_is_right_with_the_goals_and_without(mode: str) -> None:
    env = NaturalDeduction(mode=mode, level=3)
    for task in sample_tasks(env, 20, seed=2):
        texts = ["\n".join(env.demonstrate(task, thinking)) for thinking in (True, False)]
        assert all(env.verifier.verify(task, text).correct for text in texts if mode == "proof")
        assert (" -- " in texts[0]) is (mode == "proof")
        assert " -- " not in texts[1]


def test_a_demonstration_with_thoughts_tells_the_goals() -> None:
    statement = "forall x y z, x = y -> P(z) & y = z -> f(x) = f(z)"
    task = Task("chain", (), write_reference(statement, frozenset({PEANO})))
    env = NaturalDeduction(header=False)
    assert env.demonstrate(task, thinking=False)[0] == (
        "intro x y z H1 H2\ncases H2 with H3 H4\nrewrite H1\nrewrite H4\nreflexivity"
    )
    assert env.demonstrate(task)[0] == (
        "intro x y z H1 H2 -- H1 : x = y, H2 : P(z) & y = z |- f(x) = f(z)\n"
        "cases H2 with H3 H4 -- H3 : P(z), H4 : y = z |- f(x) = f(z)\n"
        "rewrite H1 -- |- f(y) = f(z)\nrewrite H4 -- |- f(z) = f(z)\nreflexivity"
    )


def test_what_is_drawn_is_of_the_split() -> None:
    for split in ("train", "test"):
        env = NaturalDeduction(kind="propositional", level=2, split=split)
        assert {split_of(task.id) for task in sample_tasks(env, 30, seed=3)} == {split}


def test_tasks_are_distinct() -> None:
    tasks = sample_tasks(NaturalDeduction(kind="propositional", level=3), 200, seed=0)
    assert len({task.reference for task in tasks}) == 200


def test_the_prompt_tells_the_tactics() -> None:
    env = NaturalDeduction(kind="propositional")
    observation, _ = env.reset(options={"task": sample_tasks(env, 1, seed=0)[0]})
    assert "intuitionistic" in observation
    assert "induction NAME" in observation
    assert "by_contradiction" not in observation
    assert "add_zero : forall n, n + 0 = n" in observation
    classical = NaturalDeduction(kind="propositional", classical=True)
    assert "by_contradiction" in classical.reset(seed=0)[0]
    bare = NaturalDeductionSteps(kind="propositional", prompt_style="bare").reset(seed=0)[0]
    assert bare.startswith("theorem ")
    assert "\n" not in bare


def test_an_episode_of_steps() -> None:
    env = NaturalDeductionSteps()
    observation, _ = env.reset(options={"task": SWAP})
    assert observation == "theorem P & Q -> Q & P"
    observation, reward, terminated, truncated, info = env.step("split")
    assert observation.startswith("error: P & Q -> Q & P is neither & nor <->\n|- P & Q -> Q & P")
    assert (reward, terminated, truncated, info["verdict"]) == (0.0, False, False, None)
    assert env.step("intro H\nassumption")[0].startswith("error: an action is one tactic")
    assert env.step("")[0].startswith("error: there is no tactic")
    assert env.step("intro H")[0] == "H : P & Q\n|- Q & P"
    assert env.step("cases H with p q -- take it apart")[0] == "p : P\nq : Q\n|- Q & P"
    assert env.step("split")[0].startswith("goal 1 of 2\np : P\nq : Q\n|- Q\ngoal 2 of 2")
    assert env.step("exact q")[0] == "p : P\nq : Q\n|- P"
    observation, reward, terminated, _, info = env.step("exact p")
    assert (observation, reward, terminated) == ("done", 1.0, True)
    assert info["verdict"].correct


def test_invalid_tactics_cost_turns() -> None:
    env = NaturalDeductionSteps(max_turns=3)
    env.reset(options={"task": SWAP})
    ends = [env.step("split")[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(EnvError, match="is over"):
        env.step("intro H")


def test_the_turns_follow_the_proof() -> None:
    env = NaturalDeductionSteps(kind="propositional")
    task = sample_tasks(env, 1, seed=4)[0]
    env.reset(options={"task": task})
    assert env.max_turns == 2 * len(env.demonstrate(task)) + 2
    env.reset(options={"task": SWAP})
    assert env.max_turns == 40
    assert env.demonstrate(SWAP)[0] == "intro H1"


def play(env: NaturalDeduction, actions: tuple[str, ...]) -> list[float]:
    env.reset(options={"task": SWAP})
    return [float(env.step(action)[1]) for action in actions]


def test_the_dense_reward_pays_for_progress_once() -> None:
    env = NaturalDeductionSteps(reward="dense", max_turns=50)
    rewards = play(env, SWAP_SCRIPT)
    assert sum(rewards) == pytest.approx(1.0)
    assert all(reward > 0.0 for reward in rewards)
    # Going there and back earns nothing, and neither does what leads nowhere.
    there_and_back = ("intro H", "revert H") * 5
    assert sum(play(env, there_and_back)) == pytest.approx(0.0)
    assert sum(play(env, ("intro H", "exfalso"))) == pytest.approx(0.0)
    assert sum(play(env, (*there_and_back, *SWAP_SCRIPT))) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "prof"}, "did you mean 'proof'"),
        ({"kind": "algebra"}, "kind"),
        ({"level": 0}, "from 1 to 8"),
        ({"level": 9}, "from 1 to 8"),
        ({"reward": "dense"}, "mode='steps'"),
        ({"prompt_style": "long"}, "prompt_style"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        NaturalDeduction(**arguments)


def test_a_task_of_another_kind_is_refused() -> None:
    env = NaturalDeduction()
    with pytest.raises(UsageError, match="statement"):
        env.reset(options={"task": Task("sum", (), "3 + 4 = 7 = 7")})
    with pytest.raises(UsageError, match="no proof"):
        env.demonstrate(Task("false", (), "P -> Q"))


@pytest.mark.parametrize("header", [True, False])
def test_the_verifier_passes_its_audit(header: bool) -> None:
    env = NaturalDeduction(header=header, level=1)
    contract = contract_of(env.verifier)
    cases = [
        make_case(task, contract, env.demonstrate(task), wrong=(env.wrong_action(task),))
        for task in sample_tasks(env, 10, seed=2)
    ]
    report = audit(env.verifier, cases, contract=contract, workers=0)
    assert report.false_positives.judged > 100
    assert report.false_negatives.judged >= 10
    assert report.worst_rate == 0.0


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("NaturalDeduction", {"kind": "propositional"}),
        ("NaturalDeductionSteps", {"kind": "propositional", "reward": "dense", "level": 1}),
        ("NaturalDeductionSteps", {"kind": "quantifiers"}),
    ],
)
def test_the_environment_passes_its_checks(name: str, kwargs: dict[str, Any]) -> None:
    report = check(f"gym_reason/{name}-v0", **kwargs)
    assert {item.name: item.detail for item in report.checks if not item.ok} == {}
