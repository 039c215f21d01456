"""What the apps with a surface to draw on share: colours, and strokes as text.

A drawing is a text of strokes with semicolons between them; each is its colour and the points of
its path: `red 10,20 90,40;blue 5,5`.
"""

from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import Event, Widget, canvas, chip, row

COLOURS = ("red", "orange", "green", "blue", "purple", "black")
"""What can be drawn with."""
FIRST_COLOUR = "black"
"""The colour until another is chosen."""
MAX_DRAWING = 20_000
"""Most characters of a drawing."""
CANVAS_LINES = 18
"""How high a canvas is, in lines of text."""


def show_palette(route: Route, look: Look, choose: str) -> tuple[Widget, ...]:
    """Return the colours to choose from, in two rows; `choose` is the event of a choice."""
    chosen = route.get("colour", FIRST_COLOUR)
    chips = [
        chip(look.say(colour.capitalize()), colour == chosen, Event(choose, None, colour))
        for colour in look.arrange(COLOURS, "colours")
    ]
    half = len(chips) // 2
    return row(*chips[:half]), row(*chips[half:])


def choose_colour(phone: Phone, event: Event) -> Phone:
    """Draw in another colour from now on."""
    return phone.turn(phone.route.put(colour=event.value))


def add_stroke(phone: Phone, event: Event) -> Phone:
    """Add a stroke to the drawing on the page, along the path of the event."""
    route = phone.route
    line = f"{route.get('colour', FIRST_COLOUR)} {event.value}"
    strokes = ";".join(filter(None, (route.get("strokes"), line)))
    return phone if len(strokes) > MAX_DRAWING else phone.turn(route.put(strokes=strokes))


def wipe(phone: Phone, event: Event) -> Phone:
    """Take every stroke of the drawing on the page away."""
    return phone.turn(phone.route.put(strokes=""))


def show_strokes(label: str, strokes: str) -> Widget:
    """Return a drawing to be looked at."""
    surface = canvas("strokes", label, Event("stroke"), strokes, CANVAS_LINES)
    return surface._replace(tap=None, drag=None)


def read_colours(strokes: str) -> set[str]:
    """Return the colours of a drawing."""
    return {line.partition(" ")[0] for line in strokes.split(";") if line}
