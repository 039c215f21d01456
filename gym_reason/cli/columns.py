"""Tables of plain text."""

import unicodedata
from collections.abc import Sequence


def print_columns(rows: Sequence[Sequence[str]], left: int = 1, indent: str = "") -> None:
    """Print rows in columns, the first `left` of them to the left and the others to the right."""
    rows = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(measure, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - measure(cell))
            cells.append(cell + space if place < left else space + cell)
        print((indent + "  ".join(cells)).rstrip())


def clean(text: str) -> str:
    """Return a text without what moves the cursor of a terminal or turns its writing around."""
    return "".join(
        " " if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
        for char in text
    )


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    marks = sum(unicodedata.combining(char) > 0 for char in text)
    return len(text) + wide - marks
