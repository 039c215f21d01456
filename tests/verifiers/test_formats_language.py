"""The script of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.types import Outcome, Task
from gym_reason.verifiers import make_verifier
from gym_reason.verifiers.formats import LanguageVerifier, script_share
from gym_reason.verifiers.formats.prose import split_prose

TASK = Task("t", (), "")


@pytest.mark.parametrize(
    ("text", "scripts", "share"),
    [
        ("two and two", "latin", 1.0),
        ("Größe, naïve, Đặng", "latin", 1.0),
        ("\uff21\uff22", "latin", 1.0),
        ("\U0001d400\U0001d401", "latin", 1.0),
        ("ab数学", "latin", 0.5),
        ("ab数学", "han+latin", 1.0),
        ("数学です", "japanese", 1.0),
        ("コーヒー", "katakana", 1.0),
        ("수학", "korean", 1.0),
        ("привет", "cyrillic", 1.0),
        ("\u0430", "latin", 0.0),  # a Cyrillic letter that looks Latin
        ("مرحبا", "arabic", 1.0),
        ("γειά", "greek", 1.0),
        ("ᚠᚢ", "latin", 0.0),
        ("12 + 3 = 15!", "latin", None),
        ("数 `def f(x)` 数 $x^2 + y$ 数", "han", 1.0),
        ("数\n```python\nprint(x)\n```\n", "han", 1.0),
        ("数 \\frac{a}{b}", "han", 1 / 3),
        ("数 \\(a\\) \\[b\\] \\begin{align}c\\end{align} $$d$$", "han", 1.0),
        ("``` 数学 ``` ab", "latin", 0.5),
        ("it costs $5 and $6 ab", "latin", 1.0),
        ("`never closed", "latin", 1.0),
    ],
)
def test_share(text: str, scripts: str, share: float | None) -> None:
    assert script_share(text, scripts) == (None if share is None else pytest.approx(share))


def test_the_reward_is_the_share_and_correct_from_the_threshold() -> None:
    verifier = LanguageVerifier("latin", share=0.75)
    verdict = verifier.verify(TASK, "abc数")
    assert (verdict.reward, verdict.correct) == (0.75, True)
    verdict = verifier.verify(TASK, "ab数学")
    assert (verdict.reward, verdict.outcome) == (0.5, Outcome.FAIL)
    assert verifier.verify(TASK, "4").outcome is Outcome.NO_ANSWER
    assert verifier.verify(TASK, "").reward == 0.0


def test_regions_and_the_tags_themselves() -> None:
    text = "<think>数学</think>ab"
    assert LanguageVerifier("han", region="thought").verify(TASK, text).reward == 1.0
    assert LanguageVerifier("han", region="answer").verify(TASK, text).reward == 0.0
    assert LanguageVerifier("han").verify(TASK, text).reward == 0.5


@pytest.mark.parametrize(
    "spec", ["language:share=0", "language:share=2", "language:min_letters=0", "language:region=x"]
)
def test_arguments_are_checked(spec: str) -> None:
    with pytest.raises(UsageError):
        make_verifier(spec)


def test_an_unknown_script_is_refused_with_the_nearest_one() -> None:
    with pytest.raises((UsageError, UnknownNameError), match="did you mean 'cyrillic'"):
        make_verifier("language:cyrilic")


@given(st.text())
def test_nothing_is_lost_or_made_up_between_prose_and_the_rest(text: str) -> None:
    prose, rest = split_prose(text)
    kept = sorted((prose + rest).replace(" ", ""))
    assert kept == sorted(text.replace(" ", ""))


@given(st.text())
def test_the_share_is_one(text: str) -> None:
    share = script_share(text, "latin+han")
    assert share is None or 0.0 <= share <= 1.0


@given(st.text(st.characters(categories=["Ll", "Lo"]), min_size=1), st.text("数学", min_size=1))
def test_more_of_the_script_never_lowers_the_share(text: str, more: str) -> None:
    before, after = script_share(text, "han"), script_share(text + more, "han")
    assert before is not None
    assert after is not None
    assert after >= before
