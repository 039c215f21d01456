"""The Metamath language: every rule of its grammar, broken once, and what is allowed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.verifiers.proofs.metamath import check_proofs, read_database, verify_database
from gym_reason.verifiers.proofs.metamath.library import find_database

HEAD = """$c ( ) -> wff |- $.
$v p q r $.
wp $f wff p $.
wq $f wff q $.
wr $f wff r $.
wi $a wff ( p -> q ) $.
ax1 $a |- ( p -> ( q -> p ) ) $.
${
  min $e |- p $.
  maj $e |- ( p -> q ) $.
  mp $a |- q $.
$}
"""
LINE = HEAD.count("\n") + 1
"""The line of what follows the head."""


def theorem(proof: str) -> str:
    """Return a database whose last statement is a theorem with this proof."""
    return HEAD + "${ a1i.1 $e |- p $. a1i $p |- ( q -> p ) $= " + proof + " $. $}\n"


RIGHT = {
    "nothing": "",
    "comments alone": "$( a $) $( $)\n",
    "comment in a statement": HEAD + "s1 $a |- $( of $) p $.\n",
    "tabs and form feeds": HEAD.replace(" ", "\t").replace("\n", "\f"),
    "CRLF": HEAD.replace("\n", "\r\n"),
    "a label of every kind of character": HEAD + "1.a-_Z $a |- p $.\n",
    "a variable declared again": HEAD + "${ $v x $. wx $f wff x $. $} ${ $v x $. x2 $f wff x $. $}",
    "a variable of another type": HEAD
    + "$c set $. ${ $v x $. wx $f wff x $. $} ${ $v x $. sx $f set x $. $}",
    "a pair twice": HEAD + "$d p q $. $d q p r $.",
    "braces in symbols": "$c { }0 {0} wff $. $v x{ $. wx $f wff x{ $. br $a wff { x{ {0} }0 $. "
    "pr $p wff { { x{ {0} }0 {0} }0 $= wx br br $.",
    "an empty expression": "$c wff |- $. $v x $. wx $f wff x $. none $a wff $. "
    "any $a |- x x $. pr $p |- $= none any $.",
    "labels": theorem("wp wq wp wi a1i.1 wp wq ax1 mp"),
    "letters": theorem("( wi ax1 mp ) ABADCABEF"),
    "letters in pieces": theorem("( wi ax1 mp ) A BA\nDC $( here $) AB EF"),
    "a listed label that is not used": theorem("( wi ax1 mp wr ) ABADCABEF"),
    "a label listed twice": theorem("( wi ax1 mp mp ) ABADCABEF"),
    "a saved step that is not used": theorem("( wi ax1 mp ) ABADZCABEFZ"),
}

BROKEN = {
    "a character beyond ASCII": ("$( caf\u00e9 $)", "character '\\xc3'"),
    "a control character": ("$( \x01 $)", "character '\\x01'"),
    "a vertical tab": ("\x0b", "character '\\x0b'"),
    "comment without an end": ("$( foo", "a comment without an end"),
    "comment in a comment": ("$( a $( b $) $)", "inside a comment"),
    "comment that ends in a word": ("$( a b$) $)", "inside a comment"),
    "comment end outside": ("$)", "outside a comment"),
    "constant in a scope": ("${ $c zz $. $}", "'$c' inside '${'"),
    "constant twice": ("$c wff $.", "is a constant already"),
    "constant that is a variable": ("$c p $.", "is a variable already"),
    "constant that was a variable": ("${ $v z $. $} $c z $.", "is a variable already"),
    "variable that is a constant": ("$v wff $.", "is a constant already"),
    "variable twice": ("$v p $.", "is active already"),
    "symbol that is a label": ("$c mp $.", "is a label already"),
    "symbol with a dollar": ("$c a$b $.", "'a$b' inside a statement"),
    "empty $c": ("$c $.", "'$c' without a symbol"),
    "empty $v": ("$v $.", "'$v' without a symbol"),
    "empty $d": ("$d $.", "'$d' without a symbol"),
    "one variable in $d": ("$d p $.", "one variable"),
    "a variable twice in $d": ("$d p q p $.", "'p' twice"),
    "a constant in $d": ("$d p wff $.", "'wff' in '$d'"),
    "an inactive variable in $d": ("${ $v z $. $} $d p z $.", "'z' in '$d'"),
    "$f with one symbol": ("$v x $. f1 $f wff $.", "1 symbols"),
    "$f with three symbols": ("$v x $. f1 $f wff x x $.", "3 symbols"),
    "$f of a variable type": ("$v x $. f1 $f p x $.", "type code 'p'"),
    "$f of a constant": ("f1 $f wff wff $.", "'wff' in '$f'"),
    "$f twice for a variable": ("f1 $f wff p $.", "has the type of 'wp' already"),
    "$e of a variable type": ("e1 $e p p $.", "type code 'p'"),
    "$e without symbols": ("e1 $e $.", "without a type code"),
    "$a of a variable type": ("a1 $a p p $.", "type code 'p'"),
    "$a without symbols": ("a1 $a $.", "without a type code"),
    "$p without symbols": ("a1 $p $= wp $.", "without a type code"),
    "an unknown symbol": ("a1 $a |- zz $.", "'zz' is not active here"),
    "a symbol out of scope": ("${ $v z $. $} a1 $a |- z $.", "'z' is not active here"),
    "a variable without a type": ("$v x $. a1 $a |- x $.", "'x' has no type here"),
    "a variable that lost its type": ("$v x $. ${ f1 $f wff x $. $} a1 $a |- x $.", "no type here"),
    "$p without a proof": ("a1 $p |- p $.", "'$.' inside a statement"),
    "$p with an empty proof": ("a1 $p |- p $= $.", "proof of 'a1' is empty"),
    "two proofs": ("a1 $p |- p $= wp $= wp $.", "'$=' inside a statement"),
    "a statement without an end": ("a1 $a |- p", "has no end"),
    "a statement in a statement": ("a1 $a |- p a2 $a |- p $.", "'$a' inside a statement"),
    "a label without a statement": ("foo |- p $.", "'|-' after 'foo'"),
    "a label at the end": ("foo", "the end of the file after 'foo'"),
    "a label before $c": ("foo $c zz $.", "'$c' after 'foo'"),
    "a label before $v": ("foo $v zz $.", "'$v' after 'foo'"),
    "a label before ${": ("foo ${ $}", "'${' after 'foo'"),
    "two labels": ("aa bb $a |- p $.", "'bb' after 'aa'"),
    "no label": ("$a |- p $.", "'$a' where a statement begins"),
    "an unknown keyword": ("$x foo $.", "'$x' where a statement begins"),
    "an end without a statement": ("$.", "'$.' where a statement begins"),
    "a label twice": ("wp $a |- p $.", "label 'wp' is taken"),
    "a label of a hypothesis out of scope": ("min $a |- p $.", "label 'min' is taken"),
    "a label that is a symbol": ("wff $a |- p $.", "label 'wff' is a symbol"),
    "a label that was a variable": ("${ $v z $. $} z $a |- p $.", "label 'z' is a symbol"),
    "a label with a plus": ("w+p $a |- p $.", "the label 'w+p'"),
    "a scope without an end": ("${", "'${' is never closed"),
    "a scope without a beginning": ("$}", "'$}' closes no scope"),
    "an inclusion in a scope": ("${ $[ x.mm $] $}", "'$[' inside '${'"),
    "an inclusion in a statement": ("a1 $a |- $[ x.mm $] p $.", "'$[' inside a statement"),
    "an inclusion without an end": ("$[ x.mm", "without a file name"),
    "an inclusion without a name": ("$[ $]", "without a file name"),
    "an inclusion of nothing": ("$[ nosuch.mm $]", "cannot read"),
    "an inclusion from outside": ("$[ ../x.mm $]", "'../x.mm'"),
    "an inclusion from the root": ("$[ /etc/passwd $]", "'/etc/passwd'"),
    "an inclusion with a dollar": ("$[ a$b $]", "the file name 'a$b'"),
}

WRONG = {
    "?": "step 1: the proof is not complete",
    "wp wq wp wi a1i.1 ?": "step 6: the proof is not complete",
    "( ) ?": "not complete",
    "( wi ax1 mp ) ABAD?ABEF": "step 5: the proof is not complete",
    "zip": "step 1: there is no statement zip",
    "wp a1i": "step 2 (a1i): a theorem cannot prove itself",
    "min": "step 1 (min): the hypothesis belongs to another statement",
    "wp wq wp -> a1i.1": "step 4: there is no statement ->",
    "wp wq": "2 entries on the stack",
    "mp": "step 1 (mp): it takes 4 entries, and the stack has 0",
    "wp wp wp wi a1i.1 wp wp ax1 mp": "it proves '|- ( p -> p )', not '|- ( q -> p )'",
    "a1i.1 wq wp wi a1i.1 wp wq ax1 mp": "wp needs 'wff p', and the stack has '|- p'",
    "wp wq wp wi a1i.1 wq wp ax1 mp": "maj needs '|- ( p -> ( q -> p ) )'",
    "( wi ax1": "'(' without ')'",
    "( wi ax1 mp )ABADCABEF": "'(' without ')'",
    "( wi ax1 mp )": "without letters",
    "( wi ax1 nosuch ) ABAD": "nosuch in the parentheses: there is no statement",
    "( wi ax1 mp a1i ) ABAD": "a1i in the parentheses: a theorem cannot prove itself",
    "( wi ax1 mp wp ) ABADCABEF": "the mandatory hypothesis wp stands in the parentheses",
    "( wi ax1 mp ) ABADCABEG": "step 9: the letters name number 7",
    "( wi ax1 mp ) ABADCABEf": "'f' among the letters",
    "( wi ax1 mp ) ABADCABEFU": "end inside a number",
    "( wi ax1 mp ) ABADCABEFUZ": "'Z' among the letters",
    "( wi ax1 mp ) ABADCABEYYYYYYYYYYYYYYYYYYF": "too large",
    "( wi ax1 mp ) ZABADCABEF": "'Z' follows no step",
    "( wi ax1 mp ) AZBADCABEF": "'Z' follows no step",
    "( wi ax1 mp ) ABADZZCABEF": "'Z' follows no step",
}


def write(folder: Path, text: str) -> Path:
    path = folder / "x y.mm"
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_allowed_is_read_and_verified(name: str, tmp_path: Path) -> None:
    database = read_database(write(tmp_path, RIGHT[name]))
    assert list(map(str, check_proofs(database))) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named_with_the_file_and_the_line(name: str, tmp_path: Path) -> None:
    text, reason = BROKEN[name]
    path = write(tmp_path, HEAD + text + "\n")
    with pytest.raises(DataError) as caught:
        read_database(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {LINE}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("proof", WRONG)
def test_a_wrong_proof_is_named_with_its_step(proof: str) -> None:
    errors = list(map(str, check_proofs(read_database("x.mm", theorem(proof)))))
    assert len(errors) == 1
    assert errors[0].startswith(f"x.mm, line {LINE}: the proof of 'a1i' fails: ")
    assert WRONG[proof] in errors[0]


def test_what_comes_later_cannot_be_used() -> None:
    later = HEAD + "s1 $p |- ( p -> ( q -> p ) ) $= wp wq s2 $.\ns2 $a |- ( p -> ( q -> p ) ) $.\n"
    with pytest.raises(DataError, match=r"step 3 \(s2\): the statement comes after the theorem"):
        verify_database(read_database("x.mm", later))


DISJOINT = """$c set wff |- = $. $v x y z a b $.
vx $f set x $. vy $f set y $. vz $f set z $. wa $f wff a $. wb $f wff b $.
wxy $a wff x = y $.
${ $d x a $. ax $a |- x = x a $. $}
"""


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("$d x a $. t $p |- x = x a $= vx wa ax $.", True),
        ("t $p |- x = x a $= vx wa ax $.", False),
        ("$d x b $. t $p |- x = x b $= vx wb ax $.", True),
        ("$d x y z $. t $p |- x = x y = z $= vx vy vz wxy ax $.", True),
        ("$d x y $. t $p |- x = x y = z $= vx vy vz wxy ax $.", False),
        ("$d x z $. $d y z $. t $p |- x = x y = z $= vx vy vz wxy ax $.", False),
        ("$d x y z $. t $p |- x = x x = z $= vx vx vz wxy ax $.", False),
        ("${ $d x a $. $} t $p |- x = x a $= vx wa ax $.", False),
    ],
)
def test_disjoint_variables(statement: str, right: bool) -> None:
    database = read_database("x.mm", DISJOINT + "${ " + statement + " $}")
    assert (list(check_proofs(database)) == []) is right


def test_inclusions_are_read_once_and_relative_to_their_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "axioms.mm").write_text(HEAD + "$[ more.mm $] $[ ../main.mm $]\n")
    (tmp_path / "sub" / "more.mm").write_text("ax2 $a |- ( p -> p ) $. $[ axioms.mm $]\n")
    main = tmp_path / "main.mm"
    main.write_text(
        "$[ sub/axioms.mm $]\n$[ sub/more.mm $]\n$[ main.mm $]\nid $p |- ( q -> q ) $= wq ax2 $.\n"
    )
    assert verify_database(read_database(main)) == 1


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "part.mm").write_text(HEAD + "\n${ $c zz $. $}\n")
    main = tmp_path / "main.mm"
    main.write_text("$( one $)\n$[ part.mm $]\n")
    with pytest.raises(DataError, match=rf"part\.mm, line {LINE + 1}: '\$c' inside"):
        read_database(main)


def test_a_scope_ends_in_the_file_where_it_began(tmp_path: Path) -> None:
    (tmp_path / "open.mm").write_text("${\n")
    main = tmp_path / "main.mm"
    main.write_text("$[ open.mm $]\n$}\n")
    with pytest.raises(DataError, match=r"open\.mm, line 1: '\$\{' is never closed"):
        read_database(main)


def test_a_chain_of_inclusions_has_an_end(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.mm").write_text(f"$[ {number + 1}.mm $]\n")
    with pytest.raises(DataError, match="more than 100 files include each other"):
        read_database(tmp_path / "0.mm")


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.mm").write_text(HEAD)
    (inner / "link.mm").symlink_to(tmp_path / "outside.mm")
    (inner / "main.mm").write_text("$[ link.mm $]\n")
    with pytest.raises(DataError, match="expected a file inside"):
        read_database(inner / "main.mm")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.mm"):
        read_database(tmp_path / "none.mm")


TOKENS = find_database("propositional").read_text("ascii").split()[60:420]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_broken_file_is_an_error_and_never_a_crash(data: st.DataObject) -> None:
    tokens = list(TOKENS)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(tokens) - 1))
        other = data.draw(st.sampled_from([*TOKENS, "$[", "$]", "$(", "$)", "$d", "$x", "\x80"]))
        tokens[place : place + data.draw(st.integers(0, 2))] = [other]
    errors: list[DataError] = []
    try:
        errors += check_proofs(read_database("x.mm", " ".join(tokens)))
    except DataError as error:
        errors.append(error)
    assert [one for one in errors if not re.match(r"x\.mm, line \d+: ", str(one))] == []


def verdict_of_debian(path: Path) -> bool:
    """Return whether the program `metamath` of Debian reads and verifies a file."""
    done = subprocess.run(
        ["metamath", f'read "{path.name}"', "verify proof *", "exit"],
        cwd=path.parent,
        input="exit\ny\n",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    ).stdout
    return "All proofs in the database were verified" in done and "\n?" not in done


needs_metamath = pytest.mark.skipif(
    shutil.which("metamath") is None, reason="the program metamath is not installed"
)

LAXER = {"$f twice for a variable", "a vertical tab"}
"""Rules of the book that the program does not check."""


@needs_metamath
@pytest.mark.parametrize("name", [name for name in BROKEN if name not in LAXER])
def test_debians_program_refuses_the_same_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    path.write_bytes((HEAD + BROKEN[name][0] + "\n").encode("utf-8"))
    assert not verdict_of_debian(path)


STRICTER = {"( wi ax1 mp ) ABADZZCABEF", "( wi ax1 mp )ABADCABEF"}
"""Proofs that the program accepts and the book does not: two tags on a step, no space after `)`."""

COMPLAINS = {"CRLF"}
"""Files that the program warns of."""


@needs_metamath
def test_debians_program_says_the_same_of_proofs(tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    for proof in WRONG:
        path.write_text(theorem(proof))
        assert verdict_of_debian(path) is (proof in STRICTER), proof
    for name, text in RIGHT.items():
        path.write_text(text + "\n")
        assert verdict_of_debian(path) is (name not in COMPLAINS), name


@needs_metamath
def test_debians_program_verifies_our_database_too() -> None:
    database = read_database(find_database("propositional"))
    assert verify_database(database) >= 60
    assert verdict_of_debian(database.path)


@needs_metamath
@pytest.mark.parametrize("name", ["ql", "hol", "demo0"])
def test_debians_program_says_the_same_of_public_databases(shared_data: Path, name: str) -> None:
    path = shared_data / f"{name}.mm"
    assert verify_database(read_database(path)) > 0
    assert verdict_of_debian(path)
