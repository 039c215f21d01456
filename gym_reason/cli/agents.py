"""`gym-reason agents`: which agents there are, where they come from, and what they say."""

import argparse
import inspect
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.types import Json


def add_parser(subparsers: Any) -> None:
    """Add `agents` and what stands below it."""
    parser = subparsers.add_parser("agents", help="list the agents around a policy, and show them")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="name each agent with its paper")
    showing = actions.add_parser("show", help="print an agent's settings and prompts")
    showing.add_argument("name", metavar="NAME", help="the agent, for example self-refine")
    for action in (listing, showing):
        add_common_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Run the action that `args` names and return the exit code."""
    from gym_reason.agents.build import describe_agent, list_agents

    if args.action == "list":
        rows = [describe_agent(name) for name in list_agents()]
        if args.json:
            print_json(rows)
            return 0
        width = max(len(str(row["name"])) for row in rows)
        for row in rows:
            source = f"  [{row['paper']}; {row['grade']}]" if row["paper"] else ""
            print(f"{row['name']!s:{width}}  {row['summary']}{source}")
        return 0
    row = describe_agent(args.name)
    if args.json:
        print_json(row)
    else:
        _print_agent(row)
    return 0


def _print_agent(row: dict[str, Json]) -> None:
    print(f"{row['name']}: {row['summary']}")
    if row["paper"]:
        print(f"  source    {row['paper']} (known by: {row['grade']})")
    if row["oracle"]:
        print("  oracle    it hears the reference: not for fair comparison")
    for name in ("tools", "settings"):
        values = row[name]
        if values:
            assert isinstance(values, list | dict)
            shown = values if isinstance(values, list) else [f"{k}={v}" for k, v in values.items()]
            print(f"  {name:9} {', '.join(map(str, shown))}")
    prompts = row["prompts"]
    assert isinstance(prompts, dict)
    for role, template in prompts.items():
        print(f"\n--- {row['name']}.{role}.jinja\n{inspect.cleandoc(str(template))}")
