"""`gym-reason doctor` tells what is here; only what is required decides its exit code."""

import json

import pytest

from gym_reason.cli import main
from gym_reason.cli.components import (
    Component,
    check_components,
    is_older,
    requirements,
)
from gym_reason.cli.doctor import component_lines
from gym_reason.cli.machine import describe_machine, machine_lines


@pytest.fixture(scope="module")
def components() -> list[Component]:
    return check_components()


def test_what_is_required_works_here(components: list[Component]) -> None:
    required = [component for component in components if component.required]
    assert {"torch", "torch runs", "environments", "gymnasium"} <= {one.name for one in required}
    assert [one for one in required if not one.ok] == []


def test_each_missing_part_has_a_remedy_of_one_line(components: list[Component]) -> None:
    for component in components:
        assert component.ok == (component.remedy == "")
        assert "\n" not in component.detail + component.remedy
    groups = {component.group for component in components}
    assert groups == {"core", "sandboxes", "engines", "cluster", "provers", "screens"}


def test_every_name_is_checked_once(components: list[Component]) -> None:
    names = [component.name for component in components]
    assert len(names) == len(set(names))
    assert {"bubblewrap", "docker", "ptrace", "local", "vllm", "ray", "coqc", "lean"} <= set(names)


def test_the_facts_can_be_written_as_json(components: list[Component]) -> None:
    machine = json.loads(json.dumps(describe_machine()))
    assert machine["cpus_usable"] >= 1
    assert machine["disk_free_bytes"] > 0
    assert [name for name, _ in machine_lines(machine)] == [
        "Python", "platform", "processors", "memory", "disk"
    ]  # fmt: skip


def test_facts_that_the_system_does_not_tell_are_unknown() -> None:
    unknown = dict.fromkeys(describe_machine())
    words = dict(machine_lines(unknown))
    assert words["memory"] == "unknown free of unknown"
    assert words["processors"].endswith("load unknown")


def test_the_sum_tells_broken_from_missing() -> None:
    fine = Component("core", "torch", True, "2.13.0", required=True)
    absent = Component("engines", "vllm", False, "absent", "pip install vllm")
    broken = Component("core", "numpy", False, "absent", "pip install numpy", required=True)
    assert component_lines([fine])[-1] == "All works."
    lines = component_lines([fine, absent])
    assert lines[-1] == "All that is required works; optional parts missing: 1."
    assert "          to get it: pip install vllm" in lines
    assert component_lines([fine, broken])[-1].startswith("Broken: numpy.")


def test_requirements_are_those_of_the_package() -> None:
    names = [name for name, _ in requirements()]
    assert "gymnasium" in names
    assert "vllm" not in names


@pytest.mark.parametrize(
    ("version", "lowest", "older"),
    [
        ("1.26.4", "1.26", False), ("1.9", "1.26", True), ("5", "5.0.0", False),
        ("2.13.0+cpu", "2.7", False), ("5.0rc1", "5", False), ("0.9", "1", True),
    ],
)  # fmt: skip
def test_versions_compare_by_their_numbers(version: str, lowest: str, older: bool) -> None:
    assert is_older(version, lowest) == older


def test_the_command_prints_json_and_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] is True
    assert {"version", "machine", "components"} <= set(printed)
