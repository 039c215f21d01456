"""The tasks of notes, files, media, places and the browser: what the gate of all does not ask."""

from gym_reason.envs.mobile.tasks.browser import BROWSER_TEMPLATES
from gym_reason.envs.mobile.tasks.files import FILES_TEMPLATES
from gym_reason.envs.mobile.tasks.media import MEDIA_TEMPLATES
from gym_reason.envs.mobile.tasks.notes import NOTES_TEMPLATES
from gym_reason.envs.mobile.tasks.places import PLACES_TEMPLATES
from tests.envs.mobile.gate import (
    SEEDS,
    draw_draft,
    variants_of,
)

TEMPLATES = (
    *NOTES_TEMPLATES,
    *FILES_TEMPLATES,
    *MEDIA_TEMPLATES,
    *PLACES_TEMPLATES,
    *BROWSER_TEMPLATES,
)
VARIANTS = variants_of(TEMPLATES)
COVERED = {
    "notes.create": 2,
    "notes.edit": 3,
    "notes.delete": 3,
    "notes.folder_or_move": 2,
    "notes.merge": 1,
    "notes.share": 1,
    "notes.transcribe": 2,
    "notes.query": 4,
    "files.delete": 1,
    "files.move_or_copy": 2,
    "media.capture": 4,
    "media.playlist": 5,
    "media.queue": 1,
    "media.draw_save": 1,
    "places.save": 3,
    "places.activity_query": 6,
    "browser.page_task": 3,
}
"""How many tasks of AndroidWorld each template is about."""


def test_every_task_of_the_list_is_covered_once() -> None:
    covered = {
        template.name: [name for variant in template.variants for name in variant.covers]
        for template in TEMPLATES
    }
    assert {name: len(names) for name, names in covered.items()} == COVERED
    names = [name for found in covered.values() for name in found]
    assert len(set(names)) == len(names)


def test_words_of_the_splits_stay_apart() -> None:
    """What a task of one split names is never named in the same task of the other."""
    for _, variant in VARIANTS:
        texts = [
            {
                str(value).casefold()
                for seed in SEEDS
                for key, value in draw_draft(variant, seed, split).params.items()
                if key in ("title", "folder", "name", "new", "text", "place", "places", "songs")
                and variant.name not in ("draw", "maze", "multiply")
            }
            for split in ("train", "test")
        ]
        shared = texts[0] & texts[1]
        assert shared <= {"dcim", "documents", "download", "movies", "music", "pictures"}
