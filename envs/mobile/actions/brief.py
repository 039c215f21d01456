r"""A short dialect for small models: a word, and what it is about.

    tap 3          hold 3            type 4 some text      set 5 80
    scroll down    drag 10 90 200 90      swipe left
    back  home  recents  enter  delete  wait 5  open notes
    answer 42      ask which one?         done      impossible

`type` replaces what the field holds; in its text `\n` is a new line and `\\` a backslash.
"""

import re
from collections.abc import Callable, Mapping

from gym_reason.envs.mobile.actions.reading import (
    DIRECTIONS,
    ActionError,
    Shown,
    check_text,
    to_points,
)
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.gestures import (
    MAX_WAIT_S,
    Drag,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
)

RULES = (
    "tap N; hold N; type N text; set N level; scroll up|down; open app; back; home; recents; "
    "enter; delete; wait seconds; answer text; done; impossible"
)

_PLAIN: Mapping[str, Action] = {
    "back": Press("back"),
    "home": Press("home"),
    "recents": Press("recents"),
    "enter": Press("enter"),
    "delete": Press("delete"),
    "done": Claim("complete"),
    "impossible": Claim("infeasible"),
}
_NUMBERS = re.compile(r"[0-9]{1,9}(?: [0-9]{1,9})*", re.ASCII)
_UNESCAPED = {"n": "\n", "r": "\r", "\\": "\\"}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


def parse_brief(text: str, shown: Shown) -> Action:
    """Return the action that a text is. Raises ActionError."""
    line = text.strip("\r\n")
    if "\n" in line or "\r" in line:
        raise ActionError("an action is one line")
    word, _, rest = line.partition(" ")
    if word in _PLAIN:
        if rest.strip():
            raise ActionError(f"{word} stands alone")
        return _PLAIN[word]
    read = _READERS.get(word)
    if read is None:
        raise ActionError(f"no action {word[:40]!r}; one of {', '.join((*_READERS, *_PLAIN))}")
    return read(rest, shown)


def _numbers(rest: str, count: int, what: str) -> list[int]:
    rest = rest.strip(" ")
    if not _NUMBERS.fullmatch(rest) or rest.count(" ") != count - 1:
        form = "one whole number" if count == 1 else f"{count} whole numbers"
        raise ActionError(f"{what} takes {form}")
    return [int(word) for word in rest.split(" ")]


def _tap(rest: str, shown: Shown) -> Action:
    return Touch("tap", element=_numbers(rest, 1, "tap")[0])


def _hold(rest: str, shown: Shown) -> Action:
    return Touch("long_press", element=_numbers(rest, 1, "hold")[0])


def _type(rest: str, shown: Shown) -> Action:
    number, _, words = rest.partition(" ")
    index = _numbers(number, 1, "type")[0]
    words = _ESCAPE.sub(_unescape, check_text(words))
    return Touch("input_text", element=index, text=words, clear=True)


def _unescape(match: re.Match[str]) -> str:
    if match[1] not in _UNESCAPED:
        raise ActionError("after a backslash stands n or another one")
    return _UNESCAPED[match[1]]


def _set(rest: str, shown: Shown) -> Action:
    index, level = _numbers(rest, 2, "set")
    if level > 100:
        raise ActionError("a level is at most 100")
    return Touch("set_level", element=index, level=level)


def _direction(rest: str, what: str) -> str:
    direction = rest.strip(" ")
    if direction not in DIRECTIONS:
        raise ActionError(f"{what} takes one of {', '.join(DIRECTIONS)}")
    return direction


def _scroll(rest: str, shown: Shown) -> Action:
    return Touch("scroll", direction=_direction(rest, "scroll"))


def _swipe(rest: str, shown: Shown) -> Action:
    return Touch("swipe", direction=_direction(rest, "swipe"))


def _drag(rest: str, shown: Shown) -> Action:
    x0, y0, x1, y1 = _numbers(rest, 4, "drag")
    return Drag(*to_points(x0, y0, "px", Shown()), *to_points(x1, y1, "px", Shown()))


def _open(rest: str, shown: Shown) -> Action:
    return OpenApp(_words(rest, "open"))


def _wait(rest: str, shown: Shown) -> Action:
    seconds = _numbers(rest, 1, "wait")[0] if rest.strip(" ") else 1
    if not 1 <= seconds <= MAX_WAIT_S:
        raise ActionError(f"wait takes 1 to {MAX_WAIT_S} seconds")
    return Wait(seconds)


def _answer(rest: str, shown: Shown) -> Action:
    return Say("answer", _ESCAPE.sub(_unescape, _words(rest, "answer")))


def _ask(rest: str, shown: Shown) -> Action:
    return Say("ask_user", _words(rest, "ask"))


def _words(rest: str, what: str) -> str:
    if not rest.strip():
        raise ActionError(f"{what} takes a text")
    return check_text(rest.strip(" "))


_READERS: Mapping[str, Callable[[str, Shown], Action]] = {
    "tap": _tap,
    "hold": _hold,
    "type": _type,
    "set": _set,
    "scroll": _scroll,
    "swipe": _swipe,
    "drag": _drag,
    "open": _open,
    "wait": _wait,
    "answer": _answer,
    "ask": _ask,
}
# With its type, since named tuples of the same values are equal whatever they are.
_WORDS: Mapping[tuple[type, Action], str] = {
    (type(action), action): word for word, action in _PLAIN.items()
}


def write_brief(action: Action, shown: Shown) -> str:
    """Return an action as text. Raises ActionError for one that the dialect has no words for."""
    word = _WORDS.get((type(action), action))
    if word is not None:
        return word
    match action:
        case Touch(kind="tap", element=int(index)):
            return f"tap {index}"
        case Touch(kind="long_press", element=int(index)):
            return f"hold {index}"
        case Touch(kind="set_level", element=int(index), level=int(level)):
            return f"set {index} {level}"
        case Touch(kind="input_text", element=int(index), text=text, clear=True, submit=False):
            return f"type {index} {_escape(text)}"
        case Touch(kind="scroll" | "swipe" as kind, element=None, x=None, direction=direction):
            return f"{kind} {direction}"
        case Drag(x0, y0, x1, y1):
            return f"drag {x0} {y0} {x1} {y1}"
        case OpenApp(app):
            return f"open {app}"
        case Wait(seconds):
            return f"wait {seconds}"
        case Say("answer", text):
            return f"answer {_escape(text)}"
        case Say("ask_user", text) if "\n" not in text:
            return f"ask {text}"
        case Tap() | LongPress() | TypeText() | Press() | Touch() | Claim() | Say():
            raise ActionError(f"the short dialect has no words for {action}")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
