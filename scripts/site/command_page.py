"""The reference of the command, made from its parsers."""

import argparse
import re
from collections.abc import Iterator

LEAD = """# The command

This page is made from the command itself; `gym-reason COMMAND --help` says the same. Every command
ends with 0, with 1 for a run that failed, with 2 for wrong usage and with 130 after Ctrl-C, and
tells of an error in one line. But for `--version`, these options go with every command unless it
says otherwise:
"""
COMMON = ("-h", "--json", "--load")
"""Options that are told once."""
WIDTH = 78
"""Columns of a usage."""


def write_command_page(parser: argparse.ArgumentParser) -> str:
    """Return the page in Markdown: a section for each command, and one for each of its actions."""
    common = _find_common(parser)
    own = [action for action in parser._actions if not _is_told(action, common)]
    lines = [LEAD, *_describe_all(parser, [*own, *common.values()])]
    lines += _write_commands(parser, 2, common)
    return "\n".join(lines) + "\n"


def _find_common(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return what every command takes, by its first name; the first command speaks for all."""
    _, first = next(_commands(parser))
    return {
        action.option_strings[0]: action
        for action in first._actions
        if action.option_strings and action.option_strings[0] in COMMON
    }


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield choice.help or "", action.choices[choice.dest]


def _write_commands(
    parser: argparse.ArgumentParser, level: int, common: dict[str, argparse.Action]
) -> list[str]:
    lines: list[str] = []
    for summary, command in _commands(parser):
        title = command.prog.removeprefix("gym-reason ")
        lines += ["", f"{'#' * level} {title}", ""]
        lines += [escape(_as_sentence(command.description or summary)), ""]
        lines += ["```text", _usage(command), "```", ""]
        own = [action for action in command._actions if not _is_told(action, common)]
        lines += _describe_all(command, own)
        lines += _name_missing(command, common)
        lines += _write_commands(command, level + 1, common)
    return lines


def _is_told(action: argparse.Action, common: dict[str, argparse.Action]) -> bool:
    if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
        return True
    known = common.get(action.option_strings[0]) if action.option_strings else None
    return known is not None and known.help == action.help


def _name_missing(
    command: argparse.ArgumentParser, common: dict[str, argparse.Action]
) -> list[str]:
    """Return a line about the common options that a command does not have."""
    if any(isinstance(action, argparse._SubParsersAction) for action in command._actions):
        return []  # its actions have them
    has = {option for action in command._actions for option in action.option_strings}
    missing = [f"`{option}`" for option in common if option not in has]
    return [f"Without {' and '.join(missing)}.", ""] if missing else []


def _describe_all(parser: argparse.ArgumentParser, actions: list[argparse.Action]) -> list[str]:
    lines: list[str] = []
    for action in actions:
        formatter = argparse.HelpFormatter(parser.prog)
        names = _invocation(action, formatter)
        said = formatter._expand_help(action) if action.help else ""
        lines += [names, f":   {escape(said)}", ""]
    return lines


def _invocation(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    """Return the ways to write an argument, each as code."""
    words = formatter._format_action_invocation(action)
    return ", ".join(f"`{word}`" for word in words.split(", "))


def _usage(parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=WIDTH)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    return formatter.format_help().rstrip()


def _as_sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def escape(text: str) -> str:
    """Return a text in which Markdown finds nothing to do but code between backticks."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_{}\[\]<>#|])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
