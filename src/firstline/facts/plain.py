"""What a reader reads in a piece of Markdown.

A figure can hide from a search behind emphasis (`$4**5**`), an entity (`&#36;45`), an escape, a joiner, full-width
or circled digits: on the page it is a figure like any other. Checks look at what this module gives.
"""

import html
import re
import unicodedata
from functools import lru_cache

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff\ud800-\udfff]"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"\[([^\[\]]*)\]\(\s*<?([^\s()<>]*)>?[^()]*\)")
_SOFT_BREAK = re.compile(r"(?<!\n)[ \t]*\n(?![ \t]*(?:\n|[-*+>#|]|\d{1,9}[.)][ \t]|$))")
_UNDERLINE = re.compile(r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])")
_OVERLAID = re.compile(r"(?<=[\d$€£¥%.,])[\u0300-\u036f\u20d0-\u20ff]+")
_CLAUSE_COMMA = re.compile(r"((?<![\d.])\d{1,3}(?:，\d{3})+(?!\d))|，(?=\d)")
"""A Chinese comma before a digit ends a clause; but between groups of three it is read as in `1,234`."""
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_MARKS = str.maketrans({"*": None, "`": None, "[": None, "]": None, "٫": ".", "٬": ",", "٪": "%", "−": "-"})


@lru_cache(maxsize=256)
def read_plain(text: str) -> str:
    """`text` without marks: NFKC, ASCII digits, one line a block; the targets of its links stand at the end."""
    text = _UNSEEN.sub("", text)
    if "&" in text:
        text = _UNSEEN.sub("", html.unescape(text))
    if "\\" in text:
        text = _ESCAPE.sub(r"\1", text)
    targets: list[str] = []
    if "](" in text:
        text = _LINK.sub(lambda link: targets.append(link[2]) or link[1], text)
    if not text.isascii():
        text = _CLAUSE_COMMA.sub(lambda comma: comma[1] or "， ", text)
        text = _OVERLAID.sub("", unicodedata.normalize("NFKC", text))
        text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    text = _SOFT_BREAK.sub(" ", text).translate(_MARKS)
    if "_" in text:
        text = _UNDERLINE.sub("", text)
    return "\n".join((text, *targets))
