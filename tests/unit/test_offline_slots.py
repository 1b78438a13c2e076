"""Arguments are found in what customers write, in English and Chinese; what is not there is not found."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from firstline.model.note import Note
from firstline.model.offline_arguments import Arguments
from firstline.model.offline_dialogue import Call, Dialogue, Exchange
from firstline.model.offline_hearing import Listening, hear
from firstline.model.offline_parts import find_exchanged
from firstline.model.offline_slots import blame, fill, find_asked
from firstline.model.offline_values import find_dates, find_months, find_numbers
from firstline.tools import Slot
from firstline.types import PlaybookId
from tests.support.sample_bundle import TOOLS, make_tool

PRICE = Arguments(TOOLS["get_price"])
VISIT = Arguments(TOOLS["book_visit"])
REPAIR = Arguments(TOOLS["get_repair"])
TODAY = date(2026, 11, 23)
FULL = {"make": "Gazelle", "model": "Arroyo", "year": 2022, "distance": 3000, "rider_age": 34}
NUMBERS = ("distance", "rider_age")


def listen(text: str, *, known: dict[str, Any] | None = None, asked: tuple[str, ...] = (), own: bool = True) -> Any:
    """What the price tool's arguments become by this message alone."""
    heard = hear(text, Listening(PRICE, known or {}, asked, TODAY, own))
    return {one.name: one.value for one in heard if one.name}


def visit(text: str, *asked: str) -> Any:
    heard = hear(text, Listening(VISIT, {}, asked, TODAY))
    return {one.name: one.value for one in heard if one.name}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it's a 2022 Arroyo", {"make": "Gazelle", "model": "Arroyo", "year": 2022}),
        ("a Brompton C-Line", {"make": "Brompton", "model": "C Line"}),
        ("2022年的小布", {"make": "Brompton", "year": 2022}),
        ("3,000 km, and I'm 34", {"distance": 3000, "rider_age": 34}),
        ("3k km", {"distance": 3000}),
        ("3000km a year", {"distance": 3000}),
        ("three thousand kilometres, thirty-four years old", {"distance": 3000, "rider_age": 34}),
        ("一年三千公里，我三十四岁", {"distance": 3000, "rider_age": 34}),
        ("一年1.2万公里", {"distance": 12000}),
        ("1，200公里", {"distance": 1200}),
        ("250 km a month", {"distance": 3000}),
        ("每月250公里", {"distance": 3000}),
        ("a price for 2 bicycles", {}),
        ("my brother's 34 friends", {}),
        ("-5 km", {"distance": -5}),
        ("what does it cost?", {}),
        ("一年3000公里，34岁，每月多少", {"distance": 3000, "rider_age": 34}),
        ("3000，34岁", {"distance": 3000, "rider_age": 34}),
        ("一年1万2千公里", {"distance": 12000}),
        ("一年1.1w公里，38岁", {"distance": 11000, "rider_age": 38}),
        ("3万5公里", {"distance": 35000}),
        ("34岁就我一个人骑", {"rider_age": 34}),
        ("我32，一年大概9千公里", {"distance": 9000, "rider_age": 32}),
        ("那一个月多少钱", {}),
        ("千万别算错", {}),
        ("我现在一年交1200块", {}),
    ],
)
def test_facts_are_found_with_their_cue_words_or_by_their_look(text: str, found: Any) -> None:
    assert listen(text) == found


@pytest.mark.parametrize(
    ("text", "asked", "found"),
    [
        ("34", ("rider_age",), {"rider_age": 34}),
        ("三十四", ("rider_age",), {"rider_age": 34}),
        ("3000 34", NUMBERS, {"distance": 3000, "rider_age": 34}),
        ("34, 3000", NUMBERS, {"distance": 3000, "rider_age": 34}),
        ("34", NUMBERS, {"rider_age": 34}),
        ("2000", ("distance",), {"distance": 2000}),
        ("no, 2023", ("distance",), {"year": 2023}),
        ("it's a 2023", ("distance",), {"year": 2023}),
        ("about 2000 km", ("rider_age",), {"distance": 2000}),
        ("gazele", ("make", "model"), {"make": "Gazelle"}),
        ("Giant Escape", ("make", "model"), {"make": "Giant", "model": "Escape"}),
        ("it's an Escape", ("model",), {"model": "Escape"}),
        ("why do you ask?", ("model",), {}),
        ("I don't know", ("model",), {}),
        ("thank you", ("model",), {}),
    ],
)
def test_a_bare_answer_goes_to_the_question_that_it_fits(text: str, asked: tuple[str, ...], found: Any) -> None:
    assert listen(text, asked=asked) == found


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("and if I ride 500 km less?", {"distance": 2500}),
        ("500 fewer kilometres", {"distance": 2500}),
        ("如果少骑500公里呢", {"distance": 2500}),
        ("每年多骑1,000公里", {"distance": 4000}),
        ("half as much", {"distance": 1500}),
        ("里程减半", {"distance": 1500}),
        ("what if I were 5 years older", {"rider_age": 39}),
        ("5 years younger?", {"rider_age": 29}),
        ("less than 500 km", {"distance": 500}),
        ("最多500公里", {"distance": 500}),
        ("no, 2023", {"year": 2023}),
        ("it's a 2023, not 2022", {"year": 2023}),
        ("不是2022，是2023", {"year": 2023}),
        ("不对，是2023年的", {"year": 2023}),
        ("and with 800?", {"distance": 800}),
        ("I meant the Orange C7", {"model": "Orange C7", "make": "Gazelle"}),
        ("not an Arroyo, a C Line", {"model": "C Line", "make": "Brompton"}),
        ("it's not an Arroyo", {"model": None}),
    ],
)
def test_corrections_and_changes_touch_only_what_they_name(text: str, changed: Any) -> None:
    assert listen(text, known=FULL) == changed


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("23年的，一年3000公里", 2023),
        ("24年款 一年3000公里", 2024),
        ("一九年的小布", 2019),
        ("22年小布", 2022),
        ("小布19年", 2019),
        ("94年的小布", 1994),
        ("年款改成22", 2022),
        ("a '19 Arroyo", 2019),
        ("我是94年的", None),
        ("我儿子94年的", None),
        ("I was born in 1994", None),
        ("这车骑了15年", None),
        ("我有20年的车龄", None),
        ("35年的", None),
        ("22 years old", None),
        ("3000 km a year 22", None),
        ("year 22", 2022),
    ],
)
def test_two_digits_are_a_year_where_a_word_says_so_and_nobody_was_born_in_it(text: str, year: int | None) -> None:
    assert listen(text).get("year") == year


def test_a_year_of_birth_is_no_age_either() -> None:
    assert listen("我是94年的", asked=("rider_age",)) == {}


def test_what_stands_around_numbers_is_no_answer_to_another_question() -> None:
    assert listen("我32，一年大概9千公里", asked=("make", "model")) == {"distance": 9000, "rider_age": 32}


ADDRESS = Arguments(
    make_tool(
        "change_address",
        "Change where the bicycle is fetched.",
        {name: {"type": "string"} for name in ("street", "city", "state", "code")},
        label={"en": "Changing the address"},
        slots={
            "street": Slot(ask={"en": "Which street?"}, free=True),
            "city": Slot(ask={"en": "Which city?"}, free=True),
            "state": Slot(ask={"en": "Which state?"}, values={"oregon": "OR"}, free=True),
            "code": Slot(ask={"en": "Which code?"}, pattern=r"(?<!\d)\d{5}(?!\d|\s+[A-Za-z])"),
        },
    )
)
PINE = {"street": "1412 Pine Street", "city": "Portland", "state": "OR", "code": "97205"}


def address(text: str, **known: str) -> Any:
    return {one.name: one.value for one in hear(text, Listening(ADDRESS, known, (), TODAY)) if one.name}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("1412 Pine Street, Portland, Oregon 97205", {}),
        ("搬家了，新地址 1412 Pine Street, Portland, Oregon 97205，帮我改下", {}),
        ("we moved 2 weeks ago, it's 1412 Pine Street in Portland, Oregon, 97205. thanks", {}),
        ("1412 Pine Street, Apt 4B, Portland, Oregon 97205", {"street": "1412 Pine Street, Apt 4B"}),
        ("in 2026 I moved to 77 W 5th St #3, Portland, Oregon 97205", {"street": "77 W 5th St #3"}),
    ],
)
def test_a_whole_address_in_one_message_goes_to_all_its_arguments(text: str, changes: Any) -> None:
    assert address(text) == {**PINE, **changes}


def test_a_number_before_what_it_counts_begins_no_address() -> None:
    assert address("we moved 2 weeks ago, from Portland, Oregon 97205") == {"state": "OR", "code": "97205"}


def test_known_text_said_again_with_one_word_changed_is_corrected() -> None:
    assert address("等等，写错了，是 1421 Pine Street", **PINE) == {"street": "1421 Pine Street"}
    assert address("sorry, 1421 Pine Street.", **PINE) == {"street": "1421 Pine Street"}
    assert address("and what about my street?", **PINE) == {}


def test_a_question_about_other_things_leaves_no_numbers_behind() -> None:
    assert listen("does the guarantee end after 5,000 km or 8 years?", own=False) == {}


def test_a_vehicle_named_in_passing_is_remembered_with_its_year() -> None:
    assert listen("I have a 2022 Arroyo", own=False) == {"make": "Gazelle", "model": "Arroyo", "year": 2022}


@pytest.mark.parametrize(
    ("text", "asked", "found"),
    [
        ("tomorrow afternoon", ("day", "time"), {"day": "2026-11-24", "time": "afternoon"}),
        ("明天下午", ("day", "time"), {"day": "2026-11-24", "time": "afternoon"}),
        ("December 4", ("day",), {"day": "2026-12-04"}),
        ("on 4 Dec 2027", ("day",), {"day": "2027-12-04"}),
        ("12月4日", ("day",), {"day": "2026-12-04"}),
        ("2026-12-04", ("day",), {"day": "2026-12-04"}),
        ("2026-02-31", ("day",), {}),
        ("next monday", ("day",), {"day": "2026-11-30"}),
        ("in 3 days", ("day",), {"day": "2026-11-26"}),
        ("yes", ("electric",), {"electric": True}),
        ("nope", ("electric",), {"electric": False}),
        ("不是", ("electric",), {"electric": False}),
        ("it is r-1001", (), {"repair": "R-1001"}),
        ("the brakes squeak when I stop", ("reason",), {"reason": "the brakes squeak when I stop"}),
    ],
)
def test_days_choices_yes_and_no_ids_and_free_text(text: str, asked: tuple[str, ...], found: Any) -> None:
    assert visit(text, *asked) == found


@pytest.mark.parametrize(
    ("description", "day"),
    [("The day it happened.", "2025-12-04"), ("The day from which it is effective.", "2026-12-04")],
)
def test_a_day_without_a_year_lies_where_the_argument_says(description: str, day: str) -> None:
    tool = TOOLS["book_visit"]
    schema = {
        "type": "object",
        "properties": {"day": {"type": "string", "format": "date", "description": description}},
    }
    arguments = Arguments(type(tool)(tool.name, tool.description, schema, tool.declaration))
    heard = hear("December 4", Listening(arguments, {}, ("day",), TODAY))
    assert [one.value for one in heard] == [day]


# Over the turns ---------------------------------------------------------------------------------------------------


def turn(text: str, *, reply: str = "", calls: list[Call] | None = None, playbook: str = "price") -> Exchange:
    tools = {"price": ("get_price",), "advice": (), "repairs": ("book_visit",)}[playbook]
    note = Note(locale="en", playbook=PlaybookId(playbook), now=datetime(2026, 11, 23, 16, tzinfo=UTC), tools=tools)
    return Exchange(note, (text,), (), calls or [], reply)


def called(outcome: Any = "ok", text: str = "", **changes: Any) -> Call:
    return Call("c", "get_price", {**FULL, **changes}, outcome, {}, text)


def folded(*turns: Exchange) -> Any:
    return fill(PRICE, Dialogue(turns), zone=UTC)


def test_what_was_said_in_several_turns_comes_together() -> None:
    ask = "How many kilometres do you ride a year? How old is the rider?"
    filling = folded(
        turn("I have a 2022 Arroyo, is rust covered?", playbook="advice"),
        turn("what does a service cost", reply=ask),
        turn("3000, 34"),
    )
    assert filling.arguments == FULL
    assert filling.asked == NUMBERS


def test_an_earlier_call_is_the_base_of_a_follow_up() -> None:
    filling = folded(turn("price please", calls=[called()]), turn("and 500 km less?"))
    assert filling.arguments == {**FULL, "distance": 2500}
    assert filling.done and filling.corrected


def test_another_bicycle_begins_anew_but_another_kilometre_does_not() -> None:
    quoted = turn("price please", calls=[called()])
    assert folded(quoted, turn("another bicycle please")).arguments == {}
    assert folded(quoted, turn("another 500 km more")).arguments == {**FULL, "distance": 3500}


def test_a_rejected_value_is_forgotten_and_the_rest_is_kept() -> None:
    rejected = called("rejected", "Riders must be 14 or older, so 12 is too young.", rider_age=12)
    filling = folded(turn("the rider is 12", calls=[rejected]), turn("hm"))
    assert filling.arguments == {name: value for name, value in FULL.items() if name != "rider_age"}


def test_a_new_make_takes_the_model_with_it() -> None:
    assert "model" not in folded(turn("an Arroyo"), turn("sorry, a Brompton")).arguments


def test_a_finished_action_leaves_nothing_for_the_next_one() -> None:
    done = Call("c", "book_visit", {"repair": "R-1001"}, "ok", {})
    filling = fill(VISIT, Dialogue((turn("book", calls=[done], playbook="repairs"),)), zone=UTC)
    assert filling.arguments == {}


def test_the_blamed_argument_is_the_one_that_the_rejection_speaks_of() -> None:
    assert blame(PRICE, called(text="We know no bicycle from 2022.")) == "year"
    assert blame(PRICE, called(text="So many kilometres cannot be ridden.")) == "distance"
    assert blame(PRICE, called(text="This cannot be.")) is None


def test_questions_are_recognised_in_a_reply_of_either_language() -> None:
    assert find_asked(PRICE, "Thanks: 2022. How old is the rider?") == ("rider_age",)
    assert find_asked(PRICE, "好的。请问每年骑多少公里？请问骑车人多大年龄？") == NUMBERS
    assert find_asked(PRICE, "The price is ready.") == ()


def test_arguments_that_the_schema_refuses_are_named() -> None:
    assert PRICE.wrong(FULL) is None
    assert PRICE.wrong({**FULL, "year": 1800}) == "year"
    assert PRICE.wrong({**FULL, "rider_age": "old"}) == "rider_age"


@pytest.mark.parametrize(
    ("text", "value", "plain"),
    [
        ("twenty twenty-two", 2022, True),
        ("nineteen ninety", 1990, True),
        ("twenty eleven", 2011, True),
        ("twenty-two", 22, False),
        ("twenty two thousand", 22000, False),
    ],
)
def test_a_year_in_words_is_a_year(text: str, value: int, plain: bool) -> None:
    assert [(number.value, number.plain) for number in find_numbers(text)] == [(value, plain)]


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("my october invoice", {10}),
        ("十月那期", {10}),
        ("10月那张", {10}),
        ("上个月的账单", {10}),
        ("it may be too much", set()),
        ("the bill of may", {5}),
        ("每月两次，1个月", set()),
    ],
)
def test_months_are_found_where_one_is_named(text: str, months: set[int]) -> None:
    assert find_months(text, today=TODAY) == months


def test_a_day_just_past_is_meant_even_where_one_to_come_is_asked_for() -> None:
    days = find_dates("october 1, january 15", today=TODAY, lean="future")
    assert [day.value for day in days] == [date(2026, 10, 1), date(2027, 1, 15)]


def test_a_word_that_is_put_right_changes_what_was_known() -> None:
    assert find_exchanged("sorry, it's 41 not 14", "14 Pine Road") == "41 Pine Road"
    assert find_exchanged("not 14 but 41", "14 Pine Road") == "41 Pine Road"
    assert find_exchanged("it is not far", "14 Pine Road") is None
