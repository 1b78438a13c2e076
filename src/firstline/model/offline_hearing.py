"""Finding arguments in one message of a customer: ids, known values, dates, numbers, answers to a question.

What is not there is not found: no guessing, a bare number only where its place is clear. Pure; used by
`offline_slots` only.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Any, Literal

from firstline.model.offline_arguments import Argument, Arguments, choose_described
from firstline.model.offline_cues import (
    EDGES,
    clause_after,
    clause_before,
    counts_else,
    cue_distance,
    cue_end,
    drop_lead_in,
    has_foreign_unit,
    negated,
    only_a_word,
    says_nothing,
    sign_of,
    tells,
    value_of,
    yes_or_no,
)
from firstline.model.offline_parts import hear_parts, pair_answer, share_parts, tells_story
from firstline.model.offline_values import Number, find_dates, find_numbers
from firstline.model.offline_words import (
    asks,
    find_terms,
    has_han,
    heard,
    hears,
    normalise,
    small_talk,
)
from firstline.model.offline_years import is_birth, read_year
from firstline.types import Json


@dataclass(frozen=True)
class Heard:
    """An argument in a message; `value` None takes back what was known. `written` is the customer's own words."""

    name: str
    value: Any
    start: int
    end: int
    written: str = ""
    how: Literal["said", "implied", "changed", "taken back"] = "said"


@dataclass(frozen=True)
class Listening:
    """What a message is read against.

    own: the turn is about this tool; otherwise only ids and known values count, and a year beside such a value.
    """

    arguments: Arguments
    known: Json
    asked: tuple[str, ...]
    today: date
    own: bool = True


def hear(message: str, listening: Listening) -> tuple[Heard, ...]:
    """What the message says of the tool's arguments, in order of appearance, what follows from it last."""
    ear = _Ear(message, listening)
    ear.find_ids()
    ear.find_values()
    if listening.own:
        ear.find_parts()
        ear.find_dates()
        ear.find_changes()
        ear.find_cued_numbers()
    ear.find_bare_numbers()
    ear.find_implied()
    if listening.own:
        ear.find_answers()
        ear.find_story()
        ear.find_implied()
    said = {one.name for one in ear.found if one.value is not None}
    return tuple(one for one in ear.found if one.value is not None or one.name not in said)


class _Ear:
    """One message while it is searched; each stretch of it is used once for each argument."""

    def __init__(self, message: str, listening: Listening) -> None:
        self.message = unicodedata.normalize("NFKC", message).replace("’", "'")
        self.text = normalise(message)
        self._aligned = len(self.message) == len(self.text)
        self.arguments = listening.arguments
        self.known = listening.known
        self.asked = [listening.arguments[name] for name in listening.asked if name in listening.arguments]
        self.today = listening.today
        self.own = listening.own
        self.found: list[Heard] = []
        self.numbers: list[Number] = []

    # What can be told by its look ---------------------------------------------------------------------------------

    def find_ids(self) -> None:
        for argument in self.arguments.values():
            for match in argument.read_id(self.message):
                if not self._covered(match.start(), match.end()):
                    self._add(argument, match[0].upper(), match.start(), match.end())
                    break

    def find_values(self) -> None:
        for argument in self.arguments.values():
            for value, match in argument.read_values(self.text):
                if not self._covered(match.start(), match.end(), name=argument.name):
                    self._add(argument, value, match.start(), match.end())
        self.found.sort(key=lambda one: one.start)

    def find_parts(self) -> None:
        """Free text that ends in an id, as a whole address does, or is known and said again with one word changed."""
        spans = [(one.name, one.start, one.end) for one in self.found if one.name]
        for argument, value in hear_parts(self.message, self.arguments, self.known, spans) if self._aligned else ():
            self._add(argument, value, len(self.text), len(self.text), written=value)

    def find_dates(self) -> None:
        wanted = [argument for argument in self.arguments.values() if argument.kind == "date"]
        wanted.sort(key=lambda argument: argument not in self.asked)
        for argument in wanted:
            days = find_dates(self.text, today=self.today, lean=argument.lean)
            free = [day for day in days if not self._covered(day.start, day.end)]
            free = [day for day in free if not negated(self.text, day.start)]
            if free:
                self._add(argument, free[0].value.isoformat(), free[0].start, free[0].end)

    # Numbers ------------------------------------------------------------------------------------------------------

    def find_changes(self) -> None:
        """ "5,000 miles less": the earlier value changes."""
        known = [argument for argument in self.arguments.numbers if self._known_number(argument) is not None]
        if not known:
            return
        for number in self._free_numbers():
            sign = sign_of(self.text, number)
            target = self._changed(number, known, sign * number.value) if sign else None
            earlier = self._known_number(target) if target else None
            if target and earlier is not None:
                value = earlier + sign * number.value
                self._add(target, target.coerce(value), number.start, number.end, how="changed")
        self._find_factors(known)

    def _find_factors(self, known: list[Argument]) -> None:
        """ "Half as much": only of something that is already known."""
        for key, factor in (("half", 0.5), ("twice", 2.0)):
            match = heard(key).search(self.text)
            if (
                match
                and not self._covered(match.start(), match.end())
                and not any(one.how == "changed" for one in self.found)
            ):
                target = choose_described(known, self.text) or max(known, key=lambda argument: argument.width)
                value = (self._known_number(target) or 0) * factor
                self._add(target, target.coerce(value), *match.span(), how="changed")

    def find_cued_numbers(self) -> None:
        """ "12,000 miles", "age 34": each number to the argument whose cue word stands nearest."""
        claims: list[tuple[int, Number, Argument]] = []
        for number in self._free_numbers():
            for argument in self.arguments.numbers:
                distance = cue_distance(self.text, number, argument, self._all_numbers())
                if distance is not None and self._plausible(number, argument):
                    claims.append((distance, number, argument))
        for _, number, argument in sorted(claims, key=lambda claim: (claim[0], claim[1].start)):
            free = not self._covered(number.start, number.end)
            if free and self._open(argument):
                value = self._year(number, argument) or value_of(self.text, number, argument)
                self._add(argument, value, number.start, cue_end(self.text, number, argument))

    def find_bare_numbers(self) -> None:
        """Numbers without a cue word: years by their look, the rest to what was asked, then to what is missing."""
        for number in self._free_numbers():
            year = next((argument for argument in self.arguments.numbers if argument.is_year), None)
            value = self._year(number, year) if year else None
            if year and value and self._is_year(number, year):
                self._add(year, value, number.start, number.end)
        if not self.own:
            return
        self._answer_in_order()
        for number in self._free_numbers():
            if self._stands_alone(number) and (argument := self._place_for(number)):
                self._add(argument, value_of(self.text, number, argument), number.start, number.end)

    def _is_year(self, number: Number, year: Argument) -> bool:
        """Four bare digits are a year, unless they answer the question for another number."""
        if not self.own:
            return any(one.name != year.name for one in self.found)
        others = [argument for argument in self._asked_numbers() if not argument.is_year]
        if not others or year in self.asked or hears("correction", self.text):
            return True
        before = self.text[: number.start].rstrip()
        return any(match.end() == len(before) for match in heard("article").finditer(before))

    def _answer_in_order(self) -> None:
        """As many bare numbers as were asked for: in the order asked, or another one if only that fits."""
        numbers = [number for number in self._free_numbers() if not only_a_word(self.text, number)]
        asked = self._asked_numbers()[: len(numbers)] if len(numbers) > 1 else []
        for order in permutations(numbers, len(asked)) if len(numbers) <= 4 else ():
            if asked and all(argument.fits(number.value) for argument, number in zip(asked, order, strict=True)):
                for argument, number in zip(asked, order, strict=True):
                    self._add(argument, argument.coerce(number.value), number.start, number.end)
                return

    def _place_for(self, number: Number) -> Argument | None:
        """The asked, else a missing, else a known argument that the number fits best: the one with least room."""
        asked = self._asked_numbers()
        missing = [argument for argument in self.arguments.numbers if argument.name not in self.known]
        known = [argument for argument in self.arguments.numbers if argument.name in self.known]
        for group in (asked, missing, known):
            fitting = [argument for argument in group if self._open(argument) and argument.fits(number.value)]
            fitting = [argument for argument in fitting if not argument.is_year or number.plain]
            if fitting:
                return min(fitting, key=lambda argument: argument.width)
        return asked[0] if len(asked) == 1 and self._open(asked[0]) else None

    def _asked_numbers(self) -> list[Argument]:
        return [argument for argument in self.asked if argument.kind == "number" and self._open(argument)]

    def _stands_alone(self, number: Number) -> bool:
        """Whether the number counts nothing else: "34", not "2 cars"; after a question any number answers."""
        if only_a_word(self.text, number) or has_foreign_unit(self.text, number) or is_birth(self.text, number):
            return False
        if self._asked_numbers():
            return True
        if any(argument.open for argument in self.asked):
            return False
        return not counts_else(self.text, number)

    def _changed(self, number: Number, known: list[Argument], by: float) -> Argument | None:
        """The known number that a change is about; without a cue word only one that can be changed by so much."""
        around = clause_before(self.text, number.start) + clause_after(self.text, number.end)
        years = [argument for argument in known if argument.is_year]
        if years and "newer" in around:
            return years[0]
        others = [argument for argument in known if not argument.is_year]
        distances = [
            (cue_distance(self.text, number, argument, self._all_numbers()), argument) for argument in others
        ]
        cued = [(distance, argument) for distance, argument in distances if distance is not None]
        nearest = min(cued, key=lambda pair: pair[0], default=(0, None))[1]
        ages = [argument for argument in others if argument.is_age]
        if ages and heard("older").search(around) and (nearest is None or nearest.is_age):
            return ages[0]
        able = [one for one in others if one.fits((self._known_number(one) or 0) + by)]
        return nearest or choose_described(able, self.text) or max(able, key=lambda one: one.width, default=None)

    def _plausible(self, number: Number, argument: Argument) -> bool:
        """A cued number may be out of range, so that the tool can say so; years and loose words may not."""
        if argument.is_year:
            return self._year(number, argument) is not None
        return not number.loose or argument.fits(number.value)

    def _year(self, number: Number, argument: Argument) -> int | None:
        things = [(one.start, one.end) for one in self.found if one.name]
        return read_year(self.text, number, argument, things=things, today=self.today)

    def _known_number(self, argument: Argument) -> float | None:
        value = self.known.get(argument.name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    # Answers ------------------------------------------------------------------------------------------------------

    def find_answers(self) -> None:
        """What was asked and has no look of its own: yes and no, near misses of known values, free text."""
        asked = [argument for argument in self.asked if self._open(argument)]
        for argument in asked:
            if argument.kind == "boolean" and (answer := yes_or_no(self.text)) is not None:
                self._add(argument, answer, 0, len(self.text))
        if self._refuses_answer():
            return
        self._find_slips(asked)
        open_ones = [argument for argument in asked if argument.open and self._open(argument)]
        if open_ones and self._take_segments(open_ones[0]):
            return
        if open_ones and (rest := self._rest(whole=any(one.slot.free for one in open_ones))):
            self._take_text(open_ones, rest)

    def _refuses_answer(self) -> bool:
        talk = small_talk(self.text)
        return asks(self.message) or talk is not None or hears("unsure", self.text) or hears("never_mind", self.text)

    def _find_slips(self, asked: Iterable[Argument]) -> None:
        """ "Nisan" for Nissan, where a known value was asked for."""
        for argument in asked:
            for value, near in argument.read_slips(self.text):
                if self._open(argument) and not self._covered(*near.span()):
                    self._add(argument, value, *near.span())

    def _rest(self, *, whole: bool) -> str:
        """The message as an answer: short ones without what was understood otherwise and without a lead-in."""
        rest = self.message
        if self._aligned:
            for heard_one in sorted(self.found, key=lambda one: -one.start):
                rest = rest[: heard_one.start] + " " + rest[heard_one.end :]
        rest = drop_lead_in(" ".join(rest.split()).strip(EDGES))
        if says_nothing(normalise(rest)):
            return ""
        if len(rest.split()) <= 4 and len(rest) <= (12 if has_han(rest) else 40):
            return rest if find_terms(rest) or (rest and not hears("lead_in", rest)) else ""
        return self.message.strip() if whole else ""

    def _take_segments(self, first: Argument) -> bool:
        """An answer in parts between commas, known by an id among them: an address goes to all its arguments."""
        missing = [one for one in self.arguments.values() if one.slot.free and one.name not in self.known]
        missing = [one for one in missing if self._open(one)]
        end = min((one.start for one in self.found if one.how == "said"), default=0)
        values = share_parts(self.message, end, len(missing))
        if values is None or missing[0] is not first or not self._aligned:
            return False
        for argument, value in zip(missing, values, strict=False):
            self._add(argument, value, len(self.text), len(self.text), written=value)
        return True

    def _take_text(self, asked: list[Argument], rest: str) -> None:
        """The answer to what was asked. What names something, as a known value would, is no sentence. Said again for
        another question, it moves there.
        """
        if tells(rest) and all(one.slot.values for one in asked):
            return
        for argument, value in pair_answer(asked, rest):
            self._add(argument, value, len(self.text), len(self.text), written=value)
            for name, earlier in self.known.items():
                if name != argument.name and argument.slot.values and normalise(str(earlier)) == normalise(value):
                    self.found.append(Heard(name, None, len(self.text), len(self.text), how="taken back"))

    def find_story(self) -> None:
        """What happened, told before it was asked, beside its day or kind."""
        wanted = next((one for one in self.arguments.values() if one.slot.story and self._open(one)), None)
        said = [one for one in self.found if one.name and one.how == "said"]
        beside = [one.written for one in said if not self.arguments[one.name].pattern]
        if wanted and wanted.name not in self.known and beside and tells_story(self.message, self.arguments, beside):
            self._add(wanted, self.message.strip(), len(self.text), len(self.text), written=self.message.strip())

    # What follows from what was found -----------------------------------------------------------------------------

    def find_implied(self) -> None:
        said = {one.name for one in self.found if one.value is not None}
        for heard_one in list(self.found):
            if heard_one.value is None:
                continue
            follows = self.arguments[heard_one.name].slot.implies.get(heard_one.value, {})
            for name, value in follows.items():
                if name not in said and name in self.arguments:
                    said.add(name)
                    self.found.append(Heard(name, value, heard_one.start, heard_one.end, how="implied"))

    def _add(
        self, argument: Argument, value: Any, start: int, end: int, *, written: str = "", how: str = "said"
    ) -> None:
        """Note a finding; one that is said not to be so takes back what was known."""
        written = written or self.message[start:end].strip(EDGES).removesuffix("的")
        if start < len(self.text) and negated(self.text, start):
            if self.known.get(argument.name) == value:
                self.found.append(Heard(argument.name, None, start, end, written, "taken back"))
            else:
                self.found.append(Heard("", None, start, end, written, "taken back"))
            return
        self.found.append(Heard(argument.name, value, start, end, written, "changed" if how == "changed" else "said"))

    def _open(self, argument: Argument) -> bool:
        return not any(one.name == argument.name and one.value is not None for one in self.found)

    def _covered(self, start: int, end: int, *, name: str | None = None) -> bool:
        """Whether a finding lies there already; with `name`, one of that argument."""
        return any(
            one.start < end and start < one.end and (name is None or one.name in (name, "")) for one in self.found
        )

    def _all_numbers(self) -> list[Number]:
        self.numbers = self.numbers or find_numbers(self.text)
        return self.numbers

    def _free_numbers(self) -> list[Number]:
        """Numbers that are part of nothing else, and no day of the month."""
        days = find_dates(self.text, today=self.today)
        return [
            number
            for number in self._all_numbers()
            if not self._covered(number.start, number.end)
            and not any(day.start <= number.start < day.end for day in days)
        ]
