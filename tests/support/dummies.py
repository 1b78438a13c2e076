"""Models that an evaluation has to see through, and one that does it right, for the workshop bundle.

Each dummy would make some criterion perfect by doing nothing for the customer. None may pass.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from firstline.model import ModelReply, ModelRequest, Piece, Replied, TextCited, TextGrew, ToolChosen
from firstline.model.offline_dialogue import Dialogue, Exchange, Source, read_dialogue
from firstline.types import Json, Usage

Part = str | Source
"""Something said, or the passage that what was said last rests on."""


@dataclass(frozen=True)
class Dummy:
    """Implements `Model`; what it says is its subclasses' business."""

    name: str = "dummy"
    offline: bool = False

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        dialogue = read_dialogue(request)
        if (wish := self.call(dialogue)) is not None:
            tool, arguments = wish
            yield ToolChosen(tool)
            call_id = f"call_{request.turn_id}_{len(dialogue.now.calls)}"
            block: Json = {"type": "tool_use", "id": call_id, "name": tool, "input": arguments}
            yield Replied(ModelReply((block,), "tool_use", Usage(output_tokens=5), 0.0, self.name))
            return
        blocks: list[Json] = []
        for part in self.say(dialogue):
            if isinstance(part, Source):
                blocks[-1]["citations"] = [part.location()]
                yield TextCited(part.citation)
            else:
                blocks.append({"type": "text", "text": part})
                yield TextGrew(part)
        yield Replied(ModelReply(tuple(blocks), "end_turn", Usage(output_tokens=5), 0.0, self.name))

    def call(self, dialogue: Dialogue) -> tuple[str, Json] | None:
        """The tool that it calls, with arguments."""
        return None

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        """What it says, once it calls no tool."""
        yield from ()


class DoesNothing(Dummy):
    """Replies with nothing at all."""


class RefusesAll(Dummy):
    """Knows nothing, in the bundle's own words for it."""

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        yield "I do not know that."


class RefusesPolitely(Dummy):
    """Helps with nothing, in words of its own."""

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        yield "I am so sorry, but I cannot help you with that."


class EscalatesAll(Dummy):
    """Leaves everything to a person."""

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        yield "I do not know that. A person from the workshop can help you."


class CitesEverything(Dummy):
    """Quotes whatever was found, and something is always found."""

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        yield "Here is what I have. "
        yield from quote(dialogue.now)


class Echoes(Dummy):
    """Says what the customer said."""

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        yield f"You wrote: {dialogue.now.text}"


class Clerk(Dummy):
    """Does it right, by rules that know the workshop's cases."""

    def call(self, dialogue: Dialogue) -> tuple[str, Json] | None:
        now = dialogue.now
        if now.calls or now.note.actions or now.note.blocked:
            return None
        if wheels := _count_wheels(dialogue):
            return "get_price", {"wheels": wheels}
        if repair := re.search(r"cancel repair (R-\d)", now.text):
            return "cancel_repair", {"repair": repair[1]}
        return None

    def say(self, dialogue: Dialogue) -> Iterator[Part]:
        now = dialogue.now
        if now.calls:
            yield from map(_tell, (call.result for call in now.calls))
        elif now.note.actions:
            for action in now.note.actions:
                done = "" if action.outcome == "ok" else "not "
                yield f"Your repair {action.arguments['repair']} is {done}cancelled."
        elif now.note.blocked or now.note.playbook == "elsewhere":
            yield "I only know bicycles. "
        elif re.search(r"price|how much", now.text, re.IGNORECASE):
            yield "How many wheels would you like?"
        else:
            yield from quote(now)


DUMMIES = (DoesNothing, RefusesAll, RefusesPolitely, EscalatesAll, CitesEverything, Echoes)


def quote(exchange: Exchange) -> Iterator[Part]:
    """Every passage of the turn, with its source."""
    for passage in exchange.passages:
        for source in passage.sources:
            yield f"{source.citation.quote} "
            yield source


def _count_wheels(dialogue: Dialogue) -> int | None:
    """How many wheels the price is asked for: in this message, or as the answer to the question for it."""
    text = dialogue.now.text.casefold()
    asked = dialogue.before is not None and "How many wheels" in dialogue.before.reply
    if not asked and not re.search(r"price|how much", text):
        return None
    words = {"one": 1, "two": 2, "three": 3}
    found = re.search(rf"\b(?:[1-9]|{'|'.join(words)})\b", text)
    return (words.get(found[0]) or int(found[0])) if found else None


def _tell(result: Json) -> str:
    if "price_usd" in result:
        return f"{result['wheels']} wheels are ${result['price_usd']}. "
    return "Please check the card, and confirm it there. "
