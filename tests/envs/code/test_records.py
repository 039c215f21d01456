"""Files of problems in the forms of well-known collections; each row here is our own."""

import base64
import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from gym_reason.envs.code.contests import _pickled_text
from gym_reason.envs.code.public import public_task
from gym_reason.envs.code.records import FORMS, RecordFile, load_records
from gym_reason.envs.code.single import Code
from gym_reason.errors import DataError, UnknownNameError, UsageError
from gym_reason.types import Task

HUMANEVAL = {
    "task_id": "Own/0",
    "prompt": "SCALE = 2\n\n\ndef double(x: int) -> int:\n    '''Double x.\n    >>> double(2)\n"
    "    4\n    >>> double(object())\n    <object>\n    '''\n",
    "entry_point": "double",
    "canonical_solution": "    return SCALE * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 3 * SCALE\n"
    "    assert candidate(-1) == -2\n",
}
MBPP = {
    "task_id": 7,
    "text": "Write a function to find the area of a circle of radius r.",
    "code": "import math\ndef area(r):\n    return math.pi * r * r",
    "test_list": ["assert math.isclose(area(1), math.pi)", "assert area(0) == 0"],
    "test_setup_code": "import math",
    "challenge_test_list": ["assert math.isclose(area(2), 4 * math.pi)"],
}
MBPP_CLASS = {
    "task_id": 8,
    "prompt": "Write a function to add up a chain of nodes.",
    "code": "class Node:\n    def __init__(self, value, rest=None):\n"
    "        self.value, self.rest = value, rest\n"
    "def total(node):\n    return node.value + (total(node.rest) if node.rest else 0)",
    "test_list": ["assert total(Node(1)) == 1", "assert total(Node(1, Node(2))) == 3"],
    "test_imports": [],
}
LEETCODE = {
    "task_id": "pair-sum",
    "difficulty": "Easy",
    "problem_description": "Return the indices of two numbers that add up to target.",
    "starter_code": "class Solution:\n    def pairSum(self, nums: List[int], target: int):",
    "prompt": "from typing import *\n",
    "completion": "class Solution:\n    def pairSum(self, nums: List[int], target: int):\n"
    "        seen = {}\n        for i, x in enumerate(nums):\n            if target - x in seen:\n"
    "                return [seen[target - x], i]\n            seen[x] = i\n",
    "entry_point": "Solution().pairSum",
    "test": "def check(candidate):\n    assert candidate(nums=[3, 3], target=6) == [0, 1]\n"
    "    assert candidate(nums=[2, 7, 11], target=9) == [0, 1]\n",
}
LCB_FUNCTION = {
    "question_id": "3001",
    "question_content": "Return the numbers halved, in a list.",
    "starter_code": "class Solution:\n    def halve(self, nums: List[int], by: int):",
    "difficulty": "medium",
    "public_test_cases": json.dumps(
        [{"input": "[1, 2]\n2", "output": "[0.5, 1.0]", "testtype": "functional"}]
    ),
    "private_test_cases": json.dumps(
        [{"input": "[]\n2", "output": "[]", "testtype": "functional"}]
    ),
    "metadata": json.dumps({"func_name": "halve"}),
    "solution": "class Solution:\n    def halve(self, nums, by):\n"
    "        return tuple(x / by for x in nums)\n",
}
LCB_STDIN = {
    "question_id": "abc_a",
    "question_content": "Add the two numbers.",
    "starter_code": "",
    "difficulty": "hard",
    "public_test_cases": [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}],
    "private_test_cases": [{"input": "5 -9\n", "output": "-4\n", "testtype": "stdin"}],
    "metadata": "{}",
    "solution": "print(sum(map(int, input().split())))",
}
APPS_STDIN = {
    "problem_id": 12,
    "question": "Print the larger of two numbers.",
    "solutions": json.dumps(["print(max(int(input()), int(input())))"]),
    "input_output": json.dumps({"inputs": ["1\n2\n", ["5", "3"]], "outputs": ["2\n", ["5"]]}),
    "difficulty": "interview",
    "starter_code": "",
}
APPS_FUNCTION = {
    "problem_id": 13,
    "question": "Turn the list round.",
    "solutions": ["def turn(xs):\n    return xs[::-1]"],
    "input_output": json.dumps(
        {"fn_name": "turn", "inputs": [[[1, 2]], [[]]], "outputs": [[[2, 1]], [[]]]}
    ),
    "starter_code": "def turn(xs):\n",
}
CODECONTESTS = {
    "name": "1_A. Sum",
    "description": "Print the sum.",
    "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
    "private_tests": {"input": ["4 4\n"], "output": ["8\n"]},
    "generated_tests": [{"input": "0 0\n", "output": "0\n"}],
    "solutions": {
        "language": [2, 3],
        "solution": [
            "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }",
            "a, b = map(int, input().split())\nprint(a + b)",
        ],
    },
    "difficulty": 7,
}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("humaneval", HUMANEVAL),
    ("mbpp", MBPP),
    ("mbpp", MBPP_CLASS),
    ("leetcode", LEETCODE),
    ("livecodebench", LCB_FUNCTION),
    ("livecodebench", LCB_STDIN),
    ("apps", APPS_STDIN),
    ("apps", APPS_FUNCTION),
    ("codecontests", CODECONTESTS),
]


def write(folder: Path, *rows: object) -> Path:
    """Write rows as JSON lines and return the file."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def load(folder: Path, form: str, *rows: object, language: str = "python") -> tuple[Task, ...]:
    """Return the tasks of rows."""
    return load_records(RecordFile(write(folder, *rows), form, language))


def first_task(env: Code) -> Task:
    """Return the only task of an environment."""
    tasks = env.tasks()
    assert tasks is not None
    assert len(tasks) == 1
    return tasks[0]


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize(("form", "row"), ROWS)
def test_the_solution_passes_public_and_hidden_tests(
    tmp_path: Path, form: str, row: dict[str, Any]
) -> None:
    env = Code(path=write(tmp_path, row), form=form, timeout=20.0)
    task = first_task(env)
    public = public_task(task)
    assert public is not None
    for tests in (task, public):
        verdict = env.verifier.verify(tests, env.demonstrate(task)[0])
        assert verdict.correct, verdict
        assert not env.verifier.verify(tests, env.wrong_action(task)).correct


@pytest.mark.usefixtures("needs_bubblewrap")
def test_hidden_tests_refuse_what_passes_the_public_ones(tmp_path: Path) -> None:
    env = Code(path=write(tmp_path, LCB_FUNCTION), form="livecodebench")
    task = first_task(env)
    public = public_task(task)
    assert public is not None
    known = "class Solution:\n    def halve(self, nums, by):\n        return [0.5, 1.0]\n"
    assert env.verifier.verify(public, known).correct
    assert not env.verifier.verify(task, known).correct


def test_prompts_show_what_is_asked_and_no_hidden_test(tmp_path: Path) -> None:
    (task,) = load(tmp_path, "mbpp", MBPP)
    text = task.prompt[0].content
    assert "area of a circle" in text
    assert "assert math.isclose(area(1), math.pi)" in text
    assert "area(0)" not in text
    assert "area(2)" in task.reference
    assert (task.id, task.meta["language"]) == ("mbpp/7", "python")
    env = Code(path=write(tmp_path, LEETCODE), form="leetcode")
    observation, _ = env.reset(options={"task": 0})
    assert "class Solution" in observation
    assert observation.endswith("Answer with the whole program in Python.")
    assert "seen" not in observation
    assert env.task.difficulty == 1.0


def test_examples_that_are_no_data_are_left_out(tmp_path: Path) -> None:
    (task,) = load(tmp_path, "humaneval", HUMANEVAL)
    assert json.loads(str(task.meta["public"]))["code"] == "assert double(2) == 4"
    plain = {
        **HUMANEVAL,
        "prompt": "def double(x):\n    '''Double x.'''\n",
        "test": "def check(c):",
    }
    plain["test"] = "def check(c):\n    y = 1\n    assert c(y) == 2\n    assert c(4) == 8\n"
    (task,) = load(tmp_path, "humaneval", plain)
    assert json.loads(str(task.meta["public"]))["code"] == "assert double(4) == 8"


def test_a_contest_has_programs_in_several_languages(tmp_path: Path) -> None:
    (task,) = load(tmp_path, "codecontests", CODECONTESTS, language="cpp")
    assert str(task.meta["solution"]).startswith("#include")
    assert task.meta["language"] == "cpp"
    assert len(json.loads(task.reference)["cases"]) == 3
    with pytest.raises(DataError, match=r"line 1 of .*a program in cpp; expected python"):
        load(tmp_path, "mbpp", MBPP, language="cpp")
    with pytest.raises(UnknownNameError, match="no language 'cobol'"):
        load(tmp_path, "mbpp", MBPP, language="cobol")


def packed(content: object) -> str:
    """Return content as the collection packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(content))).decode()


def test_packed_tests_are_read(tmp_path: Path) -> None:
    hidden = packed(json.dumps(LCB_STDIN["private_test_cases"]))
    (one,) = load(tmp_path, "livecodebench", LCB_STDIN)
    (other,) = load(tmp_path, "livecodebench", {**LCB_STDIN, "private_test_cases": hidden})
    assert one == other


class Touch:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


def test_a_pickle_in_packed_tests_is_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    row = {**LCB_STDIN, "private_test_cases": packed(Touch(str(trap)))}
    with pytest.raises(DataError, match=r"line 1 of .*packs a pickle with"):
        load(tmp_path, "livecodebench", row)
    assert not trap.exists()
    for protocol in range(6):
        assert _pickled_text(pickle.dumps("[ü]", protocol), "x") == "[ü]"


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a row without one column."""
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("form", "row", "message"),
    [
        ("humaneval", without(HUMANEVAL, "test"), "'test' is missing"),
        ("humaneval", without(HUMANEVAL, "task_id"), "no 'task_id'"),
        ("humaneval", {**HUMANEVAL, "entry_point": "a b"}, "the entry point 'a b'"),
        ("humaneval", {**HUMANEVAL, "prompt": 3}, "'prompt' is of type int"),
        ("mbpp", without(MBPP, "text"), "no 'text' and no 'prompt'"),
        ("mbpp", {**MBPP, "test_list": []}, "'test_list' is empty"),
        ("mbpp", {**MBPP, "test_list": ["assert ("]}, "'test_list' holds 'assert \\('"),
        ("mbpp", {**MBPP, "test_list": [3]}, "holds something that is no text"),
        (
            "mbpp",
            {**MBPP, "test_list": ["assert True"], "challenge_test_list": []},
            "a call of what the solution defines",
        ),
        ("leetcode", {**LEETCODE, "entry_point": "a.b(c)"}, "the entry point"),
        ("leetcode", {**LEETCODE, "test": " "}, "'test' is blank"),
        ("livecodebench", {**LCB_STDIN, "public_test_cases": "{"}, "is no JSON"),
        ("livecodebench", {**LCB_STDIN, "public_test_cases": [{}]}, "has no input or no output"),
        ("livecodebench", {**LCB_STDIN, "private_test_cases": "%%"}, "neither JSON nor packed"),
        ("livecodebench", {**LCB_STDIN, "private_test_cases": packed(3)}, "pickle with BININT"),
        ("livecodebench", {**LCB_FUNCTION, "metadata": "{}"}, "the func_name None"),
        ("apps", {**APPS_STDIN, "input_output": "[]"}, "'input_output' is no object"),
        ("apps", {**APPS_STDIN, "input_output": {"inputs": ["1"]}}, "'outputs' is missing"),
        ("apps", {**APPS_STDIN, "input_output": {"inputs": ["1"], "outputs": ["2", "3"]}}, "1 inp"),
        ("codecontests", without(CODECONTESTS, "name"), "no 'name'"),
        ("codecontests", {"name": "x", "description": "y"}, "no tests"),
        ("codecontests", {**CODECONTESTS, "description": "\ud800"}, "a lone surrogate"),
    ],
)
def test_a_broken_record_is_told_in_one_line_with_its_number(
    tmp_path: Path, form: str, row: dict[str, Any], message: str
) -> None:
    good = next(known for name, known in ROWS if name == form)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, form, good, row)
    assert f"line 2 of {tmp_path / 'rows.jsonl'}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2 of .*'Own/0' stands twice"):
        load(tmp_path, "humaneval", HUMANEVAL, HUMANEVAL)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        load_records(RecordFile(tmp_path / "none.jsonl", "mbpp"))
    with pytest.raises(DataError, match="has no rows"):
        load(tmp_path, "mbpp")
    with pytest.raises(DataError, match=r"no form of records 'mbp'.*did you mean 'mbpp'"):
        load(tmp_path, "mbp", MBPP)
    with pytest.raises(UsageError, match="limit = 0"):
        Code(path=write(tmp_path, MBPP), form="mbpp", limit=0)


def test_a_limit_and_splits(tmp_path: Path) -> None:
    rows = [{**MBPP, "task_id": number} for number in range(60)]
    path = write(tmp_path, *rows)
    assert len(Code(path=path, form="mbpp", limit=7).tasks() or ()) == 7
    parts = [Code(path=path, form="mbpp", split=name).tasks() or () for name in ("train", "test")]
    assert [bool(part) for part in parts] == [True, True]
    assert len(parts[0]) + len(parts[1]) == 60 == len(Code(path=path, form="mbpp").tasks() or ())


def test_every_form_is_tried_here() -> None:
    assert {form for form, _ in ROWS} == set(FORMS)
