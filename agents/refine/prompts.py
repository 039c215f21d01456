"""The prompts of loops: Jinja templates in files, one for each role, that a recipe may replace."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import jinja2
import jinja2.sandbox

from gym_reason.agents.refine.words import without_thoughts
from gym_reason.errors import ConfigError, UsageError
from gym_reason.registry import explain_unknown

FOLDER = Path(__file__).parent / "prompts"


class PromptBook:
    """The prompts of one loop, by role."""

    def __init__(self, loop: str, replaced: Mapping[str, str] | None = None) -> None:
        """Read the prompts of a loop.

        Args:
            loop: Its name, with which the names of its files begin.
            replaced: Templates that stand in for ours, by role: a text, or the path of a file that
                ends in `.jinja`.

        Raises:
            ConfigError: For a role that the loop does not have, or a template that cannot be read.
        """
        self.templates = dict(read_templates(loop))
        for role, text in (replaced or {}).items():
            if role not in self.templates:
                raise ConfigError(
                    *explain_unknown(f"prompt of {loop}", role, sorted(self.templates))
                )
            self.templates[role] = read_template(text)
        self._compiled = {role: _compile(text) for role, text in self.templates.items()}

    def render(self, role: str, values: Mapping[str, object]) -> str:
        """Return a prompt. Raises UsageError for a role or a value that there is not."""
        if role not in self._compiled:
            raise UsageError(*explain_unknown("prompt", role, sorted(self._compiled)))
        try:
            return self._compiled[role].render(values).strip()
        except jinja2.TemplateError as error:
            expected = "values that the loop gives"
            raise UsageError(f"the prompt {role!r}: {error}", expected) from error


@lru_cache(maxsize=256)
def read_templates(loop: str) -> Mapping[str, str]:
    """Return the templates that come with a loop, by role; none for one without prompts."""
    return {
        path.name.split(".")[1]: path.read_text("utf-8")
        for path in sorted(FOLDER.glob(f"{loop}.*.jinja"))
    }


def read_folder(folder: str) -> dict[str, str]:
    """Return the templates of a folder of files `ROLE.jinja`, by role.

    Raises ConfigError where there are none, or one cannot be read.
    """
    paths = sorted(Path(folder).glob("*.jinja"))
    if not paths:
        raise ConfigError(f"the folder {folder} holds no prompt", "files called ROLE.jinja")
    return {path.stem: read_template(str(path)) for path in paths}


def read_template(text: str) -> str:
    """Return a template: the text itself, or what is in the file that it names.

    Raises ConfigError for a file that cannot be read.
    """
    if not text.endswith(".jinja") or "\n" in text:
        return text
    try:
        return Path(text).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the prompt {text}: {error}", "a file with a template") from error


@lru_cache(maxsize=1024)
def _compile(text: str) -> jinja2.Template:
    try:
        return _environment().from_string(text)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(
            f"a prompt, line {error.lineno}: {error.message}", "a template"
        ) from error


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    # What a policy wrote is put in as a value, never read as a template.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    environment.filters["answer"] = without_thoughts
    return environment
