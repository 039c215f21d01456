"""The math verifier: what is found, what is equal, what is refused."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers import MathVerifier

PAIRS = [
    json.loads(line)
    for line in Path(__file__)
    .with_name("data")
    .joinpath("math_pairs.jsonl")
    .read_text()
    .split("\n")
    if line
]
LENIENT, STRICT = MathVerifier(), MathVerifier("strict")
BOTH = pytest.mark.parametrize("verifier", [LENIENT, STRICT], ids=["lenient", "strict"])


def verify(verifier: MathVerifier, reference: str, submission: str) -> Verdict:
    return verifier.verify(Task("t", (), reference), submission)


@BOTH
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["id"])
def test_pairs_and_attacks(verifier: MathVerifier, pair: dict[str, str]) -> None:
    verdict = verify(verifier, pair["reference"], pair["submission"])
    if pair["expected"] == "not_correct":
        assert not verdict.correct
        assert verdict.reward == 0.0
    else:
        assert verdict.correct, verdict.detail


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 20_000,
        "\\boxed{" + "{" * 20_000 + "2" + "}" * 20_001,
        "\\frac" * 20_000,
        "\\text{" * 20_000,
        "1 " * 50_000 + "1",
        "1," * 50_000,
        "123," * 30_000,
        "9" * 1_000_000 + "2",
        "\\boxed{" + "9" * 1_000_000 + "}",
        "1" + "0" * 50_000 + "%",
        "\\boxed{" + "1&" * 10_000 + "}",
        "<answer>" * 100_000,
        "answer is " * 50_000,
        "#### " * 50_000,
        "<think>" * 100_000 + "2",
        "$" * 100_000 + "2",
        " " * 1_000_000,
        "\\boxed{" + "\\sqrt{" * 3_000 + "2" + "}" * 3_001,
    ],
    ids=lambda text: text[:16],
)
@BOTH
def test_long_hostile_texts_are_refused(verifier: MathVerifier, text: str) -> None:
    assert not verify(verifier, "2", text).correct


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "72",
        " 72.\n",
        "<think>it is 71 or 73</think>72",
        "thinking</think>\n72",
        "<think>71</think> so <answer>72</answer>.",
        "<answer>\\boxed{72}</answer> \\boxed{71}",
        "first \\boxed{72} again \\boxed{72.0}",
        "\\fbox{72}",
        "$\\boxed{ \\text{72} }$",
        "\\boxed{\\boxed{72}}",
        "48+24 = <<48+24=72>>72\n#### 72",
        "Adding up, the answer is 72.",
        "The final answer is: **72**",
        "Answer: 72",
        "The answer is 72, as shown.",
        "The answer is 72 (see above).",
        "<answer>The answer is 72</answer>",
        "The answer is: $72$ dollars",
        "The answer is 72 because 3 * 24 = 72",
        "\\boxed{\\$72}",
        "\\boxed{144/2}",
    ],
)
def test_marked_answers_are_found(verifier: MathVerifier, text: str) -> None:
    verdict = verify(verifier, "... #### 72", text)
    assert verdict.correct, verdict.detail
    assert (verdict.reward, dict(verdict.parts)) == (1.0, {"answer": 1.0})


@pytest.mark.parametrize(
    "text",
    [
        "So Natalia sold 72",
        "48 + 24 = 72",
        "x=72",
        "72 clips",
        "Does it make $72?",
        "it is 72, I think",
    ],
)
def test_unmarked_answers_are_found_in_the_lenient_profile_alone(text: str) -> None:
    assert verify(LENIENT, "72", text).correct
    assert not verify(STRICT, "72", text).correct


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "I do not know", "<think>72", "<think>a</think>", "72 <think> hm", "\\boxed{}",
        "<answer></answer>", "\\boxed{ }",
    ],
)  # fmt: skip
def test_a_text_without_an_answer_says_so(verifier: MathVerifier, text: str) -> None:
    verdict = verify(verifier, "72", text)
    assert verdict.outcome is Outcome.NO_ANSWER
    assert verdict.reward == 0.0


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "71 or 72", "it is 71 or 72", "71 or maybe 72", "the answer is 71 or 72", "71, 72", "71 72",
        "\\boxed{71} or \\boxed{72}", "\\boxed{71}, \\boxed{72}", "\\boxed{71}\\boxed{72}",
        "\\boxed{71 \\text{ or } 72}", "\\boxed{71, 72}", "<answer>71 or 72</answer>", "not 72",
        "the answer is not 72", "The answer is 72, but maybe 71",
        "2x + 72y", "3 + 72", "\\boxed{72!}",
        "#### 71 or 72", "\\boxed{72x}",
        "\\boxed{72\\%}", "\\boxed{72 million}", "\\boxed{-72}", "\\boxed{7200}", "71/72",
    ],
)  # fmt: skip
def test_hedges_formulas_and_denials_do_not_pass(verifier: MathVerifier, text: str) -> None:
    assert not verify(verifier, "72", text).correct


def test_differing_boxes_are_a_hedge_in_the_strict_profile() -> None:
    text = "First \\boxed{71}. I correct myself after checking: \\boxed{72}"
    assert verify(LENIENT, "72", text).correct
    assert not verify(STRICT, "72", text).correct


@pytest.mark.parametrize(
    ("reference", "answer", "lenient", "strict"),
    [
        ("5", "5 apples", True, False),
        ("5 cm", "5", True, False),
        ("5 cm", "5\\text{ cm}", True, True),
        ("5 cm", "5 m", False, False),
        ("5 cm^2", "5 cm", False, False),
        ("5", "$5", True, True),
        ("$5", "5 dollars", True, True),
        ("$5", "\u20ac5", False, False),
        ("$5", "5 cents", False, False),
        ("90^\\circ", "90", True, True),
        ("50%", "50\\%", True, True),
        ("50%", "0.5", True, True),
        ("50%", "50", False, False),
        ("5", "x = 5", True, False),
        ("x=5", "5", True, False),
        ("x=5", "y=5", False, False),
        ("Paris", "paris", True, True),
        ("\\text{(B)}", "b", True, True),
        ("(1, 2)", "( 1,2 )", True, True),
        ("(1,2)", "[1,2]", False, False),
        ("1 2", "12", False, False),
        ("9" * 5_000, "9" * 5_000, True, True),
        ("9" * 5_000, "9" * 5_001, False, False),
    ],
)
def test_equality(reference: str, answer: str, lenient: bool, strict: bool) -> None:
    boxed = f"\\boxed{{{answer}}}"
    assert verify(LENIENT, reference, boxed).correct is lenient
    assert verify(STRICT, reference, boxed).correct is strict


def test_a_word_is_an_answer_where_a_word_is_expected() -> None:
    assert verify(STRICT, "yes", "Yes.").correct
    assert verify(STRICT, "yes", "no").outcome is Outcome.FAIL
    assert verify(LENIENT, "yes", "the answer is yes").correct


@pytest.mark.parametrize("reference", ["", "  ", "\\boxed{}", "$ $"])
def test_a_missing_reference_is_unscorable(reference: str) -> None:
    verdict = verify(LENIENT, reference, "5")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "reference" in verdict.detail


def test_the_feedback_never_holds_the_reference() -> None:
    for text in ("13", "", "13 or 12345", "\\boxed{1e999999}"):
        verdict = verify(LENIENT, "12345", text)
        assert verdict.feedback
        assert "12345" not in verdict.feedback
    assert verify(LENIENT, "13", "12").detail == "found 12, expected 13"
    assert "exponent" in verify(LENIENT, "13", "\\boxed{1e999999}").detail


def test_tolerance_is_a_share_of_the_reference() -> None:
    near = MathVerifier(tolerance=0.01)
    assert verify(near, "100", "101").correct
    assert not verify(near, "100", "101.1").correct
    assert not verify(near, "0", "0.0001").correct
    assert not verify(LENIENT, "1/3", "0.3333333333333333").correct


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
def test_impossible_settings_are_refused(tolerance: float) -> None:
    with pytest.raises(UsageError):
        MathVerifier(tolerance=tolerance)
    with pytest.raises(UsageError):
        MathVerifier("loose")  # type: ignore[arg-type]


@given(st.text(min_size=1), st.text())
def test_no_text_raises_and_the_reward_is_all_or_nothing(reference: str, submission: str) -> None:
    for verifier in (LENIENT, STRICT):
        verdict = verify(verifier, reference, submission)
        assert (verdict.reward, verdict.correct) in ((1.0, True), (0.0, False))


@given(st.text(alphabet="0123456789 .,$%\\{}boxed#<answer>think/orand", max_size=80))
def test_texts_made_of_markers_never_raise(text: str) -> None:
    assert verify(LENIENT, "5", text).outcome in (Outcome.PASS, Outcome.FAIL, Outcome.NO_ANSWER)


@given(st.text(max_size=50))
def test_equality_is_reflexive(answer: str) -> None:
    first = verify(STRICT, answer, f"<answer>{answer}</answer>")
    if first.outcome is not Outcome.UNSCORABLE and not set("<#\\") & set(answer):
        assert "answer" in answer.lower() or first.correct


numbers = st.builds(Fraction, st.integers(-(10**12), 10**12), st.sampled_from([1, 2, 5, 10, 1000]))


def write_decimal(value: Fraction, comma: str = "") -> str:
    whole, rest = divmod(abs(value), 1)
    places = f"{int(rest * 1000):03d}".rstrip("0")
    text = f"{int(whole):,}".replace(",", comma) + (f".{places}" if places else "")
    return f"-{text}" if value < 0 else text


WRAPPERS = ["{}", " {} ", "\\boxed{{{}}}", "${}$", "\\({}\\)", "{}.", "the answer is {}", "#### {}",
            "<answer>{}</answer>", "\\boxed{{\\text{{{}}}}}", "<think>1</think>{}"]  # fmt: skip
written = st.tuples(st.sampled_from(["", ",", " ", "{,}", "\\,"]), st.sampled_from(WRAPPERS))


@BOTH
@given(value=numbers, form=written)
def test_equality_survives_every_way_to_write_a_number(
    verifier: MathVerifier, value: Fraction, form: tuple[str, str]
) -> None:
    text = form[1].format(write_decimal(value, form[0]))
    verdict = verify(verifier, str(value), text)
    assert verdict.correct, (text, verdict.detail)


@BOTH
@given(value=numbers, other=numbers, form=written)
def test_another_number_is_never_equal(
    verifier: MathVerifier, value: Fraction, other: Fraction, form: tuple[str, str]
) -> None:
    text = form[1].format(write_decimal(other, form[0]))
    assert verify(verifier, write_decimal(value), text).correct is (value == other)
    near = form[1].format(write_decimal(value + Fraction(1, 1000), form[0]))
    assert not verify(verifier, write_decimal(value), near).correct


@BOTH
def test_every_gold_answer_of_gsm8k_equals_itself(
    verifier: MathVerifier, shared_data: Path
) -> None:
    rows = (shared_data / "gsm8k_train.jsonl").read_text("utf-8").splitlines()
    answers = [json.loads(row)["answer"] for row in rows]
    assert len(answers) == 7_473
    assert sum(verify(verifier, answer, answer).correct for answer in answers) == 7_473


@BOTH
@pytest.mark.parametrize("name", ["math_pairs.jsonl", "math_attacks.jsonl"])
def test_every_row_of_the_attack_files_is_judged_as_labelled(
    verifier: MathVerifier, shared_data: Path, name: str
) -> None:
    for line in (shared_data / name).read_text("utf-8").splitlines():
        row = json.loads(line)
        verdict = verify(verifier, row["reference"], row["submission"])
        if row["expected"] != "either":
            assert verdict.correct is (row["expected"] == "correct"), (row["id"], verdict.detail)
