"""From what was counted to the report: periods, the eleven criteria, what is not resolved, hand-offs, knowledge."""

import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle import Bundle, Criteria
from firstline.phrases import load_phrases
from firstline.report import Group, Handling, Tallies, Tally, Unanswered, add_tallies
from firstline.report.build import CAUSES, MOST_QUESTIONS, build_report, normal_form
from firstline.report.scope import LONGEST_DAYS, MOST_PERIODS, BadScope, Scope, read_scope
from firstline.report.sheet import view_report, write_csv
from firstline.report.values import Figure, Report
from firstline.types import ConversationId, HandoffReason
from tests.support.sample_bundle import CHAIN, TYRES, make_bundle

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
NEW_YORK = "America/New_York"
ONE_DAY = Scope(TODAY, TODAY, NEW_YORK)


def tallies(*periods: Tally, grades: dict[int, int] | None = None, **more: Any) -> Tallies:
    """Counted: everything of one playbook, unless told otherwise."""
    whole = add_tallies(periods)
    group = Group("workshop", "r1", "en", "price")
    handling = more.pop("handling", [Handling() for _ in periods])
    return Tallies(periods=periods, handling=handling, groups={group: whole}, grades=grades or {}, **more)


def report(
    counted: Tallies, *, scope: Scope = ONE_DAY, bundles: tuple[Bundle, ...] = (make_bundle(),), locale: str = "en"
) -> Report:
    return build_report(scope, counted, bundles, locale=locale, made_at=NOW)


def criterion(made: Report, key: str) -> Figure:
    return next(each.figure for each in made.criteria if each.figure.key == key)


def beside(made: Report, key: str) -> Figure:
    """A figure that stands with a criterion."""
    return next(figure for each in made.criteria for figure in each.also if figure.key == key)


def rung(made: Report, key: str) -> float | None:
    return next(each.value for each in made.ladder if each.key == key)


def query(link: str | None) -> dict[str, str]:
    assert link is not None
    assert urlsplit(link).path == "/inbox"
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


# Scope --------------------------------------------------------------------------------------------------------------


def test_an_address_that_says_nothing_means_the_last_thirty_days() -> None:
    scope = read_scope({"from": "", "to": " "}, zone=NEW_YORK, today=TODAY)

    assert (scope.first, scope.last, scope.days) == (date(2026, 10, 25), TODAY, 30)
    assert scope.filters == {}


def test_a_day_begins_and_ends_at_midnight_of_the_business_also_when_the_clock_is_set_back() -> None:
    scope = Scope(date(2026, 10, 31), date(2026, 11, 2), NEW_YORK)

    assert [cut.isoformat() for cut in scope.cuts] == [
        "2026-10-31T04:00:00+00:00",
        "2026-11-01T04:00:00+00:00",
        "2026-11-02T05:00:00+00:00",  # this day had 25 hours
        "2026-11-03T05:00:00+00:00",
    ]


@given(st.dates(date(2000, 1, 1), date(2200, 12, 31)), st.integers(1, LONGEST_DAYS))
def test_periods_are_few_follow_on_each_other_and_cover_every_day_once(last: date, days: int) -> None:
    scope = Scope(last - timedelta(days=days - 1), last, "UTC")
    lengths = [(after - before).days for before, after in zip(scope.cuts, scope.cuts[1:], strict=False)]

    assert sum(lengths) == days
    assert len(lengths) <= MOST_PERIODS
    assert set(lengths[1:]) <= {scope.step_days} and 1 <= lengths[0] <= scope.step_days


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"from": "yesterday"}, "date"),
        ({"to": "2026-13-01"}, "date"),
        ({"from": "2026-11-24", "to": "2026-11-23"}, "order"),
        ({"from": "2010-01-01"}, "length"),
        ({"to": "1066-10-14"}, "year"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_words_in_every_language(asked: dict[str, str], key: str) -> None:
    with pytest.raises(BadScope) as refused:
        read_scope(asked, zone=NEW_YORK, today=TODAY)

    assert refused.value.key == key
    told = {
        load_phrases("report", each)[f"report.problem.{key}"].format(**refused.value.values) for each in ("en", "zh")
    }
    assert len(told) == 2


def test_the_words_are_the_same_ones_in_both_languages_with_the_same_gaps() -> None:
    english, chinese = load_phrases("report", "en"), load_phrases("report", "zh")
    gaps = {key: set(re.findall(r"\{\w+\}", text)) for key, text in english.items()}

    assert {key: set(re.findall(r"\{\w+\}", text)) for key, text in chinese.items()} == gaps
    same = {key for key in english if english[key] == chinese[key]}
    assert same == {f"report.{key}" for key in ("json", "column_n", "at_least", "at_most", "exactly")}


# Criteria -----------------------------------------------------------------------------------------------------------


def test_there_are_eleven_and_two_of_them_live_data_cannot_show() -> None:
    made = report(tallies(Tally(total=1, contained=1)))

    assert [each.number for each in made.criteria] == list(range(1, 12))
    unmeasured = [each.figure.key for each in made.criteria if each.figure.verdict == "not_measured"]
    assert unmeasured == ["comprehension", "relevance"]
    assert all(criterion(made, key).value is None for key in unmeasured)


@pytest.mark.parametrize(
    ("key", "pair", "ok", "verdict"),
    [
        ("accuracy", "accuracy", 400, "pass"),
        ("accuracy", "accuracy", 399, "fail"),
        ("citations", "cited", 350, "pass"),
        ("citations", "cited", 320, "inconclusive"),
        ("topic", "declined", 400, "pass"),
        ("quotes", "quoted", 399, "fail"),
        ("escalation", "escalated", 340, "fail"),
    ],
)
def test_a_pair_of_counters_is_a_share_with_its_verdict(key: str, pair: str, ok: int, verdict: str) -> None:
    counters: dict[str, int] = {f"{pair}_n": 400, f"{pair}_ok": ok}
    if pair != "cited":
        counters[f"{pair}_in"] = 400
    figure = criterion(report(tallies(Tally(total=400, contained=400, **counters))), key)  # pyright: ignore

    assert (figure.value, figure.n, figure.verdict) == (ok / 400, 400, verdict)
    assert figure.low is not None and figure.high is not None and figure.low <= ok / 400 <= figure.high


def test_a_record_that_counts_more_right_than_there_are_breaks_no_report() -> None:
    made = report(tallies(Tally(total=9, contained=9, cited_n=4, cited_ok=5)))

    assert criterion(made, "citations").value == 1.0


def test_a_figure_leads_to_what_failed_first_and_only_to_what_it_counts() -> None:
    scope = replace(ONE_DAY, bundle="workshop", locale="zh")
    counted = tallies(Tally(total=9, contained=9, cited_n=9, cited_ok=8, quoted_n=3, quoted_ok=3, quoted_in=3))
    made = report(counted, scope=scope)

    assert query(criterion(made, "citations").link) == {
        "shelf": "all",
        "metric": "cited:failed",
        "from": "2026-11-23T05:00:00Z",
        "to": "2026-11-24T05:00:00Z",
        "bundle": "workshop",
        "locale": "zh",
    }
    assert query(criterion(made, "quotes").link)["metric"] == "quoted:ok"
    assert criterion(made, "escalation").link is None


def test_every_metric_that_a_figure_leads_to_is_one_that_the_inbox_knows() -> None:
    from firstline.service.staff_filter import FLAGS, METRICS

    everything = {each.name: 2 for each in fields(Tally)} | {"returned": 1}
    made = report(tallies(Tally(**everything), grades={1: 1, 5: 1}))  # pyright: ignore[reportArgumentType]
    links = [figure.link for _, _, figure in made.figures() if figure.link and "metric=" in figure.link]

    assert len(links) == 12
    assert {query(link)["metric"].split(":")[0] for link in links} == {*METRICS, *FLAGS}


def test_off_topic_and_on_topic_are_told_apart_for_refusing_everything_would_please_the_first() -> None:
    refuses = Tally(
        total=99, contained=99, declined_n=99, declined_ok=99, declined_in=99, answered_n=99, answered_in=99
    )
    made = report(tallies(refuses))

    assert criterion(made, "topic").verdict == "pass"
    assert (beside(made, "answered").value, beside(made, "answered").verdict) == (0, "fail")


def test_moods_that_rose_and_that_fell_are_told_of_those_who_could() -> None:
    counted = Tally(total=50, contained=50, mood_n=40, mood_ok=36, mood_low=10, mood_rose=4, mood_fell=3)
    made = report(tallies(counted))

    assert (criterion(made, "sentiment").value, criterion(made, "sentiment").n) == (0.9, 40)
    assert (beside(made, "rose").value, beside(made, "rose").n) == (0.4, 10)
    assert (beside(made, "fell").value, beside(made, "fell").n) == (0.1, 30)


def test_deflection_is_never_one_number_and_what_was_left_is_not_resolved() -> None:
    counted = Tally(total=130, empty=10, contained=70, abandoned=10, handed_off=20, returned=14, confirmed=12)
    made = report(tallies(counted))

    assert (made.ended, made.going, made.empty) == (100, 20, 10)
    assert (criterion(made, "deflection").value, criterion(made, "deflection").n) == (0.7, 100)
    assert {each.key: each.value for each in made.ladder} == {
        "contained": 70,
        "assumed_resolved": 56,
        "confirmed": 12,
        "returned": 14,
        "abandoned": 10,
        "handed_off": 20,
    }
    assert [beside(made, key).value for key in ("assumed_resolved", "confirmed", "not_resolved")] == [
        0.56,
        0.12,
        0.44,
    ]


def test_satisfaction_is_a_mean_with_its_interval_and_tells_how_many_answered() -> None:
    grades = {5: 60, 4: 20, 2: 10, 1: 10}
    counted = Tally(total=400, contained=300, handed_off=100, surveys=100, survey_sum=410)
    made = report(tallies(counted, grades=grades, handed_off_closed=60))
    figure = criterion(made, "csat")

    assert (figure.value, figure.n, figure.verdict) == (4.1, 100, "inconclusive")
    assert figure.low and figure.high and figure.low < 4.1 < figure.high
    assert beside(made, "satisfied").value == 0.8
    assert (beside(made, "response_rate").value, beside(made, "response_rate").n) == (100 / 360, 360)
    assert query(figure.link)["survey"] == "1"


def test_handling_time_is_a_median_and_shorter_is_better() -> None:
    quick, slow = [60 + n for n in range(100)], [1200 + n for n in range(21)]
    counted = Tally(total=125, empty=4, contained=100, handed_off=21, assistant_seconds=1210.0)
    made = report(tallies(counted, handling=[Handling(quick, slow)]))
    figure = criterion(made, "handling")

    assert (figure.value, figure.n, figure.target, figure.verdict) == (120, 121, 600, "pass")
    assert figure.low and figure.high and figure.low < 120 < figure.high < 150
    assert beside(made, "p90").value == pytest.approx(1208)
    assert (beside(made, "without_person").value, beside(made, "with_person").value) == (109.5, 1210)
    assert beside(made, "assistant_time").value == 10.0


def test_the_wait_for_a_person_is_a_median_of_those_to_whom_one_came() -> None:
    made = report(tallies(Tally(), Tally(), handling=[Handling(waited=[10, 30]), Handling(waited=[500])]))

    assert (made.waited.value, made.waited.n, made.waited.unit) == (30, 3, "seconds")
    assert "handoffs,waited,Median wait until a person came,30" in write_csv(made)
    assert report(tallies(Tally())).waited.value is None


def test_targets_are_those_of_the_bundle() -> None:
    mild = make_bundle(criteria=Criteria(accuracy=0.9, baseline_minutes=1, deflection=0.5, csat=3.0))
    counted = tallies(
        Tally(total=99, contained=60, handed_off=39, accuracy_n=99, accuracy_ok=98, accuracy_in=99),
        handling=[Handling([90] * 30, [])],
        grades={4: 30},
    )
    made = report(counted, bundles=(mild,))

    assert [criterion(made, key).verdict for key in ("accuracy", "deflection", "csat")] == ["pass"] * 3
    assert (criterion(made, "handling").target, criterion(made, "handling").verdict) == (60, "fail")


def test_a_trend_has_one_point_a_period_and_a_gap_where_nothing_was_counted() -> None:
    scope = Scope(TODAY - timedelta(days=2), TODAY, NEW_YORK)
    days = (Tally(total=4, contained=3, handed_off=1), Tally(), Tally(total=2, contained=2, surveys=2, survey_sum=7))
    handling = [Handling([10, 30], [500]), Handling(), Handling([20], [])]
    made = report(tallies(*days, handling=handling), scope=scope)
    points = {each.figure.key: list(each.points) for each in made.criteria}

    assert points["deflection"] == [0.75, None, 1.0]
    assert points["csat"] == [None, None, 3.5]
    assert points["handling"] == [30, None, 20]


@pytest.mark.parametrize(("n", "few"), [(0, False), (1, True), (29, True), (30, False)])
def test_a_figure_of_few_says_so(n: int, few: bool) -> None:
    made = report(tallies(Tally(total=n, contained=n)))

    assert criterion(made, "deflection").of_few is few


def test_an_empty_period_has_no_verdicts_and_breaks_nothing() -> None:
    made = report(Tallies(periods=[Tally()], handling=[Handling()]))

    assert {each.figure.verdict for each in made.criteria} == {"not_measured", "no_figures"}
    assert (made.shown, made.below, made.ended) == (0, 0, 0)
    assert view_report(made)["criteria"][8]["value"] is None
    assert "criteria,deflection" in write_csv(made)


def test_the_report_counts_the_criteria_that_are_below_target_among_those_it_can_show() -> None:
    counted = Tally(
        total=100, contained=40, handed_off=60, cited_n=100, cited_ok=100, escalated_n=60, escalated_in=60
    )
    made = report(tallies(counted))

    assert (made.shown, made.below) == (3, 2)


# Hand-offs, tables, knowledge, cost ---------------------------------------------------------------------------------


def test_hand_offs_are_told_by_reason_and_by_who_caused_them() -> None:
    reasons = {"no_answer": 5, "tool_failed": 2, "asked": 6, "taken_over": 1}
    made = report(tallies(Tally(total=14, handed_off=14), reasons=reasons))

    assert [(line.key, line.note, line.figures[0].value) for line in made.handoffs] == [
        ("asked", "customer", 6),
        ("no_answer", "assistant", 5),
        ("tool_failed", "assistant", 2),
        ("taken_over", "human_agent", 1),
    ]
    assert {each.key: each.value for each in made.causes} == {"assistant": 7, "customer": 6, "human_agent": 1}
    assert query(made.handoffs[0].link)["reason"] == "asked"


def test_every_reason_has_a_cause_and_words() -> None:
    words = load_phrases("report", "en")

    assert set(CAUSES) == set(get_args(HandoffReason))
    assert not [each for each in CAUSES if f"report.reason.{each}" not in words]
    assert not [each for each in CAUSES.values() if f"report.cause.{each}" not in words]


def test_tables_divide_what_was_asked_by_topic_language_revision_and_business() -> None:
    groups = {
        Group("workshop", "r1", "en", "price"): Tally(
            total=6, contained=4, handed_off=2, surveys=2, survey_sum=9, cost_usd=0.6
        ),
        Group("workshop", "r0", "en", "price"): Tally(total=2, contained=1, abandoned=1),
        Group("workshop", "r1", "zh", None): Tally(total=3, contained=3),
        Group("workshop", "r1", "en", "advice"): Tally(total=1, empty=1),
    }
    made = report(Tallies(periods=[Tally()], handling=[Handling()], groups=groups))

    assert list(made.tables) == ["playbook", "locale", "revision"]
    assert [(line.key, line.figures[0].value) for line in made.tables["playbook"]] == [("price", 8), ("unsure", 3)]
    price = {figure.key: figure.value for figure in made.tables["playbook"][0].figures}
    assert price == {
        "ended": 8,
        "contained": 5 / 8,
        "abandoned": 1 / 8,
        "handed_off": 2 / 8,
        "csat": 4.5,
        "cost": 0.075,
    }
    assert [(line.key, line.note) for line in made.tables["revision"]] == [("r1", "current"), ("r0", "")]
    assert query(made.tables["locale"][1].link)["locale"] == "zh"
    assert made.tables["playbook"][1].link is None
    links = [figure.link for figure in made.tables["playbook"][0].figures if figure.link]
    assert [(query(link)["playbook"], query(link)["rung"]) for link in links] == [
        ("price", "contained"),
        ("price", "abandoned"),
        ("price", "handed_off"),
    ]


def test_several_businesses_have_a_table_of_their_own() -> None:
    groups = {Group(name, "r1", "en", "price"): Tally(total=1, contained=1) for name in ("workshop", "bakery")}
    made = report(Tallies(periods=[Tally()], handling=[Handling()], groups=groups))

    assert [(line.key, line.name) for line in made.tables["bundle"]] == [("bakery", "bakery"), ("workshop", "Spoke")]


def asked(text: str, minutes: int = 0) -> Unanswered:
    return Unanswered(text, NOW + timedelta(minutes=minutes), ConversationId(f"cv_{minutes}"))


def test_questions_of_the_same_words_are_one_and_the_last_asked_comes_first() -> None:
    texts = ["Do you have an app?", "DO YOU  have an app", "Can I pay later?", "do you have, an app ?!"]
    made = report(tallies(Tally(), questions=[asked(text, minutes) for minutes, text in enumerate(texts)]))

    assert [(each.text, each.times, each.link) for each in made.questions] == [
        ("do you have, an app ?!", 3, "/inbox?c=cv_3"),
        ("Can I pay later?", 1, "/inbox?c=cv_2"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("有手机应用吗？", "有手机应用吗", True),
        ("ＡＢＣ?", "abc", True),
        ("คาเฟ่", "คาเฟ", False),
        ("is it 5", "is it 6", False),
        ("Straße", "STRASSE", True),
        ("a\u200bb", "a b", True),
    ],
)
def test_case_marks_and_width_do_not_make_another_question_but_words_do(one: str, other: str, same: bool) -> None:
    assert (normal_form(one) == normal_form(other)) is same


def test_more_questions_than_fit_are_counted() -> None:
    many = [asked(f"question {'x' * number}", number) for number in range(MOST_QUESTIONS + 4)]
    made = report(tallies(Tally(), questions=many))

    assert (len(made.questions), made.more_questions) == (MOST_QUESTIONS, 4)


def test_sources_are_named_by_their_pages_and_pages_that_nothing_cites_are_told() -> None:
    made = report(tallies(Tally(), sources={CHAIN.url: 3, f"{TYRES.url.split('#')[0]}#pressures": 9, "/gone": 1}))

    assert [(each.key, each.value) for each in made.cited] == [
        ("/help/tyres#pressures", 9),
        (CHAIN.url, 3),
        ("/gone", 1),
    ]
    assert (made.cited[1].name, made.cited[2].name) == (CHAIN.title, "/gone")
    assert query(made.cited[0].link)["source"] == "/help/tyres#pressures"
    assert "/help/rust#not" in {url for _, url in made.unused} and CHAIN.url not in {url for _, url in made.unused}


def test_of_one_language_only_its_own_pages_can_be_unused() -> None:
    made = report(tallies(Tally()), scope=replace(ONE_DAY, locale="zh"))

    assert [url for _, url in made.unused] == ["/help/zh/chain"]


def test_cost_is_told_for_each_conversation_and_for_each_that_was_resolved() -> None:
    counted = Tally(total=11, empty=1, contained=6, handed_off=4, returned=1, cost_usd=2.0, tokens=5000)
    cost = {each.key: each.value for each in report(tallies(counted)).cost}

    assert cost == {
        "per_conversation": 0.2,
        "per_resolved": 0.4,
        "total": 2.0,
        "tokens_per_conversation": 500,
        "tokens": 5000,
    }


def test_paths_are_steps_and_those_in_which_nothing_was_asked_are_none() -> None:
    made = report(tallies(Tally(), paths={"price>advice>end:contained": 3, "end:empty": 9, "price>end:going": 1}))

    assert made.paths == {("price", "advice", "end:contained"): 3, ("price", "end:going"): 1}
