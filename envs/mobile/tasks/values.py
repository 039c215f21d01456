"""Where the values of tasks come from: pools of words that differ between the splits."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

FIRST_NAMES = {
    "train": (
        "Ada",
        "Ben",
        "Chloe",
        "David",
        "Elena",
        "Farid",
        "Grace",
        "Hugo",
        "Ines",
        "Jonas",
        "Kira",
        "Liam",
        "Maya",
        "Noah",
        "Olga",
        "Pavel",
        "Rosa",
        "Samir",
        "Tara",
        "Viktor",
    ),
    "test": (
        "Aisha",
        "Bruno",
        "Clara",
        "Dmitri",
        "Emil",
        "Freya",
        "Goran",
        "Hanna",
        "Ivan",
        "Jun",
        "Karla",
        "Leon",
        "Mina",
        "Nadia",
        "Oscar",
        "Petra",
    ),
}
LAST_NAMES = {
    "train": (
        "Adams",
        "Becker",
        "Costa",
        "Dubois",
        "Evans",
        "Fischer",
        "Garcia",
        "Haddad",
        "Ivanov",
        "Jensen",
        "Kim",
        "Lopez",
        "Moreau",
        "Novak",
        "Okafor",
        "Patel",
    ),
    "test": (
        "Andersen",
        "Bianchi",
        "Chen",
        "Diaz",
        "Ellis",
        "Fontaine",
        "Greco",
        "Hughes",
        "Ito",
        "Janssen",
        "Klein",
        "Lind",
        "Mbeki",
        "Nguyen",
    ),
}
NOUNS = {
    "train": (
        "garden",
        "ticket",
        "budget",
        "piano",
        "bicycle",
        "harbour",
        "lesson",
        "lantern",
        "market",
        "museum",
        "orchard",
        "parcel",
        "river",
        "saddle",
        "theatre",
        "umbrella",
        "violin",
        "winter",
        "workshop",
        "zebra",
    ),
    "test": (
        "anchor",
        "bakery",
        "castle",
        "desert",
        "engine",
        "forest",
        "glacier",
        "hammer",
        "island",
        "jacket",
        "kettle",
        "ladder",
        "meadow",
        "needle",
        "office",
        "pepper",
    ),
}
ADJECTIVES = {
    "train": (
        "amber",
        "brisk",
        "calm",
        "dusty",
        "eager",
        "faint",
        "gentle",
        "hollow",
        "jolly",
        "keen",
        "lucky",
        "mellow",
        "narrow",
        "plain",
        "quiet",
        "royal",
    ),
    "test": (
        "azure",
        "bold",
        "crisp",
        "deep",
        "early",
        "fresh",
        "grand",
        "humble",
        "ivory",
        "large",
        "misty",
        "noble",
    ),
}
VERBS = {
    "train": (
        "bring",
        "buy",
        "call about",
        "check",
        "clean",
        "fetch",
        "find",
        "fix",
        "paint",
        "plan",
    ),
    "test": ("ask for", "book", "carry", "collect", "draw", "empty", "fold", "order"),
}
STREETS = {
    "train": ("Oak", "Mill", "Church", "Station", "Bridge", "Lake", "School", "Castle"),
    "test": ("Elm", "Ford", "Abbey", "Harbour", "Tower", "Meadow"),
}
WORDS = {
    "name": FIRST_NAMES,
    "surname": LAST_NAMES,
    "noun": NOUNS,
    "adjective": ADJECTIVES,
    "verb": VERBS,
    "street": STREETS,
}


class Values:
    """Draws the values of one task: no word of the test split's is ever one of the train split's.

    Every text it gives is new within the task, so that no two rows are mixed up by accident.
    """

    def __init__(
        self, rng: np.random.Generator, split: str, given: frozenset[str] = frozenset()
    ) -> None:
        """Draw with `rng` from the pools of `train` or `test`; `all` draws from both.

        What is in `given`, in small letters, counts as given already.
        """
        self.rng = rng
        self._splits = ("train", "test") if split == "all" else (split,)
        self._given: set[str] = set(given)

    @property
    def given(self) -> frozenset[str]:
        """The texts that were given so far, in small letters."""
        return frozenset(self._given)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return low + int(self.rng.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True with a probability."""
        return self.rng.random() < share

    def pick(self, items: Sequence[T]) -> T:
        """Return one of some items."""
        return items[int(self.rng.random() * len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Return `count` different ones of some items, in random order."""
        order = self.rng.permutation(len(items))[:count]
        return [items[int(index)] for index in order]

    def pick_from(self, pools: Mapping[str, Sequence[T]]) -> T:
        """Return one of the items that a pool has for the split."""
        return self.pick(pools[self.pick(self._splits)])

    def word(self, kind: str) -> str:
        """Return a word of a kind in WORDS; it may come twice."""
        return self.pick_from(WORDS[kind])

    def person(self) -> tuple[str, str]:
        """Return a first and a last name that together are new."""
        name, surname = "", ""
        for _ in range(100):
            name, surname = self.word("name"), self.word("surname")
            if self._is_new(f"{name} {surname}"):
                break
        return name, surname

    def phone(self) -> str:
        """Return a new telephone number, with a plus and eleven digits."""
        return self._new(lambda: "+1555" + "".join(str(self.integer(0, 9)) for _ in range(7)))

    def new(self, draw: Callable[[], str]) -> str:
        """Return a text that `draw` gives and that is new within the task."""
        return self._new(draw)

    def title(self) -> str:
        """Return a new title of two words: `Quiet harbour`."""
        return self._new(lambda: f"{self.word('adjective')} {self.word('noun')}".capitalize())

    def file_name(self, ending: str) -> str:
        """Return a new name of a file: `quiet_harbour.md`."""
        return self._new(lambda: f"{self.word('adjective')}_{self.word('noun')}{ending}")

    def sentence(self) -> str:
        """Return a new sentence without a comma, like "Please fetch the amber lantern."."""
        return self._new(
            lambda: f"Please {self.word('verb')} the {self.word('adjective')} {self.word('noun')}."
        )

    def address(self) -> str:
        """Return a new address: `17 Oak Street`."""
        return self._new(lambda: f"{self.integer(1, 199)} {self.word('street')} Street")

    def _is_new(self, text: str) -> bool:
        if text.casefold() in self._given:
            return False
        self._given.add(text.casefold())
        return True

    def _new(self, draw: Callable[[], str]) -> str:
        for _ in range(100):
            text = draw()
            if self._is_new(text):
                return text
        # The pools are used up: a number tells it apart.
        text = f"{draw()} {len(self._given)}"
        self._given.add(text.casefold())
        return text
