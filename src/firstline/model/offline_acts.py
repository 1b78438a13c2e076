"""Acting through tools: which one, what is missing for it, the call, and telling what came of it.

All that is known of a tool is its declaration; a listing tool without arguments finds the ids that another one
needs. Nothing is ever called with a guess. Imported by `firstline.model.offline*` only.
"""

from collections.abc import Sequence
from datetime import tzinfo
from functools import cached_property

from firstline.bundle import Bundle
from firstline.model.offline_arguments import Argument, Arguments
from firstline.model.offline_dialogue import Call, Dialogue, Exchange
from firstline.model.offline_hearing import Heard
from firstline.model.offline_ids import choose_row, find_rows
from firstline.model.offline_reply import Answer, Voice, Wish
from firstline.model.offline_results import tell_result, tell_trouble
from firstline.model.offline_slots import Filling, blame, fill, find_asked
from firstline.model.offline_words import find_terms, hears, likeness
from firstline.types import Json

ID_BONUS = 2.0
TITLE_BONUS = 1.0
STAY_MARGIN = 0.75
"""How much better than the tool of the turns before another one must fit to take over."""


class Desk:
    """The tools of one bundle, ready to be worked with."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._arguments = {name: Arguments(tool) for name, tool in bundle.tools.items()}

    @cached_property
    def _zone(self) -> tzinfo:
        return self._bundle.hours.zone

    def arguments(self, name: str) -> Arguments:
        return self._arguments[name]

    def reply(self, dialogue: Dialogue, voice: Voice) -> Answer | None:
        """What to say or call next; None when no tool is in reach."""
        name = self.wanted(dialogue)
        if name is None:
            return None
        last = dialogue.now.calls[-1] if dialogue.now.calls else None
        if last is None or (last.outcome == "ok" and last.tool != name):
            return self._go_on(name, dialogue, voice)
        if last.outcome == "ok":
            return tell_result(self._bundle, last.tool, last.result, voice, again=self._is_again(last, dialogue))
        return self._tell_trouble(last, dialogue, voice)

    def pending(self, dialogue: Dialogue) -> str | None:
        """The tool for which the reply before asked something."""
        before = dialogue.before
        if before is None:
            return None
        wanted = self.wanted(Dialogue(dialogue.exchanges[:-1]))
        names = [wanted] if wanted else []
        names += [name for name in self._arguments if name not in names]
        return next((name for name in names if find_asked(self._arguments[name], before.reply)), None)

    def filling(self, name: str, dialogue: Dialogue) -> Filling:
        return fill(self._arguments[name], dialogue, zone=self._zone)

    # Which tool ---------------------------------------------------------------------------------------------------

    def wanted(self, dialogue: Dialogue) -> str | None:
        """The tool that the customer's words call for, carried over the turns until another one fits better."""
        current: str | None = None
        for exchange in dialogue.exchanges:
            reach = [name for name in exchange.note.tools if name in self._arguments]
            if current not in reach:
                current = None if exchange is dialogue.now or reach else current
            if reach and (exchange.note.playbook is not None or current):
                current = self._choose(exchange, reach, current)
        return current

    def _choose(self, exchange: Exchange, reach: Sequence[str], current: str | None) -> str:
        scores = {name: self._score(name, exchange.text, reach) for name in reach}
        if current is not None:
            scores[current] += STAY_MARGIN
        best = max(reach, key=lambda name: scores[name])
        if scores[best] > 0:
            return best
        listing = next((name for name in reach if self._lists(name)), None)
        return listing or reach[0]

    def _score(self, name: str, text: str, reach: Sequence[str]) -> float:
        """How much of the text speaks of this tool rather than of the others, ids most of all."""
        own = self._arguments[name]
        score = 0.0
        for term in dict.fromkeys(find_terms(text)):
            sharing = sum(likeness(term, self._arguments[other].terms) for other in reach)
            if sharing and (like := likeness(term, own.terms)):
                score += like * like / sharing + TITLE_BONUS * likeness(term, own.title_terms) / sharing
        ids = [argument for argument in own.values() if any(argument.read_id(text))]
        return score + ID_BONUS * len(ids) / max(len(own), 1)

    def _lists(self, name: str) -> bool:
        own = self._arguments[name]
        return own.tool.declaration.effect == "read" and not own.required

    # Towards a call -----------------------------------------------------------------------------------------------

    def _go_on(self, name: str, dialogue: Dialogue, voice: Voice) -> Answer:
        filling = self.filling(name, dialogue)
        values = self._find_ids(name, dialogue, filling)
        arguments = self._arguments[name]
        missing = [argument for argument in arguments.required if argument.name not in values]
        sign_in = arguments.tool.declaration.requires == "verified" and not dialogue.now.note.signed_in
        listing = self._listing_for(name, missing, dialogue, values)
        if listing is not None:
            return Answer(wish=Wish(listing, {}))
        if missing and sign_in:
            opening = self._opening(name, dialogue, voice)
            return voice.sentences(opening, voice.say("needs_sign_in"))
        if not missing and (again := self._ask_again(name, values, filling, dialogue, voice)):
            return again
        if missing:
            return self._ask(name, missing, filling, dialogue, voice)
        return Answer(wish=Wish(name, values))

    def _find_ids(self, name: str, dialogue: Dialogue, filling: Filling) -> Json:
        """The known arguments, with an id that the results so far leave no choice about."""
        values = dict(filling.arguments)
        for argument in self._arguments[name].required:
            if argument.pattern is not None and argument.name not in values:
                rows = find_rows(argument, dialogue)
                chosen = choose_row(rows, dialogue)
                if chosen is not None:
                    values[argument.name] = chosen.value
        return values

    def _listing_for(
        self, name: str, missing: Sequence[Argument], dialogue: Dialogue, values: Json
    ) -> str | None:
        """A tool without required arguments whose result may hold the missing id."""
        wanted = next((argument for argument in missing if argument.pattern is not None), None)
        if wanted is None or find_rows(wanted, dialogue) or dialogue.now.calls:
            return None
        reach = [other for other in dialogue.now.note.tools if other in self._arguments and other != name]
        listings = [other for other in reach if self._lists(other)]
        if not listings or (wanted.slot.free and not values):
            return None
        shared = {
            other: len(wanted.terms & self._arguments[other].title_terms) + (not len(self._arguments[other]))
            for other in listings
        }
        return max(listings, key=lambda other: shared[other])

    def _ask_again(
        self, name: str, values: Json, filling: Filling, dialogue: Dialogue, voice: Voice
    ) -> Answer | None:
        """A reason not to call although nothing is missing: refused values, a change without its value, a card."""
        arguments = self._arguments[name]
        wrong = arguments.wrong(values)
        if wrong is not None:
            ask = voice.text(arguments[wrong].slot.ask) if wrong and arguments[wrong].slot.ask else ""
            return voice.sentences(voice.say("odd_value", value=str(values.get(wrong, ""))), ask)
        if filling.done and not filling.fresh and hears("change", dialogue.now.text):
            named = self._named(arguments, dialogue.now.text)
            return voice.sentences(*(voice.text(one.slot.ask) for one in named)) if named else voice.sentences(
                voice.say("what_change")
            )
        earlier = next((call for call in reversed(_calls_before(dialogue)) if call.tool == name), None)
        if earlier is None or earlier.arguments != values or filling.fresh:
            return None
        if earlier.outcome == "rejected":
            return voice.sentences(earlier.text)
        return voice.sentences(voice.say("press_button")) if earlier.outcome == "waiting" else None

    def _named(self, arguments: Arguments, text: str) -> list[Argument]:
        """The arguments that the text speaks of by name, best first, at most two."""
        terms = find_terms(text)
        scores = {one.name: sum(likeness(term, one.terms) for term in terms) for one in arguments.values()}
        top = max(scores.values(), default=0.0)
        return [one for one in arguments.values() if one.slot.ask and top and scores[one.name] == top][:2]

    # Asking -------------------------------------------------------------------------------------------------------

    def _ask(
        self, name: str, missing: Sequence[Argument], filling: Filling, dialogue: Dialogue, voice: Voice
    ) -> Answer:
        """The next one or two questions, after what is to be said before them."""
        first = missing[0]
        second = [one for one in missing[1:2] if _brief(first) and _brief(one)]
        rows = find_rows(first, dialogue) if first.pattern is not None else []
        options = voice.say("which_one", options=voice.join([row.shown for row in rows[:6]])) if rows else ""
        asks = [_question(one, voice) for one in (first, *second)]
        return voice.sentences(self._lead(name, first, filling, dialogue, voice), options, *asks)

    def _lead(self, name: str, first: Argument, filling: Filling, dialogue: Dialogue, voice: Voice) -> str:
        """The playbook's opening before the first question; later what was understood, or that nothing was."""
        if opening := self._opening(name, dialogue, voice):
            return opening
        echo = _echo(filling.heard, voice)
        if echo:
            return voice.say("corrected" if filling.corrected else "got_it", heard=echo)
        if not filling.asked or dialogue.now.calls:
            return ""
        if hears("unsure", dialogue.now.text):
            return voice.say("unsure")
        options = voice.say("options", options=voice.join(first.options)) if first.options else ""
        return voice.say("not_caught") + (voice.say("gap") + options if options else "")

    def _opening(self, name: str, dialogue: Dialogue, voice: Voice) -> str:
        """What the playbook says before its first question, once in a run of turns of this playbook."""
        note = dialogue.now.note
        playbook = self._bundle.playbooks.get(note.playbook) if note.playbook else None
        if playbook is None or playbook.say is None or self._arguments[name].tool.name not in playbook.tools:
            return ""
        text = voice.text(playbook.say)
        return "" if any(text in exchange.reply for exchange in dialogue.exchanges) else text

    # Telling ------------------------------------------------------------------------------------------------------

    def _tell_trouble(self, call: Call, dialogue: Dialogue, voice: Voice) -> Answer:
        arguments = self._arguments.get(call.tool)
        opening = ""
        if call.outcome == "needs_sign_in" and arguments is not None:
            wanted = self._arguments[self.wanted(dialogue) or call.tool].tool
            opening = self._opening(wanted.name, dialogue, voice) if wanted.declaration.effect != "read" else ""
        ask = ""
        if call.outcome == "rejected" and arguments is not None and not call.text.rstrip().endswith(("?", "？")):
            wrong = blame(arguments, call, self.filling(call.tool, dialogue).heard)
            ask = voice.text(arguments[wrong].slot.ask) if wrong and arguments[wrong].slot.ask else ""
        return voice.sentences(opening, tell_trouble(call, voice), ask)

    def _is_again(self, last: Call, dialogue: Dialogue) -> bool:
        """Whether this is a new result of what was called before with other arguments."""
        earlier = [call for call in _calls_before(dialogue) if call.tool == last.tool and call.outcome == "ok"]
        return bool(earlier) and bool(last.arguments) and earlier[-1].arguments != last.arguments


def _calls_before(dialogue: Dialogue) -> list[Call]:
    return [call for exchange in dialogue.exchanges[:-1] for call in exchange.calls]


def _brief(argument: Argument) -> bool:
    """Whether its question can stand beside another one: not for long answers, nor for ids."""
    return argument.pattern is None and argument.kind != "boolean" and (
        not argument.slot.free or bool(argument.slot.values)
    )


def _question(argument: Argument, voice: Voice) -> str:
    if argument.slot.ask:
        return voice.text(argument.slot.ask)
    return voice.say("ask_plain", what=str(argument.schema.get("description") or argument.name.replace("_", " ")))


def _echo(heard: Sequence[Heard], voice: Voice) -> str:
    """What was understood, in the customer's own words; long answers are not repeated."""
    said = sorted((one for one in heard if one.name and one.value is not None and one.written), key=lambda one: one.start)
    words: list[str] = []
    end = -2
    for one in said:
        if one.how == "implied" or len(one.written) > 40:
            continue
        if words and 0 <= one.start - end <= 1:
            words[-1] += (" " if one.start > end else "") + one.written
        elif one.written not in words:
            words.append(one.written)
        end = one.end
    return voice.say("joint").join(words)
