"""The expenses that were entered anyway."""

from gym_reason.envs.mobile.apps.expenses import EXPENSE, Expense
from gym_reason.envs.mobile.dates import day_at, shift_days
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

GOODS = {
    "train": (
        ("Groceries", "Food"),
        ("Bakery", "Food"),
        ("Taxi", "Transport"),
        ("Train ticket", "Transport"),
        ("Electrician", "Housing"),
        ("Curtains", "Housing"),
        ("Dentist", "Health"),
        ("Pharmacy", "Health"),
        ("Shoe shop", "Clothing"),
        ("Tailor", "Clothing"),
        ("Cinema", "Leisure"),
        ("Concert", "Leisure"),
        ("Flowers", "Other"),
        ("Post office", "Other"),
    ),
    "test": (
        ("Lunch", "Food"),
        ("Coffee", "Food"),
        ("Bus pass", "Transport"),
        ("Parking", "Transport"),
        ("Plumber", "Housing"),
        ("Glasses", "Health"),
        ("Laundry", "Clothing"),
        ("Museum", "Leisure"),
        ("Swimming", "Leisure"),
        ("Donation", "Other"),
    ),
}
"""What is paid for, and its category, by split."""


def draw_expense(values: Values, world: World) -> Expense:
    """Return an expense of one of the last thirty days."""
    kinds: dict[str, str] = {}

    def draw() -> str:
        goods, category = values.pick_from(GOODS)
        name = f"{goods} {values.word('street')} Street"
        kinds[name] = category
        return name

    name = values.new(draw)
    day = shift_days(day_at(world.now), -values.integer(0, 30))
    note = values.sentence() if values.chance(0.4) else ""
    # Where the pools are used up, a number stands behind the name.
    category = next(kind for known, kind in kinds.items() if name.startswith(known))
    cents = values.integer(150, 30_000)
    return Expense(0, name, cents, category, note, day.isoformat())


def fill_expenses(world: World, values: Values) -> World:
    """Return the world with expenses of the last days."""
    for _ in range(values.integer(6, 9)):
        world = world.insert(EXPENSE, draw_expense(values, world))
    return world
