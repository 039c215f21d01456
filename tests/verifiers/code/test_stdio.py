"""Programs judged by what they write, in every language that is installed."""

import shutil

import pytest

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.code.languages import languages
from tests.verifiers.code.judging import judge, stdio_reference

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")
# Compilers and node take more memory and time than programs.
VERIFIER = CodeVerifier("bubblewrap", timeout=20.0, memory_mb=512, feedback="input")
EVERY = CodeVerifier("bubblewrap", timeout=20.0, feedback="input", every=True)
SUM = stdio_reference(("1 2\n", "3\n"), ("-5 7\n", "2\n"), ("0 0\n", "0\n"))

RIGHT = {
    "python": "print(sum(map(int, input().split())))",
    "bash": "read a b; echo $((a + b))",
    "javascript": "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\n"
    "console.log(a + b);",
    "c": '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b);\n'
    '  printf("%d\\n", a + b); return 0; }',
    "cpp": "#include <iostream>\nint main() { int a, b; std::cin >> a >> b;\n"
    "  std::cout << a + b << std::endl; }",
}
ABSOLUTE = {
    "python": "print(sum(abs(int(x)) for x in input().split()))",
    "bash": "read a b; echo $((${a#-} + ${b#-}))",
    "javascript": RIGHT["javascript"].replace("Number", "x => Math.abs(Number(x))"),
    "c": RIGHT["c"].replace("a + b", "(a < 0 ? -a : a) + (b < 0 ? -b : b)"),
    "cpp": RIGHT["cpp"].replace("a + b", "(a < 0 ? -a : a) + (b < 0 ? -b : b)"),
}
CRASH = {
    "python": "print(3); 1 / 0",
    "bash": "echo 3; exit 7",
    "javascript": "console.log(3); throw new Error('no');",
    "c": '#include <stdio.h>\nint main(void) { puts("3"); return 7; }',
    "cpp": '#include <stdio.h>\nint main() { puts("3"); return 7; }',
}


def require(language: str) -> None:
    known = languages.get(language)
    for command in (known.run, known.compile):
        if command and not command[0].startswith("./") and shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")


def run(program: str, reference: str = SUM, language: str = "python") -> Verdict:
    return judge(VERIFIER, reference, program, language=language)


def test_every_language_has_a_program_here() -> None:
    assert set(RIGHT) == set(ABSOLUTE) == set(CRASH) == set(languages)


@pytest.mark.parametrize("language", RIGHT)
def test_a_right_program_passes(language: str) -> None:
    require(language)
    verdict = run(RIGHT[language], language=language)
    assert verdict.correct, verdict.detail
    assert dict(verdict.parts) == {"answer": 1.0, "tests": 1.0}
    fenced = f"Here it is:\n```{language}\n{RIGHT[language]}\n```"
    assert run(fenced, language=language).correct


@pytest.mark.parametrize("language", RIGHT)
def test_a_wrong_program_fails(language: str) -> None:
    require(language)
    verdict = run(ABSOLUTE[language], language=language)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.parts["tests"] == 1 / 3
    assert verdict.detail.startswith("for the input '")


@pytest.mark.parametrize("language", RIGHT)
def test_a_right_output_with_a_wrong_end_fails(language: str) -> None:
    require(language)
    verdict = run(CRASH[language], language=language)
    assert verdict.outcome is Outcome.FAIL
    assert "it ended with exit code" in verdict.detail


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_what_does_not_compile_fails_with_the_compilers_words(language: str) -> None:
    require(language)
    verdict = run("int main() { return undeclared; }", language=language)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.parts["tests"] == 0.0
    assert "it does not compile" in verdict.detail
    assert "undeclared" in verdict.feedback


def test_a_compiler_is_limited_too() -> None:
    require("c")
    quick = CodeVerifier("bubblewrap", timeout=1.5, memory_mb=512)
    bomb = "#define A B B B B B B B B\n#define B C C C C C C C C\n#define C D D D D D D D D\n"
    bomb += "#define D E E E E E E E E\n#define E F F F F F F F F\n#define F G G G G G G G G\n"
    bomb += "#define G H H H H H H H H\n#define H 1+1+1+1+1+1+1+\nint main(void) { return A 1; }"
    verdict = judge(quick, SUM, bomb, language="c")
    assert verdict.outcome in (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT_LIMIT, Outcome.FAIL)
    assert "it does not compile" in verdict.detail


def test_a_compiler_reads_nothing_of_the_host() -> None:
    require("c")
    for path in ("/etc/passwd", "/etc/shadow", "/proc/1/environ"):
        verdict = run(f'#include "{path}"\nint main(void) {{ return 0; }}', language="c")
        assert verdict.outcome is Outcome.FAIL
        assert "root:" not in verdict.detail


def test_a_program_uses_other_programs() -> None:
    reference = stdio_reference(("b\na\n", "a\nb\n"))
    assert run("sort | cat", reference, "bash").correct


def test_every_case_is_a_fresh_process() -> None:
    program = "import os\nprint(os.path.exists('seen'))\nopen('seen', 'w')"
    assert run(program, stdio_reference(("", "False"), ("", "False"))).correct


def test_every_case_is_run_where_that_is_asked_for() -> None:
    verdict = judge(EVERY, SUM, ABSOLUTE["python"])
    assert verdict.parts["tests"] == 2 / 3


@pytest.mark.parametrize(
    ("compare", "output", "expected", "right"),
    [
        ("lines", "3  \n\n", "3", True),
        ("lines", "3 4", "3  4", False),
        ("exact", "3\n", "3\n", True),
        ("exact", "3", "3\n", False),
        ("tokens", " 3\n4", "3 4", True),
        ("float:0.01", "3.001", "3", True),
        ("float:0.01", "3.1", "3", False),
    ],
)
def test_comparisons(compare: str, output: str, expected: str, right: bool) -> None:
    program = f"import sys; sys.stdout.write({output!r})"
    verdict = run(program, stdio_reference(("", expected), compare=compare))
    assert verdict.correct is right


# Raises where the output is no list of numbers, which is the program's doing.
ANY_ORDER = "def check(given, output, expected):\n"
ANY_ORDER += "    return sorted(map(int, output.split())) == sorted(map(int, expected.split()))\n"


@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("print(2, 1)", True),
        ("print(1, 2)", True),
        ("print(1)", False),
        ("print('x')", False),
        ("print()", False),
        ("raise SystemExit(1)", False),
    ],
)
def test_a_checker_decides(program: str, right: bool) -> None:
    reference = stdio_reference(("", "1 2"), compare="checker", checker=ANY_ORDER)
    verdict = run(program, reference)
    assert verdict.outcome is (Outcome.PASS if right else Outcome.FAIL)


@pytest.mark.parametrize("answer", ["1", "'yes'", "[output]", "None", "False"])
def test_a_checker_has_to_say_true(answer: str) -> None:
    checker = f"def check(given, output, expected): return {answer}"
    assert not run(
        "print(1)", stdio_reference(("", "1"), compare="checker", checker=checker)
    ).correct


@pytest.mark.parametrize("checker", ["def check(: pass", "x = 1", "raise OSError('ü')"])
def test_a_broken_checker_is_our_fault(checker: str) -> None:
    reference = stdio_reference(("", "1"), compare="checker", checker=checker)
    verdict = run("print(1)", reference)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "checker" in verdict.detail


def test_a_checker_sees_what_the_program_wrote_and_no_more() -> None:
    checker = "import os\ndef check(given, output, expected):\n"
    checker += "    return output == 'x' and not os.listdir('.')"
    program = "open('left', 'w'); print('x', end='')"
    assert run(program, stdio_reference(("", ""), compare="checker", checker=checker)).correct


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("import os; os.write(1, b'3\\xff')", "the output is not UTF-8"),
        ("import sys; sys.exit('no')", "it ended with exit code 1: no"),
        ("import ctypes; ctypes.string_at(0)", "a segmentation fault"),
    ],
)
def test_what_went_wrong_is_said(program: str, detail: str) -> None:
    verdict = run(program)
    assert verdict.outcome is Outcome.FAIL
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("print(3, flush=True)\nwhile True: pass", Outcome.TIMEOUT),
        ("while True: print('3' * 1000)", Outcome.OUTPUT_LIMIT),
        ("x = [bytearray(1 << 24) for _ in range(99)]", Outcome.MEMORY),
    ],
)
def test_limits_are_outcomes(program: str, outcome: Outcome) -> None:
    quick = CodeVerifier("bubblewrap", timeout=1.5, memory_mb=128)
    verdict = judge(quick, SUM, program)
    memory_is_told = outcome is Outcome.MEMORY and "MemoryError" in verdict.detail
    assert verdict.outcome is outcome or memory_is_told
    assert verdict.reward == 0.0


def test_a_large_output_below_the_limit_is_whole() -> None:
    text = "\n".join(map(str, range(100_000)))
    program = "for n in range(100_000): print(n)"
    assert run(program, stdio_reference(("", text))).correct


def test_an_input_with_every_character_arrives() -> None:
    text = "".join(map(chr, [*range(1, 0x300), 0xFFFF, 0x10000, 0x10FFFF]))
    program = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(program, stdio_reference((text, text), compare="exact")).correct
