"""Coq's sentences: how a text is split, and what may stand in a proof."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.proofs.rocq.allowed import (
    MAX_SENTENCES,
    REFUSED_WORDS,
    TACTICS,
    check_sentence,
    read_proof,
    read_step,
)
from gym_reason.verifiers.proofs.rocq.sentences import RefusedError, split_sentences
from tests.verifiers.proofs.rocq_cheats import REFUSED, Cheat


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n\t", []),
        ("(* only (* a *) comment *)", []),
        ("intros. exact I.", ["intros.", "exact I."]),
        ("intros.\n\n  exact\n I.\n", ["intros.", "exact  I."]),
        ("apply Nat.add_comm.", ["apply Nat.add_comm."]),
        ("rewrite H.1. (* H.1 *)", ["rewrite H.1."]),
        ("- exact I. - exact I.", ["-", "exact I.", "-", "exact I."]),
        ("-- exact I. *** + auto.", ["--", "exact I.", "***", "+", "auto."]),
        ("{ exact I. } 2: { auto. }", ["{", "exact I.", "}", "2:{", "auto.", "}"]),
        ("exact (a - b * c + d).", ["exact (a - b * c + d)."]),
        ("exact {| x := 1 |}.", ["exact {| x := 1 |}."]),
        ('idtac "a. b" x. auto.', ['idtac "a. b" x.', "auto."]),
        ('idtac "a "" . b". auto.', ['idtac "a "" . b".', "auto."]),
        ('idtac "(*". auto.', ['idtac "(*".', "auto."]),
        ("exact(*x*)I.", ["exact I."]),
        ("exact ( (* . *) * I).", ["exact (   * I)."]),
        ('(* " *) " *) auto.', ["auto."]),
        ("(* a. (* b. *) c. *) auto.", ["auto."]),
        ("auto. (* a *) (* b *)", ["auto."]),
        ("auto.\rauto.", ["auto.", "auto."]),
        ("auto.auto. auto.", ["auto.auto.", "auto."]),
        (".", ["."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exact I", "does not end"),
        ("exact I. auto", "does not end"),
        ("(* exact I.", "comment has no end"),
        ("(* (* *) exact I.", "comment has no end"),
        ('idtac "x.', "string has no end"),
        ('(* " *) exact I.', "string has no end"),
        ("auto (*).", "comment has no end"),
    ],
)
def test_what_has_no_end_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        split_sentences(text)


ANYTHING = st.text(alphabet='ab I.,;:-+*(){}|"\n\t #<>', max_size=60)


@given(ANYTHING)
def test_what_is_split_is_split_the_same_again(text: str) -> None:
    try:
        sentences = split_sentences(text)
    except RefusedError:
        return
    assert split_sentences("\n".join(sentences)) == sentences
    outside = [re.sub('"[^"]*"', "", sentence) for sentence in sentences]
    assert not any("(*" in sentence for sentence in outside)
    for sentence in sentences:
        assert sentence.strip() == sentence
        assert not set(sentence) & set("\r\n\t") or '"' in sentence


@given(ANYTHING)
def test_no_text_breaks_the_reader(text: str) -> None:
    for read in (read_proof, read_step):
        with contextlib.suppress(RefusedError):
            for sentence in read(text):
                check_sentence(sentence)


@given(st.lists(st.sampled_from(["intros.", "- ", "{ ", "} ", "exact I.", "(* c. *)"]), min_size=1))
def test_comments_change_nothing(pieces: list[str]) -> None:
    with_comments = " (* x. (* y *) *) ".join(pieces)
    assert split_sentences(with_comments) == split_sentences(" ".join(pieces))


@pytest.mark.parametrize("cheat", REFUSED, ids=lambda cheat: cheat.aim)
def test_a_cheat_is_refused(cheat: Cheat) -> None:
    with pytest.raises(RefusedError):
        read_proof(cheat.proof, "True -> False, x = y")


def test_the_cheats_are_many_and_differ() -> None:
    assert len({cheat.aim for cheat in REFUSED}) == len(REFUSED) > 100


@pytest.mark.parametrize(
    "sentence",
    [
        "intros n m [H | H] x%nat.",
        "induction n as [| n IH]; simpl; [reflexivity | rewrite IH; auto].",
        "all: try lia.",
        "1: exact I.",
        "2-3, 5: auto.",
        "(intros; auto).",
        "rewrite !app_nil_r, <- H at 2.",
        "match goal with | H : _ /\\ _ |- _ => destruct H | |- _ => idtac end.",
        "replace (a + b) with (b + a) by lia.",
        "assert (H : forall n, n = n) by (intro; reflexivity).",
        'idtac "still here" n.',
        "pose proof (@eq_refl nat 1) as E.",
        "vm_compute.",
        "-",
        "+++",
        "{",
        "2:{",
        "}",
    ],
)
def test_an_honest_sentence_is_allowed(sentence: str) -> None:
    assert read_step(sentence) == [sentence]


def test_lists_do_not_overlap() -> None:
    assert not TACTICS & REFUSED_WORDS
    assert all(word == word.lower() or word.startswith("split_") for word in TACTICS)


def test_proof_and_qed_may_stand_around_a_proof() -> None:
    assert read_proof("Proof.\n exact I.\nQed.") == ["exact I."]
    assert read_proof("exact I. Qed.") == ["exact I."]
    for text in ("Proof. Proof. exact I.", "exact I. Qed. Qed.", "Qed. exact I."):
        with pytest.raises(RefusedError):
            read_proof(text)
    with pytest.raises(RefusedError, match="no tactic"):
        read_step("Qed.")


def test_a_step_is_one_sentence_with_its_bullets() -> None:
    assert read_step("- { + exact I.") == ["-", "{", "+", "exact I."]
    assert read_step("} -") == ["}", "-"]
    with pytest.raises(RefusedError, match="not 2"):
        read_step("intros. exact I.")
    with pytest.raises(RefusedError, match="not 2"):
        read_step("exact I. }")
    with pytest.raises(RefusedError, match="no sentence"):
        read_step("(* nothing *)")


def test_characters_of_the_theorem_may_be_used() -> None:
    assert read_step("intros \u03b1.", "forall \u03b1, True") == ["intros \u03b1."]
    for char in ("\u03b1", "\u0430", "\u200b"):
        with pytest.raises(RefusedError, match=f"U\\+{ord(char):04X}"):
            read_step(f"intros {char}.", "forall a, True")
    with pytest.raises(RefusedError, match="U\\+200B"):
        read_step("intros \u200b.", "forall a,\u200b True")


def test_a_proof_has_a_most_of_sentences() -> None:
    assert len(read_proof("idtac. " * MAX_SENTENCES)) == MAX_SENTENCES
    with pytest.raises(RefusedError, match="more than"):
        read_proof("idtac. " * (MAX_SENTENCES + 1))


def test_long_texts_are_read_in_time() -> None:
    for text in ("(" * 50_000, "(*" * 25_000, '"' * 50_000, "- " * 25_000, "a." * 25_000):
        with pytest.raises(RefusedError):
            read_proof(text)
