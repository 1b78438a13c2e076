"""What other programs and terminals show of a run: whole, in words, and harmless whatever customers wrote."""

import io
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from rich.console import Console

from firstline.evals.compare import compare
from firstline.evals.sheet import Sheet
from firstline.evals.terminal_table import MOST_LINES, print_changes, print_comparison, print_sheet
from firstline.evals.wording import ABOUT, NAMES, say_wrong, write_line
from firstline.evals.written import write_junit, write_markdown
from firstline.scoring import CRITERIA
from firstline.scoring.trial import Trial
from tests.support.dummies import Echoes
from tests.support.tried import make_sheet, trial_of

HOSTILE = "\x1b[2J\x07<script>alert(1)</script> ![x](https://evil.example/x.png) | `a` \u202egnp.exe\ufffe\nsecond"


def broken(error: str = HOSTILE) -> Trial:
    return replace(trial_of("poem"), error=error)


def printed(sheet: Sheet, against: Sheet | None = None, **console: Any) -> str:
    out = Console(file=io.StringIO(), **{"soft_wrap": True, "highlight": False, **console})
    print_sheet(out, sheet, compare(against, sheet) if against else None)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


# Words --------------------------------------------------------------------------------------------------------------


def test_every_criterion_has_a_name_and_says_what_it_counts():
    assert set(NAMES) == set(ABOUT) == set(CRITERIA)


def test_foreign_text_becomes_one_harmless_line():
    line = write_line(HOSTILE)

    assert line.isprintable() and "\n" not in line
    assert "second" in line
    assert write_line("a" * 400).endswith("…") and len(write_line("a" * 400)) == 300


def test_reasons_are_gathered_by_criterion():
    (chain,) = [each for each in make_sheet(model=Echoes()).failing if each.trial.case.id == "chain"]

    assert say_wrong(chain.scores) == (
        "Accuracy: did not say «200 miles»; did not say «2 drops» · Citations: cited nothing, not chain/oil"
    )


# The terminal -------------------------------------------------------------------------------------------------------


def test_the_table_holds_value_interval_n_target_and_verdict_in_words():
    text = printed(make_sheet(model=Echoes()))
    (row,) = [line for line in text.splitlines() if line.startswith("Quotes ")]

    assert row.split() == ["Quotes", "0%", "0–65.8%", "2", "100%", "✗", "FAIL"]
    assert "● PASS" not in text and "○ INCONCLUSIVE" in text


def test_small_samples_are_said_to_be_small_and_how_many_would_decide():
    assert "Off-topic declined: small sample; about" not in printed(make_sheet(model=Echoes())), "it is decided"
    assert "Quotes: small sample; about 300 conversations like these would decide" in printed(make_sheet())


def test_every_failing_conversation_has_one_line_with_its_reason():
    sheet = make_sheet([trial_of("chain", Echoes()), trial_of("price"), broken()])
    lines = printed(sheet).splitlines()

    assert [line for line in lines if line.startswith("  chain #1  Accuracy: did not say «200 miles»")]
    assert [line for line in lines if line.startswith("  poem #1  [2J <script>")]
    assert not [line for line in lines if "price #1" in line]


def test_nothing_that_a_customer_wrote_moves_the_cursor():
    text = printed(make_sheet([broken()]))

    assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_many_failures_are_cut_off_with_their_number():
    trials = [replace(trial_of("chain", Echoes()), number=number) for number in range(1, MOST_LINES + 6)]
    text = printed(make_sheet(trials))

    assert f"Something wrong ({MOST_LINES + 5})" in text and "… and 5 more" in text


def test_the_last_run_stands_beside_with_what_flipped():
    text = printed(make_sheet(model=Echoes(), days=1), make_sheet())
    (row,) = [line for line in text.splitlines() if line.startswith("Citations ")]

    assert row.rstrip().endswith("was 100%; 3 worse")
    assert "beside the run of 2026-11-23 15:00, workshop" in text


def test_a_last_run_that_other_scorers_scored_is_said_to_mislead():
    before, now = replace(make_sheet(), scorers="scorers-0"), make_sheet(days=1)

    assert "a difference may be theirs" in printed(now, before)
    assert "a difference may be theirs" in write_markdown(now, compare(before, now))
    assert "a difference may be theirs" not in printed(now, make_sheet())


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_shows_the_last_run_below_and_loses_nothing(width: int):
    text = printed(make_sheet(model=Echoes(), days=1), make_sheet(), width=width, force_terminal=True, no_color=True)

    assert "Citations: was 100%; 3 worse" in text
    if width >= 80:
        assert text.count("✗ FAIL") == 7, "six criteria, and the whole"


def test_reasons_fit_the_terminal_in_any_script():
    trial = replace(trial_of("chain-in-chinese"), error="油" * 200)
    lines = printed(make_sheet([trial]), width=90, force_terminal=True, no_color=True).splitlines()

    assert [line for line in lines if "chain-in-chinese #1" in line and line.endswith("…")]


def test_hashes_and_ids_stand_under_the_table():
    sheet = make_sheet()
    text = printed(sheet)

    for known in (sheet.origin.revision, sheet.origin.suite, sheet.scorers, "models dummy"):
        assert known in text


def test_two_runs_are_shown_by_criterion_and_by_what_flipped():
    out = Console(file=io.StringIO(), soft_wrap=True)
    print_comparison(out, compare(make_sheet(), make_sheet(model=Echoes(), days=1)))
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()

    assert "B is worse than A, beyond chance: Accuracy" in text
    assert "▼ WORSE" in text and "Flipped to bad" in text
    assert "chain #1  Accuracy: did not say" in text


def test_scoring_again_tells_only_what_has_changed():
    out = Console(file=io.StringIO(), soft_wrap=True)
    before = make_sheet()
    print_changes(out, compare(before, before))
    print_changes(out, compare(before, make_sheet(model=Echoes())))
    assert isinstance(out.file, io.StringIO)
    same, changed = out.file.getvalue().split("changed.", 1)

    assert same == "No verdict of a criterion has "
    assert "Quotes  ○ INCONCLUSIVE (100%)  →  ✗ FAIL (0%)" in changed and "Bad now" in changed


# Markdown -----------------------------------------------------------------------------------------------------------


def test_markdown_has_a_row_for_each_criterion_and_a_line_for_each_failure():
    sheet = make_sheet(model=Echoes())
    text = write_markdown(sheet)

    assert text.startswith("# ✗ FAIL: Spoke\n\n6 of 11 criteria are below target")
    assert [line.count("|") for line in text.splitlines() if line.startswith("| ")] == [9] * 12
    assert len([line for line in text.splitlines() if line.startswith("- chain \\#1: ")]) == 1
    assert sheet.origin.revision in text and sheet.origin.suite in text and sheet.scorers in text


def test_nothing_that_a_customer_wrote_is_markdown():
    text = write_markdown(make_sheet([broken()]))
    (line,) = [line for line in text.splitlines() if line.startswith("- poem")]

    assert r"\<script\>alert(1)\</script\> \!\[x\](https://evil.example/x.png) \| \`a\`" in line


def test_markdown_tells_what_changed_since_the_last_run():
    against = compare(make_sheet(), make_sheet(model=Echoes(), days=1))

    assert "was 100%; 3 worse" in write_markdown(against.after, against)


# JUnit XML ----------------------------------------------------------------------------------------------------------


def test_junit_counts_criteria_and_conversations():
    sheet = make_sheet([trial_of("price"), trial_of("chain", Echoes()), broken()])
    root = Xml.fromstring(write_junit(sheet))
    criteria, conversations = root.findall("testsuite")

    def counted(suite: Xml.Element) -> dict[str, int]:
        return {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}

    assert counted(conversations) == {"tests": 3, "failures": 1, "errors": 1, "skipped": 0}
    assert counted(criteria) == {
        "tests": len(sheet.figures),
        "failures": sum(figure.verdict == "fail" for figure in sheet.figures),
        "errors": 0,
        "skipped": sum(figure.verdict == "inconclusive" for figure in sheet.figures),
    }
    assert counted(root)["tests"] == 3 + len(sheet.figures)


def test_junit_gives_every_reason_and_every_hash():
    sheet = make_sheet([trial_of("chain", Echoes())])
    root = Xml.fromstring(write_junit(sheet))
    (case,) = root.findall("testsuite")[1].findall("testcase")
    properties = {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")}

    assert case.attrib["classname"] == "workshop.chain" and case.attrib["name"] == "trial 1"
    assert case.find("failure") is not None
    assert [line.split(":")[0] for line in (case.findtext("failure") or "").splitlines()] == ["accuracy", "citations"]
    assert sheet.origin.suite in properties["cases"] and properties["scorers"] == sheet.scorers


def test_nothing_that_a_customer_wrote_breaks_the_xml():
    root = Xml.fromstring(write_junit(make_sheet([broken("\x00\x1b\ud800\ufffe</error><x>" + HOSTILE)])))
    (error,) = root.iter("error")

    assert error.attrib["message"].startswith("</error><x>[2J<script>alert(1)</script>")
