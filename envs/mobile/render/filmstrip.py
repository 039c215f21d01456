"""A film as HTML: a strip of screens, whole in one file, in light and in dark."""

import base64
import html
import io
import json
import unicodedata

from gym_reason.envs.mobile.render.film import Film, Frame
from gym_reason.types import Outcome

MAX_ACTION = 600
"""Most characters that are shown of what an agent wrote."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

STYLE = """
.film{--film-page:#faf9f6;--film-panel:#fff;--film-ink:#23262d;--film-quiet:#666c78;
--film-rule:#e0ded8;--film-good:#1d6f4c;--film-good-back:#e9f4ee;--film-bad:#a8443a;
--film-bad-back:#fbefec;--film-mark:#c92a52;
color:var(--film-ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif}
@media (prefers-color-scheme:dark){.film{--film-page:#16181d;--film-panel:#1d2027;
--film-ink:#e3e5ea;--film-quiet:#9aa1ae;--film-rule:#343943;--film-good:#74c9a0;
--film-good-back:#1b2923;--film-bad:#e79388;--film-bad-back:#2e2120;--film-mark:#f2758f}}
.film *{box-sizing:border-box}
.film .asked{font-size:19px;font-weight:600;line-height:1.35;margin:0;max-width:70ch;
overflow-wrap:anywhere}
.film .about{color:var(--film-quiet);margin:4px 0 0;font-size:14px}
.film ol{list-style:none;margin:18px 0 0;padding:0;display:grid;gap:22px 18px;
grid-template-columns:repeat(auto-fill,minmax(196px,1fr))}
.film li{min-width:0}
.film img{display:block;width:100%;height:auto;border-radius:14px;background:var(--film-panel);
border:1px solid var(--film-rule)}
.film .done{margin:9px 2px 0;font-weight:600;line-height:1.35;overflow-wrap:anywhere}
.film .done b{color:var(--film-mark);font-variant-numeric:tabular-nums;margin-right:5px}
.film .done.malformed{color:var(--film-bad)}
.film code{display:block;margin:4px 2px 0;color:var(--film-quiet);overflow-wrap:anywhere;
white-space:pre-wrap;font:12px/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;
max-height:8.7em;overflow-y:auto}
.film .said{margin:4px 2px 0;font-size:13.5px;color:var(--film-quiet);overflow-wrap:anywhere}
.film .gap{align-self:center;text-align:center;color:var(--film-quiet)}
.film .outcome{margin:20px 0 0;padding:12px 16px;border-radius:10px;overflow-wrap:anywhere;
background:var(--film-bad-back);border-left:4px solid var(--film-bad)}
.film .outcome.good{background:var(--film-good-back);border-color:var(--film-good)}
.film .outcome strong{color:var(--film-bad)} .film .outcome.good strong{color:var(--film-good)}
.film .outcome span{display:block;color:var(--film-quiet);font-size:13.5px}
@media (max-width:480px){.film ol{grid-template-columns:repeat(2,minmax(0,1fr));gap:16px 12px}}
"""

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#faf9f6}
main{max-width:1320px;margin:0 auto;padding:36px 28px 56px}
@media (prefers-color-scheme:dark){body{background:#16181d}}
@media (max-width:480px){main{padding:20px 14px 36px}}
"""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def write_frames(film: Film) -> str:
    """Return the screens of a film as JSON, for pages that show them in their own way."""
    return json.dumps(
        [
            {"number": frame.number, "picture": _encode_png(frame), "done": frame.done}
            for frame in film.frames
        ]
    )


def _write_part(film: Film) -> str:
    pictures: list[str] = []
    shown = 0
    for frame in film.frames:
        if film.left_out and frame.number > shown + 1:
            pictures.append(f'<li class="gap">{film.left_out} screens are left out</li>')
        shown = frame.number
        pictures.append(_write_frame(frame))
    return (
        f'<section class="film"><style>{STYLE}</style>'
        f'<p class="asked">{_text(film.asked)}</p>'
        f'<p class="about">{_text(film.about)}, {_text(_judge(film)[0].lower())}</p>'
        f"<ol>{''.join(pictures)}</ol>{_write_verdict(film)}</section>"
    )


def write_page(film: Film) -> str:
    """Return a film as a whole page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{_text(film.about)}</title><style>{_PAGE_STYLE}</style></head>"
        f"<body><main>{_write_part(film)}</main></body></html>\n"
    )


def _encode_png(frame: Frame) -> str:
    file = io.BytesIO()
    frame.picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _write_frame(frame: Frame) -> str:
    number = f"<b>{frame.number}</b>" if frame.number else ""
    label = f"Screen {frame.number}: {frame.done}" if frame.number else "The screen so far"
    done = f"{frame.done[:1].upper()}{frame.done[1:]}"
    malformed = " malformed" if frame.reward < 0 and frame.said.startswith("Not done") else ""
    parts = [
        f'<img src="data:image/png;base64,{_encode_png(frame)}" alt="{_text(label)}" '
        f'width="{frame.picture.width}" height="{frame.picture.height}">',
        f'<p class="done{malformed}">{number}{_text(done)}</p>',
    ]
    if frame.action:
        action = frame.action
        if len(action) > MAX_ACTION:
            action = f"{action[:MAX_ACTION]} [... {len(action) - MAX_ACTION:,} more characters]"
        parts.append(f"<code>{_text(action)}</code>")
    if frame.said:
        parts.append(f'<p class="said">{_text(frame.said[:MAX_ACTION])}</p>')
    return f"<li>{''.join(parts)}</li>"


def _write_verdict(film: Film) -> str:
    words, detail = _judge(film)
    kind = "outcome good" if film.verdict is not None and film.verdict.correct else "outcome"
    return (
        f'<p class="{kind}"><strong>{_text(words)}</strong>, return {film.rewards:g}'
        f"<span>{_text(detail)}</span></p>"
    )


def _judge(film: Film) -> tuple[str, str]:
    """Return the verdict in words, and why."""
    verdict = film.verdict
    if verdict is None:
        return "No claim was made", "The agent has not said that it is done."
    if verdict.correct:
        return "Solved", "What was asked for has changed, and nothing else."
    words = "Not solved" if verdict.outcome is Outcome.FAIL else verdict.outcome.value
    return words, verdict.detail[:MAX_ACTION]


def _text(words: str) -> str:
    """Return words as HTML; characters that would hide or turn others are shown by their codes."""
    return html.escape("".join(map(_show, words)), quote=True)


def _show(character: str) -> str:
    if character == "\n" or (character.isascii() and character.isprintable()):
        return character
    hidden = unicodedata.category(character) in _HIDDEN
    return f"\\u{ord(character):04x}" if hidden else character
