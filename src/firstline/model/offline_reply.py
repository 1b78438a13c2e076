"""What the offline model replies: parts of text with their sources, and calls; and the voice it says them in.

Imported by `firstline.model.offline*` only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firstline.bundle import Bundle
from firstline.model.offline_dialogue import Source
from firstline.model.offline_quotes import Piece
from firstline.model.offline_words import say, spoken
from firstline.types import Json, Locale, LocalText, choose_text


@dataclass(frozen=True)
class Part:
    """Text, and the block that it rests on."""

    text: str
    source: Source | None = None


@dataclass(frozen=True)
class Wish:
    """A tool call that the model asks for."""

    tool: str
    arguments: Json


@dataclass(frozen=True)
class Answer:
    """A whole reply: text, or a call."""

    parts: tuple[Part, ...] = ()
    wish: Wish | None = None


@dataclass(frozen=True)
class Voice:
    """The words of one reply. `turn` lets wordings take turns, so that nothing sounds like a machine."""

    bundle: Bundle
    locale: Locale
    turn: int = 0

    @classmethod
    def of(cls, bundle: Bundle, locale: Locale, *, turn: int) -> "Voice":
        """In the note's language where bundle and phrases have it, else in the bundle's first."""
        bare = locale.split("-")[0]
        known = spoken(bare) and bare in {own.split("-")[0] for own in bundle.locales}
        return cls(bundle, locale if known else bundle.locale, turn)

    def say(self, key: str, **values: str) -> str:
        return say(key, self.locale, turn=self.turn, **values)

    def text(self, texts: LocalText) -> str:
        return choose_text(texts, self.locale)

    def sentences(self, *sentences: str) -> Answer:
        """Sentences that follow one another; empty ones are left out. A new paragraph stays one."""
        text = ""
        for sentence in filter(None, (sentence.strip() for sentence in sentences)):
            paragraph = "\n" in sentence or "\n" in text
            text += ("\n\n" if paragraph else self.say("gap")) + sentence if text else sentence
        return Answer((Part(text),))

    def join(self, words: Sequence[str]) -> str:
        """ "a, b and c"."""
        if len(words) < 2:
            return "".join(words)
        return self.say("joint").join(words[:-1]) + self.say("last_joint") + words[-1]

    def quote(self, answers: Sequence[Sequence[Piece]]) -> Answer:
        """Quotes as running text and lists, each with its source; a paragraph for each question."""
        return Answer(tuple(self._quote_parts(answers)))

    def _quote_parts(self, answers: Sequence[Sequence[Piece]]) -> Iterator[Part]:
        last: Piece | None = None
        for pieces in answers:
            if pieces[0].kind != "sentence":
                yield Part(("\n\n" if last else "") + self._head(pieces[0]) + "\n")
                last = pieces[0]
            for at, piece in enumerate(pieces):
                gap = self._gap(last, piece, first=at == 0)
                yield Part(gap + piece.bullet + piece.text, piece.source)
                last = piece

    def _head(self, piece: Piece) -> str:
        """A list needs a heading: its section's, unless that is a question."""
        if piece.section.endswith(("?", "？")):
            return self.say("found")
        return f"**{piece.section}{self.say('colon')}**"

    def _gap(self, last: Piece | None, piece: Piece, *, first: bool) -> str:
        if last is None:
            return ""
        if first and piece is last:
            return "\n"
        if first or (last.kind == "sentence") != (piece.kind == "sentence"):
            return "\n\n"
        return "\n" if piece.bullet else self.say("gap")
