"""The languages that programs may be written in, and how they are run."""

from dataclasses import dataclass

from gym_reason.errors import UnknownNameError
from gym_reason.registry import Registry, explain_unknown


@dataclass(frozen=True, slots=True)
class Language:
    """How a program becomes a process inside a sandbox."""

    names: tuple[str, ...]
    """What a fence may call it."""
    file: str
    """File that the program is written to."""
    run: tuple[str, ...] = ()
    """Command that runs it, in the folder of the file; empty for the warm Python interpreter."""
    compile: tuple[str, ...] = ()
    """Command that compiles it first, if it must be."""
    binary: str = ""
    """File that the compiler writes."""


languages: Registry[Language] = Registry("language", "gym_reason.languages")
"""Languages by name."""

languages.add("python", Language(("py", "python3"), "program.py"))
languages.add("bash", Language(("sh", "shell"), "program.sh", ("bash", "program.sh")))
languages.add("javascript", Language(("js", "node"), "program.js", ("node", "program.js")))
languages.add(
    "c",
    Language(
        (),
        "program.c",
        ("./program",),
        ("gcc", "-O2", "-o", "program", "program.c", "-lm"),
        "program",
    ),
)
languages.add(
    "cpp",
    Language(
        ("c++", "cc", "cxx"),
        "program.cpp",
        ("./program",),
        ("g++", "-O2", "-std=c++17", "-o", "program", "program.cpp"),
        "program",
    ),
)


def find_language(name: str) -> tuple[str, Language]:
    """Return the language called `name`, or that a fence calls so, behind its registered name.

    Raises:
        UnknownNameError: Where there is none.
    """
    lowered = name.lower()
    for known in languages:
        language = languages.get(known)
        if lowered == known or lowered in language.names:
            return known, language
    raise UnknownNameError(*explain_unknown("language", name, list(languages)))
