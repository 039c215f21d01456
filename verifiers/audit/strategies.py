"""The mutations of the audit as hypothesis strategies, for the tests of a verifier.

    from hypothesis import given
    from gym_reason.verifiers.audit import strategies

    @given(strategies.numbers().flatmap(lambda n: strategies.equal_forms(n).map(lambda t: (n, t))))
    def test_another_writing_of_a_number_passes(pair): ...

Needs the package `hypothesis`: `pip install 'gym-reason[audit]'`.
"""

from collections.abc import Sequence
from fractions import Fraction

try:
    from hypothesis import strategies as st
except ImportError:
    raise ImportError(
        "hypothesis is not installed; expected it for gym_reason.verifiers.audit.strategies; "
        "pip install 'gym-reason[audit]'"
    ) from None

from gym_reason.verifiers.audit import mutations, texts


def numbers(max_size: int = 10**9, max_denominator: int = 1000) -> st.SearchStrategy[Fraction]:
    """Return a strategy of whole numbers, decimals and fractions, from -max_size to max_size."""
    whole = st.integers(-max_size, max_size).map(Fraction)
    decimals = st.builds(
        lambda number, places: Fraction(number, 10**places),
        st.integers(-max_size, max_size),
        st.integers(1, 4),
    )
    fractions = st.fractions(-max_size, max_size, max_denominator=max_denominator)
    return st.one_of(whole, decimals, fractions)


def equal_forms(number: Fraction | int) -> st.SearchStrategy[str]:
    """Return a strategy of other writings of a number, all worth the same."""
    return st.sampled_from(mutations.equal_forms(number))


def perturbed(number: Fraction | int, tolerance: float = 0.0) -> st.SearchStrategy[str]:
    """Return a strategy of texts that are worth something else than a number.

    Args:
        number: What is right.
        tolerance: Values that are this close, as a share of `number`, are left out.
    """
    return st.sampled_from(mutations.perturbed(number, tolerance))


def equal_answers(answer: str) -> st.SearchStrategy[str]:
    """Return a strategy of other writings of a number, set, tuple, interval or choice.

    An answer of another kind is only given as it is.
    """
    return st.sampled_from(mutations.equal_answers(answer) or (answer,))


def wrong_answers(answer: str, tolerance: float = 0.0) -> st.SearchStrategy[str]:
    """Return a strategy of near misses of a number, set, tuple, interval or choice.

    There is nothing in it for an answer of another kind.
    """
    found = mutations.wrong_answers(answer, tolerance)
    return st.sampled_from(found) if found else st.nothing()


def format_mutations(answer: str) -> st.SearchStrategy[str]:
    """Return a strategy of the answer with other spacing, delimiters and characters."""
    return st.sampled_from(mutations.format_mutations(answer))


def near_texts(answer: str) -> st.SearchStrategy[str]:
    """Return a strategy of texts close to `answer`, which must not be blank."""
    return st.sampled_from(mutations.near_texts(answer))


def confusables(wrong: str) -> st.SearchStrategy[str]:
    """Return a strategy of a wrong answer in characters that look like others."""
    return st.sampled_from(mutations.confusables(wrong))


def hedges(reference: str, others: Sequence[str]) -> st.SearchStrategy[str]:
    """Return a strategy of texts that give the right answer among wrong ones.

    Args:
        reference: The right answer.
        others: Wrong answers, at least one.
    """
    plain = (*mutations.hedges(reference, others), *mutations.listed(reference, others))
    return st.sampled_from((*plain, *mutations.boxed_hedges(reference, others[0])))


def junk(max_size: int = 200) -> st.SearchStrategy[str]:
    """Return a strategy of texts without an answer: known junk, and any text without a digit."""
    characters = st.characters(exclude_categories=("L", "N", "Cs"))
    return st.one_of(st.sampled_from(texts.JUNK), st.text(characters, max_size=max_size))


def injections() -> st.SearchStrategy[str]:
    """Return a strategy of grader syntax, templates and patterns without an answer."""
    return st.sampled_from(texts.INJECTIONS)
