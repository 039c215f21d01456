"""The verifier as a whole: settings, languages, feedback, threads, worker processes."""

import contextlib
import json
import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.types import Outcome, Task
from gym_reason.verifiers import Verifier, make_verifier
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.code.extract import MAX_CHARS
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.sandbox import MIB
from gym_reason.verifiers.sandbox.boxes import close_all
from tests.verifiers.code.judging import assert_reference, judge, stdio_reference
from tests.verifiers.sandbox.scripts import find_cgroups, find_processes, wait_until_gone

needs_bubblewrap = pytest.mark.usefixtures("needs_bubblewrap")
RIGHT, WRONG = "def add(a, b): return a + b", "def add(a, b): return a * b"
TESTS = assert_reference("add", "assert add(2, 2) == 4\nassert add(1, 2) == 3  # the secret")
VERIFIER = CodeVerifier("bubblewrap", timeout=10.0)


def test_settings_by_spec() -> None:
    verifier = make_verifier("code:bubblewrap,timeout=2,memory_mb=64,every=true,feedback=input")
    assert isinstance(verifier, CodeVerifier)
    assert isinstance(verifier, Verifier)
    assert (verifier.spec.backend, verifier.seconds) == ("bubblewrap", 2.0)
    assert verifier.spec.limits.memory_bytes == 64 * MIB
    assert (verifier.every, verifier.feedback) == (True, "input")
    default = make_verifier("code")
    assert isinstance(default, CodeVerifier)
    assert default.spec.backend == "auto"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("code:timeout=0", "timeout = 0.0; expected a positive number of seconds"),
        ("code:timeout=nan", "timeout = 'nan'"),
        ("code:timeout=inf", "timeout = inf"),
        ("code:timeout=soon", "timeout = 'soon'"),
        ("code:timeout=true", "timeout = 'true'; expected a number"),
        ("code:memory_mb=1", "memory_mb = 1; expected a whole number, 32 or more"),
        ("code:memory_mb=0.5", "memory_mb = '0.5'; expected a whole number"),
        ("code:memory_mb=lots", "memory_mb = 'lots'; expected"),
        ("code:memory_mb=true", "memory_mb = 'true'"),
        ("code:processes=0", "processes = 0; expected a whole number"),
        ("code:processes=two", "processes = 'two'"),
        (
            "code:processes=1000000000",
            "processes = 1000000000; expected a whole number, 4194304 or",
        ),
        ("code:memory_mb=10000000000", "memory_bytes = .* or less"),
        ("code:feedback=all", "feedback = 'all'; expected none, count, input or test"),
        ("code:feedback=true", "feedback = 'true'; expected none, count, input or test"),
        ("code:colour=red", "colour"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(spec: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        make_verifier(spec)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("spec", ["code:bubblewarp", "code:5", "code:sandbox=true", "code:docker:"])
def test_an_unknown_sandbox_is_refused_before_the_first_program(spec: str) -> None:
    with pytest.raises(UnknownNameError, match="sandbox"):
        make_verifier(spec)


@pytest.mark.parametrize(
    ("reference", "detail"),
    [
        ("", "the entry None"),
        ("{}", "tests of type None"),
        ('{"type": "assert", "entry": "add"}', "'code' of type NoneType"),
        ('{"type": "stdio", "cases": []}', "without cases"),
    ],
)
def test_tests_that_cannot_be_read_are_our_fault(reference: str, detail: str) -> None:
    verdict = judge(VERIFIER, reference, RIGHT)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert detail in verdict.detail
    assert verdict.feedback == ""


def test_an_unknown_language_is_our_fault() -> None:
    verdict = judge(VERIFIER, stdio_reference(("", "1")), "print 1", language="pythn")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "'pythn'" in verdict.detail
    assert "python" in verdict.detail


def test_asserts_on_another_language_are_our_fault() -> None:
    verdict = judge(VERIFIER, TESTS, "add() { :; }", language="bash")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "expected Python, or stdio cases" in verdict.detail


@needs_bubblewrap
@pytest.mark.parametrize("language", [None, "", "python", "Python", "py", "python3"])
def test_a_language_has_several_names(language: str | None) -> None:
    for mark in ("python", "py", "Python", ""):
        assert judge(VERIFIER, TESTS, f"```{mark}\n{RIGHT}\n```", language=language).correct


@pytest.mark.parametrize("submission", ["", " \n", "<think>def add", "```java\nclass A {}\n```"])
def test_no_program_is_no_answer(submission: str) -> None:
    verdict = judge(VERIFIER, TESTS, submission)
    assert (verdict.outcome, verdict.reward) == (Outcome.NO_ANSWER, 0.0)
    assert verdict.feedback == "No program was found."


def test_a_program_that_is_too_long_is_invalid() -> None:
    verdict = judge(VERIFIER, TESTS, RIGHT + "#" * MAX_CHARS)
    assert verdict.outcome is Outcome.INVALID
    assert f"at most {MAX_CHARS}" in verdict.detail


@needs_bubblewrap
def test_a_program_of_the_greatest_length_is_judged() -> None:
    assert judge(VERIFIER, TESTS, f"{RIGHT}\n#".ljust(MAX_CHARS, "x")).correct


@needs_bubblewrap
@pytest.mark.parametrize(
    ("feedback", "told"),
    [
        ("none", ""),
        ("count", "1 of 2 tests passed."),
        ("input", "1 of 2 tests passed.\nadd(1, 2) returned 2"),
        (
            "test",
            "1 of 2 tests passed.\nadd(1, 2) returned 2\n"
            "line 2: assert add(1, 2) == 3  # the secret",
        ),
    ],
)
def test_kinds_of_feedback(feedback: str, told: str) -> None:
    verifier = make_verifier(f"code:bubblewrap,timeout=10,feedback={feedback}")
    verdict = verifier.verify(Task("t", (), TESTS), WRONG)
    assert verdict.feedback == told
    assert "line 2: assert add(1, 2) == 3" in verdict.detail
    assert verifier.verify(Task("t", (), TESTS), RIGHT).feedback == ""


@needs_bubblewrap
def test_feedback_on_cases_never_names_what_is_expected() -> None:
    reference = stdio_reference(("question", "the expected secret"))
    verifier = CodeVerifier("bubblewrap", timeout=10.0, feedback="test")
    verdict = judge(verifier, reference, "print('wrong')")
    assert "secret" not in verdict.feedback
    assert verdict.feedback.startswith("0 of 1 tests passed.")


@needs_bubblewrap
@pytest.mark.parametrize(
    "program", ["x = '\ud800'\n" + RIGHT, RIGHT + "\x00", "\x00", "é" + RIGHT, "(" * 100_000,
                "-" * 100_000 + "1", "a\\" * 1000]
)  # fmt: skip
def test_odd_programs_are_the_policys_doing(program: str) -> None:
    verdict = judge(VERIFIER, TESTS, program)
    assert verdict.outcome in (Outcome.FAIL, Outcome.PASS, Outcome.MEMORY)
    assert json.loads(json.dumps(verdict.to_json()))["outcome"] == verdict.outcome.value


@needs_bubblewrap
def test_threads_judge_at_once() -> None:
    programs = [RIGHT, WRONG, "def add(a, b): raise OSError", "x ="] * 10
    with ThreadPoolExecutor(4) as executor:
        verdicts = list(executor.map(lambda program: judge(VERIFIER, TESTS, program), programs))
    assert [verdict.correct for verdict in verdicts] == [True, False, False, False] * 10
    assert {verdict.outcome for verdict in verdicts} == {Outcome.PASS, Outcome.FAIL}


@needs_bubblewrap
def test_a_verdict_survives_the_death_of_every_sandbox() -> None:
    close_all()
    assert judge(VERIFIER, TESTS, RIGHT).correct
    folders = find_cgroups(os.getpid())
    if not folders:
        pytest.skip("no cgroup tells which processes are a sandbox's")
    lists = [(folder / "cgroup.procs").read_text().split() for folder in folders]
    members = {int(process) for one in lists for process in one}
    for process in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert members
    assert judge(VERIFIER, TESTS, RIGHT).correct
    assert judge(VERIFIER, TESTS, WRONG).outcome is Outcome.FAIL


@needs_bubblewrap
def test_a_pickled_verifier_judges_alike() -> None:
    copy = pickle.loads(pickle.dumps(CodeVerifier("bubblewrap", timeout=7.0, every=True)))
    assert (copy.seconds, copy.every, copy.spec) == (7.0, True, VERIFIER.spec)
    assert judge(copy, TESTS, RIGHT).correct


@needs_bubblewrap
@pytest.mark.parametrize("by_name", [False, True])
def test_worker_processes_judge_and_leave_nothing(by_name: bool) -> None:
    close_all()
    before = find_processes(os.getpid())
    task = Task("t", (), TESTS)
    rows = [(task, program) for program in (RIGHT, WRONG, "```python\n" + RIGHT + "\n```", "x =")]
    verifier: str | Verifier = "code:bubblewrap,timeout=10" if by_name else VERIFIER
    with VerifierPool(verifier, workers=2, timeout_s=30.0) as pool:
        outcomes = [verdict.outcome for verdict in pool.verify_many(rows * 5)]
        workers = find_processes(os.getpid()) - before
    assert outcomes == [Outcome.PASS, Outcome.FAIL, Outcome.PASS, Outcome.FAIL] * 5
    assert workers
    for worker in workers:
        wait_until_gone(worker, {worker})


@needs_bubblewrap
def test_warm_sandboxes_do_not_pile_up() -> None:
    close_all()
    for _ in range(20):
        assert judge(VERIFIER, TESTS, RIGHT).correct
    descriptors, processes = len(os.listdir("/proc/self/fd")), len(find_processes(os.getpid()))
    for _ in range(20):
        judge(VERIFIER, TESTS, "import os\nif os.fork() == 0:\n    while True: pass\n" + RIGHT)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(find_processes(os.getpid())) == processes
