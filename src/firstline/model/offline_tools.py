"""Which tool a customer's words call for.

Known of a tool: its name, label, description, slots, how its results are told, and the bundle's example dialogues.
Pure; imported by `firstline.model.offline*` only.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from firstline.bundle import Bundle, Example
from firstline.model.offline_arguments import Arguments
from firstline.model.offline_dialogue import Dialogue, Exchange
from firstline.model.offline_hearing import Heard, Listening, hear
from firstline.model.offline_ids import find_place, find_rows
from firstline.model.offline_slots import find_asked
from firstline.model.offline_words import Terms, asks, find_terms, likeness, normalise, orders, own_words

TITLE_WEIGHT = 1.0
TEXT_WEIGHT = 0.5
EXAMPLE_WEIGHT = 0.5
HEARD_WEIGHT = 0.5
ID_WEIGHT = 1.0
OWN_WEIGHT = 0.4
"""For a tool that few playbooks have: it is what such a playbook is about. Divided by how many have it; not for
one that shows a single thing, which the one that lists them finds."""

QUESTION_SHARE = 0.25
"""What is left of a tool that changes something when the customer asks a question."""

WISH_SHARE = 1.1
"""What no question is, is rather a wish that something be done."""

STAY_WEIGHT = 0.75
"""For the tool of the turn before: another one takes over only when the words speak for it."""

ANSWER_WEIGHT = 3.0
"""For the tool that asked something which the message answers; a text that any question would take counts half."""


class Toolbox:
    """The tools of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self.zone: tzinfo = bundle.hours.zone
        self.arguments: Mapping[str, Arguments] = {name: Arguments(tool) for name, tool in bundle.tools.items()}
        self._examples = _read_examples(bundle)
        self._playbooks = Counter(name for playbook in bundle.playbooks.values() for name in playbook.tools)
        self._values = _read_values(self.arguments.values())

    def reach(self, exchange: Exchange) -> list[str]:
        return [name for name in exchange.note.tools if name in self.arguments]

    def lists(self, name: str) -> bool:
        """Whether the tool can be called at once to see what there is."""
        own = self.arguments[name]
        return own.tool.declaration.effect == "read" and not own.required

    def translate(self, text: str) -> str:
        """The text with the arguments that its words stand for beside it: what a customer calls 聆风 is a Leaf."""
        plain = normalise(text)
        meant = [value for spelling, value in self._values.items() if spelling in plain]
        return " ".join((text, *meant))

    def choose(self, dialogue: Dialogue) -> str | None:
        """The tool for the present turn: the one of the turns before, until another one fits better."""
        carried: str | None = None
        for exchange in dialogue.exchanges[:-1]:
            carried = self._follow(exchange, carried)
        carried = self._mended(dialogue) or carried
        reach = self.reach(dialogue.now)
        if carried not in reach:
            carried = None
        if not reach or (dialogue.now.note.playbook is None and carried is None):
            return None
        scores = self.score(dialogue.now, reach)
        if carried is not None:
            scores[carried] += self._stay(carried, dialogue)
        for name in reach:
            scores[name] += ID_WEIGHT if self._opens_row(name, dialogue) else 0.0
        return self._best(scores)

    def _opens_row(self, name: str, dialogue: Dialogue) -> bool:
        """Whether the tool shows one of the things listed before, and the message names which: "the second one"."""
        own = self.arguments[name]
        wanted = [argument for argument in own.required if argument.pattern is not None]
        if own.tool.declaration.effect != "read" or len(wanted) != 1 or len(own.required) > 1:
            return False
        before = Dialogue(dialogue.exchanges[:-1])
        return find_place(find_rows(wanted[0], before), dialogue.now.text) is not None

    def score(self, exchange: Exchange, reach: Sequence[str]) -> dict[str, float]:
        """How much the customer's words speak of each tool rather than of the others; a question of no action."""
        said = own_words(exchange.text)
        text = self.translate(said)
        only_asks = asks(said) and not orders(said)
        scores = dict.fromkeys(reach, 0.0)
        for term in dict.fromkeys(find_terms(text)):
            self._add(scores, term, TITLE_WEIGHT, {name: self.arguments[name].title_terms for name in reach})
            self._add(scores, term, TEXT_WEIGHT, {name: self.arguments[name].terms for name in reach})
            self._add(scores, term, EXAMPLE_WEIGHT, {name: self._examples[name] for name in reach})
        for name in reach:
            own = self.arguments[name]
            heard = {one.name for one in self._hear(name, exchange, asked=()) if one.name and own[one.name].required}
            ids = [one for one in own.values() if any(True for _ in one.read_id(exchange.text))]
            scores[name] += HEARD_WEIGHT * len(heard) + ID_WEIGHT * len(ids) / max(len(own), 1)
            told = any(own[one].slot.story for one in heard)
            if own.tool.declaration.effect != "read" and not told:
                scores[name] *= QUESTION_SHARE if only_asks else WISH_SHARE
            if not own.required if own.tool.declaration.effect == "read" else not only_asks:
                scores[name] += OWN_WEIGHT / max(self._playbooks[name], 1)
        return scores

    def _add(self, scores: dict[str, float], term: str, weight: float, words: Mapping[str, Terms]) -> None:
        """A word that several tools share says little for each of them."""
        likes = {name: likeness(term, of_tool) for name, of_tool in words.items()}
        total = sum(likes.values())
        for name, like in likes.items():
            scores[name] += weight * like * like / total if total else 0.0

    def _follow(self, exchange: Exchange, carried: str | None) -> str | None:
        """The tool that an earlier turn was about: it was asked for, or called, or wanted before signing in.

        What the customer has decided about is over.
        """
        if any(action.tool == carried for action in exchange.note.actions):
            carried = None
        reach = self.reach(exchange)
        asked = [name for name in reach if find_asked(self.arguments[name], exchange.reply)]
        called = [call.tool for call in exchange.calls if call.tool in self.arguments]
        if len(asked) == 1:
            return asked[0]
        denied = bool(exchange.calls) and exchange.calls[-1].outcome == "needs_sign_in"
        among = asked or (reach if denied else called[-1:])
        if len(among) < 2:
            return among[0] if among else carried
        scores = self.score(exchange, among)
        if carried in scores:
            scores[carried] += STAY_WEIGHT if len(self.arguments[carried]) else 0.0
        return self._best(scores)

    def _mended(self, dialogue: Dialogue) -> str | None:
        """The tool of the action that was declined just before, when the message says it otherwise."""
        tool = self.declined(dialogue)
        if tool is None or asks(dialogue.now.text):
            return None
        return tool if any(one.name for one in self._hear(tool, dialogue.now, asked=())) else None

    def declined(self, dialogue: Dialogue) -> str | None:
        """The tool of the action that the customer declined just before."""
        actions = dialogue.before.note.actions if dialogue.before else ()
        declined = (one.tool for one in actions if one.outcome == "declined")
        return next((name for name in declined if name in self.arguments), None)

    def mends(self, dialogue: Dialogue) -> bool:
        """Whether the message changes the action that was declined just before."""
        return self._mended(dialogue) is not None

    def _best(self, scores: Mapping[str, float]) -> str:
        """The highest; where nothing speaks for any, the one that shows what there is."""
        best = max(scores, key=lambda name: scores[name])
        if scores[best] > 0:
            return best
        return next((name for name in scores if self.lists(name)), best)

    def _stay(self, name: str, dialogue: Dialogue) -> float:
        before, own = dialogue.before, self.arguments[name]
        asked = find_asked(own, before.reply) if before else ()
        heard = [one for one in self._hear(name, dialogue.now, asked=asked) if one.name] if asked else []
        if not heard:
            shows_one = own.tool.declaration.effect == "read" and bool(own.required)
            share = 1 / 3 if (asked or shows_one) and asks(dialogue.now.text) else 1.0
            return STAY_WEIGHT * share if len(own) else 0.0
        taken_whole = all(own[one.name].open and one.value == one.written for one in heard)
        return ANSWER_WEIGHT / 2 if taken_whole else ANSWER_WEIGHT

    def _hear(self, name: str, exchange: Exchange, *, asked: Sequence[str]) -> list[Heard]:
        today = exchange.note.now.astimezone(self.zone).date()
        listening = Listening(self.arguments[name], {}, tuple(asked), today)
        return [one for text in exchange.said for one in hear(own_words(text), listening)]


def _read_examples(bundle: Bundle) -> Mapping[str, Terms]:
    """What customers say in the example dialogues before each tool is called."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    for example in bundle.examples:
        for text, tool in _pair_calls(example):
            said[tool].append(text)
    words = {name: frozenset(find_terms(" . ".join(texts))) for name, texts in said.items()}
    return defaultdict(frozenset, words)


def _pair_calls(example: Example) -> Iterator[tuple[str, str]]:
    """Each customer's text that led to a call, and the tool; the last call of a turn counts."""
    text = tool = ""
    for line in example.lines:
        if line.who == "tool_call":
            tool = line.text.split(maxsplit=1)[0]
        elif line.who == "customer":
            if tool:
                yield text, tool
            text, tool = line.text, ""
    if tool:
        yield text, tool


def _read_values(tools: Iterable[Arguments]) -> dict[str, str]:
    """All spellings of known values, of all tools."""
    slots = [argument.slot for own in tools for argument in own.values()]
    return {
        normalise(spelling): str(value)
        for slot in slots
        for spelling, value in slot.values.items()
        if len(spelling) > 1 and normalise(str(value)) != normalise(spelling)
    }
