"""What a proof may consist of: sentences that begin with a tactic of a list, and nothing else.

A command of Coq's own language (a definition, an axiom, a setting, a file to load or to write) is
refused because its head is on no list; what could do harm inside a tactic is refused by name.
"""

import re
from collections.abc import Iterable

from gym_reason.verifiers.proofs.rocq.sentences import RefusedError, split_sentences

TACTICS = frozenset(
    """
    absurd apply assert assert_fails assert_succeeds assumption auto autoapply autorewrite
    autounfold bdestruct btauto case case_eq cbn cbv change clear clearbody cofix compare compute
    congruence constr_eq constructor contradict contradiction cut cycle debug decide decompose
    dependent destruct dintuition discriminate do eapply eassert eassumption easy eauto ecase
    econstructor edestruct ediscriminate eelim eenough eexact eexists einduction einjection
    eintros eleft elim enough epose erewrite eright eset esplit etransitivity evar exact
    exact_eq exactly_once exfalso exists f_equal fail field field_simplify first firstorder fix
    fold functional generalize gintuition has_evar hnf idtac if induction injection instantiate
    intro intros intuition inversion inversion_clear inversion_sigma is_evar is_var lapply lazy
    lazymatch left let lia lra match move multimatch nia not_evar now nra nsatz once only pattern
    pose progress rapply red refine reflexivity remember rename repeat replace revert revgoals
    rewrite rewrite_strat right ring ring_simplify rtauto set setoid_reflexivity setoid_replace
    setoid_rewrite setoid_symmetry setoid_transitivity simpl simple simplify_eq solve specialize
    split split_Rabs stepl stepr subst substitute swap symmetry tauto transitivity trivial try
    tryif typeclasses unfold unify unshelve vm_compute zify
    """.split()  # noqa: SIM905
)
"""Words that a sentence of a proof may begin with."""

REFUSED_WORDS = frozenset(
    """
    abstract transparent_abstract admit admitted give_up shelve shelve_unifiable
    exact_no_check convert_concl_no_check vm_cast_no_check native_cast_no_check native_compute
    external par optimize_heap ltac1 ltac1val ltac2 ltac2val
    psatz psatz_Q psatz_R psatz_Z sos_Q sos_R sos_Z xpsatz xsos_Q xsos_R xsos_Z
    """.split()  # noqa: SIM905
)
"""Words that stand nowhere in a proof: what declares, runs programs, or leaves something open."""

MAX_SENTENCES = 2_000
"""Most sentences of a proof."""

_FIRST = "Proof."
_LAST = "Qed."
_SELECTOR = re.compile(r"(?:all|\d+(?:\s*-\s*\d+)?(?:\s*,\s*\d+(?:\s*-\s*\d+)?)*)\s*:(?!=)\s*")
_MARK = re.compile(r"-+|\++|\*+|(?:\d+:)?\{|\}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_']*")
_HEAD = re.compile(r"[(\[\s>]*([A-Za-z_][A-Za-z0-9_']*)")
_STRING = re.compile(r'"([^"]*)"')
_PLAIN_STRING = re.compile(r"[A-Za-z0-9 ,;:_'!?+=/-]*")
_REFUSED_SIGNS = {
    "#": "an attribute",
    "$": "a quotation",
    "`": "a generalizing binder",
    "..": "the sign ..",
    "<<:": "a cast by a compiler",
    "prompt>": "the prover's own prompt",
}


def read_proof(text: str, known_characters: Iterable[str] = "") -> list[str]:
    """Return the sentences of a whole proof; one `Proof.` before and one `Qed.` after are dropped.

    Args:
        text: The proof.
        known_characters: Those beyond ASCII that it may use: the theorem's own.

    Raises:
        RefusedError: For anything that may not stand in a proof.
    """
    sentences = split_sentences(text)
    if sentences[:1] == [_FIRST]:
        del sentences[0]
    if sentences[-1:] == [_LAST]:
        sentences.pop()
    if not sentences:
        raise RefusedError("there is no sentence")
    if len(sentences) > MAX_SENTENCES:
        raise RefusedError(f"the proof has more than {MAX_SENTENCES} sentences")
    for number, sentence in enumerate(sentences, 1):
        try:
            check_sentence(sentence, known_characters)
        except RefusedError as error:
            raise RefusedError(f"sentence {number}: {error}") from None
    return sentences


def read_step(text: str, known_characters: Iterable[str] = "") -> list[str]:
    """Return the sentences of a step: at most one, behind as many bullets and braces as there are.

    Raises:
        RefusedError: For anything else.
    """
    sentences = split_sentences(text)
    if not sentences:
        raise RefusedError("there is no sentence")
    count = sum(not _MARK.fullmatch(sentence) for sentence in sentences[:-1]) + 1
    if count > 1:
        raise RefusedError(f"a step is one sentence, not {count}")
    for sentence in sentences:
        check_sentence(sentence, known_characters)
    return sentences


def check_sentence(sentence: str, known_characters: Iterable[str] = "") -> None:
    """Refuse what is no tactic of the list, bullet or brace. Raises RefusedError."""
    if _MARK.fullmatch(sentence):
        return
    _check_characters(sentence, known_characters)
    for content in _STRING.findall(sentence):
        if not _PLAIN_STRING.fullmatch(content):
            raise RefusedError("a string holds more than letters, digits and a few signs")
    whole = _STRING.sub(" ", sentence)
    bare = whole[:-1]
    for sign, name in _REFUSED_SIGNS.items():
        if sign in whole:
            raise RefusedError(f"{name} may not stand in a proof")
    selector = _SELECTOR.match(bare)
    rest = bare[selector.end() :] if selector else bare
    head = _HEAD.match(rest)
    if head is None:
        raise RefusedError("the sentence does not begin with a tactic")
    if head[1] not in TACTICS:
        raise RefusedError(f"{head[1]!r} is no tactic that may begin a sentence")
    for word in _WORD.findall(bare):
        if word in REFUSED_WORDS or word.endswith("_no_check"):
            raise RefusedError(f"{word!r} may not stand in a proof")


def _check_characters(sentence: str, known: Iterable[str]) -> None:
    """Refuse what the theorem does not use itself: look-alikes, signs without a shape."""
    strange = {char for char in sentence if not " " <= char <= "~"}
    if strange:
        strange -= {char for char in known if char.isprintable()}
    if strange:
        named = ", ".join(f"U+{ord(char):04X}" for char in sorted(strange)[:3])
        raise RefusedError(f"characters that the theorem does not hold: {named}")
