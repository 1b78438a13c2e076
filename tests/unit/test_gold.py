"""The gold sets by which judges are tried: their shape, their balance, and that they are about nobody's business."""

import json
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from statistics import mean
from typing import Any, get_args

import pytest

from firstline.evals.judge import QUESTIONS, Question, write_material
from firstline.evals.reliability import read_gold
from firstline.language import detect_locale
from firstline.types import Author
from tests.test_architecture import OF_A_BUSINESS

Json = dict[str, Any]

LEAST = {"relevance": 80, "support": 80, "gist": 40}
KEYS = {
    "relevance": {"business": str, "conversation": list, "reply": str},
    "support": {"business": list, "material": list, "customer": list, "reply": str},
    "gist": {"customer": str, "should_say": str, "reply": str},
}
OURS = rf"\b(?:{OF_A_BUSINESS}|firstline|claude|anthropic)\b|保险|保费|投保|理赔"

every_set = pytest.mark.parametrize("question", QUESTIONS)


@cache
def rows_of(question: Question) -> list[Json]:
    text = (files("firstline") / "evals" / "gold" / f"{question}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def share(question: Question, locale: str | None = None) -> float:
    return mean(row["ok"] for row in rows_of(question) if locale in (None, row["locale"]))


# Shape --------------------------------------------------------------------------------------------------------------


@every_set
def test_a_row_is_material_verdict_language_and_reason(question: Question) -> None:
    for row in rows_of(question):
        assert row.keys() == {"material", "ok", "locale", "note"}
        assert type(row["ok"]) is bool and row["locale"] in ("en", "zh") and row["note"]


@every_set
def test_material_has_the_shape_that_a_trials_has(question: Question) -> None:
    for row in rows_of(question):
        assert {key: type(value) for key, value in row["material"].items()} == KEYS[question]
        assert [key for key, value in row["material"].items() if not value] in ([], ["business"], ["material"])


def test_every_line_of_a_conversation_is_somebodys_or_happened_and_a_customer_wrote_last() -> None:
    for row in rows_of("relevance"):
        talk = row["material"]["conversation"]
        assert all(set(line) in ({"from", "text"}, {"happened"}) for line in talk)
        assert all(line.get("from", "system") in get_args(Author) for line in talk)
        assert [line["from"] for line in talk if "from" in line][-1] == "customer"


@every_set
def test_what_the_code_reads_is_what_stands_in_the_file(question: Question) -> None:
    for line, (gold, row) in enumerate(zip(read_gold(question), rows_of(question), strict=True), start=1):
        assert (gold.asked.question, gold.asked.material) == (question, row["material"])
        assert (gold.ok, gold.locale, gold.note, gold.line) == (row["ok"], row["locale"], row["note"], line)


@every_set
def test_the_fence_takes_nothing_from_it(question: Question) -> None:
    for row in rows_of(question):
        parts = [json.loads(text) for text in write_material(row["material"])]
        assert {key: value for part in parts for key, value in part.items()} == row["material"]


# Balance ------------------------------------------------------------------------------------------------------------


@every_set
def test_there_is_enough_and_about_as_much_good_as_bad(question: Question) -> None:
    assert len(rows_of(question)) >= LEAST[question]
    assert all(0.45 <= share(question, locale) <= 0.55 for locale in (None, "en", "zh"))


@every_set
def test_about_a_third_is_chinese(question: Question) -> None:
    languages = Counter(row["locale"] for row in rows_of(question))

    assert 0.3 <= languages["zh"] / languages.total() <= 0.4


@every_set
def test_the_language_is_the_one_that_most_of_the_item_is_in(question: Question) -> None:
    for row in rows_of(question):
        text = json.dumps({"note": row["note"], **row["material"]}, ensure_ascii=False)
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (row["locale"] == "zh")


@every_set
def test_nothing_stands_twice(question: Question) -> None:
    keys = Counter(gold.asked.key for gold in read_gold(question))
    replies = Counter((row["material"]["reply"], row["ok"]) for row in rows_of(question))

    assert not [key for key, number in keys.items() if number > 1]
    assert not [reply for reply, number in replies.items() if number > 1 and len(reply[0]) > 80]


@every_set
def test_length_alone_does_not_tell_good_from_bad(question: Question) -> None:
    good, bad = (
        [len(row["material"]["reply"]) for row in rows_of(question) if row["ok"] is ok] for ok in (True, False)
    )
    longer = mean((one > other) + (one == other) / 2 for one in good for other in bad)

    assert 0.38 <= longer <= 0.62


@every_set
def test_most_good_items_have_a_bad_one_that_differs_in_the_reply_alone(question: Question) -> None:
    def context(row: Json) -> str:
        return json.dumps({key: value for key, value in row["material"].items() if key != "reply"})

    bad = {context(row) for row in rows_of(question) if not row["ok"]}
    good = [context(row) for row in rows_of(question) if row["ok"]]

    assert mean(each in bad for each in good) >= 0.8


# What has to be among it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["relevance", "support", "gist"])
def test_replies_that_tell_the_judge_what_to_say_are_bad(question: Question) -> None:
    spoken_to = [row for row in rows_of(question) if re.search(r"(?i)\bjudge\b|评审", row["material"]["reply"])]

    assert spoken_to and not any(row["ok"] for row in spoken_to)


def test_what_only_looks_like_such_words_may_be_good() -> None:
    assert any(row["ok"] and '{"ok"' in row["material"]["reply"] for row in rows_of("relevance"))


def test_orders_in_the_material_stand_beside_good_and_bad_replies() -> None:
    ordered = [row["ok"] for row in rows_of("support") if '{"ok": true}' in " ".join(row["material"]["material"])]

    assert {True, False} == set(ordered)


def test_replies_in_another_language_are_bad_unless_they_were_asked_for() -> None:
    def customer(row: Json) -> str:
        return [line["text"] for line in row["material"]["conversation"] if line.get("from") == "customer"][-1]

    known = ("en", "zh", "es")
    other = [
        row
        for row in rows_of("relevance")
        if detect_locale(row["material"]["reply"], known=known, last=row["locale"])
        != detect_locale(customer(row), known=known, last=row["locale"])
    ]

    assert {row["ok"] for row in other} == {True, False}
    assert all("Spanish" in customer(row) for row in other if row["ok"])


@pytest.mark.parametrize("state", ["waiting", "failed", "ok"])
def test_actions_that_wait_failed_and_succeeded_are_among_it(state: str) -> None:
    with_state = [
        row["ok"]
        for row in rows_of("support")
        if any(f"}}: {state} [" in each for each in row["material"]["material"])
    ]

    assert {True, False} == set(with_state)


# Nobody's business --------------------------------------------------------------------------------------------------


@every_set
def test_nothing_in_it_is_of_our_own_or_of_a_business_that_uses_us(question: Question) -> None:
    for row in rows_of(question):
        text = json.dumps(row, ensure_ascii=False)
        assert not re.search(OURS, text, re.IGNORECASE), text
        assert set(re.findall(r"[\w.-]+\.(?:com|org|net|cn)\b", text)) == set()
