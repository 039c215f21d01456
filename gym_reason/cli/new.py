"""`gym-reason new`: a package of one's own, with an environment, a verifier or an agent in it."""

import argparse
import importlib.resources
import importlib.util
import keyword
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.errors import UsageError
from gym_reason.records import explain_os_errors
from gym_reason.registry import Registry, agents, verifiers

KINDS = {
    "env": {
        "pyproject.toml": "env.pyproject",
        "README.md": "env.readme",
        "src/{module}/__init__.py": "env.init",
        "src/{module}/env.py": "env.code",
        "src/{module}/verifier.py": "verifier.code",
        "src/{module}/tasks.jsonl": "env.tasks",
        "tests/test_{module}.py": "env.test",
    },
    "verifier": {
        "pyproject.toml": "verifier.pyproject",
        "README.md": "verifier.readme",
        "src/{module}/__init__.py": "verifier.init",
        "src/{module}/verifier.py": "verifier.code",
        "src/{module}/cases.jsonl": "verifier.cases",
        "tests/test_{module}.py": "verifier.test",
    },
    "agent": {
        "pyproject.toml": "agent.pyproject",
        "README.md": "agent.readme",
        "src/{module}/__init__.py": "agent.init",
        "src/{module}/agent.py": "agent.code",
        "tests/test_{module}.py": "agent.test",
    },
}
"""For each kind of package its files and the templates that they are made of."""

COMMON = {"Makefile": "common.makefile", ".gitignore": "common.gitignore"}
"""The files that every package has."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_MAX_NAME_CHARACTERS = 40
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "new",
        help="make a package with an environment, a verifier or an agent of your own",
        description="Make an installable package that works: its `make test` passes at once.",
    )
    parser.add_argument("kind", choices=list(KINDS), help="what the package holds")
    parser.add_argument("name", metavar="NAME", help="its name, for example letter-count")
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="the folder to make it in (default: this one)"
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the package and say what to do next. Raises UsageError and RunError."""
    folder = Path(args.out) / check_name(args.name)
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already", "a new folder", "choose another name or --out")
    check_free(args.name)
    check_unregistered(args.kind, module_name(args.name))
    files = render(args.kind, args.name)
    write_whole(folder, files)
    if args.json:
        print_json({"kind": args.kind, "folder": str(folder), "files": sorted(files)})
        return 0
    print(f"made {folder} ({len(files)} files)")
    print(f"next: cd {shlex.quote(str(folder))} && make test{_python_hint()}")
    return 0


def check_name(name: str) -> str:
    """Return `name`. Raises UsageError where a package cannot be called so."""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_CHARACTERS:
        words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower())
        better = "-".join(words)[:_MAX_NAME_CHARACTERS].strip("-")
        raise UsageError(
            f"the name {name!r:.60}",
            f"at most {_MAX_NAME_CHARACTERS} lower-case letters, digits and single hyphens, "
            "beginning with a letter",
            f"for example {better if _NAME.fullmatch(better) else 'letter-count'}",
        )
    return name


def check_free(name: str) -> None:
    """Raise UsageError where Python means something else by the module of that name."""
    module = module_name(name)
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise UsageError(f"the name {name!r}, which is Python's own", "another name")
    found = importlib.util.find_spec(module)
    # A folder without code in it would be found too, and is in nobody's way.
    if found is not None and found.origin is not None:
        raise UsageError(
            f"the name {name!r}, which is that of an installed package", "another name"
        )


def check_unregistered(kind: str, module: str) -> None:
    """Raise UsageError where the package would register a name that is taken."""
    importlib.import_module("gym_reason.agents.build")
    # An environment comes with a verifier; its own id begins with the package's name.
    registry: Registry[Callable[..., object]] = agents if kind == "agent" else verifiers
    if module in tuple(registry):
        raise UsageError(
            f"the name {module!r}, which a registered {registry.kind} has", "another name"
        )


def module_name(name: str) -> str:
    """Return the name under which the package is imported."""
    return name.replace("-", "_")


def render(kind: str, name: str) -> dict[str, str]:
    """Return the files of a package by their paths."""
    module = module_name(name)
    words = {
        "name": module.replace("_", "-"),
        "module": module,
        "Class": "".join(word.capitalize() for word in module.split("_")),
    }
    templates = importlib.resources.files("gym_reason.cli") / "templates"
    files: dict[str, str] = {}
    for path, template in {**COMMON, **KINDS[kind]}.items():
        text = (templates / f"{template}.template").read_text("utf-8")
        files[path.format(module=module)] = _PLACE.sub(lambda place: words[place[1]], text)
    return files


def write_whole(folder: Path, files: dict[str, str]) -> None:
    """Write files below a new folder, all of them or none. Raises RunError."""
    with explain_os_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            unfinished.chmod(0o755)
            for path, text in files.items():
                target = unfinished / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise


def _python_hint() -> str:
    """Return what `make` has to be told where its python3 is not the one that runs here."""
    found = shutil.which("python3")
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        return ""
    return f" PYTHON={shlex.quote(sys.executable)}"
