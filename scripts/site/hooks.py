"""What MkDocs asks while it builds the site: pages that are made, and links that lead elsewhere.

The pages in `docs/` are read on a code host as well, so they link as files do. What is made here
exists in the site alone: the reference of the command, of the recipes' keys and of Python, and the
pages at the root of the repository.
"""

from pathlib import Path
from typing import Any

from command_page import write_command_page
from links import ROOT_PAGES, show_dark_pictures, turn_links
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from python_page import write_python_page
from recipe_page import write_recipe_page

ROOT = Path(__file__).resolve().parent.parent.parent


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    from gym_reason.cli import build_parser
    from gym_reason.trainers.recipe import Recipe

    made = {
        "command.md": write_command_page(build_parser()),
        "recipe_keys.md": write_recipe_page(Recipe),
        "python.md": write_python_page(),
    }
    for name, page in ROOT_PAGES.items():
        made[page] = turn_links((ROOT / name).read_text("utf-8"), "", config.repo_url)
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Turn the links of a page, and show its pictures as its reader likes them."""
    if page.file.generated_by is None:
        markdown = turn_links(markdown, "docs", config.repo_url)
    dark = {file.src_uri for file in files.media_files() if file.src_uri.endswith("-dark.png")}
    return show_dark_pictures(markdown, dark)
