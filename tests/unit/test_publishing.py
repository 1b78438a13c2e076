"""Who gets which revision, what a rollback goes back to, and what keeps a revision from being published."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle import PublishRules
from firstline.errors import ConfigError
from firstline.intervals import Verdict
from firstline.publishing import (
    Act,
    Compared,
    Evaluation,
    Evidence,
    Publication,
    choose_revision,
    find_refusals,
    list_taken_back,
    list_withdrawn,
    plan_rollback,
    plan_shares,
    position_of,
    settled,
)
from firstline.types import ConversationId

AT = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
IDS = [ConversationId(f"cv_{number:024x}") for number in range(10_000)]


def entry(shares: Mapping[str, float], revision: str, act: Act = "published", number: int = 1) -> Publication:
    return Publication(number=number, bundle="shop", act=act, revision=revision, shares=shares, at=AT, by="kim")


def grow(steps: str) -> list[Publication]:
    """The history that comes of steps such as `A B10 <`: A for all, B for 10%, back."""
    history: list[Publication] = []
    for step in steps.split():
        number = len(history) + 1
        if step.startswith("<"):
            wanted = plan_rollback(history, step[1:] or None)
            history.append(entry({wanted: 1.0}, wanted, "rolled_back", number))
        else:
            shares = plan_shares(history, step[0] * 4, float(step[1:] or 100) / 100)
            history.append(entry(shares, step[0] * 4, number=number))
    return history


# Shares -------------------------------------------------------------------------------------------------------------


def test_a_share_of_the_conversations_gets_the_revision_and_the_others_what_was_there_before() -> None:
    trial = grow("A B10")[-1]
    chosen = [choose_revision(trial, each) for each in IDS]

    assert set(chosen) == {"AAAA", "BBBB"}
    assert 0.09 < chosen.count("BBBB") / len(IDS) < 0.11


def test_every_process_chooses_alike() -> None:
    assert position_of(ConversationId("cv_1")) == pytest.approx(0.033208496944466315)
    assert all(0 <= position_of(each) < 1 for each in IDS)


def test_whoever_gets_it_at_a_small_share_gets_it_at_a_larger_one() -> None:
    small, large = grow("A B10")[-1], grow("A B50")[-1]

    assert {each for each in IDS if choose_revision(small, each) == "BBBB"} < {
        each for each in IDS if choose_revision(large, each) == "BBBB"
    }


def test_published_in_full_it_is_what_everybody_gets() -> None:
    assert {choose_revision(grow("A B10 B")[-1], each) for each in IDS[:500]} == {"BBBB"}


@pytest.mark.parametrize(
    ("steps", "shares"),
    [
        ("A", {"AAAA": 1.0}),
        ("A B10", {"BBBB": 0.1, "AAAA": 0.9}),
        ("A B10 B50", {"BBBB": 0.5, "AAAA": 0.5}),
        ("A B10 C20", {"CCCC": 0.2, "AAAA": 0.8}),
        ("A B10 B", {"BBBB": 1.0}),
        ("A B60 C20", {"CCCC": 0.2, "AAAA": 0.8}),
        ("A B C20 C100", {"CCCC": 1.0}),
        ("A B10 <", {"AAAA": 1.0}),
        ("A B10 B <", {"AAAA": 1.0}),
        ("A B C <", {"BBBB": 1.0}),
        ("A B C < <", {"AAAA": 1.0}),
        ("A B C < D <", {"BBBB": 1.0}),
        ("A B < B <", {"AAAA": 1.0}),
        ("A B C <AAAA", {"AAAA": 1.0}),
        ("A B C <AAAA <CCCC <", {"AAAA": 1.0}),
        ("A B C D60 <", {"CCCC": 1.0}),
    ],
)
def test_what_is_in_force_after_each_step(steps: str, shares: Mapping[str, float]) -> None:
    assert grow(steps)[-1].shares == pytest.approx(shares)


@pytest.mark.parametrize(
    ("steps", "then", "told"),
    [
        ("", "B10", "nothing is published yet"),
        ("A", "A10", "everybody else gets"),
        ("A B10", "A10", "everybody else gets"),
        ("", "<", "nothing of that name"),
        ("A", "<", "nothing was published before"),
        ("A B < ", "<", "nothing was published before"),
        ("A B", "<ZZZZ", "no revision ZZZZ"),
        ("A B", "<AAA", "no revision AAA"),
    ],
)
def test_a_step_that_means_nothing_is_refused_with_what_to_do(steps: str, then: str, told: str) -> None:
    grow(steps)
    with pytest.raises(ConfigError) as refused:
        grow(f"{steps} {then}")
    (problem,) = refused.value.problems
    assert told in problem.what and problem.remedy


def test_a_beginning_that_two_revisions_have_names_neither() -> None:
    history = [entry({name: 1.0}, name, number=place) for place, name in enumerate(("abcd1", "abcd2"), start=1)]

    with pytest.raises(ConfigError, match="2 revisions begin with abcd"):
        plan_rollback(history, "abcd")
    assert plan_rollback(history, "abcd1") == "abcd1"


@given(st.lists(st.sampled_from(["A", "B", "C", "B10", "C50", "<"]), max_size=12))
def test_going_back_again_and_again_ends_at_the_first_and_never_comes_to_what_was_left(steps: Sequence[str]) -> None:
    history: list[Publication] = []
    for step in steps:
        try:
            history = [*history, *grow_on(history, step)]
        except ConfigError:
            continue
    seen: list[str] = []
    while True:
        try:
            history = [*history, *grow_on(history, "<")]
        except ConfigError:
            break
        seen.append(history[-1].revision)
        assert len(seen) <= len(history), "it goes round in a circle"
    assert not seen or settled(history) == [seen[-1]]


def grow_on(history: Sequence[Publication], step: str) -> list[Publication]:
    if step == "<":
        wanted = plan_rollback(history, None)
        return [entry({wanted: 1.0}, wanted, "rolled_back")]
    return [entry(plan_shares(history, step[0] * 4, float(step[1:] or 100) / 100), step[0] * 4)]


def test_the_leading_revision_is_the_one_with_the_larger_share_and_the_older_one_of_two_equal_ones() -> None:
    assert [grow(f"A B{share}")[-1].leading for share in (10, 50, 60)] == ["AAAA", "AAAA", "BBBB"]


@pytest.mark.parametrize(
    ("steps", "wanted", "taken_back"),
    [
        ("A B", "AAAA", ["BBBB"]),
        ("A B <", "AAAA", ["BBBB"]),
        ("A B C", "BBBB", ["CCCC"]),
        ("A B C", "AAAA", ["BBBB", "CCCC"]),
        ("A B10", "AAAA", ["BBBB"]),
        ("A B C", "CCCC", []),
        ("A B C <AAAA", "CCCC", ["BBBB"]),
    ],
)
def test_what_is_taken_back_is_all_that_does_not_lead_to_where_one_is(
    steps: str, wanted: str, taken_back: list[str]
) -> None:
    assert list_taken_back(grow(steps), wanted) == taken_back


def test_a_withdrawn_revision_is_so_until_it_is_published_again() -> None:
    history = grow("A B")
    history += [entry({"AAAA": 1.0}, "AAAA", "rolled_back").model_copy(update={"withdrawn": ("BBBB",)})]

    assert list_withdrawn(history[:2]) == set()
    assert list_withdrawn(history) == {"BBBB"}
    assert list_withdrawn([*history, *grow_on(history, "B10")]) == set()
    assert list_withdrawn([*history, *grow_on(history, "C")]) == {"BBBB"}


# The gate -----------------------------------------------------------------------------------------------------------

RUN, RUN_BASE = "firstline eval run shop", "firstline eval run data/revisions/AAAA/shop --cases shop/evals"
VERDICTS: Mapping[str, Verdict] = {"accuracy": "pass", "quotes": "inconclusive", "topic": "fail"}


def evaluated(suite: str = "s1", model: str = "m1", broken: int = 0) -> Evaluation:
    return Evaluation(
        folder="runs/1", suite=suite, model=model, seed=1, conversations=20, passed=18, broken=broken,
        verdict="fail", criteria=VERDICTS,
    )  # fmt: skip


def refuse(rules: PublishRules, evidence: Evidence) -> list[tuple[str, str]]:
    return [(each.what, each.remedy) for each in find_refusals(rules, evidence, run=RUN, run_base=RUN_BASE)]


def known(evaluation: Evaluation | None, base: str | None = "AAAA", compared: Compared | None = None) -> Evidence:
    return Evidence(evaluation, suite="s1", model="m1", base=base, compared=compared)


def test_without_rules_nothing_speaks_against_a_revision() -> None:
    assert refuse(PublishRules(), known(None)) == []
    assert refuse(PublishRules(), known(evaluated(suite="s2", broken=3), compared=Compared("r", ("topic",)))) == []


@pytest.mark.parametrize(
    "rules", [PublishRules(evaluated=True), PublishRules(not_failing=("accuracy",)), PublishRules(not_worse=True)]
)
def test_every_rule_needs_an_evaluation_of_this_very_revision(rules: PublishRules) -> None:
    assert refuse(rules, known(None)) == [("this revision was not evaluated", RUN)]


def test_what_is_published_first_cannot_be_worse_than_anything() -> None:
    assert refuse(PublishRules(not_worse=True), known(None, base=None)) == []


@pytest.mark.parametrize(
    ("evaluation", "told", "remedy"),
    [
        (evaluated(suite="s2"), "its evaluation is of other cases than there are now", RUN),
        (evaluated(model="m2"), "its evaluation is of m2, but m1 would speak", RUN),
        (evaluated(broken=2), "2 of 20 conversations of its evaluation broke", f"{RUN} --out runs/1"),
    ],
)
def test_an_evaluation_that_is_not_whole_or_not_of_today_does_not_count(
    evaluation: Evaluation, told: str, remedy: str
) -> None:
    assert refuse(PublishRules(evaluated=True), known(evaluated())) == []
    assert refuse(PublishRules(evaluated=True), known(evaluation)) == [(told, remedy)]


def test_a_failing_criterion_keeps_it_back_and_an_unsure_one_does_not() -> None:
    assert refuse(PublishRules(not_failing=("accuracy", "quotes")), known(evaluated())) == []
    assert refuse(PublishRules(not_failing=("accuracy", "topic")), known(evaluated())) == [
        ("topic fails", "firstline eval view runs/1")
    ]


def test_a_criterion_that_was_not_measured_is_not_taken_for_good() -> None:
    told = dict(refuse(PublishRules(not_failing=("relevance", "escalation")), known(evaluated())))

    assert told["relevance was not measured"] == "firstline eval judge runs/1"
    assert "cases" in told["escalation was not measured"]


def test_worse_than_what_is_published_keeps_it_back() -> None:
    rules = PublishRules(not_worse=True)

    assert refuse(rules, known(evaluated(), compared=Compared("runs/0", ()))) == []
    assert refuse(rules, known(evaluated(), base=None)) == []
    assert refuse(rules, known(evaluated(), compared=Compared("runs/0", ("topic", "quotes")))) == [
        ("worse than what is published (AAAA): topic, quotes", "firstline eval compare runs/0 runs/1")
    ]
    assert refuse(rules, known(evaluated())) == [
        ("what is published (AAAA) was not evaluated on the same cases", RUN_BASE)
    ]


def test_every_reason_is_told_at_once() -> None:
    rules = PublishRules(evaluated=True, not_failing=("topic", "quotes"), not_worse=True)
    found = refuse(rules, known(evaluated(suite="s2"), compared=Compared("runs/0", ("topic",))))

    assert [what.split()[0] for what, _ in found] == ["its", "topic", "worse"]
