"""The arguments of a tool, folded over the whole dialogue: said, corrected, changed, taken back.

Earlier calls are the base for what follows: after a quote, "and 5,000 miles less?" changes one argument of it.
Pure; imported by `firstline.model.offline*` only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo

from firstline.model.offline_arguments import Arguments
from firstline.model.offline_dialogue import Call, Dialogue, Exchange
from firstline.model.offline_hearing import Heard, Listening, hear
from firstline.model.offline_words import find_terms, heard, likeness, normalise, own_words
from firstline.types import Json


@dataclass(frozen=True)
class Filling:
    """What is known for a call.

    heard: what the present turn brought. asked: what was asked just before it. done: the base is a call that
    returned a result. corrected: the present turn replaced something that was known.
    """

    arguments: Json
    heard: tuple[Heard, ...] = ()
    asked: tuple[str, ...] = ()
    done: bool = False
    corrected: bool = False

    @property
    def fresh(self) -> bool:
        """Whether the present turn said anything of the arguments."""
        return any(one.name for one in self.heard)


def fill(arguments: Arguments, dialogue: Dialogue, *, zone: tzinfo) -> Filling:
    """What the dialogue says of a tool's arguments, its calls in the present turn included."""
    fold = _Fold(arguments, zone)
    name = arguments.tool.name
    turns = enumerate(dialogue.exchanges)
    last = max((at for at, turn in turns if any(call.tool == name for call in turn.calls)), default=0)
    for at, exchange in enumerate(dialogue.exchanges):
        fold.read(exchange, listen=at >= last)  # a call holds all that was said before it
    return Filling(dict(fold.known), tuple(fold.heard), fold.asked_before, fold.done, fold.corrected)


def find_asked(arguments: Arguments, reply: str) -> tuple[str, ...]:
    """The arguments that a reply asks for, by the questions the bundle declares."""
    return tuple(argument.name for argument in arguments.values() if argument.asked_in(reply))


def blame(arguments: Arguments, call: Call, recent: Iterable[Heard] = ()) -> str | None:
    """The argument that a rejection is about: its value or words stand in the text; else the only new one."""
    text = call.text.replace(",", "")
    for name, value in call.arguments.items():
        if name in arguments and _stands_in(str(value), text):
            return name
    terms = find_terms(call.text)
    scores = {name: sum(likeness(term, argument.terms) for term in terms) for name, argument in arguments.items()}
    best = max(scores, key=lambda name: scores[name], default=None)
    if (
        best is not None
        and scores[best] >= 1
        and sorted(scores.values())[-1] > (sorted(scores.values())[:-1] or [0])[-1]
    ):
        return best
    names = list(dict.fromkeys(one.name for one in recent if one.name and one.how != "implied"))
    return names[0] if len(names) == 1 else None


def _stands_in(value: str, text: str) -> bool:
    place = text.find(value)
    around = text[place - 1 : place] + text[place + len(value) : place + len(value) + 1]
    return (
        place >= 0
        and bool(value)
        and not any(letter.isdigit() or (letter.isascii() and letter.isalpha()) for letter in around)
    )


@dataclass
class _Fold:
    """What is known while the turns pass by."""

    arguments: Arguments
    zone: tzinfo
    known: Json = field(default_factory=dict[str, object])
    heard: list[Heard] = field(default_factory=list[Heard])
    asked: tuple[str, ...] = ()
    asked_before: tuple[str, ...] = ()
    done: bool = False
    corrected: bool = False
    declined: bool = False
    declined_before: bool = False

    def read(self, exchange: Exchange, *, listen: bool) -> None:
        self._take_actions(exchange)
        self.heard, self.corrected, self.asked_before = [], False, self.asked
        for message in exchange.said if listen else ():
            self._listen(message, exchange)
        for call in exchange.calls:
            if call.tool == self.arguments.tool.name:
                self._take_call(call)
        self.asked = find_asked(self.arguments, exchange.reply)

    def _listen(self, message: str, exchange: Exchange) -> None:
        if self.done and self._begins_anew(message):
            self.known, self.done = {}, False
        listening = Listening(
            self.arguments,
            self.known,
            self.asked,
            exchange.note.now.astimezone(self.zone).date(),
            own=self._is_own(exchange),
        )
        for one in hear(own_words(message), listening):
            self._take(one)

    def _is_own(self, exchange: Exchange) -> bool:
        """Whether the turn may be about this tool: its playbook has it, or the turn before asked or did it."""
        in_reach = self.arguments.tool.name in exchange.note.tools
        return in_reach and (exchange.note.playbook is not None or bool(self.asked) or self.declined_before)

    def _begins_anew(self, message: str) -> bool:
        """ "Another car": but not "another 5,000 miles"."""
        plain = normalise(message)
        return any(not plain[match.end() :].lstrip()[:1].isdigit() for match in heard("anew").finditer(plain))

    def _take(self, one: Heard) -> None:
        self.heard.append(one)
        if not one.name:
            return
        earlier = self.known.get(one.name)
        if one.value is None:
            self.known.pop(one.name, None)
        else:
            self.known[one.name] = one.value
            self._drop_contradictions(one)
        if earlier is not None and earlier != one.value and one.how != "implied":
            self.corrected = True

    def _drop_contradictions(self, one: Heard) -> None:
        """A Nissan that turns out to be a Tesla is no Leaf any more."""
        said = {other.name for other in self.heard}
        for name, argument in self.arguments.items():
            follows = argument.slot.implies.get(self.known[name]) if name in self.known else None
            if follows and name not in said and follows.get(one.name, one.value) != one.value:
                del self.known[name]

    def _take_call(self, call: Call) -> None:
        self.known = dict(call.arguments)
        if call.outcome == "ok":
            self._finish()
        elif call.outcome == "rejected" and (wrong := blame(self.arguments, call, self.heard)):
            self.known.pop(wrong, None)

    def _take_actions(self, exchange: Exchange) -> None:
        """An action that was carried out is over; one that was declined may still be changed."""
        self.declined_before, self.declined = self.declined, False
        for action in exchange.note.actions:
            self.declined = self.declined or (
                action.tool == self.arguments.tool.name and action.outcome == "declined"
            )
            if action.tool == self.arguments.tool.name and action.outcome in ("ok", "unknown"):
                self._finish()

    def _finish(self) -> None:
        self.done = True
        if self.arguments.tool.declaration.effect != "read":
            self.known = {}
