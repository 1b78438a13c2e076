"""`report.html`: one file that asks the network for nothing, and in which nothing of a transcript becomes markup."""

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from firstline.evals.compare import compare
from firstline.evals.page import write_comparison_page, write_page
from firstline.evals.sheet import Sheet
from firstline.evals.wording import NAMES
from firstline.events import GuardrailRan, HandoffRequested, ToolReturned
from firstline.scoring.trial import Trial, read_trial
from firstline.types import Card, CardRow, Verdict
from tests.support.dummies import Echoes
from tests.support.tried import change_events, make_sheet, play, trial_of

ATTACK = (
    "<script>steal()</script><img src=x onerror=steal()><a href='javascript:steal()'>x</a></details></body>"
    '"onmouseover="steal() {{ 7 * 7 }} ![x](https://evil.example/x.png) [y](javascript:steal()) '
    "</script><style>*{}</style>"
)
FOREIGN = {
    "text", "title", "url", "quote", "label", "value", "amount", "note", "excerpt", "summary", "shown",
    "model", "wheels", "price_usd", "repair", "say", "must_say", "should_say",
}  # fmt: skip
"""Fields that hold what customers, the assistant, tools or documents wrote."""

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements and texts of a page; it has to be well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> where {self._open[-3:]} is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.raw[self._open[-1]] = self.raw.get(self._open[-1], "") + data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            found
            for name, found in self.elements
            if name == tag and all(value in found.get(key, "").split() for key, value in wanted.items())
        ]


def page_of(sheet: Sheet, against: Sheet | None = None) -> Page:
    return Page(write_page(sheet, compare(against, sheet) if against else None))


def side_by_side(before: Sheet, after: Sheet) -> Page:
    return Page(write_comparison_page(compare(before, after)))


def poison(value: Any, key: str = "") -> Any:
    """The JSON of a trial with the attack in every foreign text."""
    if isinstance(value, dict):
        return {name: poison(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [poison(each, key) for each in value]
    return f"{value}{ATTACK}" if isinstance(value, str) and key in FOREIGN else value


def hostile(trial: Trial) -> Trial:
    def add(event: Any) -> Any:
        if isinstance(event, ToolReturned):
            card = Card(title="t", amount="a", rows=(CardRow(label="l", value="v"),), note="n")
            return event.model_copy(update={"card": card, "outcome": "ok"})
        if isinstance(event, GuardrailRan):
            verdict = Verdict(guardrail="grounding", decision="block", reason=ATTACK)
            return event.model_copy(update={"stage": "output", "verdict": verdict, "excerpt": "e"})
        return event

    body = json.loads(json.dumps(change_events(trial, add).to_json()))
    body["case"]["tags"] = [ATTACK]
    return replace(read_trial(poison(body)), model=ATTACK)


# One file -----------------------------------------------------------------------------------------------------------


def test_the_page_asks_the_network_for_nothing():
    page = page_of(make_sheet(model=Echoes()))
    tags = Counter(tag for tag, _ in page.elements)

    assert not tags["link"] and not tags["img"] and not tags["iframe"]
    assert not [found for _, found in page.elements if "src" in found or "srcset" in found]
    assert [found["href"] for found in page.of("a") if not found["href"].startswith("#")] == []
    assert not re.search(r"url\(|@import", page.raw["style"])
    assert not re.search(r"\bfetch\b|XMLHttpRequest|import\(|https?:", page.raw["script"])


def test_the_policy_allows_exactly_the_style_and_the_script_inside():
    page = page_of(make_sheet())
    (policy,) = [
        found["content"] for found in page.of("meta") if found.get("http-equiv") == "Content-Security-Policy"
    ]

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert f"style-src {hashed(page.raw['style'])};" in policy
    assert f"script-src {hashed(page.raw['script'])};" in policy
    assert not [found for _, found in page.elements if "style" in found], "an inline style would not be allowed"


HOOKS = {
    "run",
    "comparison",
    "assistant",
    "good",
    "broken",
    "failed",
    "unclear",
    "keys",
    "target",
    "d-bullet",
    "sides",
}
"""Classes that only name what something is, or are used in a rule with others."""


def test_every_class_of_the_page_has_a_rule():
    trials = [trial_of("price", Echoes()), trial_of("chain"), replace(trial_of("poem"), error="broke")]
    pages = (
        page_of(make_sheet(trials, days=1), make_sheet()),
        side_by_side(make_sheet(), make_sheet(model=Echoes())),
    )
    ruled = set(re.findall(r"\.([a-z][\w-]*)", pages[0].raw["style"]))
    used = {name for page in pages for _, found in page.elements for name in found.get("class", "").split()}

    assert used - ruled <= HOOKS


# What it says -------------------------------------------------------------------------------------------------------


def test_the_page_holds_the_sentence_every_criterion_and_every_hash():
    sheet = make_sheet(model=Echoes())
    page = page_of(sheet)

    assert "6 of 11 criteria are below target, 5 undecided." in page.text
    for figure in sheet.figures:
        assert NAMES[figure.criterion] in page.text
    for known in (sheet.origin.revision, sheet.origin.suite, sheet.scorers, "dummy"):
        assert known in page.text


def test_no_verdict_is_told_by_colour_alone():
    page = page_of(make_sheet(model=Echoes()))

    assert page.text.count("FAIL") >= 7 and page.text.count("INCONCLUSIVE") >= 5
    assert len(page.of("span", class_="shape")) == len(page.of("span", class_="verdict"))


def test_a_small_sample_says_so_and_how_many_would_decide():
    page = page_of(make_sheet())

    assert "Small sample" in page.text and "about 300 would decide" in page.text


def test_every_conversation_is_there_with_its_words_checks_and_expectations():
    page = page_of(make_sheet([trial_of("price"), trial_of("chain", Echoes())]))

    for words in (
        "What is the price for two wheels?",
        "2 wheels are $96.40.",
        "called get_price",
        '"wheels": 2',
        "did not say «200 miles»; did not say «2 drops»",
        "cited nothing, not chain/oil",
        "must say 200 miles; 2 drops",
    ):
        assert words in page.text, words


def test_a_button_is_told_by_its_name_and_so_is_one_that_was_not_there():
    assert "pressed Decline" in page_of(make_sheet([trial_of("keep")])).text
    assert "pressed Decline there was no such button" in page_of(make_sheet([trial_of("keep", Echoes())])).text


def test_what_went_wrong_comes_first():
    page = page_of(
        make_sheet([trial_of("price"), replace(trial_of("poem"), error="broke"), trial_of("chain", Echoes())])
    )

    assert [found["class"].split()[-1] for found in page.of("details", class_="trial")] == [
        "failed",
        "broken",
        "passed",
    ]


def test_the_marks_of_a_conversation_are_what_the_filter_goes_by():
    (found,) = page_of(make_sheet([trial_of("chain", Echoes())])).of("details", class_="trial")

    assert set(found["data-marks"].split()) == {
        "failed",
        "failed:accuracy",
        "failed:citations",
        "passed:comprehension",
        "passed:needless",
        "passed:on_topic",
    }
    assert found["data-tags"].split("|") == ["knowledge", "core", "en"]


def test_every_figure_links_to_its_conversations():
    page = page_of(make_sheet(model=Echoes()))
    links = {found["href"] for found in page.of("a")}

    assert "#criterion=citations&state=failed" in links and "#criterion=citations" in links


def test_the_last_run_stands_beside():
    assert "was 100%; 3 worse" in page_of(make_sheet(model=Echoes(), days=1), make_sheet()).text
    assert "Last run" not in page_of(make_sheet()).text


def test_two_runs_stand_side_by_side_what_flipped_first():
    page = side_by_side(make_sheet(), make_sheet(model=Echoes(), days=1))
    trials = page.of("details", class_="trial")

    assert "B is worse than A, beyond chance" in page.text
    assert "2 wheels are $96.40." in page.text and "You wrote: What is the price for two wheels?" in page.text
    assert ["flipped" in found["data-marks"].split() for found in trials] == sorted(
        ("flipped" in found["data-marks"].split() for found in trials), reverse=True
    )
    assert len(page.of("div", class_="sides")) == len(trials) == len(play()[1])


def test_a_conversation_that_went_on_longer_in_one_run_says_where_the_other_was_over():
    page = side_by_side(make_sheet([trial_of("wants-a-price")]), make_sheet([trial_of("wants-a-price", Echoes())]))

    assert "A: over by now" in page.text


def test_a_run_without_anything_measured_still_has_a_page():
    assert "Nothing was measured" in page_of(make_sheet([])).text


# Hostile text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case_id", ["price", "chain", "cancel", "wants-a-price", "person"])
def test_nothing_that_was_written_becomes_markup(case_id: str):
    calm, poisoned = trial_of(case_id), hostile(trial_of(case_id))
    assert json.dumps(poisoned.to_json()).count("steal()") > 20
    page = page_of(make_sheet([poisoned], business=f"Spoke {ATTACK}"))

    assert "<script>steal()</script>" in page.text, "it is shown as it was written"
    assert "49" not in re.findall(r"\{\{[^}]*\}\}|49", page.text)
    assert Counter(tag for tag, _ in page.elements)["script"] == 1
    assert not {"img", "iframe", "object", "embed", "base", "svg:script"} & {tag for tag, _ in page.elements}
    assert not [found for _, found in page.elements for name in found if name.startswith("on")]
    assert not [found for found in page.of("a") if not found.get("href", "#").startswith(("#", "https://"))]
    assert calm.case.id in page.text


def test_nothing_that_was_written_becomes_markup_side_by_side():
    poisoned = hostile(trial_of("price"))
    page = side_by_side(make_sheet([poisoned]), make_sheet([poisoned], days=1))

    assert Counter(tag for tag, _ in page.elements)["script"] == 1
    assert not [found for _, found in page.elements for name in found if name.startswith("on")]


def test_an_accent_that_is_no_colour_never_reaches_the_style():
    with pytest.raises(ValueError, match="accent"):
        make_sheet(accent="red;} body{display:none")


def test_long_results_are_cut_with_their_length():
    trial = trial_of("price")

    def grow(event: Any) -> Any:
        return event.model_copy(update={"result": "x" * 5000}) if isinstance(event, ToolReturned) else event

    page = page_of(make_sheet([change_events(trial, grow)]))

    assert "and 3,002 characters more" in page.text and "x" * 2500 not in page.text


def test_a_hand_off_is_told_with_what_was_passed_on():
    trial = trial_of("person")
    package = next(event.package for event in trial.events if isinstance(event, HandoffRequested))
    page = page_of(make_sheet([trial]))

    assert package is not None and " ".join(package.summary.split()) in page.text
