"""ROUGE-L: against the textbook's table, symmetric, and the same for a pool as one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.trainers.data.rouge import RougePool, lcs_length, rouge_l, split_words

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "the", "sum"]), max_size=90)
TEXTS = st.one_of(WORDS.map(" ".join), st.text(max_size=30))


def table_lcs(left: list[str], right: list[str]) -> int:
    """Return the length of the longest common subsequence by the textbook's table."""
    row = [0] * (len(right) + 1)
    for item in left:
        before = 0
        for place, other in enumerate(right, 1):
            above = row[place]
            row[place] = before + 1 if item == other else max(above, row[place - 1])
            before = above
    return row[-1]


@given(WORDS, WORDS)
def test_bits_count_what_the_table_counts_both_ways_round(
    left: list[str], right: list[str]
) -> None:
    expected = table_lcs(left, right)
    assert lcs_length(left, right) == lcs_length(right, left) == expected


@given(TEXTS, TEXTS)
def test_rouge_l_is_symmetric_and_one_only_for_the_same_words(left: str, right: str) -> None:
    score = rouge_l(left, right)
    assert score == rouge_l(right, left)
    assert 0.0 <= score <= 1.0
    assert (score == 1.0) == (split_words(left) == split_words(right) != [])


def test_by_hand() -> None:
    # police killed the gunman / police kill the gunman: 3 of 4 and 4 words, in order.
    assert rouge_l("Police killed the gunman.", "police kill the gunman") == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(0.5)
    assert rouge_l("a b c d e f", "a c e") == pytest.approx(2 * 3 / 9)
    assert rouge_l("", "a") == rouge_l("...", "...") == 0.0


def test_words_of_scripts_without_spaces_are_their_characters() -> None:
    assert split_words("Straße 12_b!") == ["strasse", "12", "b"]
    assert split_words("我喜欢 ab") == ["我", "喜", "欢", "ab"]


@given(st.lists(TEXTS, max_size=20), TEXTS)
def test_a_pool_scores_as_pairs_do(texts: list[str], text: str) -> None:
    pool = RougePool(texts)
    assert len(pool) == len(texts)
    assert pool.scores(text).tolist() == pytest.approx([rouge_l(text, other) for other in texts])
    score, place = pool.highest(text)
    assert score == pytest.approx(max((rouge_l(text, other) for other in texts), default=0.0))
    assert place == -1 or rouge_l(text, texts[place]) == pytest.approx(score)


def test_a_pool_grows_past_its_first_rows_and_columns() -> None:
    pool = RougePool()
    texts = [f"number {n} " + "word " * n for n in range(70)]
    for text in texts:
        pool.add(text)
    long = " ".join(map(str, range(200)))
    assert pool.highest(texts[69]) == (1.0, 69)
    assert pool.scores(long).tolist() == pytest.approx([rouge_l(long, text) for text in texts])
