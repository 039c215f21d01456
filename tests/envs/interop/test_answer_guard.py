import pytest

from gym_reason.envs.interop.answer_guard import FORMULA_SCORERS, LITERAL_SCORERS, is_harmless

HOSTILE_FORMULAS = [
    "__import__('os').system('id')",
    "eval(chr(49))",
    "\uff45\uff56\uff41\uff4c(chr(49))",
    "x.__class__",
    "x . subs",
    "(1).real",
    "S('eval(1)')",
    "test()",
    "exec(x)",
    "open(1)",
    "9**9**9",
    "9**(9**9)",
    "9**(99*99*99*99)",
    "((9**999)**999)**999",
    "1e999999999",
    "9**99999",
    "99999!",
    "(" * 4000,
]
PLAIN_FORMULAS = [
    "(25-7)*3",
    "6*x**5 - 2*x**2*y**3 + 12",
    "-3*sin(2*x + 1)/5 + exp(x)*cos(x) + C",
    "x**(3/2)/3 + log(x + 4) + C",
    "(2*x + 1)**10/20 + C",
    "1.5e3*x",
    "",
    "the answer is 12.",
]


@pytest.mark.parametrize("answer", HOSTILE_FORMULAS)
def test_a_formula_that_could_do_more_than_compute_is_kept_from_the_scorer(answer: str) -> None:
    assert not any(is_harmless(dataset, answer) for dataset in FORMULA_SCORERS)


@pytest.mark.parametrize("answer", PLAIN_FORMULAS)
def test_a_plain_formula_reaches_the_scorer(answer: str) -> None:
    assert all(is_harmless(dataset, answer) for dataset in FORMULA_SCORERS)


@pytest.mark.parametrize(
    "answer", ["[print(1)]", " [().__class__]", "[9**9**9]", "[x for x in y]", "(lambda: 0)()"]
)
def test_what_is_no_literal_is_kept_from_eval(answer: str) -> None:
    assert not any(is_harmless(dataset, answer) for dataset in LITERAL_SCORERS)


@pytest.mark.parametrize(
    "answer", ["[1, -2]", "['A', \"B\"]", "[[0, 1], [1, 0]]", "1 2 3", "(" * 4000]
)
def test_literals_and_what_is_no_expression_reach_the_scorer(answer: str) -> None:
    assert all(is_harmless(dataset, answer) for dataset in LITERAL_SCORERS)


def test_other_scorers_get_every_answer() -> None:
    assert is_harmless("chain_sum", "__import__('os')")
