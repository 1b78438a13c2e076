"""The report as a manager and a program get it: who may, what may be asked, the files, and the page itself."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from firstline.judges import Reliability
from firstline.service.identity import hash_token
from firstline.service.sign_in import COOKIE
from firstline.staff import Actor, Role, StaffMember
from firstline.store.judgements import Said, SqlJudgements
from firstline.store.sql import conversations
from firstline.types import StaffId
from tests.support.client import check_error, code_of
from tests.support.past import fill_past
from tests.support.scripted import START
from tests.support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio

OWNER = Actor(name="command line")
COUNT = 300


@dataclass
class Office:
    """A shop with a past, and somebody signed in."""

    shop: Shop
    cookie: str = ""

    async def sign_in(self, role: Role = "viewer") -> None:
        staff_id = StaffId(f"st_{role}")
        member = StaffMember(
            staff_id=staff_id, name=f"desk.{role}", display_name="Desk One", role=role, created_at=self.shop.clock()
        )
        await self.shop.service.staff.add(member, password="a long enough one", by=OWNER, at=self.shop.clock())
        self.cookie = f"token-of-{role}"
        await self.shop.service.staff.open_session(
            staff_id, token_sha256=hash_token(self.cookie), address="", at=self.shop.clock()
        )

    async def get(self, path: str, language: str = "en", **params: Any) -> Response:
        cookie = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        headers = {**cookie, "Accept-Language": language}
        return await self.shop.client.request("GET", path, params=params or None, headers=headers)

    async def figures(self, **params: Any) -> dict[str, Any]:
        response = await self.get("/v1/staff/report", **params)
        assert response.status_code == 200, response.text
        return response.json()

    async def page(self, language: str = "en", **params: Any) -> str:
        response = await self.get("/report", language, **params)
        assert response.status_code == 200, response.text
        return response.text


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_shop(tmp_path) as shop:
        bundle = shop.service.engines["workshop"].bundle
        fill_past(shop.store.engine, bundle, COUNT, seed=4, until=START)
        opened = Office(shop)
        await opened.sign_in()
        yield opened


# Who may ------------------------------------------------------------------------------------------------------------


async def test_nobody_who_is_not_signed_in_gets_a_figure(office: Office) -> None:
    office.cookie = ""

    assert code_of(await office.get("/v1/staff/report")) == (401, "not_signed_in")
    page = await office.page()
    assert 'type="password"' in page and "criteria" not in page


async def test_a_session_that_is_over_shows_the_sign_in_again(office: Office) -> None:
    office.shop.clock.forward(hours=13)

    assert 'type="password"' in await office.page()


@pytest.mark.parametrize("role", ["human_agent", "admin"])
async def test_everybody_who_works_here_may_see_it(office: Office, role: Role) -> None:
    await office.sign_in(role)

    assert (await office.figures())["ended"] > 0


async def test_the_page_is_kept_by_no_cache_and_shown_in_no_frame(office: Office) -> None:
    headers = (await office.get("/report")).headers

    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


# What may be asked --------------------------------------------------------------------------------------------------


async def test_the_last_thirty_days_are_told_in_days_of_the_business(office: Office) -> None:
    told = await office.figures()

    assert (told["scope"]["from"], told["scope"]["to"]) == ("2026-10-25", "2026-11-23")
    assert (told["scope"]["timezone"], told["scope"]["period_days"]) == ("America/New_York", 1)
    assert told["ended"] + told["going"] + told["empty"] == COUNT
    assert len(told["criteria"]) == 11 and len(told["criteria"][2]["points"]) == 30


async def test_a_filter_narrows_every_figure(office: Office) -> None:
    whole, part = await office.figures(), await office.figures(locale="zh")
    lines = {line["key"]: line["figures"]["ended"]["value"] for line in whole["tables"]["locale"]}

    assert 0 < part["ended"] == lines["zh"] < whole["ended"]
    assert part["scope"]["locale"] == "zh"
    assert "locale=zh" in part["criteria"][2]["link"]


async def test_a_figure_leads_to_exactly_the_conversations_that_it_counts(office: Office) -> None:
    told = await office.figures(locale="en")
    linked = [
        each
        for each in [*told["ladder"], *told["grades"], *told["cited"], *told["causes"]]
        if each.get("link") and each["value"]
    ]
    assert {each["key"] for each in [*told["ladder"], *told["causes"]] if each["value"]} <= {e["key"] for e in linked}
    for figure in linked:
        listed = await office.get(f"/v1/staff/conversations?{figure['link'].split('?')[1]}&limit=200")
        assert len(listed.json()["conversations"]) == figure["value"], figure


async def test_a_conversation_is_scored_by_the_rules_of_the_evaluation_once_it_has_ended(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        office = Office(shop)
        await office.sign_in()
        customer = await shop.client.start()
        await customer.ask("price for 2 wheels")
        await customer.ask("guess, please")

        async def counted(key: str) -> tuple[int, float | None]:
            await shop.service.indexer.settled()
            found = next(each for each in (await office.figures())["criteria"] if each["key"] == key)
            return found["n"], found["value"]

        assert await counted("accuracy") == (0, None), "it is going on"
        await customer.call("POST", "/close")
        assert await counted("accuracy") == (1, 1.0), "the price; the guess was held back"
        assert await counted("deflection") == (1, 1.0)


async def test_a_stream_of_the_drawn_paths_leads_to_those_who_took_it(office: Office) -> None:
    page = unescape(await office.page())
    streams = re.findall(
        r'<a href="/inbox\?([^"]*stream=[^"]*)" class="d-link" aria-label="[^"]*: ([\d,]+)[ "]', page
    )
    assert len(streams) > 6
    for query, count in streams:
        listed = await office.get(f"/v1/staff/conversations?{query}&limit=200")
        assert len(listed.json()["conversations"]) == min(int(count.replace(",", "")), 200), query


async def test_a_stream_that_cannot_be_read_is_told(office: Office) -> None:
    response = await office.get("/v1/staff/conversations", stream="quote")
    assert code_of(response) == (422, "invalid")


async def test_a_metric_leads_to_the_conversations_in_which_it_failed(office: Office) -> None:
    told = {each["key"]: each for each in (await office.figures())["criteria"]}
    listed = await office.get(f"/v1/staff/conversations?{told['citations']['link'].split('?')[1]}&limit=200")
    failed = round(told["citations"]["n"] * (1 - told["citations"]["value"]))

    assert 0 < failed == len(listed.json()["conversations"])


async def test_an_empty_field_of_the_form_asks_for_nothing(office: Office) -> None:
    asked = {"from": "", "to": "", "bundle": "", "revision": "", "locale": "", "playbook": ""}

    assert (await office.figures(**asked))["ended"] == (await office.figures())["ended"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"from": "yesterday"}, "from: «yesterday» is no date. Write it as 2026-11-23."),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from: 2026-11-02 is after 2026-11-01. Swap the two dates."),
        ({"from": "2012-01-01"}, "from: The period is longer than ten years. Choose a later date."),
        ({"to": "9999-12-31"}, "to: The year 9999 is out of reach. Choose one from 2000 to 2200."),
        ({"format": "xml"}, "format: json or csv is expected."),
        ({"locale": "x" * 101}, "locale: at most 100 characters are expected; shorten it."),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_what_to_do(
    office: Office, asked: dict[str, str], told: str
) -> None:
    response = await office.get("/v1/staff/report", **asked)

    assert code_of(response) == (422, "invalid")
    assert check_error(response)["message"] == told


async def test_another_business_is_not_known_here(office: Office) -> None:
    assert code_of(await office.get("/v1/staff/report", bundle="bakery")) == (404, "unknown_bundle")


# CSV ----------------------------------------------------------------------------------------------------------------


async def test_the_spreadsheet_tells_the_same_figures(office: Office) -> None:
    response = await office.get("/v1/staff/report", format="csv", bundle="workshop")
    found = {
        (row["section"], row["key"]): row for row in csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    }
    told = await office.figures(bundle="workshop")

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    name = "report-workshop-2026-10-25-2026-11-23.csv"
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
    for each in told["criteria"]:
        row = found["criteria", each["key"]]
        assert float(row["value"] or 0) == pytest.approx(each["value"] or 0, abs=1e-6)
        assert row["verdict"] == each["verdict"]


async def test_taking_it_away_is_in_the_audit_log_and_looking_is_not(office: Office) -> None:
    await office.figures()
    await office.page()
    await office.get("/v1/staff/report", format="csv")
    actions = [entry.action for entry in await office.shop.service.staff.read_audit()]

    assert actions.count("exported") == 1


# The page -----------------------------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """What a screen reader goes by: headings, tables with their captions and headers, pictures, landmarks, fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[dict[str, Any]] = []
        self.headings: list[int] = []
        self.pictures: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self.styles = 0
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.seen.append(tag)
        self.styles += "style" in told
        self.ids += [told["id"]] if told.get("id") else []
        if tag == "table":
            self.tables.append({"caption": False, "scopes": 0, "headers": 0})
        elif tag == "caption":
            self.tables[-1]["caption"] = True
        elif tag == "th":
            self.tables[-1]["headers"] += 1
            self.tables[-1]["scopes"] += told.get("scope") in ("row", "col")
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag == "svg":
            self.pictures.append(told)


async def test_the_page_says_on_top_what_matters(office: Office) -> None:
    told = await office.figures()
    heading = re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", "", (await office.page()).split("<h1>")[1].split("</h1>")[0])
    ).strip()
    share = told["ladder"][0]["value"] / told["ended"]
    below = told["criteria_below_target"]

    assert heading.startswith(f"{share:.0%} of {told['ended']} conversations ended without a person;")
    assert heading.endswith(
        "is below target."
        if below < 2
        else f"{below} of {told['criteria_shown']} criteria that live data shows are below target."
    )


async def test_the_page_tells_how_long_people_waited_for_a_person(office: Office) -> None:
    waited = (await office.figures())["waited"]

    assert waited["value"] > 0 and waited["n"] > 0
    assert "Median wait until a person came" in await office.page()


async def test_the_page_can_be_heard_and_has_no_style_of_its_own(office: Office) -> None:
    page = await office.page()
    outline = Outline(page)

    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(outline.tables) >= 7
    assert all(table["caption"] and table["scopes"] == table["headers"] > 0 for table in outline.tables)
    assert len(outline.pictures) > 18
    assert all(each.get("aria-labelledby") in outline.ids for each in outline.pictures)
    assert {"main", "nav", "header", "form"} <= set(outline.seen)
    assert outline.styles == 0 and "<style" not in page
    assert not re.search(r"\bon\w+=", page)


async def test_no_id_stands_twice(office: Office) -> None:
    ids = Outline(await office.page()).ids

    assert len(ids) == len(set(ids))


async def test_verdicts_stand_in_words(office: Office) -> None:
    told = await office.figures()
    words = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "not_measured": "not measured live"}
    shown = re.findall(
        r'class="verdict (\w+)"><span class="shape" aria-hidden="true"></span>([^<]+)</span>', await office.page()
    )

    assert len(shown) >= 11
    assert {key for key, _ in shown} >= {each["verdict"] for each in told["criteria"]}
    assert all(words.get(key, "nothing yet") == word for key, word in shown)


async def test_the_page_speaks_the_readers_language_and_keeps_the_one_that_was_chosen(office: Office) -> None:
    assert "成功标准" in await office.page("zh-CN,zh;q=0.9")
    chosen = await office.page("en", lang="zh", playbook="bench")

    assert "成功标准" in chosen and '<input type="hidden" name="lang" value="zh">' in chosen
    assert 'href="?from=2026-10-25&amp;to=2026-11-23&amp;playbook=bench&amp;lang=en"' in chosen
    assert 'lang="en"' in (await office.page("ar"))


async def test_the_form_keeps_what_was_chosen_and_leads_to_the_files_of_the_same(office: Office) -> None:
    page = await office.page(**{"from": "2026-11-01", "to": "2026-11-15", "locale": "zh"})

    assert 'name="from" value="2026-11-01"' in page
    assert '<option value="zh" selected>' in page
    assert "/v1/staff/report?from=2026-11-01&amp;to=2026-11-15&amp;locale=zh&amp;format=csv" in page


async def test_a_form_filled_in_wrongly_comes_back_with_what_to_do(office: Office) -> None:
    headers = {"Cookie": f"{COOKIE}={office.cookie}"}
    response = await office.shop.client.http.get("/report?from=2026-11-15&to=2026-11-01", headers=headers)

    assert response.status_code == 422
    assert "from: 2026-11-15 is after 2026-11-01. Swap the two dates." in response.text
    assert 'name="from" value="2026-11-15"' in response.text and "<h1>" in response.text


async def test_a_period_without_conversations_is_a_page_too(office: Office) -> None:
    page = await office.page(**{"from": "2026-01-01", "to": "2026-01-31"})

    assert "No conversation ended in this period; there is nothing to measure yet." in re.sub(r"</?span>", "", page)
    assert "nothing yet" in page


async def test_what_a_customer_wrote_is_text_on_the_page(office: Office) -> None:
    attack = '<script>alert(1)</script> & "quotes"'
    with office.shop.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE record_questions SET text = ?", (attack,))
    page = await office.page()

    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in page


# Judged -------------------------------------------------------------------------------------------------------------


def let_judge(office: Office, *, good: int, bad: int, tried: Reliability | None) -> None:
    """So many replies judged on relevance and on support, each in a conversation of its own."""
    judgements = SqlJudgements(office.shop.store.engine, office.shop.store.reader)
    if tried is not None:
        for question in ("relevance", "support"):
            judgements.note_judge("claude-opus-5-5", question, "p", tried)
    since = office.shop.clock() - timedelta(days=20)
    ids, _ = judgements.sample("workshop", since, good + bad)
    assert len(ids) == good + bad
    for number, conversation_id in enumerate(ids):
        for question in ("relevance", "support"):
            said = Said(
                conversation_id, question, 0, number < good, "", "claude-opus-5-5", "p", "k", office.shop.clock()
            )
            _make_sure_it_is_there(office, conversation_id)
            judgements.keep(said)


def _make_sure_it_is_there(office: Office, conversation_id: str) -> None:
    """The past has records, and nothing behind them."""
    with office.shop.store.engine.begin() as connection:
        row = {"conversation_id": conversation_id, "last_seq": 1, "started_at": START.isoformat()}
        connection.execute(sqlite_insert(conversations).values(row).on_conflict_do_nothing())


async def test_what_a_trusted_judge_said_is_on_the_page_in_the_json_and_in_the_spreadsheet(office: Office) -> None:
    let_judge(office, good=100, bad=0, tried=Reliability(good=60, passed=58, bad=60, caught=57))

    page = unescape(await office.page())
    relevance, accuracy = (await office.figures())["criteria"][1:3]

    assert (relevance["verdict"], relevance["n"], relevance["note"]) == (
        "pass",
        100,
        "Corrected for the judge's own errors.",
    )
    assert relevance["low"] < 1 and relevance["value"] == 1
    supported = accuracy["also"][0]
    assert (supported["key"], supported["n"], supported["verdict"]) == ("supported", 100, "inconclusive")
    assert "as a judge says of a sample. Corrected for the judge's own errors." in page
    assert "Claims supported, as a judge says of a sample" in page
    rows = (await office.get("/v1/staff/report", format="csv")).text
    assert "Corrected for the judge's own errors." in rows


async def test_what_an_untried_judge_said_decides_nothing_and_the_page_says_what_would(office: Office) -> None:
    let_judge(office, good=1, bad=49, tried=None)

    relevance = (await office.figures())["criteria"][1]
    assert (relevance["verdict"], relevance["value"]) == ("inconclusive", 0.02)
    assert "firstline eval judge-check" in unescape(await office.page())
    assert "尚未检验" in unescape(await office.page("zh"))


async def test_the_figure_leads_to_the_conversations_that_were_judged_bad(office: Office) -> None:
    let_judge(office, good=40, bad=3, tried=None)
    criteria = (await office.figures())["criteria"]

    for figure in (criteria[1], criteria[2]["also"][0]):
        listed = await office.get("/v1/staff/conversations?" + figure["link"].partition("?")[2])
        assert len(listed.json()["conversations"]) == 3, figure["link"]


async def test_before_anybody_judged_the_page_names_the_command(office: Office) -> None:
    assert "None yet: `firstline eval live`." in unescape(await office.page())
