"""Proofs with one thing changed: the kernel says what a slow checker by the book says."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gym_reason.seeding import derive_rng
from gym_reason.verifiers.proofs.metamath import (
    Assertion,
    Database,
    ProofError,
    read_database,
    verify_proof,
)
from gym_reason.verifiers.proofs.metamath.derivations import assemble, derive, expand
from gym_reason.verifiers.proofs.metamath.library import find_database
from gym_reason.verifiers.proofs.metamath.proofs import read_proof, write_normal
from tests.verifiers.proofs.book_checker import Book

MUTATIONS = 2_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Subject:
    """A database, read by both, and the theorems whose proofs are short enough for the slow one."""

    def __init__(self, path: Path) -> None:
        self.database: Database = read_database(path)
        self.book = Book(path.read_text("ascii"))
        self.theorems = [
            one for one in self.database.theorems if one.proof and len("".join(one.proof)) < 250
        ]
        self.with_pairs = [one for one in self.theorems if one.scope_disjoint]
        self.labels = list(self.database.statements)


@pytest.fixture(scope="module")
def subjects(request: pytest.FixtureRequest) -> list[Subject]:
    """Our own database, and the public ones where they are."""
    paths = [find_database("propositional")]
    try:
        folder = request.getfixturevalue("shared_data")
    except pytest.skip.Exception:
        pass
    else:
        paths += [folder / "hol.mm", folder / "ql.mm", folder / "demo0.mm"]
    return [Subject(path) for path in paths]


def accepts(database: Database, theorem: Assertion, proof: list[str]) -> bool:
    """Return whether the kernel accepts a proof."""
    try:
        verify_proof(database, theorem, proof)
    except ProofError:
        return False
    return True


def normal_form(database: Database, theorem: Assertion) -> list[str] | None:
    """Return the proof of a theorem as labels, where that is not too long."""
    assert theorem.proof is not None
    known = derive(database, theorem, read_proof(database, theorem, theorem.proof))
    statements = expand(assemble(known, theorem.expression), 300)
    return None if statements is None else write_normal(statements)


def mutate_list(items: list[str], others: list[str], rng: np.random.Generator) -> list[str]:
    """Return a list with one item dropped, doubled, replaced, or swapped with its neighbour."""
    changed = list(items)
    place = int(rng.integers(len(changed)))
    kind = int(rng.integers(4))
    if kind == 0:
        del changed[place]
    elif kind == 1:
        changed.insert(place, changed[place])
    elif kind == 2:
        changed[place] = others[int(rng.integers(len(others)))]
    else:
        other = (place + 1) % len(changed)
        changed[place], changed[other] = changed[other], changed[place]
    return changed


def mutate_proof(
    subject: Subject, theorem: Assertion, rng: np.random.Generator
) -> tuple[str, list[str]] | None:
    """Return what was done to the proof of a theorem, and the changed proof."""
    assert theorem.proof is not None
    proof = list(theorem.proof)
    before = subject.labels[: theorem.index]
    if proof[0] != "(" or rng.integers(3) == 0:
        normal = normal_form(subject.database, theorem)
        if normal is None:
            return None
        # Half of the replacements come from the proof itself: they are the likelier to be right.
        others = normal if rng.integers(2) else before
        return "label", mutate_list(normal, others, rng)
    close = proof.index(")")
    if close > 1 and rng.integers(3) == 0:
        listed = mutate_list(proof[1:close], before, rng)
        return "listed label", ["(", *listed, *proof[close:]]
    letters = mutate_list(list("".join(proof[close + 1 :])), list(LETTERS), rng)
    return "letter", [*proof[: close + 1], "".join(letters)]


def test_the_slow_checker_accepts_what_is_right(subjects: list[Subject]) -> None:
    for subject in subjects:
        for theorem in subject.theorems[::10]:
            assert theorem.proof is not None
            assert subject.book.accepts(theorem.label, list(theorem.proof)), theorem.label


def test_a_mutated_proof_is_rejected_unless_it_is_right_by_the_book(
    subjects: list[Subject],
) -> None:
    rng = derive_rng(0, "metamath", "mutations")
    seen: Counter[tuple[str, bool]] = Counter()
    while sum(seen.values()) < MUTATIONS:
        subject = subjects[int(rng.integers(len(subjects)))]
        theorem = subject.theorems[int(rng.integers(len(subject.theorems)))]
        mutated = mutate_proof(subject, theorem, rng)
        if mutated is None or not mutated[1]:
            continue
        kind, proof = mutated
        right = subject.book.accepts(theorem.label, proof)
        assert accepts(subject.database, theorem, proof) == right, (theorem.label, kind, proof)
        seen[kind, right] += 1
    for kind in ("label", "listed label", "letter"):
        assert seen[kind, False] > 100, seen


def test_a_removed_disjoint_pair_is_missed_where_the_book_misses_it(
    subjects: list[Subject],
) -> None:
    seen: Counter[bool] = Counter()
    for subject in subjects:
        for theorem in subject.with_pairs:
            assert theorem.proof is not None
            proof = list(theorem.proof)
            for pair in sorted(theorem.scope_disjoint):
                fewer = theorem.scope_disjoint - {pair}
                book_pairs = {frozenset(one) for one in fewer}
                right = subject.book.accepts(theorem.label, proof, book_pairs)
                changed = without_pair(theorem, pair)
                assert accepts(subject.database, changed, proof) == right, (theorem.label, pair)
                seen[right] += 1
    if any(subject.with_pairs for subject in subjects):
        assert seen[False] > 50, seen


def without_pair(theorem: Assertion, pair: tuple[str, str]) -> Assertion:
    """Return a theorem with one `$d` fewer."""
    return replace(theorem, scope_disjoint=theorem.scope_disjoint - {pair})
