"""Acting through tools: which one, what is missing for it, the call, and telling what came of it.

All that is known of a tool is its declaration; a listing tool without arguments finds the ids that another one
needs. Nothing is ever called with a guess. Imported by `firstline.model.offline*` only.
"""

from collections.abc import Sequence
from functools import cached_property

from firstline.bundle import Bundle
from firstline.model.offline_arguments import Argument, Arguments
from firstline.model.offline_dialogue import Call, Dialogue
from firstline.model.offline_hearing import Heard
from firstline.model.offline_ids import Row, choose_row, find_place, find_rows
from firstline.model.offline_reply import Answer, Voice, Wish
from firstline.model.offline_results import tell_details, tell_result, tell_trouble
from firstline.model.offline_slots import Filling, blame, fill, find_asked
from firstline.model.offline_tools import Toolbox
from firstline.model.offline_words import asks, find_terms, has_han, hears, likeness, orders
from firstline.types import Json


class Desk:
    """The tools of one bundle at work for one reply."""

    def __init__(self, bundle: Bundle, toolbox: Toolbox, dialogue: Dialogue, voice: Voice) -> None:
        self._bundle = bundle
        self._toolbox = toolbox
        self._dialogue = dialogue
        self._voice = voice
        self._fillings: dict[str, Filling] = {}

    @cached_property
    def wanted(self) -> str | None:
        """The tool that this turn is about, if any is in reach."""
        return self._toolbox.choose(self._dialogue)

    @cached_property
    def pending(self) -> str | None:
        """The tool for which the reply before asked something, in reach or not."""
        before = self._dialogue.before
        if before is None:
            return None
        names = [self.wanted] if self.wanted else []
        names += [name for name in self._toolbox.arguments if name not in names]
        return next((name for name in names if find_asked(self._toolbox.arguments[name], before.reply)), None)

    def filling(self, name: str) -> Filling:
        if name not in self._fillings:
            self._fillings[name] = fill(self._toolbox.arguments[name], self._dialogue, zone=self._toolbox.zone)
        return self._fillings[name]

    def open_questions(self) -> list[str]:
        """What was asked just before and is still open."""
        before = self._dialogue.before
        if self.pending is None or before is None:
            return []
        own = self._toolbox.arguments[self.pending]
        asked = find_asked(own, before.reply)
        return [
            _question(own[name], self._voice) for name in asked if name not in self.filling(self.pending).arguments
        ]

    def answered(self) -> bool:
        """Whether the message answers what was asked for the wanted tool, or changes what was declined just now,
        whatever the router made of it."""
        if self.wanted and self._toolbox.mends(self._dialogue):
            return True
        if self.pending is None or self.pending != self.wanted or asks(self._dialogue.now.text):
            return False
        return self.filling(self.pending).fresh

    def only_thanks(self) -> bool:
        """Whether the message thanks, and speaks of no action although one would fit it: "I'll pay it, thanks"."""
        text, name = self._dialogue.now.text, self.wanted
        if name is None or name == self.pending or not hears("thanks", text) or asks(text) or orders(text):
            return False
        own = self._toolbox.arguments[name]
        spoken = any(likeness(term, own.title_terms) for term in find_terms(text))
        return own.tool.declaration.effect != "read" and not spoken

    def card_waits(self) -> bool:
        """Whether the reply before put up a card about which the customer has not decided."""
        before = self._dialogue.before
        waits = before is not None and bool(before.calls) and before.calls[-1].outcome == "waiting"
        return waits and not self._dialogue.now.note.actions

    def again(self) -> Answer | None:
        """The call that failed just before, once more; an action is never repeated: it may have been done."""
        before = self._dialogue.before
        last = before.calls[-1] if before and before.calls else None
        if last is None or last.outcome != "failed" or self._dialogue.now.calls:
            return None
        own = self._toolbox.arguments.get(last.tool)
        if own is None or own.tool.declaration.effect != "read" or last.tool not in self._dialogue.now.note.tools:
            return None
        return Answer(wish=Wish(last.tool, last.arguments))

    def repeats(self) -> bool:
        """Whether a call would only repeat an earlier one, while something else was asked."""
        if self.wanted is None or self.pending in (None, self.wanted):
            return False
        filling = self.filling(self.wanted)
        return filling.done and not filling.fresh

    def reply(self) -> Answer | None:
        """What to say or call next; None when no tool is in reach."""
        name, calls = self.wanted, self._dialogue.now.calls
        if name is None:
            return None
        last = calls[-1] if calls else None
        if last is None or (last.outcome == "ok" and last.tool != name):
            return self._go_on(name)
        if last.outcome == "ok":
            return tell_result(self._bundle, last.tool, last.result, self._voice, again=self._is_again(last))
        return self._tell_trouble(last)

    # Towards a call -----------------------------------------------------------------------------------------------

    def _go_on(self, name: str) -> Answer:
        filling = self.filling(name)
        values = self._find_ids(name, filling)
        arguments = self._toolbox.arguments[name]
        missing = [argument for argument in arguments.required if argument.name not in values]
        sign_in = arguments.tool.declaration.requires == "verified" and not self._dialogue.now.note.signed_in
        listing = self._listing_for(name, missing)
        if listing is not None:
            return Answer(wish=Wish(listing, {}))
        if missing and sign_in:
            return self._voice.sentences(self._opening(name), self._voice.say("needs_sign_in"))
        if missing:
            return self._ask(name, missing, filling)
        if again := self._ask_again(name, values, filling):
            return again
        return Answer(wish=Wish(name, values))

    def _find_ids(self, name: str, filling: Filling) -> Json:
        """The known arguments, with an id that the results so far leave no choice about."""
        values = dict(filling.arguments)
        said = {one.name for one in filling.heard}
        for argument in self._toolbox.arguments[name].required:
            if argument.pattern is None or argument.name in said:
                continue
            rows = find_rows(argument, self._dialogue)
            if argument.name in values:
                chosen = find_place(rows, self._dialogue.now.text)
            else:
                chosen = choose_row(rows, self._dialogue, translate=self._toolbox.translate)
            if chosen is not None:
                values[argument.name] = chosen.value
        return values

    def _listing_for(self, name: str, missing: Sequence[Argument]) -> str | None:
        """A tool without required arguments whose result may hold the missing id."""
        now = self._dialogue.now
        wanted = next((argument for argument in missing if argument.pattern is not None), None)
        if wanted is None or wanted.slot.free or now.calls or find_rows(wanted, self._dialogue):
            return None
        listings = [each for each in self._toolbox.reach(now) if each != name and self._toolbox.lists(each)]
        shared = {each: len(wanted.terms & self._toolbox.arguments[each].title_terms) for each in listings}
        return max(listings, key=lambda each: shared[each], default=None)

    def _ask_again(self, name: str, values: Json, filling: Filling) -> Answer | None:
        """A reason not to call although nothing is missing: refused values, a change without its value, a card."""
        arguments, voice = self._toolbox.arguments[name], self._voice
        wrong = arguments.wrong(values)
        if wrong is not None:
            ask = _question(arguments[wrong], voice) if wrong else ""
            return voice.sentences(voice.say("odd_value", value=str(values.get(wrong, ""))), ask)
        if filling.done and not filling.fresh and hears("change", self._dialogue.now.text):
            named = [_question(one, voice) for one in self._named(arguments)]
            return voice.sentences(*(named or [voice.say("what_change")]))
        if self._toolbox.declined(self._dialogue) == name and not filling.fresh:
            wrong_now = any(hears(key, self._dialogue.now.text) for key in ("correction", "change"))
            if named := [_question(one, voice) for one in self._named(arguments) if wrong_now]:
                return voice.sentences(*named)
        earlier = self._undecided(name)
        if earlier is None or earlier.arguments != values or filling.fresh:
            return None
        if earlier.outcome == "rejected":
            return voice.sentences(earlier.text)
        return voice.sentences(voice.say("press_button")) if earlier.outcome == "waiting" else None

    def _named(self, arguments: Arguments) -> list[Argument]:
        """The arguments that the text speaks of by name, best first, at most two."""
        terms = find_terms(self._dialogue.now.text)
        scores = {one.name: sum(likeness(term, one.terms) for term in terms) for one in arguments.values()}
        top = max(scores.values(), default=0.0)
        return [one for one in arguments.values() if one.slot.ask and top and scores[one.name] == top][:2]

    # Asking -------------------------------------------------------------------------------------------------------

    def _ask(self, name: str, missing: Sequence[Argument], filling: Filling) -> Answer:
        """The next one or two questions, after what is to be said before them."""
        first = missing[0]
        second = [one for one in missing[1:2] if _brief(first) and _brief(one)]
        rows = find_rows(first, self._dialogue) if first.pattern is not None else []
        options = self._options(name, rows)
        questions = [_question(one, self._voice) for one in (first, *second)]
        return self._voice.sentences(self._lead(name, first, filling), options, *questions)

    def _options(self, name: str, rows: Sequence[Row]) -> str:
        """Between what to choose: all that the listing shows where something is to be looked up, else the ids."""
        calls = self._dialogue.now.calls
        if not rows:
            return ""
        listed = self._bundle.tools.get(calls[-1].tool) if calls else None
        if listed and listed.declaration.say and self._toolbox.arguments[name].tool.declaration.effect == "read":
            return tell_result(self._bundle, calls[-1].tool, calls[-1].result, self._voice).parts[0].text + "\n\n"
        return self._voice.say("which_one", options=self._voice.join([row.shown for row in rows[:6]]))

    def _lead(self, name: str, first: Argument, filling: Filling) -> str:
        """The playbook's opening before the first question; later what was understood, or that nothing was."""
        voice = self._voice
        if opening := self._opening(name):
            return opening
        telling = [one for one in filling.heard if not isinstance(one.value, bool)]
        if echo := _echo(telling, voice):
            return voice.say("corrected" if filling.corrected else "got_it", heard=echo)
        if filling.fresh or self._dialogue.now.calls or first.name not in filling.asked:
            return ""
        if hears("unsure", self._dialogue.now.text):
            return voice.say("unsure")
        options = (
            voice.say("options", options=voice.join(first.options)) if first.options and not first.slot.values else ""
        )
        return voice.say("not_caught") + (voice.say("gap") + options if options else "")

    def _opening(self, name: str) -> str:
        """What the playbook says before its first question, once in a run of turns of this playbook."""
        note = self._dialogue.now.note
        playbook = self._bundle.playbooks.get(note.playbook) if note.playbook else None
        if playbook is None or playbook.say is None or self._toolbox.arguments[name].tool.name not in playbook.tools:
            return ""
        text = self._voice.text(playbook.say)
        return "" if any(text in exchange.reply for exchange in self._dialogue.exchanges) else text

    # Telling ------------------------------------------------------------------------------------------------------

    def _tell_trouble(self, call: Call) -> Answer:
        """Why there is no result; a rejected value is asked for again, unless the tool has asked itself."""
        arguments, voice = self._toolbox.arguments.get(call.tool), self._voice
        lead = ask = ""
        if call.outcome == "waiting" and arguments is not None:
            lead = voice.say("on_the_card", details=tell_details(arguments, call, voice))
        if call.outcome == "needs_sign_in" and self.wanted:
            effect = self._toolbox.arguments[self.wanted].tool.declaration.effect
            lead = self._opening(self.wanted) if effect != "read" else ""
        if call.outcome == "rejected" and arguments is not None and not call.text.rstrip().endswith(("?", "？")):
            wrong = blame(arguments, call, self.filling(call.tool).heard)
            ask = _question(arguments[wrong], voice) if wrong else ""
        return voice.sentences(lead, tell_trouble(call, voice), ask)

    def _is_again(self, last: Call) -> bool:
        """Whether this is a new result of what was called before with other arguments."""
        earlier = [call for call in self._calls_before() if call.tool == last.tool and call.outcome == "ok"]
        return bool(earlier) and bool(last.arguments) and earlier[-1].arguments != last.arguments

    def _undecided(self, name: str) -> Call | None:
        """The tool's latest call before this turn, unless the customer has decided about it since."""
        actions = self._dialogue.now.note.actions
        for exchange in reversed(self._dialogue.exchanges[:-1]):
            if any(action.tool == name for action in actions):
                return None
            if calls := [call for call in exchange.calls if call.tool == name]:
                return calls[-1]
            actions = exchange.note.actions
        return None

    def _calls_before(self) -> list[Call]:
        return [call for exchange in self._dialogue.exchanges[:-1] for call in exchange.calls]


def _brief(argument: Argument) -> bool:
    """Whether its question can stand beside another one: not for long answers, nor for ids."""
    return (
        argument.pattern is None
        and argument.kind != "boolean"
        and (not argument.slot.free or bool(argument.slot.values))
    )


def _question(argument: Argument, voice: Voice) -> str:
    if argument.slot.ask:
        return voice.text(argument.slot.ask)
    return voice.say("ask_plain", what=str(argument.schema.get("description") or argument.name.replace("_", " ")))


def _echo(heard: Sequence[Heard], voice: Voice) -> str:
    """What was understood, in the customer's own words; long answers are not repeated."""
    said = sorted(
        (one for one in heard if one.name and one.value is not None and one.written), key=lambda one: one.start
    )
    words: list[str] = []
    end = -2
    for one in said:
        if one.how == "implied" or len(one.written) > 40:
            continue
        if words and 0 <= one.start - end <= 1:
            closed = one.start == end and has_han(words[-1][-1:] + one.written[:1])
            words[-1] += one.written if closed else f" {one.written}"
        elif one.written not in words:
            words.append(one.written)
        end = one.end
    return voice.say("joint").join(words)
