"""What an agent is shown of a theorem of Metamath, and of what may be used to prove it."""

from collections.abc import Collection, Iterator

from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.statements import Assertion

MAX_PREMISE_CHARACTERS = 6_000
"""Most characters of the statements that a prompt lists."""

RULES = {
    "backwards": (
        "Prove the theorem backwards. An action is the label of a statement whose conclusion is "
        "the first goal; its hypotheses become goals. Where it has variables that the goal leaves "
        "open, give them: LABEL x := EXPRESSION , y := EXPRESSION. A hypothesis of the theorem "
        "closes the goal that it equals, and what was proved once closes by itself."
    ),
    "forwards": (
        "Prove the theorem on a stack. An action is one label: a hypothesis is pushed, and a "
        "statement takes its hypotheses from the stack, the types of its variables and the others "
        "in the order of the database, and pushes its conclusion. #3 pushes result 3 again, # "
        "takes the top off. The proof is done when the stack holds the theorem alone."
    ),
    "proof": (
        "Prove the theorem. Answer with its proof in the language Metamath: the labels in the "
        "order in which a stack machine applies them, the types of variables included, or the "
        "compressed form. Reason between <think> and </think>, if at all."
    ),
}
"""How to act, for each way to prove."""


def write_prompt(
    database: Database, theorem: Assertion, way: str, premises: Collection[str] | None
) -> str:
    """Return the prompt of a theorem.

    Args:
        database: Where it stands.
        theorem: The theorem.
        way: A key of `RULES`.
        premises: Labels of the statements to list; None for all before the theorem, of which the
            axioms and the latest theorems are kept where there is no room for more.
    """
    parts = [RULES[way]]
    listed = list_premises(database, theorem, way, premises)
    if listed:
        parts.append("Statements:\n" + "\n".join(listed))
    lines = [f"Theorem {theorem.label}: {theorem.expression.strip()}"]
    lines += [f"{one.label}: {one.expression.strip()}" for one in theorem.essentials]
    if theorem.disjoint:
        lines.append("disjoint: " + " , ".join(" ".join(pair) for pair in theorem.disjoint))
    parts.append("\n".join(lines))
    return "\n\n".join(parts)


def list_premises(
    database: Database, theorem: Assertion, way: str, premises: Collection[str] | None
) -> list[str]:
    """Return a line for each statement that may be used, in the order of the database."""
    types = {one.typecode for one in database.active_hypotheses(theorem) if one.floating}
    chosen: dict[int, str] = {}
    room = MAX_PREMISE_CHARACTERS
    for index, line in _by_importance(database, theorem, way, premises, types):
        room -= len(line) + 1
        if room < 0:
            break
        chosen[index] = line
    return [chosen[index] for index in sorted(chosen)]


def _by_importance(
    database: Database,
    theorem: Assertion,
    way: str,
    premises: Collection[str] | None,
    types: Collection[str],
) -> Iterator[tuple[int, str]]:
    """Yield statements and their places: types, axioms, then theorems, the latest first."""
    before = [one for one in database.assertions if one.index < theorem.index]
    if premises is not None:
        before = [one for one in before if one.label in premises]
    if way != "backwards":
        texts = [theorem.expression, *(one.expression for one in theorem.essentials)]
        used = set(" ".join(texts).split())
        for hypothesis in database.active_hypotheses(theorem):
            if not hypothesis.floating:
                continue
            if premises is None or hypothesis.label in premises or hypothesis.variable in used:
                yield hypothesis.index, f"{hypothesis.label}: {hypothesis.expression.strip()}"
    for one in before:
        # Backwards, types are proved without being asked for; the rules still show the formulas.
        if one.proof is None and one.typecode in types:
            yield one.index, write_assertion(one)
    for one in before:
        if one.proof is None and one.typecode not in types:
            yield one.index, write_assertion(one)
    for one in reversed(before):
        if one.proof is not None:
            yield one.index, write_assertion(one)


def write_assertion(assertion: Assertion) -> str:
    """Return an assertion as one line: `mp: |- p , |- ( p -> q ) => |- q`."""
    conclusion = assertion.expression.strip()
    hypotheses = " , ".join(one.expression.strip() for one in assertion.essentials)
    line = f"{assertion.label}: {hypotheses} => {conclusion}" if hypotheses else (
        f"{assertion.label}: {conclusion}"
    )  # fmt: skip
    if assertion.disjoint:
        line += "  disjoint: " + " , ".join(" ".join(pair) for pair in assertion.disjoint)
    return line
