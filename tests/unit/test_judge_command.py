"""`judge-check` and `judge`: what they ask, what it costs, what they print, and when they could not run."""

import asyncio
import json
import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firstline.bundle import Bundle
from firstline.bundle.starter import write_starter
from firstline.config import Settings
from firstline.errors import ConfigError, ModelFailed
from firstline.evals.judge import QUESTIONS, Asked, Question, read_judged, read_prompt
from firstline.evals.judge_asking import Bench, estimate_usd, tell_cost
from firstline.evals.judge_command import add_kept, find_tried, folder_of_judge, judge_check, judge_folder
from firstline.evals.metrics import Figure, verdict_of
from firstline.evals.reliability import read_gold
from firstline.evals.run import Plan, opened_engine, read_trials, run_plan, score_all
from firstline.evals.sheet import Origin, read_sheet, write_origin
from firstline.intervals import Interval
from firstline.scoring.case import Case
from firstline.types import Json
from tests.support.judging import GOLD, Ear, Oracle

JUDGED = {"relevance", "supported"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(data=tmp_path / "data", model="offline", _env_file=None)  # pyright: ignore[reportCallIssue]


def check(settings: Settings, oracle: Oracle, ear: Ear, *questions: Question) -> bool:
    return judge_check(settings, ear.teller, questions=questions or QUESTIONS, bench=Bench(choose=lambda _: oracle))


# judge-check --------------------------------------------------------------------------------------------------------


def test_a_judge_that_knows_is_trusted_on_every_question(settings: Settings) -> None:
    oracle, ear = Oracle(), Ear()

    assert check(settings, oracle, ear) is True
    assert (
        len(oracle.asked) == len(GOLD) == len(read_judged(settings.data / "evals" / "judge")) and oracle.closed == 1
    )
    assert ear.lines[0] == "claude-opus-5-5 trusted"
    for question in QUESTIONS:
        row = next(line for line in ear.lines if line.startswith(f"✓ {question} "))
        assert str(len(read_gold(question))) in row and row.count(" 100% ") == 2 and "1.00" in row
    assert sum(" zh " in line for line in ear.lines) == len(QUESTIONS)
    assert max(len(line) for line in ear.lines[:12]) <= 80
    assert "$0.2590" in ear.err.getvalue(), "what it cost"


def test_the_cost_is_asked_before_and_nothing_is_asked_without_a_yes(settings: Settings) -> None:
    oracle, ear = Oracle(), Ear(agrees=False)

    with pytest.raises(ConfigError):
        check(settings, oracle, ear)

    assert oracle.asked == [] and len(ear.costs) == 1
    assert ear.costs[0].startswith(f"{len(GOLD)} questions for claude-opus-5-5; cost about $")


def test_what_was_judged_is_not_asked_nor_paid_again(settings: Settings) -> None:
    check(settings, Oracle(), Ear())
    again, ear = Oracle(), Ear()

    assert check(settings, again, ear) is True
    assert again.asked == [] and ear.costs == []


def test_another_model_is_tried_anew(settings: Settings) -> None:
    check(settings, Oracle(), Ear(), "gist")
    other = Oracle(name="claude-haiku-5-5", errs=lambda *_: True)

    assert check(settings, other, Ear(), "gist") is False
    assert len(other.asked) == len(read_gold("gist"))


def test_a_judge_that_lets_bad_ones_pass_is_not_trusted_and_its_mistakes_are_named(settings: Settings) -> None:
    ear = Ear()

    assert check(settings, Oracle(errs=lambda _, ok: not ok), ear, "gist") is False
    assert ear.lines[0].startswith("claude-opus-5-5 not trusted")
    bad = [gold for gold in read_gold("gist") if not gold.ok]
    assert f"Wrong about gist ({len(bad)})" in ear.lines
    for gold in bad:
        place = ear.lines.index(f"  line {gold.line}, called good: so I think")
        assert ear.lines[place + 1].strip() == f"gold: {gold.note}"


def test_one_untrusted_question_is_enough(settings: Settings) -> None:
    ear = Ear()
    errs_on_support = Oracle(errs=lambda material, ok: "material" in material and ok)

    assert check(settings, errs_on_support, ear) is False
    rows = {question: next(line for line in ear.lines if f"{question} " in line) for question in QUESTIONS}
    assert [question for question, row in rows.items() if row.startswith("✗")] == ["support"]


def test_programs_get_the_same_as_people(settings: Settings) -> None:
    ear = Ear(as_json=True)
    check(settings, Oracle(errs=lambda _, ok: not ok), ear, "gist")

    told = json.loads(ear.out.getvalue())
    gist = told["questions"]["gist"]
    assert told["trusted"] is False and (gist["sensitivity"], gist["specificity"]) == (1.0, 0.0)
    assert set(gist["by_locale"]) == {"en", "zh"}
    assert len(gist["wrong"]) == sum(not gold.ok for gold in read_gold("gist"))


def test_without_a_key_it_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        judge_check(settings, Ear().teller)


def test_a_key_that_does_not_work_ends_it_and_what_was_judged_is_kept(settings: Settings) -> None:
    first = Oracle(fails=lambda number: ModelFailed("auth", "upstream 401") if number > 20 else None)

    with pytest.raises(ConfigError, match=r"upstream 401(.|\n)*kept"):
        check(settings, first, Ear())

    assert 20 <= len(first.asked) < 40 and first.closed == 1
    again = Oracle()
    assert check(settings, again, Ear()) is True
    assert len(again.asked) == len(GOLD) - 20


def test_items_that_could_not_be_asked_leave_the_judge_untried(settings: Settings) -> None:
    shaky = Oracle(fails=lambda number: ModelFailed("overloaded", retryable=True) if number % 10 == 0 else None)

    with pytest.raises(ConfigError, match="25 of 259 questions could not be asked"):
        check(settings, shaky, Ear())
    assert set(find_tried(settings, "claude-opus-5-5").values()) == {None}


def test_ctrl_c_keeps_what_was_judged(settings: Settings) -> None:
    def interrupt(number: int) -> None:
        if number == 11:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(ConfigError, match="broken off"):
        check(settings, Oracle(fails=interrupt), Ear())
    assert 10 <= len(read_judged(folder_of_judge(settings))) < 30


# Cost ---------------------------------------------------------------------------------------------------------------


def test_the_cost_is_the_list_price_of_prompt_material_and_answer() -> None:
    asked = Asked("gist", {"customer": "x" * 3_500, "should_say": "", "reply": ""})
    more = Asked("gist", {"customer": "x" * 7_000, "should_say": "", "reply": ""})
    chinese = Asked("gist", {"customer": "价" * 3_500, "should_say": "", "reply": ""})

    one, two, three = (estimate_usd([each], "claude-opus-5-5") or 0 for each in (asked, more, chinese))
    assert two - one == pytest.approx(1_000 * 4.00 / 1e6, rel=0.01)
    assert three - one == pytest.approx(2_500 * 4.00 / 1e6, rel=0.01)
    assert one > (400 * 20.00 + len(read_prompt("gist")) / 3.5 * 4.00) / 1e6


def test_the_businesss_own_words_are_counted_once_as_written_and_then_as_read() -> None:
    asked = [
        Asked("support", {"business": ["x" * 35_000], "material": [], "customer": [], "reply": str(number)})
        for number in range(11)
    ]

    one, all_of_them = (estimate_usd(some, "claude-opus-5-5") or 0 for some in (asked[:1], asked))
    shared, fresh = 10_000 + len(read_prompt("support")) / 3.5, 400 * 20.00 / 1e6
    assert one == pytest.approx(shared * 8.00 / 1e6 + fresh, rel=0.005)
    assert all_of_them - one == pytest.approx(10 * (shared * 0.20 / 1e6 + fresh), rel=0.02)


def test_a_model_without_a_price_is_told_as_such() -> None:
    asked = read_gold("gist")[0].asked

    assert estimate_usd([asked], "claude-unheard-of") is None
    assert tell_cost([asked], "claude-unheard-of").startswith("1 question for claude-unheard-of; cost unknown")


# judge --------------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    folder: Path
    bundle: Path


@pytest.fixture
def run(tmp_path: Path, settings: Settings) -> Run:
    """Two recorded conversations of the starter bundle."""
    bundle, folder = tmp_path / "workshop", tmp_path / "run"
    write_starter(bundle)
    cases = (
        Case(id="hours", locale="en", turns=("When are you open?", "How long does a repair take?")),
        Case(id="price", locale="en", turns=("What does a new chain cost?",)),
    )

    async def play() -> None:
        async with opened_engine(bundle, settings) as (engine, _):
            origin = Origin(
                bundle=engine.bundle.name,
                business="Workshop",
                accent="#0f766e",
                path=str(bundle),
                revision=engine.bundle.revision,
                suite="s",
                model=engine.model.name,
                seed=1,
                trials=1,
                cases=2,
                began_at=datetime(2026, 11, 23, tzinfo=UTC),
            )
            write_origin(origin, folder)
            await run_plan(engine, Plan(cases), folder)

    asyncio.run(play())
    return Run(folder, bundle)


def judge(run: Run, settings: Settings, oracle: Oracle, ear: Ear) -> bool:
    return judge_folder(run.folder, settings, ear.teller, bench=Bench(choose=lambda _: oracle))


def test_a_run_is_judged_once_and_the_figures_of_a_trusted_judge_decide(run: Run, settings: Settings) -> None:
    check(settings, Oracle(), Ear())
    oracle, ear, again = Oracle(), Ear(), Oracle()

    assert judge(run, settings, oracle, ear) is True
    assert judge(run, settings, again, Ear()) is True

    assert len(oracle.asked) == len(read_judged(run.folder)) == 6 and again.asked == []
    relevance = next(line for line in ear.lines if line.startswith("relevance"))
    assert relevance.count("100%") >= 2 and "3 in 2" in relevance and "INCONCLUSIVE" in relevance
    (figure,) = [each for each in read_sheet(run.folder).figures if each.criterion == "relevance"]
    assert (figure.ok, figure.n) == (3, 3)
    assert (run.folder / "report.html").exists()


def test_a_turn_judged_bad_is_named_and_fails_its_conversation(run: Run, settings: Settings) -> None:
    check(settings, Oracle(), Ear())
    ear = Ear()
    bad = Oracle(other=lambda each: json.dumps({"ok": "chain" not in str(each.get("conversation")), "why": "off it"}))

    judge(run, settings, bad, ear)

    assert "  price #1, act 1  relevance: off it" in ear.lines and "1 turn judged bad" in ear.lines
    assert [each.trial.case.id for each in read_sheet(run.folder).failing] == ["price"]


def test_a_judge_that_was_never_tried_decides_nothing_and_says_so(run: Run, settings: Settings) -> None:
    ear = Ear()

    assert judge(run, settings, Oracle(other=lambda _: '{"ok": false, "why": "no"}'), ear) is True

    assert "decides nothing" in ear.out.getvalue() and "firstline eval judge-check" in ear.out.getvalue()
    assert "relevance" not in {figure.criterion for figure in read_sheet(run.folder).figures}


NO = Oracle(other=lambda _: '{"ok": false, "why": "no"}')


def test_a_figure_below_its_target_fails_where_the_judge_is_trusted(run: Run, settings: Settings) -> None:
    check(settings, Oracle(), Ear())

    assert judge(run, settings, NO, Ear()) is False


def test_where_it_is_below_the_line_it_decides_nothing(run: Run, settings: Settings) -> None:
    harsh = Oracle(
        errs=lambda material, ok: ok and len(str(material)) % (7 if "conversation" in material else 5) == 0
    )
    assert check(settings, harsh, Ear()) is False
    assert 0.85 < getattr(find_tried(settings, harsh.name)["relevance"], "sensitivity", 0) < 0.9, "only just"
    ear = Ear()

    assert judge(run, settings, NO, ear) is True
    assert "is not trusted on relevance and support" in ear.out.getvalue()
    assert not read_sheet(run.folder).failing


def read_bundle(run: Run, settings: Settings) -> Bundle:
    async def read() -> Bundle:
        async with opened_engine(run.bundle, settings) as (engine, _):
            return engine.bundle

    return asyncio.run(read())


def test_a_run_that_nobody_judged_is_scored_as_before(run: Run, settings: Settings) -> None:
    check(settings, Oracle(), Ear())
    bundle = read_bundle(run, settings)
    scored = score_all(read_trials(run.folder), bundle)

    assert add_kept(scored, bundle, run.folder, settings) == (tuple(scored), None)


def test_a_rescored_run_keeps_its_judgements(run: Run, settings: Settings) -> None:
    check(settings, Oracle(), Ear())
    judge(run, settings, Oracle(), Ear())
    sheet = read_sheet(run.folder)
    bare = [
        type(each)(each.trial, tuple(s for s in each.scores if s.criterion not in JUDGED)) for each in sheet.scored
    ]

    kept, whose = add_kept(bare, read_bundle(run, settings), run.folder, settings)

    assert [[score for score in each.scores if score.criterion in JUDGED] for each in kept] == [
        [score for score in each.scores if score.criterion in JUDGED] for each in sheet.scored
    ]
    assert whose == sheet.judge and whose is not None and set(whose.tried) == JUDGED


def test_the_runs_own_figures_are_corrected_for_the_judges_errors_and_say_whose_word_it_is(
    run: Run, settings: Settings
) -> None:
    seen: list[Json] = []

    def sometimes(material: Json, ok: bool) -> bool:
        """Calls about one in fifteen good ones bad."""
        seen.append(material)
        return ok and len(seen) % 15 == 0

    assert check(settings, Oracle(errs=sometimes), Ear()) is True
    judge(run, settings, Oracle(other=lambda each: json.dumps({"ok": "chain" not in str(each)})), Ear())

    sheet = read_sheet(run.folder)
    figures = {figure.criterion: figure for figure in sheet.figures}
    raw = figures["relevance"].ok / figures["relevance"].n
    assert (figures["relevance"].value or 0) > raw, "this judge is too strict"
    assert sheet.to_json()["judge"]["model"] == "claude-opus-5-5"
    report = (run.folder / "report.md").read_text()
    assert "claude-opus-5-5" in report and "Claims supported" in report


def test_support_fails_a_run_by_its_bound_and_never_holds_it_up() -> None:
    supported = Figure("supported", 90, 90, 90, 1.0, Interval(0.95, 1.0), 1.0, "inconclusive")
    quotes = replace(supported, criterion="quotes", verdict="pass")

    assert verdict_of([quotes, supported]) == "pass"
    assert verdict_of([quotes, replace(supported, verdict="fail")]) == "fail"
    assert verdict_of([replace(quotes, verdict="inconclusive"), supported]) == "inconclusive"


def test_a_changed_bundle_is_told_of(run: Run, settings: Settings) -> None:
    with (run.bundle / "policy.md").open("a", encoding="utf-8") as file:
        file.write("\nNever promise a day.\n")
    ear = Ear()

    judge(run, settings, Oracle(), ear)

    assert "the bundle has changed since" in ear.err.getvalue()


def test_a_folder_without_a_run_is_an_operators_mistake(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no run"):
        judge_folder(tmp_path, settings, Ear().teller, bench=Bench(choose=lambda _: Oracle()))
