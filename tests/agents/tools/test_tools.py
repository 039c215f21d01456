"""The tools: what they answer, what they refuse, and that nothing a policy writes does harm."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.tools import make_python, make_search, make_solver, make_tools
from gym_reason.agents.tools.calculator import make_calculator
from gym_reason.agents.tools.search import PASSAGE_WORDS, DocumentIndex, Passage, read_passages
from gym_reason.errors import DataError, UnknownNameError, UsageError

calculate = make_calculator()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("2+2", "4"),
        ("1/3 + 1/6", "1/2 = 0.5"),
        ("0.1 + 0.2", "3/10 = 0.3"),
        ("1/3", "1/3, about 0.333333333333"),
        ("2**100", str(2**100)),
        (r"\frac{10!}{8!}", "90"),
        ("sqrt(2)", "about 1.41421356237"),
        ("`12*12`\n13*13", "144\n169"),
        ("<think>5*5</think>6*6", "36"),
        ("(x+1)^2 - 1", "x^2 + 2*x"),
        ("2x+3=7", "x = 2"),
        ("x^2 - 5x + 6 = 0", "x = 2 or x = 3"),
        ("x^2 = 2", "x = -sqrt(2) (about -1.41421356237) or x = sqrt(2) (about 1.41421356237)"),
        ("x^2 + 1 = 0", "no real solution"),
        ("x + y = 3, x - y = 1", "x = 2, y = 1"),
        ("x + y = 3, 2x + 2y = 7", "no solution"),
        ("x + y = 3", "infinitely many solutions"),
        ("2 + 2 = 5", "false"),
        ("x + x = 2x", "true"),
    ],
)
def test_a_calculation(text: str, answer: str) -> None:
    assert calculate(text) == answer


@pytest.mark.parametrize(
    "text",
    ["", "<think>", "1/0", "9^9^9^9", "3000!", "x^3 = 1", "1/x", "2 < 3", "hello world",
     "(" * 5_000, "__import__('os').system('id')", "\ud800", "1" * 100_000, "x=1=2", "(x+y)^64"],
)  # fmt: skip
def test_what_cannot_be_worked_out_is_one_line(text: str) -> None:
    answer = calculate(text)
    assert answer.startswith("error: ")
    assert "\n" not in answer


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_arithmetic_is_exact(left: Fraction, right: Fraction) -> None:
    answer = calculate(f"({left}) * ({right}) + ({left})")
    assert Fraction(answer.split(",")[0].split(" ")[0]) == left * right + left


@given(st.text(max_size=60))
def test_no_text_breaks_the_calculator(text: str) -> None:
    assert isinstance(calculate(text), str)


@pytest.mark.usefixtures("needs_bubblewrap")
class TestPython:
    @pytest.mark.parametrize(
        ("program", "answer"),
        [
            ("print(6 * 7)", "42"),
            ("Here:\n```python\nprint('x')\n```\nDone.", "x"),
            ("x = 1", ""),
            ("1/0", "error: it ended with exit code 1: ZeroDivisionError: division by zero"),
            ("print('a')\nraise SystemExit(3)", "error: it ended with exit code 3\na"),
            ("<think>", "error: no program was found"),
            ("print('\\ud800')", "error: it ended with exit code 1: UnicodeEncodeError"),
        ],
    )
    def test_it_returns_what_a_program_prints(self, program: str, answer: str) -> None:
        assert make_python()(program).startswith(answer)

    def test_a_program_without_an_end_is_stopped(self) -> None:
        run = make_python(timeout_s=0.3)
        assert run("while True: pass") == "error: the time limit was reached"
        assert run("print(1)") == "1"

    def test_it_sees_no_file_and_no_network(self) -> None:
        run = make_python()
        assert run(f"print(open({__file__!r}).read())").startswith("error: ")
        assert run("import socket; socket.socket()").startswith("error: ")


def test_search_finds_the_passage_with_the_rare_word(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "fr.md").write_text("France\n\nIts capital is Paris.", "utf-8")
    (tmp_path / "de.txt").write_text("Germany's capital is Berlin.", "utf-8")
    (tmp_path / "zh.txt").write_text("\u5df4\u9ece\u662f\u6cd5\u56fd\u9996\u90fd", "utf-8")
    (tmp_path / "image.png").write_bytes(b"\x89PNG Paris")
    search = make_search(tmp_path, passages=1)
    assert search("PARIS?") == "[deep/fr.md] fr\nFrance\nIts capital is Paris."
    assert search("the capital of Germany").startswith("[de.txt] de\n")
    assert search("\u6cd5\u56fd").startswith("[zh.txt]")
    assert search("") == search("\ud800 zebra") == "nothing was found"


def test_search_reads_rows(tmp_path: Path) -> None:
    path = tmp_path / "wiki.jsonl"
    rows = [
        {"id": "a", "title": "Seine", "text": "A river."},
        {"id": "b", "title": "Paris", "text": "word " * (2 * PASSAGE_WORDS + 1)},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert make_search(path)("seine") == "[a] Seine\nA river."
    assert [passage.id for passage in read_passages(path)] == ["a", "b", "b#2", "b#3"]
    found = make_search(path, passages=3, characters=300)("word")
    assert found.count("...") == 2  # the third has one word
    assert len(found) < 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1 of"),
        ('{"id": 1}', "has no text"),
        ('{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}', "the id '1' again"),
        ("[" * 10_000, "line 1 of"),
        ("\n", "holds no text"),
    ],
)
def test_broken_rows_are_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        make_search(path)


def test_bm25_is_what_it_says() -> None:
    index = DocumentIndex([Passage("a", "", "x x y"), Passage("b", "", "y"), Passage("c", "", "z")])
    ((passage, score),) = index.find("x x", 5)
    assert passage.id == "a"
    # ln(1 + 2.5/1.5) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / (5/3)))
    assert score == pytest.approx(0.980829253 * 4.4 / (2 + 1.2 * 1.6))
    assert [passage.id for passage, _ in index.find("y", 5)] == ["b", "a"]  # the shorter first


class TestSolver:
    def test_it_answers_what_a_program_asks(self) -> None:
        pytest.importorskip("z3")
        solve = make_solver(timeout_s=20)
        model = "(declare-const x Int)(assert (= (* 2 x) 84))(check-sat)(get-model)"
        assert "42" in solve(model)
        assert solve(model).startswith("sat\n")
        assert solve("```smt2\n(assert false)\n(check-sat)\n```") == "unsat"
        assert solve("(assert y)(check-sat)") == "error: line 1 column 9: unknown constant y"
        assert solve("<think>x") == "error: no program was found"
        assert solve("(" * 200_000).startswith("error: a program of")

    def test_it_touches_no_file(self, tmp_path: Path) -> None:
        pytest.importorskip("z3")
        solve = make_solver(timeout_s=20)
        secret, written = tmp_path / "secret.smt2", tmp_path / "written"
        secret.write_text('(echo "secret")')
        said = solve(f'(include "{secret}")')
        assert said.startswith("error: ")
        assert '"secret"' not in said
        solve(f'(set-option :regular-output-channel "{written}")(echo "x")')
        assert not written.exists()

    def test_a_hung_solve_is_killed_and_the_next_one_is_answered(self) -> None:
        pytest.importorskip("z3")
        solve = make_solver(timeout_s=1.0)
        hard = (
            "(declare-const x Int)(declare-const y Int)(declare-const z Int)"
            "(assert (= (+ (* x x x) (* y y y) (* z z z)) 114))(check-sat)"
        )
        assert solve(hard) == "error: the solver took more than 1 seconds"
        assert make_solver(timeout_s=20)("(check-sat)") == "sat"

    def test_one_that_needs_too_much_memory_ends(self) -> None:
        pytest.importorskip("z3")
        hard = (
            "(declare-const b (_ BitVec 3000))(declare-const c (_ BitVec 3000))"
            "(assert (= (bvmul b c) (_ bv123456789 3000)))(assert (bvugt b (_ bv1 3000)))"
            "(check-sat)(get-info :reason-unknown)"
        )
        said = make_solver(timeout_s=120, memory_mb=200)(hard)
        assert "memory" in said  # without the limit it would go on for minutes


def test_settings_name_tools(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    assert list(make_tools("calculator + search", tmp_path)) == ["calculator", "search"]
    assert make_tools() == {}
    with pytest.raises(UsageError, match="without documents"):
        make_tools("search")
    with pytest.raises(UsageError, match="did you mean 'calculator'"):
        make_tools("calculater")
    with pytest.raises(UsageError, match="no documents at"):
        make_tools("", tmp_path / "nowhere")
    with pytest.raises(UnknownNameError):
        make_python("nobox")
