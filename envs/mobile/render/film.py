"""An episode as pictures: each screen with what a finger did to it, and the verdict at the end.

The episode is played again on the embedded device, so that a task and the actions are all it takes.
Needs Pillow.
"""

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

from gym_reason.envs.mobile.actions.dialects import Dialect
from gym_reason.envs.mobile.actions.reading import ActionError, Shown
from gym_reason.envs.mobile.actions.types import Claim, Say
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.episode import Episode, Scene, Step
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
    find_element,
    focused_field,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Element, Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.render.fonts import Image, ImageDraw
from gym_reason.envs.mobile.render.paint import paint
from gym_reason.text import after_thinking
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier

MAX_FRAMES = 48
"""Most screens of a film: the first and the last ones, those between are left out."""
PICTURE_WIDTH = 240
"""Pixels across a picture."""
FRAME_MS, LAST_FRAME_MS = 1_100, 3_000
"""How long a moving picture shows a screen, and the last one."""

_COLOURS = 96
_MARK, _HALO = (226, 54, 92), (255, 255, 255)


class Frame(NamedTuple):
    """One screen of a film."""

    number: int
    """Which action follows, from 1; 0 for the screen after the last."""
    picture: Image.Image
    """The screen before the action, with what was done marked."""
    done: str
    """What was done, in words."""
    action: str
    """What the agent wrote."""
    said: str = ""
    """What it was told."""
    reward: float = 0.0
    """What it got."""


class Film(NamedTuple):
    """An episode as pictures."""

    asked: str
    """What the user asked for."""
    about: str
    """Which task it is."""
    frames: tuple[Frame, ...]
    """The screens; of a long episode the first and the last."""
    left_out: int
    """Screens that are left out."""
    rewards: float
    """The sum of the rewards."""
    verdict: Verdict | None
    """The verdict; None where the agent made no claim."""


class _Watched(SimDevice):
    """A device that notes what is done to it, and on which screen."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Gesture, Layout]] = []

    def act(self, gesture: Gesture) -> None:
        self.done.append((gesture, self.observe()))
        super().act(gesture)


def make_film(
    task: Task,
    scene: Scene,
    actions: Sequence[str],
    dialect: Dialect,
    verifier: Verifier,
    scale: int = 1,
) -> Film:
    """Return the film of an episode.

    Args:
        task: The task.
        scene: Where it starts.
        actions: What the agent wrote, in order; those behind the end are left out.
        dialect: How it is read.
        verifier: Judges the end.
        scale: Pixels of a screenshot to a point, for actions that name pixels.
    """
    device = _Watched()
    episode = Episode(device, dialect, verifier, scale=scale)
    episode.begin(task, scene)
    frames: list[Frame] = []
    rewards, step = 0.0, Step(0.0, False)
    kept_at_start = MAX_FRAMES // 2
    left_out = 0
    for number, action in enumerate(actions, 1):
        screen, device.done = device.observe(), []
        obs_id = episode.obs_id
        step = episode.act(action)
        rewards += step.reward
        told = _tell(device.done, action, dialect, Shown(scale, obs_id))
        picture = _picture(screen, scene.look, [one for one, _ in device.done])
        frames.append(Frame(number, picture, told, action, step.said, step.reward))
        if len(frames) >= MAX_FRAMES:
            del frames[kept_at_start]
            left_out += 1
        if step.over:
            break
    if not step.over:  # a claim leaves the screen as it is
        frames.append(Frame(0, _picture(device.observe(), scene.look, []), "so far", ""))
    meta = task.meta
    about = f"{meta.get('template', task.id)}/{meta.get('variant', '')}".strip("/")
    prompt = task.prompt[-1].content if task.prompt else ""
    asked = str(meta.get("asked") or prompt)
    return Film(asked, about, tuple(frames), left_out, rewards, step.verdict)


def write_gif(film: Film) -> bytes:
    """Return a film as a moving GIF."""
    first, *rest = (frame.picture for frame in film.frames)
    file = io.BytesIO()
    times = [FRAME_MS] * len(rest) + [LAST_FRAME_MS]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=times, loop=0)
    return file.getvalue()


def _picture(screen: Layout, look: Look, gestures: Sequence[Gesture]) -> Image.Image:
    """Return a small picture of a screen with gestures marked on it."""
    picture = paint(screen, look).convert("RGBA")
    marks = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(marks)
    for gesture in gestures:
        match gesture:
            case Tap(x, y):
                _draw_ring(draw, x, y, 20)
            case LongPress(x, y):
                _draw_ring(draw, x, y, 30)
                _draw_ring(draw, x, y, 17)
            case Drag(x0, y0, x1, y1):
                _draw_arrow(draw, (x0, y0), (x1, y1))
            case TypeText():
                field = focused_field(screen)
                if field is not None:
                    left, top, right, bottom = field.bounds
                    box = (left + 4, top + 2, right - 5, bottom - 3)
                    draw.rounded_rectangle(box, 8, outline=_MARK, width=4)
    plain = _shrink(picture).quantize(_COLOURS, Image.Quantize.MEDIANCUT)
    if not gestures:
        return plain
    picture.alpha_composite(marks)
    # Marks are few pixels: their colours would not find a place among so many others.
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(plain.getpalette() or [])[: 3 * _COLOURS], *_MARK, *_HALO])
    return _shrink(picture).quantize(palette=palette, dither=Image.Dither.NONE)


def _shrink(picture: Image.Image) -> Image.Image:
    size = PICTURE_WIDTH, PICTURE_WIDTH * HEIGHT // WIDTH
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _draw_ring(draw: ImageDraw.ImageDraw, x: int, y: int, radius: int) -> None:
    for more, colour, width in ((3, _HALO, 9), (0, _MARK, 5)):
        size = radius + more
        draw.ellipse((x - size, y - size, x + size, y + size), outline=colour, width=width)


def _draw_arrow(draw: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int]) -> None:
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    wings = [
        (end[0] - 26 * math.cos(angle + turn), end[1] - 26 * math.sin(angle + turn))
        for turn in (0.5, -0.5)
    ]
    for colour, width in ((_HALO, 12), (_MARK, 6)):
        draw.line((start, end), fill=colour, width=width)
        draw.line((wings[0], end, wings[1]), fill=colour, width=width, joint="curve")
    _draw_ring(draw, *start, 12)


def _tell(
    done: Sequence[tuple[Gesture, Layout]], action: str, dialect: Dialect, shown: Shown
) -> str:
    """Return what an action did, in words."""
    if done:
        return ", ".join(_tell_gesture(gesture, screen) for gesture, screen in done)
    try:
        meant = dialect.parse((after_thinking(action) or "").strip(), shown)
    except ActionError:
        return "nothing that can be done"
    match meant:
        case Say("answer", words):
            return f"answer {_quote(words)}"
        case Say(_, words):
            return f"ask {_quote(words)}"
        case Claim(status, None):
            return f"say that it is {status}"
        case Claim(status, words):
            return f"answer {_quote(str(words))} and say that it is {status}"
    return "nothing that can be done"


def _tell_gesture(gesture: Gesture, screen: Layout) -> str:
    match gesture:
        case Tap(x, y):
            return f"tap {_name(find_element(screen, x, y), x, y)}"
        case LongPress(x, y):
            return f"hold {_name(find_element(screen, x, y), x, y)}"
        case Drag(x0, y0, x1, y1):
            element = find_element(screen, x0, y0)
            if element is not None and element.drag is not None:
                return f"drag {_name(element, x0, y0)}"
            if abs(x1 - x0) > abs(y1 - y0):
                return "drag to the right" if x1 > x0 else "drag to the left"
            return "drag down" if y1 > y0 else "drag up"
        case TypeText(words):
            return f"type {_quote(words)}"
        case Press(key):
            return f"press {key}"
        case OpenApp(app):
            return f"open {app}"
        case Wait(seconds):
            return f"wait {seconds} s"


def _name(element: Element | None, x: int, y: int) -> str:
    words = "" if element is None else element.text.strip()
    return _quote(words) if words else f"at {x}, {y}"


def _quote(words: str) -> str:
    short = words if len(words) <= 60 else f"{words[:58]}..."
    return f"\u201c{short}\u201d"
