"""`eval live`: what of live conversations is judged, where it is kept, and what the report makes of it."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from firstline.bundle import Bundle
from firstline.bundle.load import load_bundle
from firstline.bundle.revisions import keep_revision
from firstline.bundle.starter import write_starter
from firstline.config import Settings
from firstline.conversation import new_conversation
from firstline.errors import ConfigError
from firstline.evals.judge_asking import Bench
from firstline.evals.judge_command import judge_check
from firstline.evals.live_judge import judge_live
from firstline.evals.player import MONDAY
from firstline.evals.run import Plan, opened_engine, run_plan
from firstline.events import ConversationClosed
from firstline.model import Model
from firstline.record import build_record
from firstline.report.build import build_report
from firstline.report.scope import Scope
from firstline.report.sheet import view_report, write_csv
from firstline.report.values import Figure, Report
from firstline.scoring.case import Case
from firstline.store.opening import open_records, open_store
from firstline.store.tallies import SqlArchive
from firstline.types import ConversationId, Json
from firstline.wire import build_known
from tests.support.batched import Batched
from tests.support.judging import Ear, Oracle

COUNT = 12
WEEK = Scope(date(2026, 11, 20), date(2026, 11, 26), "UTC")
BAD = '{"ok": false, "why": "about another bicycle"}'


@dataclass
class Past:
    """A store with conversations that were, and whoever judges them."""

    folder: Path
    settings: Settings
    bundle: Bundle
    ids: list[ConversationId] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "workshop"

    def judge(
        self,
        judge: Model | None = None,
        ear: Ear | None = None,
        *,
        size: int = 200,
        days: int = 7,
        now: datetime = MONDAY + timedelta(days=1),
        batches: Batched | None = None,
    ) -> bool:
        model = judge or Oracle()
        bench = Bench(
            batches is not None, choose=lambda _: model, choose_batches=lambda _: batches, sleep=lambda _: _no_time()
        )
        told = (ear or Ear()).teller
        return judge_live(self.settings, told, self.path, days=days, size=size, bench=bench, now=lambda: now)

    def rows(self, question: str = "relevance") -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.folder / "data" / "firstline.db")) as raw:
            raw.row_factory = sqlite3.Row
            wanted = "SELECT * FROM judgements WHERE question = ? ORDER BY conversation_id, act"
            return raw.execute(wanted, (question,)).fetchall()

    def judged(self) -> set[str]:
        return {row["conversation_id"] for row in self.rows()}

    def erase(self, conversation_id: ConversationId) -> None:
        store = open_store(self.settings.store_url)
        asyncio.run(store.erase(conversation_id))
        store.close()

    def report(self, scope: Scope = WEEK) -> Report:
        store = open_store(self.settings.store_url)
        tallies = asyncio.run(SqlArchive(store.engine, store.reader).tally(scope))
        store.close()
        return build_report(scope, tallies, [self.bundle], locale="en", made_at=MONDAY)

    def relevance(self, scope: Scope = WEEK) -> Figure:
        return self.report(scope).criteria[1].figure


async def _no_time() -> None:
    await asyncio.sleep(0)


def settings_in(folder: Path) -> Settings:
    return Settings(data=folder / "data", model="offline", _env_file=None)  # pyright: ignore[reportCallIssue]


def make_past(folder: Path) -> Past:
    """A dozen closed conversations of the starter bundle, each with a question of its own, and an open one."""
    write_starter(folder / "workshop")
    settings = settings_in(folder)
    past = Past(folder, settings, load_bundle(folder / "workshop"))
    cases = [
        Case(id=f"{n:02}", locale="en", turns=("When are you open?", f"What does a new chain cost for {n} bicycles?"))
        for n in range(COUNT + 1)
    ]

    async def play() -> None:
        async with opened_engine(past.path, settings) as (engine, _):
            trials = await run_plan(engine, Plan(tuple(cases)), folder / "played")
        store = open_store(settings.store_url)
        records = open_records(store)
        for number, trial in enumerate(trials):
            talk = new_conversation(ConversationId(f"cv_{number:02}")).extended(*trial.events)
            if number < COUNT:
                talk = talk.extended(ConversationClosed(at=trial.events[-1].at, by="customer"))
                past.ids.append(talk.conversation_id)
            await store.append(talk.conversation_id, [each.event for each in talk.log], after=0)
            await records.keep([build_record(talk, build_known(past.bundle), MONDAY + timedelta(days=1))])
        store.close()

    asyncio.run(play())
    return past


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return make_past(tmp_path_factory.mktemp("past"))


@pytest.fixture
def past(made: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    """A copy that the test may change."""
    monkeypatch.chdir(tmp_path)
    copytree(made.folder, tmp_path / "copy")
    folder = tmp_path / "copy"
    return replace(made, folder=folder, settings=settings_in(folder))


def try_out(past: Past, oracle: Oracle | None = None) -> bool:
    model = oracle or Oracle()
    return judge_check(past.settings, Ear().teller, bench=Bench(choose=lambda _: model))


# Judging ------------------------------------------------------------------------------------------------------------


def test_every_reply_of_closed_conversations_is_judged_for_relevance_and_support_and_kept(past: Past) -> None:
    oracle = Oracle()

    assert past.judge(oracle) is True
    assert past.judged() == set(past.ids), "and not the one that is still open"
    rows = [*past.rows("relevance"), *past.rows("support")]
    assert len(rows) == len(past.rows("relevance")) + 2 * COUNT and {row["model"] for row in rows} == {oracle.name}
    assert all(row["ok"] == 1 and row["key"] and row["prompt"] and row["at"] for row in rows)


def test_what_was_judged_is_not_asked_again_and_not_when_the_bundle_changed_either(past: Past) -> None:
    past.judge()
    policy = past.path / "policy.md"
    policy.write_text(policy.read_text() + "\nNever promise a day.\n")
    again, ear = Oracle(), Ear()

    past.judge(again, ear)

    assert again.asked == [] and ear.costs == []


def test_another_judge_is_asked_anew(past: Past) -> None:
    past.judge()
    other = Oracle(name="claude-haiku-5-5")

    past.judge(other)

    assert len(other.asked) > 0 and {row["model"] for row in past.rows()} == {other.name}


def test_a_small_sample_is_part_of_a_larger_one_and_costs_nothing_more(past: Past) -> None:
    past.judge(size=4)
    small = past.judged()
    larger = Oracle()
    past.judge(larger, size=8)

    assert len(small) == 4 and small < past.judged() and len(past.judged()) == 8
    assert small not in (set(past.ids[:4]), set(past.ids[-4:])), "neither the first nor the last"
    assert not [texts for texts in larger.asked if any(_asks_of(past, texts, each) for each in small)]


def _asks_of(past: Past, texts: tuple[str, ...], conversation_id: str) -> bool:
    return f"for {int(conversation_id[3:])} bicycles" in "".join(texts)


def test_the_sample_is_of_the_last_days_and_says_when_there_is_none(past: Past) -> None:
    with pytest.raises(ConfigError, match="no closed conversation of workshop in the last 7 days"):
        past.judge(now=MONDAY + timedelta(days=8))
    past.judge(now=MONDAY + timedelta(days=8), days=9)

    assert len(past.judged()) == COUNT


def test_conversations_with_the_same_words_are_asked_about_once_and_each_keeps_the_answer(past: Past) -> None:
    oracle = Oracle()
    past.judge(oracle)

    first_turns = [texts for texts in oracle.asked if "bicycles" not in "".join(texts)]
    assert len(first_turns) <= 2, "all of them began with the same question"
    assert len([row for row in past.rows("support") if row["act"] == 0]) == COUNT


def test_the_same_words_in_a_conversation_that_comes_later_are_kept_with_it_too(past: Past) -> None:
    past.judge(size=3)
    past.judge(size=COUNT)

    assert len([row for row in past.rows("support") if row["act"] == 0]) == COUNT


def test_nothing_of_an_erased_conversation_is_judged_or_stays(past: Past) -> None:
    gone, *others = past.ids
    past.judge(size=COUNT)
    past.erase(gone)

    assert past.judged() == set(others)
    past.judge()
    assert past.judged() == set(others)
    assert not [path for path in (past.folder / "data" / "evals").rglob("*") if path.is_file()], "nor in any file"


def test_what_is_erased_while_somebody_thinks_about_the_cost_is_not_sent(past: Past) -> None:
    class Slow(Ear):
        def agree(self, cost: str) -> None:
            past.erase(past.ids[5])

    oracle = Oracle()
    past.judge(oracle, Slow())

    assert not [texts for texts in oracle.asked if "for 5 bicycles" in "".join(texts)]
    assert past.ids[5] not in past.judged()


def test_what_is_erased_while_a_batch_is_waited_for_is_not_kept(past: Past) -> None:
    def erase_beside(_: str) -> None:
        with ThreadPoolExecutor(1) as pool:  # as the server would, which is another process
            pool.submit(past.erase, past.ids[7]).result()

    oracle = Oracle()
    past.judge(oracle, batches=Batched(oracle, looked=erase_beside))

    assert past.judged() == {*past.ids} - {past.ids[7]}


def test_a_batch_is_fetched_after_ctrl_c_and_deleted_upstream(past: Past) -> None:
    oracle = Oracle()
    batches = Batched(oracle, looked=_interrupt_once())
    with pytest.raises(ConfigError, match="broken off"):
        past.judge(oracle, batches=batches)
    ear = Ear(agrees=False)

    past.judge(oracle, ear, batches=batches)

    assert len(batches.taken) == 1 and batches.forgotten == list(batches.taken) and ear.costs == []
    assert past.judged() == set(past.ids)


def _interrupt_once() -> Callable[[str], None]:
    looks: list[str] = []

    def looked(batch_id: str) -> None:
        looks.append(batch_id)
        if len(looks) == 1:
            signal.raise_signal(signal.SIGINT)

    return looked


def test_a_conversation_is_judged_by_what_its_own_revision_said_where_that_is_kept(past: Past) -> None:
    keep_revision(past.path, past.settings.data, past.bundle.revision)
    identity = past.path / "identity.md"
    identity.write_text(identity.read_text() + "\nWe also mend sewing machines.\n")
    oracle = Oracle()

    past.judge(oracle)

    assert oracle.asked and not [texts for texts in oracle.asked if "sewing machines" in "".join(texts)]


def test_people_see_the_figures_and_what_was_bad_and_programs_the_same(past: Past) -> None:
    try_out(past)
    bad = Oracle(other=lambda material: BAD if "for 3 bicycles" in json.dumps(material) else '{"ok": true}')
    people, programs = Ear(), Ear(as_json=True)

    past.judge(bad, people)
    past.judge(bad, programs)

    assert people.lines[0] == f"{COUNT} conversations of {COUNT} that began in the last 7 days and are closed"
    assert any(line.startswith("  cv_03, act 2  relevance: about another bicycle") for line in people.lines)
    told = json.loads(programs.out.getvalue())
    assert (told["conversations"], told["of"], told["trusted"]) == (COUNT, COUNT, True)
    assert {(each["conversation_id"], each["question"]) for each in told["bad"]} >= {("cv_03", "relevance")}


def test_a_trusted_judge_that_finds_most_of_it_bad_fails(past: Past) -> None:
    try_out(past)

    assert past.judge(Oracle(other=lambda _: BAD)) is False


def test_without_a_key_it_says_what_to_do(past: Past) -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        judge_live(past.settings, Ear().teller, past.path, days=7, size=5, now=lambda: MONDAY)


# The report ---------------------------------------------------------------------------------------------------------


def test_before_anything_is_judged_the_report_says_which_command_would(past: Past) -> None:
    figure = past.relevance()

    assert (figure.verdict, figure.value, figure.note) == ("not_measured", None, "judge.none")
    told = view_report(past.report())["criteria"][1]
    assert "firstline eval live" in told["note"]


def test_a_trusted_judges_figure_is_corrected_and_decides(past: Past) -> None:
    errs = {"seen": 0}

    def sometimes(material: Json, ok: bool) -> bool:
        """Calls about one in fifteen good ones bad."""
        errs["seen"] += 1
        return ok and errs["seen"] % 15 == 0

    assert try_out(past, Oracle(errs=sometimes)) is True
    past.judge(Oracle(other=lambda material: BAD if "for 3 bicycles" in json.dumps(material) else '{"ok": true}'))

    figure = past.relevance()
    raw = sum(row["ok"] for row in past.rows()) / len(past.rows())
    assert figure.note == "judge.trusted" and figure.n == len(past.rows())
    assert figure.value is not None and figure.value > raw, "the judge is too strict, and its figure too low"
    assert figure.low is not None and figure.high is not None and figure.low < raw
    assert figure.verdict in ("pass", "inconclusive")


def test_a_judge_that_was_never_tried_is_shown_as_it_said_and_decides_nothing(past: Past) -> None:
    past.judge(Oracle(other=lambda _: BAD))

    figure = past.relevance()
    assert (figure.value, figure.verdict, figure.note) == (0.0, "inconclusive", "judge.untried")
    assert "judge-check" in view_report(past.report())["criteria"][1]["note"]


def test_a_judge_that_errs_too_often_is_shown_as_it_said_and_decides_nothing(past: Past) -> None:
    try_out(past, Oracle(errs=lambda _, ok: ok))
    past.judge(Oracle(other=lambda _: BAD))

    figure = past.relevance()
    assert (figure.value, figure.verdict, figure.note) == (0.0, "inconclusive", "judge.weak")


def test_a_judge_that_is_tried_later_is_believed_without_being_asked_again(past: Past) -> None:
    past.judge()
    try_out(past)
    again = Oracle()
    past.judge(again)

    assert again.asked == [] and past.relevance().note == "judge.trusted"


def test_support_stands_beside_accuracy_with_its_own_verdict(past: Past) -> None:
    assert [each.key for each in past.report().criteria[2].also] == ["withheld"]
    try_out(past)
    past.judge(Oracle(other=lambda material: BAD if "material" in material else '{"ok": true}'))

    supported, _ = past.report().criteria[2].also
    assert (supported.key, supported.n, supported.verdict) == ("supported", 2 * COUNT, "fail")
    assert supported.target == past.bundle.criteria.accuracy


def test_the_figure_is_of_the_conversations_that_the_report_is_about(past: Past) -> None:
    past.judge()

    assert past.relevance().n
    for scope in (
        Scope(date(2026, 11, 1), date(2026, 11, 20), "UTC"),
        Scope(WEEK.first, WEEK.last, "UTC", locale="zh"),
    ):
        assert past.relevance(scope).verdict == "not_measured"


def test_words_of_two_judges_are_never_added_up(past: Past) -> None:
    past.judge(Oracle(other=lambda _: BAD))
    n = past.relevance().n
    past.judge(Oracle(name="claude-haiku-5-5"), size=2, now=MONDAY + timedelta(days=2))

    figure = past.relevance()
    assert figure.value == 1.0 and n is not None and figure.n is not None and figure.n < n


def test_an_unreadable_answer_is_in_no_figure_and_is_asked_again(past: Past) -> None:
    past.judge(Oracle(other=lambda material: "Hm." if "for 3 bicycles" in json.dumps(material) else '{"ok": true}'))
    n, all_rows = past.relevance().n, len(past.rows())
    again = Oracle()
    past.judge(again)

    assert n is not None and n < all_rows and again.asked
    assert past.relevance().n == all_rows == len(past.rows())


def test_the_spreadsheet_says_what_the_figure_rests_on(past: Past) -> None:
    past.judge()

    (line,) = [line for line in write_csv(past.report()).splitlines() if line.startswith("criteria,relevance")]
    assert ",inconclusive," in line and "never tried" in line
