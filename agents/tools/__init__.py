"""Tools of agents: plain functions from a text to a text, made by factories.

None of them is ever given a task's reference. A tool says `error: ...` on one line where what it
was given cannot be used; an exception is a failure of ours.
"""

from collections.abc import Callable
from pathlib import Path

from gym_reason.agents.tools.calculator import make_calculator
from gym_reason.agents.tools.python import make_python
from gym_reason.agents.tools.search import make_search
from gym_reason.agents.tools.solver import make_solver
from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown

Tool = Callable[[str], str]
"""From a text to a text."""

FACTORIES: dict[str, Callable[[], Tool]] = {
    "calculator": make_calculator,
    "python": make_python,
    "solver": make_solver,
}
"""Tools that need nothing but their name."""

__all__ = [
    "FACTORIES",
    "Tool",
    "make_calculator",
    "make_python",
    "make_search",
    "make_solver",
    "make_tools",
]


def make_tools(names: str = "", documents: str | Path = "") -> dict[str, Tool]:
    """Return the tools that an agent's settings name.

    Args:
        names: Of `FACTORIES`, with a plus sign between them: `python+solver`.
        documents: A folder of text and Markdown files, or a JSONL file, for the tool `search`;
            empty for no search.

    Raises:
        UsageError: For a name that no tool has, or documents that are not there.
        DataError: For documents that cannot be read.
        RunError: Where this machine lacks what a tool needs.
    """
    tools: dict[str, Tool] = {}
    for name in filter(None, (part.strip() for part in names.split("+"))):
        if name == "search" and not documents:
            raise UsageError("the tool 'search' without documents", "the setting documents=PATH")
        if name == "search":
            continue
        if name not in FACTORIES:
            raise UsageError(*explain_unknown("tool", name, [*sorted(FACTORIES), "search"]))
        tools[name] = FACTORIES[name]()
    if documents:
        tools["search"] = make_search(documents)
    return tools
