"""Tasks of the apps that keep records, expenses and recipes: they are added, deleted and tidied."""

from gym_reason.envs.mobile.tasks.record_additions import ADD_VARIANTS, SOURCE_VARIANTS
from gym_reason.envs.mobile.tasks.record_deletions import DEDUPE_VARIANTS, DELETE_VARIANTS
from gym_reason.envs.mobile.tasks.template import Template

RECORDS_TEMPLATES: tuple[Template, ...] = (
    Template("records.add", ("expenses", "recipes"), ADD_VARIANTS),
    Template("records.add_from_source", ("expenses", "recipes", "notes", "media"), SOURCE_VARIANTS),
    Template("records.delete", ("expenses", "recipes"), DELETE_VARIANTS),
    Template("records.dedupe", ("expenses", "recipes"), DEDUPE_VARIANTS),
)
"""The templates of expenses and recipes."""
