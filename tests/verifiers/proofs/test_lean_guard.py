"""What the guard of Lean proofs refuses and lets pass, and the tokens that it sees."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gym_reason.verifiers.proofs.lean.guard import MAX_DEPTH, check_proof
from gym_reason.verifiers.proofs.lean.lexer import Kind, LeanTextError, tokenize
from tests.verifiers.proofs.lean_reader import TABLES, UnreadableError, read_tokens

BRACKETS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}

CHEATS = [
    # An unproved claim, in every spelling.
    ("sorry", "sorry"),
    ("exact sorry", "sorry"),
    ("intro h\n  exact (sorry)", "line 2: sorry"),
    ("exact (by sorry : p)", "sorry"),
    ("exact «sorry»", "sorry"),
    ("exact sorryAx _ false", "sorryAx"),
    ("exact sorryAx.{0} _", "sorryAx"),
    ("exact _root_.sorryAx _", "sorryAx"),
    ("exact Foo.«sorryAx» _", "sorryAx"),
    ("exact \u03b1sorry", "sorry"),
    ("exact ¬sorry", "sorry"),
    ("exact λsorry", "sorry"),
    ("exact x²sorry", "sorry"),
    ("exact (0x1sorry)", "no number and no name"),
    ("exact 1.sorry", "sorry"),
    ("exact sorry'", "sorry"),
    ("admit", "admit"),
    ("stop", "stop"),
    ("stop simp", "stop"),
    # Texts that Lean may read otherwise than they look.
    ("rw [<--sorry\n]", "a comment without a space before it"),
    ("exact (-/- x -/ h)", "-/-"),
    ("exact h /-/ sorry -/", "/-/"),
    ("exact h /-- sorry -/", "documents"),
    ("/-! sorry -/ rfl", "documents"),
    ("/- /- -/ rfl", "a comment does not end"),
    ('exact f s!"{sorry}"', "a string with a brace"),
    ('exact f "{sorry}"', "a string with a brace"),
    ('exact f r#"x"# h', "a raw string"),
    ('exact f r"\\" h', "a raw string"),
    ("exact f '\"' h \" sorry \"", "beside a prime"),
    ("exact f' h '", "a prime by itself"),
    ("exact x⁻¹'(')'a')", "a prime by itself"),
    ("exact x⁻¹' '( ' ')", "a prime by itself"),
    ("exact ''a'sorry", "sorry"),
    ("exact rλ'a'sorry", "sorry"),
    ("exact f ''a's", "a prime by itself"),
    ('exact f "abc', "a string does not end"),
    ("exact «a\nb»", "« without »"),
    ("exact «a-/b»", "the name «a-/b»"),
    ("exact\th", "U+0009"),
    ("exact h\u202e", "RIGHT-TO-LEFT OVERRIDE"),
    ("exact h\u200b", "ZERO WIDTH SPACE"),
    ("exact\u00a0h", "NO-BREAK SPACE"),
    ("exact h\x00", "U+0000"),
    ("exact h\rsorry", "U+000D"),
    ("exact h\u2028sorry", "LINE SEPARATOR"),
    # The end of the theorem.
    ("rfl)\n\naxiom magic : False\n\ntheorem more : True := by (trivial", "axiom"),
    ("rfl )", ") without its opening"),
    ("exact (rfl", "without its )"),
    ("exact ⟨rfl)", ") without its opening"),
    ("exact [h}", "} without its opening"),
    ("exact " + "(" * (MAX_DEPTH + 1), "open brackets"),
    # Commands, wherever they stand.
    ("rfl\naxiom magic : False", "line 2: axiom"),
    ("rfl private axiom magic : False", "private"),
    ("rfl\nmacro \"x\" : tactic => `(tactic| trivial)", "macro"),
    ("rfl\nmacro_rules | `(x) => `(y)", "macro_rules"),
    ("rfl\nelab \"x\" : tactic => pure ()", "elab"),
    ("rfl\nsyntax \"x\" : tactic", "syntax"),
    ("rfl\nlocal notation \"False\" => True", "local"),
    ("rfl\nnotation \"False\" => True", "notation"),
    ("rfl\ninfixl:60 \" + \" => f", "infixl"),
    ("rfl\ninstance : Add Nat := ⟨f⟩", "instance"),
    ("rfl\nopaque x : Nat", "opaque"),
    ("rfl\nunsafe def x : Nat := 1", "unsafe"),
    ("rfl\ndef x := 1", "def"),
    ("exact aux where aux : True := trivial", "where"),
    ("rfl\nend Foo", "end"),
    ("rfl\nnamespace Foo", "namespace"),
    ("rfl\nimport Lean", "import"),
    ("rfl\nattribute [simp] foo", "attribute"),
    ("rfl\n@[simp] x", "an attribute"),
    ("rfl\n#eval 1", "#eval"),
    ("rfl #print x", "#print"),
    ("rfl\ninitialize x : Nat ← pure 1", "initialize"),
    ("open Foo in simp", "open"),
    ("set_option maxHeartbeats 0 in simp", "set_option"),
    ("set_option debug.skipKernelTC true in exact h", "set_option"),
    # Code that runs, and trust in the compiler.
    ("run_tac do pure ()", "run_tac"),
    ("exact by_elab do return x", "by_elab"),
    ("native_decide", "native_decide"),
    ("decide +native", "native"),
    ("decide (config := { native := true })", "native"),
    ("simp (config := { debug.skipKernelTC := true })", "skipKernelTC"),
    ("exact of_decide_eq_true (Lean.ofReduceBool f true rfl)", "Lean"),
    ("exact ofReduceBool f true rfl", "ofReduceBool"),
    ("bv_decide", "bv_decide"),
    ("exact unsafeCast h", "unsafeCast"),
    ("exact lcProof", "lcProof"),
    ("exact Lean.Elab.Tactic.foo", "Lean"),
    ("exact (eval% x)", "eval%"),
    ("exact include_str \"/etc/passwd\"", "include_str"),
    ("exact dbg_trace \"x\"; h", "dbg_trace"),
    ("exact `foo", "a quotation of syntax"),
    ("@[implemented_by g] rfl", "implemented_by"),
    # No proof at all.
    ("", "there is no proof"),
    (" \n", "there is no proof"),
    ("-- rfl", "there is no proof"),
    ("/- rfl -/", "there is no proof"),
    ("x" * 50_001, "more than"),
]  # fmt: skip

HONEST = [
    "rfl",
    "intro h\nexact h",
    "intro p q ⟨hp, hq⟩\nexact ⟨hq, hp⟩",
    "cases h with\n| inl hp => exact Or.inr hp\n| inr hq => exact Or.inl hq",
    "induction n with\n| zero => rfl\n| succ n ih => rw [Nat.add_succ, ih]",
    "constructor\n· intro hp\n  exact h (Or.inl hp)\n· simp",
    "simp only [Nat.add_comm, ← mul_assoc] at h ⊢",
    "rw [h, ←h']",
    "obtain ⟨x, hx⟩ := h\nexact hx.2.symm",
    "exact h.1.2",
    "exact fun x ↦ (f x).1",
    "calc a = b := by rw [h]\n  _ = c := by omega",
    "refine ⟨?_, fun x => ?_⟩ <;> simp [*]",
    "exact? ",
    "decide",
    "decide +kernel",
    "exact f '' s",
    "exact f ⁻¹' s",
    "exact h 'a' '\\n' '\\'' '\\x41'",
    "have h₁ : x₁ = 0x1F := by norm_num",
    "exact (2.5e-3, 0b101, 1_000)",
    "exact Classical.byContradiction h",
    "exact Finset.sum_comm.trans (∑ i ∈ s, f i).symm",
    "exact a|>.b ▸ c",
    "match n with\n| 0 => rfl\n| n + 1 => exact ih n",
    "exact List.«foo» h",
    "exact Std.Range.stop r",
    "exact axiomOfChoice notations",
    "simp [Foo.end, h.axiom]",
    "-- sorry, this is an axiom\nrfl",
    "rfl -- sorry",
    "/- sorry /- axiom -/ #eval -/ rfl",
    'trace "sorry, native_decide"\nrfl',
    "show (λ x => x) = fun (x : \u03b1) => x",
    "exact #[1, 2].size",
    "by\n  simp",
]


@pytest.mark.parametrize(("proof", "message"), CHEATS)
def test_a_cheat_is_refused(proof: str, message: str) -> None:
    with pytest.raises(LeanTextError) as caught:
        check_proof(proof)
    assert message in str(caught.value)


@pytest.mark.parametrize("proof", HONEST)
def test_an_honest_proof_passes(proof: str) -> None:
    check_proof(proof)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("h' x", "identifier space identifier"),
        ("Foo.bar.«x y»", "identifier"),
        ("x.1.2", "identifier symbol number"),
        ("0xFFz", "number identifier"),
        ("1.5e3.f", "number symbol identifier"),
        ("λx", "symbol identifier"),
        ("x²y", "identifier symbol identifier"),
        ("x₁", "identifier"),
        ('r"\\"a', "raw string identifier"),
        ('r#"a"b"#c', "raw string identifier"),
        ('bar"a\\"b"', "identifier string"),
        ("'a''", "character symbol"),
        ("f '' s", "identifier space symbol space identifier"),
        ("a -- b\nc", "identifier space comment space identifier"),
        ("/- a /- b -/ -/c", "comment identifier"),
        ("a /- -- -/ b", "identifier space comment space identifier"),
        ("-- /-\nb", "comment space identifier"),
        ('"--" a', "string space identifier"),
        ("/", "symbol"),
    ],
)
def test_tokens(text: str, kinds: str) -> None:
    found = " ".join(token.kind for token in tokenize(text))
    assert found == kinds


PIECES = st.sampled_from(
    [
        *("/-", "-/", "--", "\n", " ", '"', "\\", "'", "«", "»", "r", "#", "{", "}", "(", ")"),
        *("sorry", "x", "\u03b1", "λ", "1", "0x", ".", "!", "?", "₁", "axiom", "⟨", "⟩", "`"),
        *(
            "<",
            "-",
            "/",
            "⁻¹",
            "²",
            "''",
            "⁻¹' ",
            " -- ",
            " /- ",
            " -/ ",
            '"x" ',
            "'a'",
            "#eval",
            "\\",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40)


@given(TEXTS)
@example("'\\''")
def test_the_tokens_put_together_are_the_text(text: str) -> None:
    try:
        tokens = tokenize(text)
    except LeanTextError:
        return
    assert "".join(token.text for token in tokens) == text
    line = 1
    for token in tokens:
        assert token.text
        assert token.line == line
        line += token.text.count("\n")


@pytest.mark.parametrize("table", TABLES)
@given(text=TEXTS)
@example(text="x⁻¹'(')'a')")
@example(text="rw [<--sorry\n]")
@example(text="x </- ) -/")
@example(text="''a'axiom")
@example(text="'}'''a'axiom")
@example(text="rλ'a'sorry")
@example(text='\'"\' ) " ( "')
def test_whatever_lean_reads_in_a_proof_that_passes_stays_inside_the_parentheses(
    table: tuple[str, ...], text: str
) -> None:
    try:
        check_proof(text)
    except LeanTextError:
        return
    depth = 0
    ended = False
    try:
        for token in read_tokens(f"(\n{text}\n)", table):
            assert not ended
            depth += (token in BRACKETS) - (token in BRACKETS.values())
            ended = depth == 0
            parts = token.replace("«", "").replace("»", "").split(".")
            assert not {"sorry", "axiom"} & set(parts[:1])
            assert "sorry" not in parts
    except UnreadableError:
        return
    assert ended


@given(text=TEXTS)
def test_the_two_readers_agree_on_a_proof_that_passes(text: str) -> None:
    try:
        check_proof(text)
        other = list(read_tokens(text, TABLES[1]))
    except (LeanTextError, UnreadableError):
        return
    quiet = (Kind.COMMENT, Kind.SPACE)
    mine = [token for token in tokenize(text) if token.kind not in quiet]
    assert sum(one.kind is Kind.STRING for one in mine) == other.count('"')
    for bracket in (*BRACKETS, *BRACKETS.values()):
        assert sum(one.text == bracket for one in mine) == other.count(bracket)
