"""A picture as a file of its own: with its style in it, on white, as it would be printed.

The rules and colours are those of `web/static/drawing.css`; they are written out as plain values, since programs
that show SVG outside of a browser know no custom properties.
"""

import re
from functools import cache
from importlib.resources import files

ACCENT = "#0f766e"
_GROUND = "#ffffff"
_MARGIN = 16

_OPENING = re.compile(r'(<svg [^>]*)viewBox="0 0 ([0-9.]+) ([0-9.]+)" width="[0-9.]+" height="[0-9.]+"([^>]*>)')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CONDITION = re.compile(r"@(?:media|container)[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_TOKEN = re.compile(r"(--fl-[a-z-]+):\s+([^;]+);")
_USE = re.compile(r"var\((--fl-[a-z-]+)\)")
_MIX = re.compile(r"color-mix\(in oklab, (#[0-9a-f]{6}) ([0-9]+)%, (#[0-9a-f]{6})\)")


def standalone(svg: str, *, accent: str = ACCENT) -> str:
    """An SVG file's text: the picture of another function here, with its style inside and a white ground.

    `accent` is the bundle's, as `#rrggbb`. Raises: ValueError for what is no picture from here.
    """
    opening = _OPENING.match(svg)
    if opening is None:
        raise ValueError("this is no picture")
    before, after = opening[1], opening[4]
    width, height = (float(opening[group]) + 2 * _MARGIN for group in (2, 3))
    frame = f'viewBox="-{_MARGIN} -{_MARGIN} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    ground = f'<rect x="-{_MARGIN}" y="-{_MARGIN}" width="{width:g}" height="{height:g}" fill="{_GROUND}"/>'
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (
        f"{head}{before}{frame}{after}<style>{_write_style(accent.lower())}</style>{ground}{svg[opening.end() :]}\n"
    )


@cache
def _write_style(accent: str) -> str:
    """drawing.css without its conditions and with every token's value as on paper."""
    sheet = _COMMENT.sub("", _read("drawing.css"))
    tokens = {"--fl-accent": accent}
    tokens["--fl-font"] = next(value for name, value in _TOKEN.findall(_read("tokens.css")) if name == "--fl-font")
    for name, value in _TOKEN.findall(sheet[sheet.index("@media print") :]):
        tokens[name] = _MIX.sub(_mix, _USE.sub(lambda used: tokens[used[1]], value))
    plain = _USE.sub(lambda used: tokens[used[1]], _CONDITION.sub("", sheet))
    return " ".join(plain.split())


def _read(name: str) -> str:
    return (files("firstline") / "web" / "static" / name).read_text(encoding="utf-8")


def _mix(found: re.Match[str]) -> str:
    """The mixed colour; in sRGB, which for tints near white is close enough."""
    colour, share, ground = found[1], int(found[2]) / 100, found[3]
    pairs = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02x}" for one, other in pairs)
