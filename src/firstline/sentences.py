"""A growing text, cut into pieces that can be judged one by one.

A piece is a sentence with the white space after it, a heading, a table row (the head together with its rule),
or a line of fenced code. Pieces come out as soon as it is certain where they end, whatever comes next: the cuts
do not depend on how the text was fed. Not cutting is always safe, it only holds text back longer; so doubtful
full stops (`a.m.`, `U.S.`) do not cut. Used by `firstline.release`; knows nothing of checks.
"""

import re

HOLD_CHARS = 1000
"""A piece never grows longer: a run-on is cut at white space."""

_STRONG = "。！？；｡؟।॥"
_STOP = re.compile(rf"\n|[.!?…{_STRONG}]+")
_SPACE = re.compile(r"\s*")
_CLOSERS = frozenset("\"'”’»›)]}」』）】》〉")
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]*)")
_PERHAPS_FENCE = re.compile(r"[ \t]*(?:`{0,2}|~{0,2})")
_WHOLE_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\|)")
_TABLE_RULE = re.compile(r"[ \t|:-]*")
_CUTTABLE = re.compile(r".*[\s，、：]", re.DOTALL)
_LAST_WORD = re.compile(r"(?<![^\s(\[\"'“‘*_])[A-Za-z.]+$")
_DOTTED = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof rev gen sr jr st ave blvd rd apt dept est inc ltd co corp llc vs etc approx ca cf fig eq vol "  # noqa: SIM905
    "pp tel ext max min hr hrs mo mos yr yrs wk jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed "
    "thu thur thurs fri sat sun ph.d eg ie al z.b bzw usw".split()
)


class SentenceSplitter:
    """Cuts what is fed; what came out plus what is held is exactly what went in. `fence`: the text begins in code."""

    def __init__(self, *, fence: str = "") -> None:
        self.held = ""
        self._fence = fence
        self._starts_line = True
        self._in_table = False

    def feed(self, text: str) -> list[str]:
        """The pieces that are now known to be whole."""
        self.held += text
        return self._cut(final=False)

    def flush(self) -> list[str]:
        """All that is held: the text has ended."""
        return self._cut(final=True)

    def _cut(self, *, final: bool) -> list[str]:
        pieces: list[str] = []
        while self.held:
            window = self.held[: HOLD_CHARS + 1]
            whole = final and len(self.held) <= HOLD_CHARS
            end = self._find_end(window, whole)
            if end is None and len(window) <= HOLD_CHARS:
                break
            if end is None or end > HOLD_CHARS:
                end = _find_cut(window[:HOLD_CHARS])
            pieces.append(self._take(end))
        return pieces

    def _take(self, end: int) -> str:
        piece, self.held = self.held[:end], self.held[end:]
        if self._starts_line:
            self._fence = follow_fence(self._fence, piece)
            self._in_table = piece.lstrip(" \t").startswith("|") and not piece.endswith("\n\n")
        self._starts_line = piece.endswith("\n")
        return piece

    def _find_end(self, window: str, final: bool) -> int | None:
        """Where the first piece of `window` ends; None while that depends on what comes."""
        if self._fence:
            return _find_line_end(window, final)
        if self._starts_line:
            if _FENCE.match(window) or (not final and _PERHAPS_FENCE.fullmatch(window)):
                return _find_line_end(window, final)
            if _WHOLE_LINE.match(window):
                return _find_row_end(window, final, head=window.lstrip(" \t").startswith("|") and not self._in_table)
        return _find_sentence_end(window, final)


def follow_fence(fence: str, line: str) -> str:
    """The fence (such as three backticks) in force after `line`, when `fence` was in force before; empty for none."""
    mark = _FENCE.match(line)
    if mark is None:
        return fence
    run, rest = mark[1], mark[2]
    if not fence:
        return "" if "`" in run and "`" in rest else run
    closes = run.startswith(fence) and not rest.strip()
    return "" if closes else fence


def ends_sentence(text: str) -> bool:
    """Whether nothing that follows `text` could belong to its last claim."""
    bare = text.rstrip()
    if text[len(bare) :].count("\n") > 1:
        return True
    bare = bare.rstrip("".join(_CLOSERS) + "*_`")
    return bool(bare) and bare[-1] in ".!?…" + _STRONG


def _find_line_end(window: str, final: bool) -> int | None:
    end = window.find("\n") + 1
    return end or (len(window) if final else None)


def _find_row_end(window: str, final: bool, *, head: bool) -> int | None:
    """The end of a heading or table row; the first row of a table takes the rule below it along."""
    end = window.find("\n")
    if end < 0:
        return len(window) if final else None
    if head:
        rule = _TABLE_RULE.match(window, end + 1)
        stop = rule.end() if rule else end
        if stop == len(window) and not final:
            return None
        if rule and "-" in rule[0] and (stop == len(window) or window[stop] == "\n"):
            end = stop
    return _pass_space(window, end, final)


def _find_sentence_end(window: str, final: bool) -> int | None:
    bullet = _BULLET.match(window)
    start = bullet.end() if bullet else 0
    for stop in _STOP.finditer(window, start):
        if stop[0] == "\n":
            return _pass_space(window, stop.start(), final)
        end = _pass_closers(window, start, stop.end())
        if end == len(window):
            return end if final else None
        if _is_open(window, start, end):
            continue
        if not _STRONG_RUN.search(stop[0]):
            ahead = _pass_white(window, end)
            if ahead == len(window):
                return ahead if final else None
            if ahead == end or not _stops(window, stop, window[ahead], line_ends="\n" in window[end:ahead]):
                continue
        return _pass_space(window, end, final)
    return len(window) if final else None


_STRONG_RUN = re.compile(f"[{_STRONG}]")


def _stops(window: str, stop: re.Match[str], after: str, *, line_ends: bool) -> bool:
    """Whether a Latin stop, white space and then `after` mean the end of a sentence."""
    if line_ends:
        return True
    if after.islower():
        return False
    if stop[0] != ".":
        return True
    before = window[max(0, stop.start() - 20) : stop.start()]
    found = _LAST_WORD.search(before)
    word = found[0].casefold() if found else ""
    if word in ("no", "nos"):
        return not after.isdigit()
    return word not in _ABBREVIATIONS and not _DOTTED.fullmatch(word)


def _is_open(window: str, start: int, end: int) -> bool:
    """Whether `end` lies inside strong emphasis, code or a link, which a cut would tear."""
    if window.count("**", start, end) % 2 or window.count("`", start, end) % 2:
        return True
    if window.rfind("[", start, end) > window.rfind("]", start, end):
        return True
    if window[end - 1] == "]" and window[end] == "(":
        return True
    target = window.rfind("](", start, end)
    return target >= 0 and window.find(")", target, end) < 0


def _pass_closers(window: str, start: int, at: int) -> int:
    while at < len(window):
        mark = window[at]
        doubles = window.count(mark * 2, start, at)
        unpaired = (window.count(mark, start, at) - 2 * doubles) % 2
        if mark not in _CLOSERS and not (mark in "*_`" and (doubles % 2 or unpaired)):
            break
        at += 1
    return at


def _pass_white(window: str, at: int) -> int:
    space = _SPACE.match(window, at)
    return space.end() if space else at


def _pass_space(window: str, at: int, final: bool) -> int | None:
    """Behind the white space at `at`, but before the indent of the next line."""
    end = _pass_white(window, at)
    if end == len(window):
        return end if final else None
    return window.rfind("\n", at, end) + 1 or end


def _find_cut(run: str) -> int:
    cut = _CUTTABLE.match(run)
    return cut.end() if cut else len(run)
