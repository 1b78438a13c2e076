"""The report for programs and spreadsheets, and how its figures are written."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from firstline.report import Tally
from firstline.report.scope import Scope
from firstline.report.sheet import BYTE_ORDER_MARK, COLUMNS, view_report, write_csv
from firstline.report.values import Report
from firstline.report.written import write_day, write_range, write_value
from tests.support.sample_bundle import CHAIN
from tests.unit.test_report import NEW_YORK, NOW, asked, criterion, report, tallies

TODAY = date(2026, 11, 23)


def rows(made: Report) -> list[dict[str, str]]:
    text = write_csv(made)
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_a_spreadsheet_gets_one_row_for_each_figure_with_a_key_of_its_own_and_a_name() -> None:
    counted = tallies(Tally(total=10, contained=7, handed_off=3), reasons={"asked": 3}, sources={CHAIN.url: 2})
    made = report(counted)
    found = rows(made)
    keys = [(row["section"], row["key"]) for row in found]

    assert tuple(found[0]) == COLUMNS
    assert len(keys) == len(set(keys)) == len(list(made.figures())) + len(made.unused)
    assert not [row for row in found if not row["name"] or row["name"] == row["key"]]
    (deflection,) = [row for row in found if row["key"] == "deflection"]
    assert (deflection["value"], deflection["n"], deflection["target"]) == ("0.7", "10", "0.7")
    assert deflection["verdict"] == "inconclusive"
    assert ("handoffs", "asked/share") in keys and ("playbook", "price/contained") in keys


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", '=HYPERLINK("http://x")']
)
def test_no_text_of_a_customer_is_a_formula_in_a_spreadsheet(text: str) -> None:
    found = [row for row in rows(report(tallies(Tally(), questions=[asked(text)]))) if row["section"] == "questions"]

    assert found[0]["name"] == f"'{text}"


def test_what_is_no_formula_stays_as_it_is() -> None:
    text = 'What is 1+1, "really"?'
    found = [row for row in rows(report(tallies(Tally(), questions=[asked(text)]))) if row["section"] == "questions"]

    assert (found[0]["name"], found[0]["value"]) == (text, "1")


def test_json_tells_the_same_figures_as_the_report() -> None:
    scope = Scope(TODAY - timedelta(days=1), TODAY, NEW_YORK, locale="en")
    made = report(
        tallies(Tally(total=9, contained=6, abandoned=3), Tally(), waiting=2, waiting_since=NOW), scope=scope
    )
    told = view_report(made)
    (deflection,) = [each for each in told["criteria"] if each["key"] == "deflection"]

    assert told["scope"]["from"] == "2026-11-22" and told["scope"]["locale"] == "en"
    assert told["scope"]["periods"] == ["2026-11-22", "2026-11-23"]
    assert deflection["value"] == criterion(made, "deflection").value == 6 / 9
    assert deflection["points"] == [6 / 9, None] and deflection["of_few"] is True
    assert told["waiting"] == {"now": 2, "since": "2026-11-23T17:00:00Z"}
    assert told["waited"] == {
        "key": "waited", "name": "Median wait until a person came", "value": None, "unit": "seconds", "n": 0
    }  # fmt: skip


# How figures are written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.712, "share", "71%"),
        (1.0, "share", "100%"),
        (0.99996, "share", "99.9%"),
        (0.996, "share", "99.9%"),
        (0.0, "share", "0%"),
        (0.004, "share", "0.4%"),
        (0.00001, "share", "<0.1%"),
        (4.284, "grade", "4.28"),
        (42.0, "seconds", "42 s"),
        (153.0, "seconds", "2.5 min"),
        (600.0, "seconds", "10 min"),
        (9_000.0, "seconds", "2.5 h"),
        (259_200.0, "seconds", "3 d"),
        (0.0272, "usd", "$0.027"),
        (39.171, "usd", "$39.17"),
        (12_345.6, "usd", "$12,346"),
        (0.0, "usd", "$0.00"),
        (34_949_066, "count", "34,949,066"),
        (None, "share", "–"),
    ],
)
def test_a_figure_is_written_with_its_unit_and_never_rounded_to_certainty(
    value: float | None, unit: Any, written: str
) -> None:
    assert write_value(value, unit) == written


def test_a_range_has_its_unit_once_and_chinese_its_own() -> None:
    assert write_range(0.6881, 0.7346, "share") == "68.8–73.5%"
    assert write_range(142, 163, "seconds") == "2.4–2.7 min"
    assert write_range(142, 163, "seconds", "zh") == "2.4–2.7 分钟"
    assert write_range(None, None, "share") == "–"
    assert (write_day(TODAY), write_day(TODAY, "zh")) == ("23 Nov 2026", "2026年11月23日")
