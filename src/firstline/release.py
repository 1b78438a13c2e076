"""The release gate: model text goes in, what may be shown comes out, sentence by sentence.

Nothing leaves that was not checked, and everything that leaves is in `shown`: released texts, one after the other,
*are* `shown`. A sentence is checked together with the unfinished line before it, so that a claim cannot pass in two
halves. Owned by `firstline.loop`, one `Release` a turn; it decides nothing about repairs or fallbacks.

A citation is written `[1]` behind a narrow no-break space, a sign that model text cannot hold (`_clean` makes it an
ordinary no-break space): so a «[1]» that the model wrote itself stays text, and a reader of the plain text sees the
same mark as a reader of the page.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from firstline.guardrails import Evidence, Guardrail, Screening
from firstline.sentences import SentenceSplitter, ends_sentence, follow_fence
from firstline.types import Citation, Locale, Verdict

MARK_SPACE = "\u202f"
QUOTE_CHARS = 600

_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ue000-\uf8ff\U000e0000-\U0010ffff]"
)
_RULE = re.compile(r"[ \t|:=_*-]+")
_ROW = re.compile(r"[ \t]*\|.*\|")
_MARKS_AT_END = re.compile(rf"(?:{MARK_SPACE}\[\d+\])*$")
_LATIN = re.compile(r"[^\s(\[“「\u3000-\u9fff\uff00-\uffef]$")


@dataclass(frozen=True, slots=True)
class Released:
    """What may be shown now. `blocked` and `withheld`: the sentence that may not, and why; nothing follows it.

    broken: verdicts of guardrails that failed and are declared to let pass: for the log.
    """

    text: str = ""
    blocked: Verdict | None = None
    withheld: str = ""
    broken: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the reply has come. `gap`: white space owed before the next piece; `line`: the unfinished claim."""

    shown: str
    citations: tuple[Citation, ...]
    gap: str = ""
    line: str = ""
    fence: str = ""


class Release:
    """One turn's gate."""

    def __init__(
        self,
        *,
        guardrails: Sequence[Guardrail],
        locale: Locale,
        evidence: Callable[[], Evidence],
        shown: str = "",
        citations: Sequence[Citation] = (),
    ) -> None:
        self._guardrails = guardrails
        self._locale = locale
        self._evidence = evidence
        self._place = _Place(shown=shown, citations=tuple(citations))
        self._start_text()

    @property
    def shown(self) -> str:
        """Everything released so far, byte for byte; never ends in white space."""
        return self._place.shown

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Number n of the marks is the n-th."""
        return self._place.citations

    def start_part(self) -> None:
        """The next text is another reply of the model: a new paragraph, if anything was shown."""
        fence = f"\n{self._place.fence}" if self._place.fence else ""
        gap = f"{fence}\n\n" if self._place.shown else ""
        self._place = replace(self._place, gap=gap, line="", fence="")
        self._start_text()

    def feed(self, text: str) -> Released:
        """The pieces that are whole and passed; up to the first that did not."""
        return self._release(self._splitter.feed(_clean(text)))

    def finish(self) -> Released:
        """The text has ended: the rest is checked. White space at its end is not released."""
        return self._release(self._splitter.flush())

    def cite(self, citation: Citation) -> Released:
        """The text so far rests on this; its mark goes behind the sentence in which it falls."""
        if self._splitter.held.strip() or not (self._fresh or self._takes_more):
            self._cited.append(citation)
            return Released()
        if self._fresh:
            return Released()
        mark = self._write_marks([citation])
        marks = _MARKS_AT_END.search(self._place.shown)
        if marks and mark in marks[0]:
            return Released()
        self._place = replace(self._place, shown=self._place.shown + mark)
        return Released(text=mark)

    def say(self, text: str) -> Released:
        """Our words, such as the bundle's fallback: a paragraph of its own, unchecked; what is held is dropped."""
        self.start_part()
        before = len(self._place.shown)
        self._place = replace(self._place, shown=self._place.shown + self._place.gap + text.strip(), gap="")
        self._start_text()
        return Released(self._place.shown[before:])

    def rewind(self, shown: str) -> None:
        """Take back the text that was begun when `shown` was all there was: it starts again.

        Raises: ValueError when no text began there.
        """
        if shown != self._begun.shown:
            raise ValueError("a reply can only be rewound to where its last text began")
        self._place = self._begun
        self._start_text()

    def _start_text(self) -> None:
        """What follows begins a text: its place is kept for `rewind`, its leading white space is ours to choose."""
        self._begun = self._place
        self._splitter = SentenceSplitter(fence=self._place.fence)
        self._fresh = True
        self._cited: list[Citation] = []
        self._takes_more = False

    def _release(self, pieces: Sequence[str]) -> Released:
        before = len(self._place.shown)
        broken: list[Verdict] = []
        for piece in pieces:
            verdict = self._check(piece, broken)
            if verdict is not None:
                self._start_text()
                return Released(self._place.shown[before:], verdict, piece.strip(), tuple(broken))
            self._show(piece)
        return Released(self._place.shown[before:], broken=tuple(broken))

    def _check(self, piece: str, broken: list[Verdict]) -> Verdict | None:
        """The first verdict that blocks `piece`, or None."""
        if not piece.strip():
            return None
        text = _JOINERS.sub("", self._place.line + piece)
        screening = Screening(stage="output", text=text, locale=self._locale, evidence=self._evidence())
        for guardrail in self._guardrails:
            try:
                verdict = guardrail.check(screening)
            except Exception as error:  # a guardrail is foreign code: whatever it raises, its declaration decides
                reason = f"the check itself failed: {type(error).__name__}"
                verdict = Verdict(guardrail=guardrail.name, decision=guardrail.when_broken, reason=reason)
                if verdict.decision == "pass":
                    broken.append(verdict)
            if verdict.decision == "block":
                return verdict
        return None

    def _show(self, piece: str) -> None:
        place = self._place
        core = piece.rstrip()
        space = piece[len(core) :]
        if not core:
            gap = _choose_gap(place, space) if self._fresh else place.gap + space
            self._place = replace(place, gap=gap, line="" if gap.count("\n") > 1 else place.line)
            return
        gap = place.gap
        if self._fresh:
            lead = core[: len(core) - len(core.lstrip())]
            core, gap = core[len(lead) :], _choose_gap(place, lead)
        fence = follow_fence(place.fence, piece) if _begins_line(place.shown + gap) else place.fence
        text = core
        if self._cited and not (fence or place.fence or _RULE.fullmatch(core.rpartition("\n")[2])):
            text = _put_marks(core, self._write_marks(self._cited))
            self._cited = []
        self._takes_more = not (fence or place.fence) and _takes_more(core)
        self._fresh = False
        line = "" if ends_sentence(piece) else piece
        self._place = _Place(place.shown + gap + text, self._place.citations, space, line, fence)

    def _write_marks(self, citations: Sequence[Citation]) -> str:
        return "".join(f"{MARK_SPACE}[{number}]" for number in dict.fromkeys(map(self._number, citations)))

    def _number(self, citation: Citation) -> int:
        """The number of its source within the reply; what it quotes is added to what was quoted before."""
        sources = list(self._place.citations)
        for index, known in enumerate(sources):
            if (known.url, known.title) == (citation.url, citation.title):
                longer = f"{known.quote} … {citation.quote}"
                if citation.quote not in known.quote and len(longer) <= QUOTE_CHARS:
                    sources[index] = known.model_copy(update={"quote": longer})
                    self._place = replace(self._place, citations=tuple(sources))
                return index + 1
        self._place = replace(self._place, citations=(*sources, citation))
        return len(sources) + 1


def _clean(text: str) -> str:
    """`text` without what cannot be seen (joiners, which some scripts need, stay) and without our own mark."""
    return _UNSEEN.sub("", text.replace(MARK_SPACE, "\u00a0"))


def _begins_line(before: str) -> bool:
    return not before or before.endswith("\n")


def _choose_gap(place: _Place, lead: str) -> str:
    """What stands between `shown` and a text that goes on after it: the wider of what either wants."""
    if not place.shown:
        return ""
    if lead.count("\n") > place.gap.count("\n"):
        return lead
    return place.gap or lead or (" " if _LATIN.search(place.shown) else "")


def _takes_more(core: str) -> bool:
    """Whether a mark may stand behind `core`, where it would spoil neither a table nor a rule."""
    last = core.rpartition("\n")[2]
    return not (_RULE.fullmatch(last) or _ROW.fullmatch(last))


def _put_marks(core: str, marks: str) -> str:
    """`core` with the marks behind it, or in the last cell of a table's row."""
    return core + marks if _takes_more(core) else f"{core[:-1].rstrip()}{marks} |"
