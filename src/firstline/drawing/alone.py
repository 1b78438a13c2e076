"""A picture as a file of its own: with its colours in it, as plain values, on white.

The rules are those of `web/static/drawing.css`; only the values of the tokens are written here again, since
programs that show SVG outside of a browser know no custom properties.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

ACCENT = "#0f766e"
SURFACE = "#ffffff"

_PLAIN: Mapping[str, str] = {
    "--fl-font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', 'PingFang SC', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans Arabic', sans-serif",
    "--fl-surface": SURFACE,
    "--fl-raised": "#ffffff",
    "--fl-sunken": "#f3f1ed",
    "--fl-line": "#e3dfd8",
    "--fl-edge": "#8b857c",
    "--fl-ink": "#211f1c",
    "--fl-muted": "#655f57",
    "--fl-danger": "#a8281f",
    "--fl-warn": "#7a4d00",
    "--fl-warn-tint": "#fdf3dc",
    "--fl-good": "#1d6a3c",
}
_SHARES: Mapping[str, float] = {
    "--fl-accent-ink": 1.0,
    "--fl-accent-line": 0.38,
    "--fl-accent-tint": 0.11,
    "--fl-accent-faint": 0.06,
}
"""How much of the accent is mixed into the surface."""

_TOKEN = re.compile(r"var\((--[a-z-]+)\)")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CONDITIONS = re.compile(r"@(?:media|container)[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_OPENING = re.compile(r'(<svg [^>]*)viewBox="0 0 ([0-9.]+) ([0-9.]+)" width="[0-9.]+" height="[0-9.]+"([^>]*>)')
_MARGIN = 16


def standalone(svg: str, *, accent: str = ACCENT) -> str:
    """An SVG file's text: the picture of another function here, with its style inside and a white ground.

    `accent` is the bundle's, as `#rrggbb`.
    """
    opening = _OPENING.match(svg)
    if opening is None:
        raise ValueError("this is no picture")
    before, after = opening[1], opening[4]
    width, height = (float(opening[group]) + 2 * _MARGIN for group in (2, 3))
    frame = f'viewBox="-{_MARGIN} -{_MARGIN} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    ground = f'<rect x="-{_MARGIN}" y="-{_MARGIN}" width="{width:g}" height="{height:g}" fill="{SURFACE}"/>'
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    style = f"<style>{_write_style(accent)}</style>"
    return f"{head}{before}{frame}{after}{style}{ground}{svg[opening.end() :]}\n"


@cache
def _write_style(accent: str) -> str:
    mixed = {token: _mix(accent, share) for token, share in _SHARES.items()}
    values = {**_PLAIN, **mixed}
    sheet = (files("firstline") / "web" / "static" / "drawing.css").read_text(encoding="utf-8")
    plain = _TOKEN.sub(lambda found: values[found[1]], _CONDITIONS.sub("", _COMMENT.sub("", sheet)))
    return " ".join(plain.split()).replace("<", "").replace("&", "")


def _mix(colour: str, share: float) -> str:
    """`share` of the colour, the rest of it surface."""
    pairs = ((int(colour[at : at + 2], 16), int(SURFACE[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02x}" for one, other in pairs)
