"""The pages, bookmarks, tabs and the history that a browser has anyway."""

from gym_reason.envs.mobile.apps.browser_tables import (
    BOOKMARK,
    PAGE,
    TAB,
    VISIT,
    Bookmark,
    Tab,
    Visit,
    WebPage,
)
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World


def draw_page(values: Values, links: str) -> WebPage:
    """Return a page with links."""
    address = values.new(lambda: f"{values.word('adjective')}-{values.word('noun')}.example")
    words = " ".join(values.sentence() for _ in range(values.integer(1, 3)))
    return WebPage(address, values.title(), words, links)


def fill_browser(world: World, values: Values) -> World:
    """Return the world with pages that lead to earlier ones, and what was done with them."""
    pages: list[WebPage] = []
    for _ in range(values.integer(5, 7)):
        linked = values.sample(pages, min(2, len(pages)))
        page = draw_page(values, "\n".join(f"{one.title}|{one.id}" for one in linked))
        world = world.insert(PAGE, page)
        pages.append(page)
    for page in values.sample(pages, 2):
        world = world.insert(BOOKMARK, Bookmark(page.id, page.title))
    seen = values.sample(pages, 3)
    for number, page in enumerate(seen):
        moment = world.now - 86_400 * (3 - number) + values.integer(0, 3_600)
        world = world.insert(VISIT, Visit(0, page.id, moment))
    return world.insert(TAB, Tab(0, seen[-1].id, True)) if values.chance(0.5) else world
