"""Runs a page of the documentation as its reader would, and compares what it prints.

    page_program.py PAGE.md

What is run, block by block, in the folder where this was started:

- `python` blocks, as one program;
- the lines of `console` blocks that begin with `$ `, each as a command of its own;
- a block with `title="NAME"` is written to that file instead.

What is compared: a `text` block right behind a `python` block with what that printed, to the
letter; the lines of a `console` block behind a command with what the command printed, where numbers
and widths of columns may be others. A line `...` stands for any lines.

A comment before a block makes it smaller where it is tested: `<!-- tested with: rl.steps=2 -->`
goes behind its commands, and each line of `<!-- tested with: STEPS = 2 -->` takes the place of the
one that sets the same name. Of what a smaller block prints, the first and the last line are
compared, and not their numbers.

A command has to end with 0 unless the page shows the line of an error behind it.
"""

import contextlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

FENCE = re.compile(
    r"(?:<!-- tested with: (?P<smaller>.*?) -->\s*)?"
    r"^```(?P<kind>\w+)(?P<options>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ERROR = "gym-reason: "
"""What the line of an error begins with."""
TITLE = re.compile(r'title="([^"]+)"')
DURATION = re.compile(r"(\d+ h )?(\d+ min )?\d+(\.\d+)? s\b")
NUMBER = re.compile(r"-?\d[\d,.]*\d|-?\d")


@dataclass(frozen=True)
class Block:
    """A fenced block that is run, or written to a file."""

    kind: str
    """`python`, `console`, or the language of a file."""
    text: str
    """What it holds."""
    line: int
    """Where it begins in the page."""
    file: str = ""
    """The file that it is written to; empty for none."""
    output: str | None = None
    """What a `python` block is said to print; None where nothing is said."""
    smaller: str = ""
    """How it is tested."""


def read_blocks(page: str) -> list[Block]:
    """Return the blocks of a page that say something to run."""
    blocks: list[Block] = []
    end = -1
    for found in FENCE.finditer(page):
        kind, text = found["kind"], found["text"]
        title = TITLE.search(found["options"])
        line = page.count("\n", 0, found.start("kind")) + 1
        follows = not page[end : found.start()].strip() if end >= 0 else False
        end = found.end()
        if kind == "text" and follows and blocks and blocks[-1].kind == "python":
            last = blocks.pop()
            blocks.append(Block(last.kind, last.text, last.line, "", text, last.smaller))
        elif title or kind in ("python", "console"):
            name = title[1] if title else ""
            blocks.append(Block(kind, text, line, name, None, found["smaller"] or ""))
    return blocks


def shrink(text: str, smaller: str) -> str:
    """Return a program with each `NAME = value` of `smaller` in place of its own."""
    for line in filter(None, map(str.strip, smaller.splitlines())):
        name = line.partition("=")[0].strip()
        text, count = re.subn(rf"^{re.escape(name)} = .*$", line, text, flags=re.MULTILINE)
        assert count == 1, f"{name!r} is set {count} times in the block; expected once"
    return text


def find_difference(
    said: str, printed: str, *, exact: bool = False, ends_only: bool = False
) -> str:
    """Return what was said and what was printed; empty where both agree."""
    wanted, found = (_lines(text, exact=exact) for text in (said, printed))
    if ends_only and wanted:
        wanted = [wanted[0], "...", wanted[-1]] if wanted[1:] else wanted
    return "" if _agree(wanted, found) else f"the page says\n{said}\nand it prints\n{printed}"


def _lines(text: str, *, exact: bool) -> list[str]:
    if not exact:
        text = NUMBER.sub("#", DURATION.sub("#", text))
        text = re.sub(r"[ \t]+", " ", text)
    return [line.strip() if not exact else line.rstrip() for line in text.strip("\n").splitlines()]


def _agree(wanted: Sequence[str], found: Sequence[str]) -> bool:
    if not wanted or wanted[0] != "...":
        if not wanted or not found:
            return not wanted and not found
        return wanted[0] == found[0] and _agree(wanted[1:], found[1:])
    return any(_agree(wanted[1:], found[count:]) for count in range(len(found) + 1))


def read_commands(block: Block) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each command of a console block, and what it is said to print."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, said = re.sub(r"\\\n\s*", "", part).partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] == "gym-reason":
            words += shlex.split(block.smaller)
        yield words, said


class WaitingCommand:
    """A command in a process of its own, made before the page has changed anything in this one."""

    def __init__(self, words: Sequence[str]) -> None:
        """Make the process; it waits to be told."""
        self._output: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read after its end
        wait, self._tell = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._tell)
            if os.read(wait, 1):
                self._become(list(words))
            os._exit(1)
        os.close(wait)

    def _become(self, words: list[str]) -> None:
        for descriptor in (1, 2):
            os.dup2(self._output.fileno(), descriptor)
        code: Any = 0
        try:
            if words[0] == "gym-reason":
                sys.argv = words
                runpy.run_module("gym_reason", run_name="__main__", alter_sys=True)
            elif words[0] == "python" and words[1:]:
                sys.argv = words[1:]
                sys.path.insert(0, "")
                runpy.run_path(words[1], run_name="__main__")
            else:
                code = subprocess.run(words, check=False).returncode
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        os._exit(code or 0)

    def run(self) -> tuple[int, str]:
        """Let it run to its end and return its exit code and what it printed."""
        os.write(self._tell, b"!")
        _, status = os.waitpid(self._pid, 0)
        self._output.seek(0)
        return os.waitstatus_to_exitcode(status), self._output.read()


def run_page(page: str) -> list[str]:
    """Run a page and return what did not go as it says; it ends at the first program that fails."""
    blocks = read_blocks(page)
    waiting = {
        block.line: [(words, said, WaitingCommand(words)) for words, said in read_commands(block)]
        for block in blocks
        if block.kind == "console" and not block.file
    }
    complaints: list[str] = []
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        if block.file:
            Path(block.file).write_text(shrink(block.text, block.smaller), "utf-8")
        elif block.kind == "python":
            complaints += _run_python(block, names)
        for words, said, command in waiting.get(block.line, ()):
            code, printed = command.run()
            difference = find_difference(said, printed, ends_only=bool(block.smaller))
            if not difference and code and ERROR not in said:
                difference = f"it prints\n{printed}"
            if difference:
                complaints.append(
                    f"line {block.line}: {shlex.join(words)} ends with {code}: {difference}"
                )
    return complaints


def _run_python(block: Block, names: dict[str, Any]) -> list[str]:
    printed = io.StringIO()
    # Lines are numbered as in the page, for tracebacks.
    program = compile("\n" * block.line + shrink(block.text, block.smaller), "page", "exec")
    with contextlib.redirect_stdout(printed):
        exec(program, names)
    if block.output is None:
        return []
    smaller = bool(block.smaller)
    difference = find_difference(
        block.output, printed.getvalue(), exact=not smaller, ends_only=smaller
    )
    return [f"line {block.line}: {difference}"] if difference else []


if __name__ == "__main__":
    os.environ["CI"] = "1"  # hypothesis measures no time then
    found = run_page(Path(sys.argv[1]).read_text("utf-8"))
    if found:
        sys.exit("\n\n".join(found))
