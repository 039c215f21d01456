"""Where the program stands in a submission."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.code.extract import extract_program
from gym_reason.verifiers.code.languages import languages

NAMES = ("py", "python3")


def extract(submission: str) -> str | None:
    return extract_program(submission, "python", NAMES)


@pytest.mark.parametrize(
    ("submission", "program"),
    [
        ("x = 1", "x = 1"),
        ("\ufeffx = 1\r\n", "x = 1\r\n"),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```py\nx = 1\n```", "x = 1\n"),
        ("```Python\nx = 1\n```", "x = 1\n"),
        ("``` python\nx = 1\n```", "x = 1\n"),
        ("```python title=a.py\nx = 1\n```", "x = 1\n"),
        ("~~~python\nx = 1\n~~~", "x = 1\n"),
        ("  ```python\nx = 1\n  ```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```python\nx = 1\n```\n```python\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\nRun it:\n```\n$ python x.py\n```", "x = 1\n"),
        ("```python\nx = 1\n```\n```text\nout\n```", "x = 1\n"),
        ("```\nx = 1\n```\n```text\nout\n```", "x = 1\n"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
        ("```python\nx = 1\n~~~\ny = 2\n```", "x = 1\n~~~\ny = 2\n"),
        ("<think>```python\nx = 1\n```</think>```python\nx = 2\n```", "x = 2\n"),
        ("<think>hm</think>x = 2", "x = 2"),
        ("```python\nx = 1\n```\nor\n```python\nx = 2", "x = 1\n"),
    ],
)
def test_programs_are_found(submission: str, program: str) -> None:
    assert extract(submission) == program


@pytest.mark.parametrize(
    "submission",
    [
        "",
        " \n\t",
        "\ufeff",
        "<think>x = 1",
        "<think>x = 1</think>  ",
        "```python\n```",
        "```python\n \n```",
        "```java\nx\n```",
        "```text\nx = 1\n```",
    ],
)
def test_there_is_no_program(submission: str) -> None:
    assert extract(submission) is None


@pytest.mark.parametrize("name", list(languages))
def test_every_language_is_known_by_its_own_mark(name: str) -> None:
    names = languages.get(name).names
    for mark in (name, *names, name.upper()):
        assert extract_program(f"```{mark}\ncode\n```", name, names) == "code\n"


LINES = st.lists(
    st.sampled_from(
        ["```", "```python", "````", "~~~", "x = 1", "", "<think>", "</think>", "``` x`"]
    )
    | st.text(max_size=5),
    max_size=12,
)


@given(LINES)
def test_what_is_found_stands_in_the_submission(lines: list[str]) -> None:
    submission = "\n".join(lines)
    program = extract(submission)
    if program is not None:
        assert program in submission
        assert program.strip()


@given(st.text(st.characters(exclude_characters="`~<\ufeff"), min_size=1))
def test_a_text_without_marks_is_the_program(text: str) -> None:
    assert extract(text) == (text if text.strip() else None)


@given(st.text(st.characters(exclude_characters="`~<\r"), min_size=1).filter(str.strip))
def test_a_fence_gives_back_what_is_in_it(text: str) -> None:
    assert extract(f"So:\n```python\n{text}\n```\nThat is all.") == f"{text}\n"


def test_long_hostile_texts_take_linear_time() -> None:
    for text in ("```\n" * 250_000, "```python\n" * 99_999, "`" * 1_000_000, "~" * 1_000_000,
                 "```" + " " * 1_000_000 + "x`", "   " * 300_000 + "```"):  # fmt: skip
        extract(text)
