"""A run as values: its figures, and the folder that keeps them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from firstline.bundle import Criteria
from firstline.errors import ConfigError
from firstline.evals.metrics import Figure
from firstline.evals.results import begin, beside_last, choose_folder, earlier_runs, take_up
from firstline.evals.run import TRIALS, hash_scorers, read_scorers, read_trials
from firstline.evals.sheet import (
    RUN,
    SCORES,
    SUMMARY,
    cost_of,
    is_small,
    models_of,
    read_origin,
    read_sheet,
    write_origin,
    write_sheet,
)
from firstline.evals.wording import conversations_to_decide, say_cautions, say_conversations, say_verdict
from firstline.events import ModelReplied
from firstline.intervals import judge, judge_share, wilson
from firstline.scoring.trial import Trial, read_trial
from tests.support.dummies import Echoes, RefusesAll
from tests.support.scripted import ScriptedModel, say
from tests.support.tried import BEGAN, change_events, make_sheet, play, play_customer, store, trial_of, write_trials


def paid(trial: Trial, usd: float, model: str = "m1") -> Trial:
    def change(event: object) -> object:
        return (
            event.model_copy(update={"cost_usd": usd, "model": model}) if isinstance(event, ModelReplied) else event
        )

    return change_events(trial, change)


# Figures ------------------------------------------------------------------------------------------------------------


def test_a_run_tells_passed_failing_and_broken_trials_apart():
    good, wrong = trial_of("price"), trial_of("chain", Echoes())
    broken = replace(trial_of("poem"), error="SimulatorBroke: it said nothing")
    sheet = make_sheet([good, wrong, broken])

    assert [each.trial for each in sheet.passed] == [good]
    assert [each.trial for each in sheet.failing] == [wrong]
    assert [each.trial for each in sheet.broken] == [broken]
    assert say_conversations(sheet) == (
        "3 conversations: 1 in order, 1 with something wrong, 1 broken off by a fault of the evaluation itself"
    )


def test_a_broken_trial_is_in_no_figure():
    alone = make_sheet([trial_of("price")])
    beside = make_sheet([trial_of("price"), replace(trial_of("chain", Echoes()), error="broke")])

    assert beside.figures == alone.figures


def test_a_run_in_which_one_target_is_missed_fails():
    assert make_sheet(model=RefusesAll()).verdict == "fail"
    assert make_sheet().verdict == "inconclusive"


def test_the_sentence_counts_the_criteria():
    assert say_verdict(make_sheet()) == "None of 11 criteria is below target, 11 undecided"
    assert say_verdict(make_sheet([])) == "Nothing was measured"
    assert say_verdict(make_sheet(model=Echoes())).startswith("6 of 11 criteria are below target")


def test_cost_and_models_are_those_of_the_replies():
    cheap, dear = paid(trial_of("chain"), 0.25, "m1"), paid(trial_of("price"), 0.5, "m2")
    sheet = make_sheet([cheap, dear])

    assert cost_of(cheap) == 0.25 and cost_of(dear) == 1.0, "the price took two replies"
    assert sheet.cost_usd == 1.25 and sheet.models == ["m1", "m2"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error"), [("Three, please.", None), ("", "SimulatorBroke"), ("Bot: 3", "SimulatorBroke")]
)
async def test_what_a_played_customer_costs_is_part_of_the_cost_though_the_trial_broke(
    answer: str, error: str | None
):
    trial = await play_customer("wants-a-price", ScriptedModel([say(answer, cost=0.125)]))
    again = read_trial(json.loads(json.dumps(trial.to_json())))

    assert trial.error is None if error is None else str(trial.error).startswith(error)
    assert cost_of(trial) == cost_of(again) == 0.125


def test_trials_that_were_recorded_before_customers_had_a_cost_can_be_read():
    body = trial_of("price").to_json()
    del body["customer_usd"]

    assert read_trial(body) == trial_of("price")


def test_a_trial_without_a_model_names_the_one_that_was_to_reply():
    assert models_of(trial_of("person")) == {"dummy"}


def test_another_model_than_the_one_that_was_asked_is_told():
    sheet = make_sheet([paid(trial_of("chain"), 0.1, "m1"), paid(trial_of("poem"), 0.1, "m2")], model=Echoes())

    assert say_cautions(replace(sheet, origin=sheet.origin.model_copy(update={"model": "m1"}))) == [
        "m2 replied in 1 of them, not m1"
    ]


def test_a_run_of_which_conversations_are_missing_says_so():
    sheet = make_sheet([trial_of("price")], cases=3)

    assert say_cautions(sheet) == ["broken off: there were to be 3 conversations"]


def test_times_are_quantiles_of_the_conversations():
    trials = [replace(trial, seconds=float(second)) for second, trial in enumerate(play()[1][:5], start=1)]
    sheet = make_sheet(trials)

    assert sheet.seconds() == 3.0 and sheet.seconds(0.9) == pytest.approx(4.6)
    assert make_sheet([]).seconds() is None


# How many would decide ----------------------------------------------------------------------------------------------


def figure(ok: int, n: int, target: float) -> Figure:
    judged = judge_share(ok, n, target)
    return Figure("accuracy", ok, n, n, judged.value, judged.interval, target, judged.verdict)


@pytest.mark.parametrize(("ok", "n", "target"), [(19, 20, 0.8), (30, 32, 0.9), (20, 30, 0.75), (9, 10, 0.95)])
def test_as_many_conversations_as_are_said_to_decide_do_decide(ok: int, n: int, target: float):
    needed = conversations_to_decide(figure(ok, n, target))

    assert needed is not None and needed > n
    assert judge(wilson(ok / n * needed, needed), target) != "inconclusive"


def test_a_target_of_all_is_decided_by_three_hundred_without_a_failure():
    assert conversations_to_decide(figure(12, 12, 1.0)) == 300


def test_what_is_decided_or_lies_on_its_target_needs_no_more():
    assert conversations_to_decide(figure(0, 40, 0.9)) is None
    assert conversations_to_decide(figure(9, 10, 0.9)) is None


def test_below_thirty_conversations_a_sample_is_small():
    assert is_small(figure(29, 29, 0.9)) and not is_small(figure(30, 30, 0.9))


# The folder ---------------------------------------------------------------------------------------------------------


def test_a_run_is_read_as_it_was_written(tmp_path: Path):
    sheet = make_sheet(model=Echoes())
    read = read_sheet(store(sheet, tmp_path / "run"))

    assert read == sheet
    assert read.figures == sheet.figures


def test_texts_with_every_kind_of_line_end_are_read_whole(tmp_path: Path):
    trial = replace(trial_of("price"), error="a\u2028b\u0085c\nd\re")
    sheet = make_sheet([trial, trial_of("chain")])

    assert read_sheet(store(sheet, tmp_path / "run")) == sheet


def test_the_summary_carries_every_hash_and_id(tmp_path: Path):
    sheet = make_sheet(model=Echoes())
    summary = json.loads((store(sheet, tmp_path) / SUMMARY).read_text(encoding="utf-8"))

    assert summary["verdict"] == "fail"
    assert {summary[key] for key in ("revision", "suite", "scorers")} == {
        sheet.origin.revision,
        sheet.origin.suite,
        "scorers-1",
    }
    assert summary["models"] == ["dummy"] and summary["seed"] == 1
    assert {each["criterion"] for each in summary["criteria"]} == {each.criterion for each in sheet.figures}
    assert {each["case"] for each in summary["failing"]} == {each.trial.case.id for each in sheet.failing}
    assert all(each["reasons"] for each in summary["failing"])


def test_the_scores_are_one_line_for_each_trial(tmp_path: Path):
    sheet = make_sheet(model=Echoes())
    rows = [json.loads(line) for line in (store(sheet, tmp_path) / SCORES).read_text().splitlines()]

    assert [row["case"] for row in rows] == [each.trial.case.id for each in sheet.scored]
    assert [row["passed"] for row in rows] == [each.passed for each in sheet.scored]


def test_a_run_that_was_broken_off_is_said_to_be(tmp_path: Path):
    write_trials(tmp_path, trial_of("price"), trial_of("chain"))
    write_origin(make_sheet().origin, tmp_path)

    with pytest.raises(ConfigError, match="broken off after 2 trials"):
        read_sheet(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [(SUMMARY, "{"), (SUMMARY, "[]"), (SCORES, '{"case": "nobody", "trial": 1, "scores": []}'), (SCORES, "[1]")],
)
def test_results_that_are_none_are_told_with_a_remedy(tmp_path: Path, name: str, text: str):
    store(make_sheet(), tmp_path)
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError, match="firstline eval rescore"):
        read_sheet(tmp_path)


def test_a_criterion_of_another_version_is_told_with_a_remedy(tmp_path: Path):
    store(make_sheet(), tmp_path)
    scores = (tmp_path / SCORES).read_text().replace('"criterion": "accuracy"', '"criterion": "charm"')
    (tmp_path / SCORES).write_text(scores)

    with pytest.raises(ConfigError, match="charm"):
        read_sheet(tmp_path)


def test_a_folder_without_a_run_is_said_to_have_none(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no run"):
        read_sheet(tmp_path)


# Taking up ----------------------------------------------------------------------------------------------------------


def test_a_run_is_taken_up_where_it_was_broken_off(tmp_path: Path):
    begun = make_sheet().origin
    begin(tmp_path, take_up(tmp_path, begun, resume=True))
    later = make_sheet(days=1).origin

    assert take_up(tmp_path, later, resume=True).began_at == begun.began_at


@pytest.mark.parametrize("field", ["bundle", "revision", "model"])
def test_a_run_of_something_else_is_not_gone_on_with(tmp_path: Path, field: str):
    begin(tmp_path, make_sheet().origin)

    with pytest.raises(ConfigError, match=f"a run of another {field}"):
        take_up(tmp_path, make_sheet().origin.model_copy(update={field: "another"}), resume=True)


def test_what_a_run_cost_is_kept_when_it_is_begun_anew(tmp_path: Path):
    store(make_sheet(), tmp_path)
    kept = (tmp_path / TRIALS).read_text()
    for _ in range(2):
        (tmp_path / TRIALS).write_text(kept)
        take_up(tmp_path, make_sheet(revision="another").origin, resume=False)

    assert not read_trials(tmp_path)
    assert [path.read_text() for path in sorted(tmp_path.glob(f"before-*-{TRIALS}"))] == [kept, kept]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigError, match="something else"):
        take_up(tmp_path, make_sheet().origin, resume=True)


def test_a_run_that_goes_on_has_no_summary_until_it_ends(tmp_path: Path):
    store(make_sheet(), tmp_path)
    begin(tmp_path, make_sheet().origin)

    assert not (tmp_path / SUMMARY).exists() and (tmp_path / RUN).exists()


# The last run -------------------------------------------------------------------------------------------------------


def test_folders_of_runs_sort_by_time(tmp_path: Path):
    folder = choose_folder(tmp_path, "shop", "0123456789abcdef", BEGAN)

    assert folder == tmp_path / "evals" / "shop" / "20261123T150000Z-01234567"


def test_two_runs_in_one_second_have_a_folder_each(tmp_path: Path):
    first = choose_folder(tmp_path, "shop", "0123456789abcdef", BEGAN)
    first.mkdir(parents=True)
    second = choose_folder(tmp_path, "shop", "0123456789abcdef", BEGAN)

    assert second != first and second.name.startswith(first.name)


def test_earlier_runs_of_the_bundle_come_last_first(tmp_path: Path):
    for days in (2, 0, 1):
        store(make_sheet(days=days), tmp_path / f"{days}")
    store(make_sheet(days=1, bundle="another"), tmp_path / "another")
    write_origin(make_sheet(days=1).origin, tmp_path / "broken-off")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / RUN).write_text("{}")

    found = earlier_runs(make_sheet(days=2).origin, [tmp_path, tmp_path / "nowhere"])

    assert [folder.name for folder in found] == ["1", "0"]


def test_a_run_is_put_beside_the_last_one_that_has_conversations_in_common(tmp_path: Path):
    sheet = make_sheet(days=2)
    other = store(make_sheet([trial_of("price")], days=0), tmp_path / "other")
    nothing = store(make_sheet([], days=1), tmp_path / "nothing")
    (nothing / "unreadable").mkdir()
    comparison = beside_last(sheet, [nothing / "unreadable", nothing, other])

    assert comparison is not None and comparison.before == make_sheet([trial_of("price")], days=0)
    assert beside_last(sheet, [nothing]) is None


def test_what_is_published_stands_beside_the_last_run_in_its_place(tmp_path: Path):
    store(make_sheet(), tmp_path / "a")
    folder = store(make_sheet(model=Echoes(), days=1), tmp_path / "b")

    assert "was 100%; 3 worse" in (folder / "report.md").read_text()


def test_targets_are_those_that_held_when_it_was_scored(tmp_path: Path):
    sheet = replace(make_sheet(), targets={**make_sheet().targets, "citations": 0.5})

    assert read_sheet(store(sheet, tmp_path)).targets["citations"] == 0.5 != Criteria().citations


def test_the_origin_is_read_alone(tmp_path: Path):
    origin = make_sheet().origin
    write_origin(origin, tmp_path)

    assert read_origin(tmp_path) == origin


def test_a_sheet_without_scores_is_written_and_read(tmp_path: Path):
    sheet = make_sheet([])
    write_origin(sheet.origin, tmp_path)
    write_sheet(sheet, tmp_path)

    assert read_sheet(tmp_path) == sheet


# What scored it -----------------------------------------------------------------------------------------------------


def test_the_scorers_hash_is_of_every_file_that_decides_about_a_score_and_of_no_other():
    files = read_scorers()

    assert {
        "scorers.py",
        "live.py",
        "evidence.py",
        "case.py",
        "metrics.py",
        "relevance.md",
        "support.md",
        "gist.md",
    } <= {*files}
    assert "customer.md" not in files
    assert hash_scorers() == hash_scorers(files)
    assert all(hash_scorers({**files, name: b"other"}) != hash_scorers() for name in files)
