"""Words around a number: denials, bounds and magnitudes earn nothing, honest endings do."""

import pytest

from gym_reason.types import Task
from gym_reason.verifiers import MathVerifier
from gym_reason.verifiers.math.units import read_unit

LENIENT, STRICT = MathVerifier(), MathVerifier("strict")
BOTH = pytest.mark.parametrize("verifier", [LENIENT, STRICT], ids=["lenient", "strict"])


def passes(verifier: MathVerifier, reference: str, text: str) -> bool:
    return verifier.verify(Task("t", (), reference), text).correct


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "it is not equal to 4", "so it cannot be 4", "it never equals 4", "it isn't 4", "not 4",
        "it is not, I think, 4", "I doubt it is 4", "It is wrong that it is 4", "4 is wrong",
        "4 is not the answer", "4 cannot be right", "maybe 4", "probably 4", "it might be 4",
        "it cannot possibly be the number 4", "twice 4", "half of 4", "a third of 4", "under 4",
        "the square of 4", "five times 4", "four minus 4", "twenty 4", "negative 4", "at least 4",
        "at most 4", "nearly 4", "more than 4", "1 to 4", "one to 4", "from 1 kg to 4", "1 and 4",
        "between 1 and 4", "4 squared", "it is 4 doubled", "so 4 lakh", "So 4 crores",
        "So 4 halves", "So it is 4 per mille", "The answer is maybe 4", "The answer is twice 4",
        "The answer is half of 4", "The answer is the square of 4", "The answer is at least 4",
        "The answer is under 4", "The answer is 1 to 4", "The answer is four minus 4",
        "The answer is not equal to 4", "The answer cannot be 4", "The answer is never 4",
        "The answer is 4 squared", "I do not think the answer is 4",
        "It is false that the answer is 4",
    ],
)  # fmt: skip
def test_denials_bounds_and_computations_do_not_pass(verifier: MathVerifier, text: str) -> None:
    assert not passes(verifier, "4", text)


@pytest.mark.parametrize(
    "text",
    [
        "So the answer is 4.", "He has 4 apples left", "= 4", "2 + 2 = 4", "a total of 4",
        "So there is a total of 4.", "the sum is 4", "That makes 4 in all", "it comes to 4",
        "It adds up to 4", "It is equal to 4", "this equals 4", "It rounds to 4",
        "So she needs 4 more", "He can buy 4 books.", "which leaves 4", "it costs $4",
        "The number of apples is 4", "It is reduced to 4", "Half of 8 is 4", "Twice 2 is 4",
        "One third of 12 is 4", "The square root of 16 is 4", "It is more than 3, so 4",
        "He does not have 3, so he has 4", "It is not 3, it is 4", "Not 3. It is 4.",
        "it must be 4", "This gives an answer of 4", "about 4 hours", "each person gets 4",
        "In total there are 4", "He went 4 times", "She could buy 4 books", "It decreases by 4",
        "He could not buy 5, so he bought 4 books", "They do not fit. We need 4 boxes.",
        "It takes 4 hours, not counting breaks", "Since no more are left, we get 4",
        "The answer: 4", "The value of x is 4", "the answer is exactly 4", "There are 4 squares",
        "The answer is therefore 4", "Natalia sold 4 clips altogether", "it will be 4",
        "The only answer is 4", "4 square feet", "The answer is 4 miles per hour",
        "It cannot be simplified further, the answer is 4", "If not 3 then the answer is 4",
    ],
)  # fmt: skip
def test_honest_endings_pass_in_the_lenient_profile(text: str) -> None:
    assert passes(LENIENT, "4", text)


@pytest.mark.parametrize(
    "text",
    ["It cannot be $\\sqrt2$", "at least $\\sqrt2$", "twice $\\sqrt2$", "$\\sqrt2$ is wrong",
     "I doubt that it is $\\sqrt2$", "$\\sqrt2$ squared"],
)  # fmt: skip
def test_a_formula_is_denied_by_the_same_words(text: str) -> None:
    assert not passes(LENIENT, "\\sqrt2", text)
    assert passes(LENIENT, "\\sqrt2", "So the length is $\\sqrt2$ here")


@BOTH
@pytest.mark.parametrize(
    "word",
    [
        "thousand", "thousands", "millions", "lakh", "lakhs", "crore", "quadrillion", "octillion",
        "dozens", "per mille", "doubled", "tripled", "halved", "reciprocal", "negative", "squared",
        "tenfold", "halves", "thousandths", "millionths",
    ],
)  # fmt: skip
def test_a_magnitude_is_no_unit(verifier: MathVerifier, word: str) -> None:
    assert not passes(verifier, "4", f"\\boxed{{4 {word}}}")
    assert not passes(verifier, f"4 {word}", "\\boxed{4}")
    assert passes(verifier, f"4 {word}", f"\\boxed{{4 {word}}}")


@BOTH
def test_known_magnitudes_multiply(verifier: MathVerifier) -> None:
    for text, value in [("4 thousands", "4000"), ("4 lakh", "400000"), ("2 dozens", "24"),
                        ("4 crore", "40000000"), ("1.5 quadrillion", "1.5e15")]:  # fmt: skip
        assert passes(verifier, value, f"\\boxed{{{text}}}")


@BOTH
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 inches", "5 inch"), ("5 in", "5 inches"), ("5 boxes", "5 box"), ("5 feet", "5 foot"),
        ("5 ft", "5 feet"), ("5 meters", "5\\text{ m}"), ("5 metres", "5 m"), ("5 m", "5 meter"),
        ("5 km/h", "5 kilometers per hour"), ("60 mph", "60 miles per hour"), ("5 lbs", "5 pounds"),
        ("5 cookies", "5 cookie"), ("5 pies", "5 pie"), ("5 cities", "5 city"),
        ("5 hrs", "5 hours"),
        ("5 square feet", "5 ft^2"), ("5 cubic centimeters", "5\\text{ cm}^3"), ("5 men", "5 man"),
        ("5 children", "5 child"), ("5 buses", "5 bus"), ("5 glasses", "5 glass"),
        ("5 houses", "5 house"), ("5 shoes", "5 shoe"), ("5 potatoes", "5 potato"),
        ("5 prizes", "5 prize"), ("5\\sqrt2 inches", "5\\sqrt2\\text{ in}"),
    ],
)  # fmt: skip
def test_one_unit_in_two_forms(verifier: MathVerifier, one: str, other: str) -> None:
    assert passes(verifier, one, f"\\boxed{{{other}}}")
    assert passes(verifier, other, f"\\boxed{{{one}}}")


@BOTH
@pytest.mark.parametrize(
    ("one", "other"),
    [("5 inches", "5 feet"), ("5 m", "5 miles"), ("5 m", "5 minutes"), ("5 ft^2", "5 ft"),
     ("5 square feet", "5 cubic feet"), ("5 km/h", "5 km"), ("5 grams", "5 m"),
     ("5 planes", "5 plans"), ("5 mph", "5 km/h")],
)  # fmt: skip
def test_different_units_are_different(verifier: MathVerifier, one: str, other: str) -> None:
    assert not passes(verifier, one, f"\\boxed{{{other}}}")
    assert not passes(verifier, other, f"\\boxed{{{one}}}")


def test_a_unit_has_one_form() -> None:
    for text, unit in [("inches", "in"), ("Boxes", "box"), ("miles per hour", "mi/h"),
                       ("\\text{ cm}^2", "cm^2"), ("square yards", "yd^2")]:  # fmt: skip
        assert read_unit(text) == ("", unit)
    assert read_unit("tenfold") is None
