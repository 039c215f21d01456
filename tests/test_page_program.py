"""The runner of the documentation's pages finds what is wrong with a page."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.page_program import find_difference, read_blocks, read_commands, shrink

PROGRAM = Path(__file__).resolve().parent / "page_program.py"
PAGE = """
Text.

<!-- tested with: STEPS = 2
RATE = 0.5 -->
```python
STEPS = 100
RATE = 0.1
print(STEPS, RATE)
```

```text
100 0.1
```

Not its output:

```text
other
```

```toml title="mine.toml"
base = "demo"
```

<!-- tested with: seed=1 -->
```console
$ gym-reason train mine.toml \\
    rl.steps=2
...
$ cat mine.toml
base = "demo"
```

    $ not a block
"""


def run(folder: Path, page: str) -> "subprocess.CompletedProcess[str]":
    """Run a page in a folder."""
    (folder / "page.md").write_text(page, "utf-8")
    command = [sys.executable, str(PROGRAM), "page.md"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_blocks_of_a_page_are_read() -> None:
    python, file, console = read_blocks(PAGE)
    assert (python.kind, python.output) == ("python", "100 0.1\n")
    assert shrink(python.text, python.smaller) == "STEPS = 2\nRATE = 0.5\nprint(STEPS, RATE)\n"
    assert (file.file, file.text) == ("mine.toml", 'base = "demo"\n')
    assert list(read_commands(console)) == [
        (["gym-reason", "train", "mine.toml", "rl.steps=2", "seed=1"], "...\n"),
        (["cat", "mine.toml"], 'base = "demo"\n'),
    ]
    assert PAGE.splitlines()[python.line - 1] == "```python"


def test_a_setting_that_a_block_lacks_is_refused() -> None:
    with pytest.raises(AssertionError, match="'STEPS' is set 0 times"):
        shrink("print(1)\n", "STEPS = 2")


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("1 of 2 right", "3 of 40 right", True),
        ("a  12.5%\nbb  1%", "a 7%\nbb 100%", True),
        ("took 2 min 03 s", "took 7 s", True),
        ("right", "wrong", False),
        ("first\n...\nlast", "first\nlast", True),
        ("first\n...\nlast", "first\nx\ny\nlast", True),
        ("first\n...\nlast", "first\nx", False),
        ("...", "", True),
        ("", "something", False),
        ("something", "", False),
    ],
)
def test_output_is_compared_without_its_numbers(said: str, printed: str, same: bool) -> None:
    assert (find_difference(said, printed) == "") is same


def test_output_is_compared_to_the_letter_where_asked() -> None:
    assert find_difference("1.0 pass", "1.0 pass ", exact=True) == ""
    assert find_difference("1.0 pass", "0.5 pass", exact=True)


def test_a_smaller_block_has_to_begin_and_end_alike() -> None:
    assert find_difference("step 0\nstep 9\nend 5", "step 0\nend 7", ends_only=True) == ""
    assert find_difference("step 0\nstep 9\nend 5", "step 0\nover", ends_only=True)


def test_a_page_with_wrong_output_fails(tmp_path: Path) -> None:
    page = '```python\nx = 1\nprint("a")\n```\n\n```text\nb\n```\n\n```python\nprint(x)\n```\n'
    done = run(tmp_path, page)
    assert done.returncode == 1
    assert "line 1: the page says\nb\n\nand it prints\na\n" in done.stderr
    assert run(tmp_path, page.replace("\nb\n", "\na\n")).returncode == 0


def test_a_command_sees_files_and_nothing_else_of_the_page(tmp_path: Path) -> None:
    page = (
        "```python\nimport os\nos.environ['WORD'] = 'page'\nopen('x.txt', 'w').write('here')\n```\n"
        '```python title="say.py"\nimport os\nprint(open("x.txt").read(), os.environ.get("WORD"))\n'
        "```\n```console\n$ python say.py\nhere None\n$ false\n```\n"
    )
    done = run(tmp_path, page)
    assert "line 10: false ends with 1" in done.stderr
    assert run(tmp_path, page.replace("$ false\n", "")).stderr == ""
