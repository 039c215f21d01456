"""The screen as HTML: real elements at the bounds of the layout, so that a browser can be touched.

What can be used is a button, a field, a box to tick or a slider of HTML, labelled for screen
readers; it carries its number in the layout as `data-n`. What cannot be used lets touches through.
"""

import re
from collections.abc import Callable, Mapping
from html import escape

from gym_reason.envs.mobile.gestures import stops_touch
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Element, Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.render.palette import INKS, PALETTES, Palette, hue
from gym_reason.envs.mobile.render.pictures import letter_of, write_svg

NOTHING = -1
"""The number of what lies around a dialog."""

_PEN = re.compile(r"(-?\d+),(-?\d+)")


def write_document(look: Look) -> str:
    """Return an empty page, with the rules of how elements look. No script in it can run."""
    colours = PALETTES[look.theme]._asdict().items()
    values = "".join(f"--{name.replace('_', '-')}:rgb{colour};" for name, colour in colours)
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<style>:root{{{values}}}{_STYLE}</style></head>"
        '<body><div id="screen"></div></body></html>'
    )


def write_screen(screen: Layout, look: Look) -> str:
    """Return what the page shows: an element of HTML for each of the layout, in its order.

    Before an open dialog lies a sheet over the whole screen, numbered NOTHING, so that a touch
    beside the dialog reaches nothing below it.
    """
    home = not any(one.kind == "title" and one.text for one in screen.elements)
    palette = PALETTES[look.theme]
    parts = [f'<div class="{"home" if home else "page"}"></div>']
    for number, element in enumerate(screen.elements):
        if screen.modal and number == screen.modal:
            parts.append(f'<div class="scrim" data-n="{NOTHING}"></div>')
        parts.append(_write_element(number, element, palette))
    return "".join(parts)


def _write_element(number: int, element: Element, palette: Palette) -> str:
    left, top, right, bottom = element.bounds
    stops = stops_touch(element)
    place = f"left:{left}px;top:{top}px;width:{right - left}px;height:{bottom - top}px"
    kind = element.kind
    classes = f"e {kind}"
    if not stops:
        classes += " still"
    if element.value is True:
        classes += " on"
    if element.focused:
        classes += " focused"
    if not element.enabled:
        classes += " off"
    label = element.text if kind != "key" else _KEY_NAMES.get(element.text, element.text)
    start = f'class="{classes}" data-n="{number}" style="{place}" aria-label="{escape(label)}"'
    whole = max(bottom - top, element.bottom - element.top)
    shift = element.top - top if element.bottom > element.top else 0
    inner = f"top:{shift}px;height:{whole}px;width:{right - left}px"
    face = _FACES.get(kind, _write_lines)(element)
    if kind == "app":
        inner += f";--own:rgb{hue(element.name)}"
    face = f'<span class="face" style="{inner}">{face}</span>'
    control = _CONTROLS.get(kind)
    if control is None or not stops:
        tag = _TAGS.get(kind, "button" if stops else "div")
        kept = ' type="button"' if tag == "button" else ""
        role = f' role="{_ROLES[kind]}"' if kind in _ROLES else ""
        return f"<{tag}{kept}{role} {start}>{face}</{tag}>"
    # These elements of HTML hold no others: what is seen lies above them and lets touches through.
    seen = f'<div class="{classes} still" style="{place}" aria-hidden="true">{face}</div>'
    return control(element, start, shift) + seen


def _write_lines(element: Element) -> str:
    first = f"<b>{escape(element.text)}</b>"
    return first + (f"<i>{escape(element.detail)}</i>" if element.detail else "")


def _write_item(element: Element) -> str:
    name = "check" if element.value is True else element.name
    lines = f'<span class="lines">{_write_lines(element)}</span>'
    return (f'<span class="disc">{_picture(name)}</span>' if name else "") + lines


def _write_mark(element: Element) -> str:
    return f'<span class="mark"></span><span class="lines">{_write_lines(element)}</span>'


def _write_picture(element: Element) -> str:
    return _picture(element.name)


def _write_named(element: Element) -> str:
    picture = f'<span class="disc">{_picture(element.name)}</span>' if element.name else ""
    return f"{picture}<b>{escape(element.text)}</b>"


def _write_paragraph(element: Element) -> str:
    return "<br>".join(escape(line) for line in element.lines)


def _write_slider(element: Element) -> str:
    level = element.value if isinstance(element.value, int) else 0
    track = f'<span class="track" style="--level:{level}%"></span>'
    return f"{_write_lines(element)}<u>{level}%</u>{track}"


def _write_image(element: Element) -> str:
    if element.name == "drawing":
        return _write_canvas(element)
    written = escape(element.detail)
    paper = f'<span class="paper">{written}</span>' if written else _picture(element.name)
    return f"{paper}<b>{escape(element.text)}</b>"


def _write_canvas(element: Element) -> str:
    lines: list[str] = []
    for stroke in element.detail.split(";"):
        colour = INKS.get(stroke.partition(" ")[0], INKS["black"])
        points = " ".join(f"{x},{y}" for x, y in _PEN.findall(stroke))
        lines.append(f'<polyline points="{points}" stroke="rgb{colour}"/>')
    return (
        '<svg class="drawing" fill="none" stroke-width="4" stroke-linecap="round" '
        f'stroke-linejoin="round">{"".join(lines)}</svg>'
    )


def _write_key(element: Element) -> str:
    picture = {"\x0e": "shift", "\b": "erase", "\n": "enter"}.get(element.text)
    return write_svg(picture) if picture else f"<b>{escape(element.text.replace(' ', '_'))}</b>"


def _write_field_face(element: Element) -> str:
    return f"<b>{escape(element.text)}</b>"


def _picture(name: str) -> str:
    return write_svg(name) or f"<b>{escape(letter_of(name))}</b>"


def _control_field(element: Element, start: str, shift: int) -> str:
    style = f"padding-top:{max(0, 22 + shift)}px"
    start = start.replace('style="', f'style="{style};', 1)
    if element.value:
        # The first line break within a text area is not part of its text.
        return f"<textarea {start}>\n{escape(element.detail)}</textarea>"
    return f'<input type="text" autocomplete="off" {start} value="{escape(element.detail)}">'


def _control_tick(element: Element, start: str, shift: int) -> str:
    kind = "radio" if element.kind == "radio" else "checkbox"
    role = ' role="switch"' if element.kind == "switch" else ""
    return f'<input type="{kind}"{role} {start}{" checked" if element.value else ""}>'


def _control_slider(element: Element, start: str, shift: int) -> str:
    level = element.value if isinstance(element.value, int) else 0
    return f'<input type="range" min="0" max="100" {start} value="{level}">'


_CONTROLS: Mapping[str, Callable[[Element, str, int], str]] = {
    "field": _control_field,
    "switch": _control_tick,
    "check": _control_tick,
    "radio": _control_tick,
    "slider": _control_slider,
}
_FACES: Mapping[str, Callable[[Element], str]] = {
    "item": _write_item,
    "switch": _write_mark,
    "check": _write_mark,
    "radio": _write_mark,
    "text": _write_paragraph,
    "icon": _write_picture,
    "fab": _write_picture,
    "nav": lambda element: _picture({"back": "left", "home": "record"}.get(element.name, "stop")),
    "slider": _write_slider,
    "field": _write_field_face,
    "image": _write_image,
    "canvas": _write_canvas,
    "app": _write_named,
    "tab": _write_named,
    "key": _write_key,
}
_TAGS = {"title": "h1", "heading": "h2", "text": "p", "dialog": "div", "canvas": "div"}
_ROLES = {
    "dialog": "dialog",
    "image": "img",
    "canvas": "img",
    "tab": "tab",
    "toast": "status",
}
_KEY_NAMES = {"\x0e": "shift", "\b": "delete", "\n": "enter", " ": "space"}

_STYLE = f"""
*{{box-sizing:border-box;margin:0;padding:0;border:0;font:inherit;color:inherit;
-webkit-tap-highlight-color:transparent;outline:none}}
html,body{{overflow:hidden;background:var(--page);touch-action:none;user-select:none}}
#screen{{position:relative;width:{WIDTH}px;height:{HEIGHT}px;overflow:hidden;color:var(--ink);
font:16px/20px sans-serif}}
.page,.home,.scrim{{position:absolute;inset:0;pointer-events:none}}
.page{{background:linear-gradient(var(--bar) 80px,var(--page) 80px)}}
.home{{background:linear-gradient(var(--sky),var(--ground))}}
.scrim{{background:rgba(0,0,0,.5);pointer-events:auto}}
.e{{position:absolute;overflow:hidden;background:none;text-align:left;appearance:none;
white-space:nowrap;touch-action:none;border-radius:0}}
.still{{pointer-events:none}}
.off{{opacity:.5}}
.face{{position:absolute;left:0;display:flex;align-items:center;pointer-events:none}}
b,i,u{{font-weight:normal;font-style:normal;text-decoration:none;overflow:hidden;
text-overflow:ellipsis}}
svg{{width:24px;height:24px;flex:none}}
.lines{{display:flex;flex-direction:column;min-width:0;flex:1;padding-right:12px}}
i{{font-size:13px;color:var(--faint)}}
.item .face{{padding-left:16px}}
.item.on{{background:var(--soft)}}
.item .disc{{width:40px;height:40px;border-radius:20px;background:var(--soft);color:var(--accent);
margin-right:16px;flex:none}}
.disc{{display:flex;align-items:center;justify-content:center}}
.switch .face{{flex-direction:row-reverse;padding:0 16px}}
.check .face,.radio .face{{padding:0 16px}}
.mark{{flex:none;width:20px;height:20px;border:2px solid var(--faint);border-radius:4px;
margin:0 20px 0 2px}}
.radio .mark{{border-radius:10px}}
.switch .mark{{width:50px;height:30px;border-radius:15px;margin:0}}
.on .mark{{background:var(--accent);border-color:var(--accent)}}
.mark{{position:relative}}
.check.on .mark::after{{content:"";position:absolute;left:4px;top:0;width:7px;height:11px;
border:solid var(--on-accent);border-width:0 2px 2px 0;transform:rotate(45deg)}}
.radio.on .mark{{background:none}}
.radio.on .mark::after{{content:"";position:absolute;inset:3px;border-radius:5px;
background:var(--accent)}}
.switch .mark::after{{content:"";position:absolute;left:6px;top:5px;width:16px;height:16px;
border-radius:8px;background:var(--faint)}}
.switch.on .mark::after{{left:21px;top:1px;width:24px;height:24px;border-radius:12px;
background:var(--on-accent)}}
.text .face{{display:block;padding:6px 16px;font-size:14px;white-space:pre}}
.heading .face{{padding:0 16px;color:var(--accent);font-size:14px}}
.button .face,.chip .face,.icon .face,.nav .face,.key .face,.toast .face{{justify-content:center}}
.button .face::before,.chip .face::before,.fab .face::before,.toast .face::before,
.key .face::before{{content:"";position:absolute;inset:4px 8px;border-radius:20px;
background:var(--accent);z-index:-1}}
.button .face,.fab .face{{isolation:isolate;color:var(--on-accent)}}
.chip .face,.toast .face,.key .face{{isolation:isolate}}
.chip .face::before{{background:none;border:1px solid var(--line);border-radius:10px;inset:4px 3px}}
.chip.on .face::before{{background:var(--soft)}}
.fab .face{{justify-content:center}}
.fab .face::before{{inset:0;border-radius:17px}}
.toast .face::before{{inset:0;border-radius:12px;background:var(--toast)}}
.toast .face{{color:var(--on-toast);font-size:14px}}
.key{{background:var(--board)}}
.key .face::before{{inset:4px 2px;border-radius:6px;background:var(--key)}}
.key svg{{width:18px;height:18px}}
.nav{{color:var(--faint)}}
.nav svg{{width:20px;height:20px}}
.title .face{{font-size:20px;padding-left:8px}}
.status .face{{padding:0 16px;font-size:13px}}
.dialog{{background:linear-gradient(var(--dialog),var(--dialog))}}
.dialog .face{{align-items:flex-start;padding:14px 22px;font-size:18px}}
.app .face,.tab .face{{flex-direction:column;justify-content:center;font-size:13px;gap:4px}}
.app .disc{{width:54px;height:54px;border-radius:17px;background:var(--own);color:#fff}}
.tab{{background:var(--bar);color:var(--faint)}}
.tab.on{{color:var(--accent)}}
.slider .face{{display:block;padding:8px 16px;background:var(--page)}}
.slider u{{position:absolute;right:16px;color:var(--faint)}}
.track{{position:absolute;left:24px;right:24px;top:39px;height:6px;border-radius:3px;
background:linear-gradient(90deg,var(--accent) var(--level),var(--line) var(--level))}}
input.field,textarea.field{{padding:22px 28px 8px;resize:none;font-size:15px;line-height:20px;
white-space:pre-wrap;user-select:text;
background:linear-gradient(var(--field),var(--field)) 16px 2px/calc(100% - 32px)
calc(100% - 6px) no-repeat}}
div.field .face{{align-items:flex-start;padding:5px 28px;font-size:12px;color:var(--faint)}}
div.field.focused .face{{color:var(--accent)}}
.image .face{{flex-direction:column;justify-content:center;gap:8px;background:var(--soft);
white-space:pre-wrap}}
.paper{{background:#faf9f4;color:#2c2e36;padding:12px;font-size:13px;line-height:16px}}
.canvas{{background:#fff}}
.drawing{{position:absolute;background:#fff;inset:0;width:100%;height:100%}}
"""
