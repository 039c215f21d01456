"""Every template of tasks, and the world that they are put into."""

import calendar
from collections.abc import Callable, Sequence

from gym_reason.envs.mobile.tasks.browser import BROWSER_TEMPLATES
from gym_reason.envs.mobile.tasks.calendar import CALENDAR_TEMPLATES
from gym_reason.envs.mobile.tasks.clock import CLOCK_TEMPLATES
from gym_reason.envs.mobile.tasks.contacts import CONTACTS_TEMPLATES
from gym_reason.envs.mobile.tasks.files import FILES_TEMPLATES
from gym_reason.envs.mobile.tasks.fill_browser import fill_browser
from gym_reason.envs.mobile.tasks.fill_calendar import fill_calendar
from gym_reason.envs.mobile.tasks.fill_clock import fill_clock
from gym_reason.envs.mobile.tasks.fill_contacts import fill_contacts
from gym_reason.envs.mobile.tasks.fill_expenses import fill_expenses
from gym_reason.envs.mobile.tasks.fill_files import fill_files
from gym_reason.envs.mobile.tasks.fill_media import fill_media
from gym_reason.envs.mobile.tasks.fill_messages import fill_messages
from gym_reason.envs.mobile.tasks.fill_notes import fill_notes
from gym_reason.envs.mobile.tasks.fill_places import fill_places
from gym_reason.envs.mobile.tasks.fill_recipes import fill_recipes
from gym_reason.envs.mobile.tasks.fill_settings import fill_settings
from gym_reason.envs.mobile.tasks.fill_tasks import fill_tasks
from gym_reason.envs.mobile.tasks.media import MEDIA_TEMPLATES
from gym_reason.envs.mobile.tasks.messages import MESSAGES_TEMPLATES
from gym_reason.envs.mobile.tasks.notes import NOTES_TEMPLATES
from gym_reason.envs.mobile.tasks.places import PLACES_TEMPLATES
from gym_reason.envs.mobile.tasks.records import RECORDS_TEMPLATES
from gym_reason.envs.mobile.tasks.settings import SETTINGS_TEMPLATES
from gym_reason.envs.mobile.tasks.system import SYSTEM_TEMPLATES
from gym_reason.envs.mobile.tasks.tasks import TASKS_TEMPLATES
from gym_reason.envs.mobile.tasks.template import Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.seeding import derive_seed
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

HELD_OUT = 5
"""One template in so many, by its name, is only in the test split where templates are split."""

MOBILE_TEMPLATES: tuple[Template, ...] = (
    *SETTINGS_TEMPLATES,
    *CONTACTS_TEMPLATES,
    *MESSAGES_TEMPLATES,
    *CALENDAR_TEMPLATES,
    *NOTES_TEMPLATES,
    *FILES_TEMPLATES,
    *CLOCK_TEMPLATES,
    *TASKS_TEMPLATES,
    *MEDIA_TEMPLATES,
    *PLACES_TEMPLATES,
    *BROWSER_TEMPLATES,
    *SYSTEM_TEMPLATES,
    *RECORDS_TEMPLATES,
)
"""Every template, by app."""

_FILLS: tuple[Callable[[World, Values], World], ...] = (
    fill_settings,
    fill_contacts,
    fill_messages,
    fill_calendar,
    fill_notes,
    fill_files,
    fill_clock,
    fill_expenses,
    fill_recipes,
    fill_tasks,
    fill_media,
    fill_places,
    fill_browser,
)


def make_world(values: Values) -> World:
    """Return a phone in use: a day in the middle of October 2023, and the data of every app."""
    day = calendar.timegm((2023, 10, values.integer(12, 18), 0, 0, 0))
    minutes = values.integer(8 * 60, 19 * 60)
    world = EMPTY_WORLD.at(day + 60 * minutes)
    for fill in _FILLS:
        world = fill(world, values)
    return world


Chosen = tuple[tuple[Template, tuple[Variant, ...]], ...]
"""Templates, each with some of its variants."""


def choose_variants(
    templates: str | Sequence[str] = "all",
    levels: Sequence[int] = (1, 2, 3),
    template_set: str = "all",
) -> Chosen:
    """Return the templates of some names, with their variants of some levels.

    Args:
        templates: `all`, or names and beginnings of names, such as `notes` or `notes.create`; as
            one text they stand between commas or spaces. A name may go on with a slash and the
            name of a variant.
        levels: The levels of the variants.
        template_set: `all`, or `train` or `test`: a stable fifth is only in `test`.

    Raises:
        UsageError: For a name that fits none, or where nothing is left.
    """
    wanted = templates.replace(",", " ").split() if isinstance(templates, str) else list(templates)
    everything = not wanted or wanted == ["all"]
    if not everything:
        _check_names(wanted)
    chosen: list[tuple[Template, tuple[Variant, ...]]] = []
    for template in MOBILE_TEMPLATES:
        if template_set != "all" and is_held_out(template.name) != (template_set == "test"):
            continue
        fits = tuple(
            variant
            for variant in template.variants
            if variant.level in levels
            and (everything or any(_names(word, template, variant) for word in wanted))
        )
        if fits:
            chosen.append((template, fits))
    if not chosen:
        raise UsageError(
            f"no task of templates {templates!r}, levels {list(levels)} and set {template_set!r}",
            "at least one",
        )
    return tuple(chosen)


def is_held_out(name: str) -> bool:
    """Return whether a template belongs to the test split where templates are split."""
    return derive_seed(0, "mobile", "split", name) % HELD_OUT == 0


def _names(word: str, template: Template, variant: Variant) -> bool:
    name = template.name
    return (
        word in (name, f"{name}/{variant.name}")
        or name.startswith(f"{word}.")
        or (word.endswith(".") and name.startswith(word))
    )


def _check_names(words: Sequence[str]) -> None:
    known = [template.name for template in MOBILE_TEMPLATES]
    for word in words:
        if not any(
            _names(word, template, variant)
            for template in MOBILE_TEMPLATES
            for variant in template.variants
        ):
            raise UsageError(*explain_unknown("template", word, known))
