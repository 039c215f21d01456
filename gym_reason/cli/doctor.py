"""`gym-reason doctor`: what is installed, what works here, and how to get the rest."""

import argparse
import dataclasses
from collections.abc import Sequence
from itertools import groupby

import gym_reason
import gym_reason.cli as cli
from gym_reason.cli.components import Component, check_components
from gym_reason.cli.machine import describe_machine, machine_lines


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is installed and works here, and how to get the rest",
        description="Exit 0 unless a part is broken that the library cannot do without.",
    )
    cli.add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Check everything and print it; 1 where a required part is broken."""
    machine = describe_machine()
    components = check_components()
    ok = all(component.ok for component in components if component.required)
    if args.json:
        cli.print_json(
            {
                "ok": ok,
                "version": gym_reason.__version__,
                "machine": machine,
                "components": [dataclasses.asdict(component) for component in components],
            }
        )
    else:
        print(f"gym-reason {gym_reason.__version__}")
        for name, words in machine_lines(machine):
            print(f"  {name:<14}{words}")
        print("\n".join(component_lines(components)))
    return 0 if ok else 1


def component_lines(components: Sequence[Component]) -> list[str]:
    """Return the components under their groups, with how to get what is missing, and a sum."""
    lines: list[str] = []
    for group, members in groupby(components, key=lambda component: component.group):
        lines += ["", group]
        for component in members:
            mark = "ok     " if component.ok else "BROKEN " if component.required else "missing"
            lines.append(f"  {mark} {component.name:<14}{component.detail}")
            if component.remedy:
                lines.append(f"          to get it: {component.remedy}")
    missing = sum(1 for one in components if not one.ok and not one.required)
    broken = [one.name for one in components if not one.ok and one.required]
    lines.append("")
    if broken:
        lines.append(f"Broken: {', '.join(broken)}. The library does not work without them.")
    elif missing:
        lines.append(f"All that is required works; optional parts missing: {missing}.")
    else:
        lines.append("All works.")
    return lines
