"""What the command says of recipes: papers, parts, and the table of the documentation."""

import json
from pathlib import Path

import pytest

from gym_reason.cli import main
from gym_reason.registry import recipes
from gym_reason.trainers.bench import online_recipes
from gym_reason.trainers.parts import markdown_table, parts_of
from gym_reason.trainers.pipeline.spec import pipelines
from gym_reason.trainers.recipe import load_recipe


def test_every_method_names_its_paper_and_its_grade(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert set(rows) == {*recipes, *pipelines}
    for name, row in rows.items():
        assert row["description"], name
        assert bool(row["paper"]) == bool(row["grade"]), name
    assert main(["train", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "arXiv 2402.03300" in shown
    assert "Grades:" in shown


def test_a_dry_run_says_what_the_recipe_is_made_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", "lopti", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "# advantage: group_zscore. Return `(r - mean) / (std + 1e-6)`" in text
    assert "# passes: split_passes. Tokens of a probability below 0.5 first" in text
    file = tmp_path / "lopti.toml"
    file.write_text(text, "utf-8")
    assert load_recipe(str(file)) == load_recipe("lopti")


def test_the_table_of_the_documentation_is_the_one_that_is_made(root: Path) -> None:
    page = (root / "docs/policy_gradient.md").read_text("utf-8")
    made = page.partition("--markdown -->\n")[2].partition("<!-- end -->")[0]
    assert made.strip().split("\n") == markdown_table(online_recipes())


@pytest.mark.parametrize("name", online_recipes())
def test_every_part_says_what_it_does(name: str) -> None:
    for part in parts_of(load_recipe(name)):
        assert part.sentence.endswith("."), part
