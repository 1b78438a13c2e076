"""How wide text will be, without a font at hand: estimates for the usual sans serifs, on the generous side."""

import unicodedata
from collections.abc import Iterator

ELLIPSIS = "…"
BOLD = 1.07
"""How much wider bold letters are."""
_ROUNDING = 0.01
_NARROW = frozenset(" .,:;'’‘|!ijlI()[]tfr/-·")
_WIDE = frozenset("mwMWQO%@&—…")
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")


def measure(text: str, size: float) -> float:
    """The width of `text` in pixels at a font size of `size` pixels."""
    return size * sum(_width_of(letter) for letter in text)


def cut(text: str, size: float, room: float) -> str:
    """`text`, or as much of its beginning as fits into `room` pixels, with an ellipsis."""
    if measure(text, size) <= room + _ROUNDING:
        return text
    left = room - measure(ELLIPSIS, size)
    kept = ""
    for piece in _split_letters(text):
        left -= measure(piece, size)
        if left < 0:
            break
        kept += piece
    return kept.rstrip() + ELLIPSIS


def wrap(text: str, size: float, room: float, *, lines: int) -> list[str]:
    """`text` in at most `lines` lines, each within `room` pixels; the last is cut when the text is longer.

    Breaks at white space, and between any two letters of a script that is written without it.
    """
    words = _split_words(" ".join(text.split()))
    wrapped: list[str] = []
    while words:
        if len(wrapped) == lines - 1:
            wrapped.append(cut("".join(words).strip(), size, room))
            break
        line = words.pop(0)
        while words and measure((line + words[0]).strip(), size) <= room:
            line += words.pop(0)
        wrapped.append(cut(line.strip(), size, room))
    return wrapped


def _width_of(letter: str) -> float:
    """In em. Marks that stand on another letter have no width of their own."""
    if letter in _JOINERS or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in _NARROW:
        return 0.34
    if letter in _WIDE:
        return 0.92
    if unicodedata.bidirectional(letter) == "AL":
        return 0.5
    return 0.7 if letter.isupper() else 0.6


def _split_letters(text: str) -> Iterator[str]:
    """Letters with the marks that stand on them, and emoji whole."""
    whole = ""
    for letter in text:
        if whole and _width_of(letter) > 0 and whole[-1] != "\u200d":
            yield whole
            whole = ""
        whole += letter
    if whole:
        yield whole


def _split_words(text: str) -> list[str]:
    """What may begin a line; the space and the punctuation behind a word stay with it."""
    words = [""]
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF" and letter.isalnum()
        if words[-1] and (words[-1][-1] == " " or wide):
            words.append("")
        words[-1] += letter
    return [word for word in words if word]
