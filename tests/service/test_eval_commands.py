"""`firstline eval …`: what a support lead reads, what is left in the folder, and what a pipeline reads."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from firstline import cli
from firstline.evals import commands
from firstline.evals import run as running_trials
from firstline.evals.run import TRIALS
from firstline.evals.schema import case_schema
from firstline.scoring import Score
from tests.support.dummies import Clerk, Echoes, RefusesAll
from tests.support.fake_claude import FakeClaude, Refuse, Scripted, say
from tests.support.fake_claude.answers import FromModel
from tests.support.shop import WORKSHOP
from tests.support.tried import CASES, make_sheet, store, trial_of

ROOT = Path(__file__).parents[2]
KEY = "sk-ant-canary-51c0"
FILES = {"run.json", TRIALS, "scores.jsonl", "summary.json", "report.html", "report.md", "junit.xml"}


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine; everything that is written is written under `tmp_path`."""
    for name in os.environ:
        if name.upper().startswith(("FIRSTLINE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FIRSTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `firstline eval …` in this process."""
    monkeypatch.setattr(cli, "configure_logging", lambda: None)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["firstline", "eval", *(str(each) for each in arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out and KEY not in said.err + said.out
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Lets another model than the offline one reply."""

    def play(model: Any) -> None:
        monkeypatch.setattr(running_trials, "choose_model", lambda bundle, settings: replace(model, offline=True))

    return play


def refused(done: Done, *words: str) -> None:
    """It could not run: standard error says what is wrong, and what to do."""
    assert done.code == 2 and done.out == "", done
    assert "    → " in done.err
    for word in words:
        assert word in done.err


def run_workshop(run: Run, *more: object) -> Done:
    return run("run", WORKSHOP, "--cases", CASES, *more)


def runs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data" / "evals" / "workshop").iterdir())


# run ----------------------------------------------------------------------------------------------------------------


def test_a_run_tells_the_verdicts_the_failures_and_where_the_report_is(
    run: Run, tmp_path: Path, played: Callable[[Any], None]
):
    played(Echoes())
    done = run_workshop(run)
    (folder,) = runs(tmp_path)

    assert done.code == 1
    assert "✗ FAIL  6 of 11 criteria are below target" in done.out
    assert "chain #1  Accuracy: did not say «200 miles»" in done.out
    assert str(folder / "report.html") in done.out
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_run_without_a_failure_is_fine_and_in_doubt_only_where_one_is_strict(
    run: Run, tmp_path: Path, played: Callable[[Any], None]
):
    played(Clerk())

    assert run_workshop(run).code == 0
    assert run_workshop(run, "--out", *runs(tmp_path), "--strict").code == 1


def test_only_the_cases_that_fit_are_played(run: Run, tmp_path: Path):
    done = run_workshop(run, "off-topic", "zh", "pri", "--json")
    lines = (runs(tmp_path)[0] / "scores.jsonl").read_text().splitlines()

    assert [json.loads(line)["case"] for line in lines] == ["price", "chain-in-chinese", "poem"]
    assert done.json["conversations"] == 3
    refused(run_workshop(run, "nothing-like-it"), "no case fits `nothing-like-it`")


def test_each_case_is_played_as_often_as_is_asked(run: Run):
    done = run_workshop(run, "chain", "--trials", 3, "--json")

    assert done.json["conversations"] == 6 and done.json["trials"] == 3
    assert {each["steady"] for each in done.json["criteria"]} <= {0.0, 0.5, 1.0}


def test_progress_is_told_line_by_line_where_no_terminal_is(run: Run):
    told = run_workshop(run, "--trials", 3).err.splitlines()

    assert len(told) == 10
    assert told[0].startswith("3 of 30, ") and re.fullmatch(r"30 of 30, \d+ failing, \$0\.00", told[-1])


def test_the_summary_is_what_a_program_reads(run: Run, tmp_path: Path):
    done = run_workshop(run, "--json")

    assert done.json == json.loads((runs(tmp_path)[0] / "summary.json").read_text())


def test_a_bundle_without_cases_cannot_be_run(run: Run):
    refused(run("run", WORKSHOP), "there are no cases")


def test_cases_with_mistakes_are_told_with_file_and_line(run: Run, tmp_path: Path):
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "a.yaml").write_text("- id: a\n  locale: en\n  turns: [{say: hi, expect: {must_sya: [x]}}]\n")

    refused(run("run", WORKSHOP, "--cases", folder), "a.yaml:3", "must_sya")


def test_a_run_in_which_every_trial_breaks_has_no_verdict(run: Run, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("no customer today")

    async def customer(player: object) -> None:
        broken()

    monkeypatch.setattr(running_trials, "choose_customer", lambda *_: customer)
    done = run_workshop(run)

    assert done.code == 2
    assert "Nothing was measured" in done.out and "RuntimeError: no customer today" in done.out


# Broken off, and taken up -------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ctrl-C, once so many trials are begun."""

    def set_up(after: int) -> None:
        begun = 0
        real = running_trials.run_trial

        async def play(*arguments: Any, **more: Any) -> Any:
            nonlocal begun
            begun += 1
            if begun > after:
                signal.raise_signal(signal.SIGINT)
                await asyncio.Event().wait()
            return await real(*arguments, **more)

        monkeypatch.setattr(running_trials, "run_trial", play)

    return set_up


def test_ctrl_c_keeps_what_was_done_and_tells_how_to_go_on(
    run: Run, tmp_path: Path, interrupted: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
):
    interrupted(4)
    done = run_workshop(run, "--concurrency", 1)
    (folder,) = runs(tmp_path)

    assert done.code == 2 and done.out == ""
    assert "broken off; 4 of 10 conversations are kept" in done.err
    assert len((folder / TRIALS).read_text().splitlines()) == 4
    refused(run("view", folder), "broken off after 4 trials")

    monkeypatch.undo()
    command = shlex.split(done.err.strip().splitlines()[-1])
    assert command[:3] == ["firstline", "eval", "run"]


def test_the_command_that_is_told_goes_on_with_what_is_left(run: Run, tmp_path: Path, played: Callable[[Any], None]):
    played(Clerk())
    whole = run_workshop(run, "--json").json
    (folder,) = runs(tmp_path)
    lines = (folder / TRIALS).read_text().splitlines(keepends=True)
    (folder / TRIALS).write_text("".join(lines[:7]) + lines[7][:100])  # cut off in the middle of the eighth
    again = run_workshop(run, "--out", folder, "--json").json
    after = (folder / TRIALS).read_text().splitlines()

    assert len(after) == 7 + 1 + 3, "seven, the half one, and the three that were missing"
    assert again["conversations"] == 10 and again["began_at"] == whole["began_at"]
    assert again["criteria"] == whole["criteria"]


def test_a_trial_that_broke_is_played_again(run: Run, tmp_path: Path):
    folder = store(make_sheet([replace(trial_of("chain"), error="broke"), trial_of("poem")]), tmp_path / "run")
    origin = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**origin, "model": "offline"}))
    done = run_workshop(run, "chain", "poem", "--out", folder, "--json")

    assert done.json["broken"] == []
    assert len((folder / TRIALS).read_text().splitlines()) == 2 + 2, (
        "chain, and chain-in-chinese, which was not there"
    )


def test_a_run_of_another_revision_is_not_mixed_in(run: Run, tmp_path: Path):
    bundle = tmp_path / "workshop"
    shutil.copytree(WORKSHOP, bundle)
    asked = ("run", bundle, "chain", "--cases", CASES, "--out", tmp_path / "run")
    run(*asked)
    (bundle / "policy.md").write_text("Be brief.\n")

    refused(run(*asked), "a run of another revision", "--no-resume")
    assert run(*asked, "--no-resume").code in (0, 1)
    assert (tmp_path / "run" / f"before-1-{TRIALS}").exists()


# Money --------------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_paid_model_is_not_asked_before_somebody_agreed(run: Run, tmp_path: Path, paid_model: FakeClaude):
    done = await asyncio.to_thread(run_workshop, run, "price", "chain", "wants")

    refused(done, "nobody is here to agree", "--yes")
    assert "4 conversations with claude-sonnet-5-5; cost about $0." in done.err
    assert "guessed from the length of the prompt; on top of it 1 customer played by the fast model" in done.err
    assert not paid_model.requests and not (tmp_path / "data").exists()


@pytest.mark.anyio
async def test_whoever_says_no_is_not_charged(run: Run, paid_model: FakeClaude, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commands.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(commands.typer, "confirm", lambda *_, **__: False)
    done = await asyncio.to_thread(run_workshop, run, "price")

    assert done.code == 2 and not paid_model.requests


@pytest.mark.anyio
async def test_what_it_cost_is_the_estimate_of_the_next_run(run: Run, tmp_path: Path, paid_model: FakeClaude):
    first = await asyncio.to_thread(run_workshop, run, "price", "chain", "--yes", "--json")
    second = await asyncio.to_thread(run_workshop, run, "price")

    assert first.json["models"] == ["claude-sonnet-5-5"] and first.json["cost_usd"] > 0
    assert first.json["passed"] == 3, first.json["failing"]
    assert "1 conversation with claude-sonnet-5-5; cost about $0.0" in second.err
    assert "as much as in the run of" in second.err


@pytest.mark.anyio
async def test_what_is_done_already_costs_nothing_and_is_not_asked_for(
    run: Run, tmp_path: Path, paid_model: FakeClaude
):
    await asyncio.to_thread(run_workshop, run, "price", "--yes")
    asked = len(paid_model.requests)
    done = await asyncio.to_thread(run_workshop, run, "price", "--out", *runs(tmp_path), "--json")

    assert done.json["passed"] == 1 and done.code == 0
    assert len(paid_model.requests) == asked > 0


@pytest.fixture
async def paid_model(monkeypatch: pytest.MonkeyPatch) -> Any:
    async with FakeClaude(FromModel(Clerk()), key=KEY) as fake:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
        yield fake


# The last run, view, rescore ----------------------------------------------------------------------------------------


def test_a_run_stands_beside_the_last_one_of_the_same_bundle(run: Run, tmp_path: Path, played: Callable[[Any], None]):
    store(make_sheet(days=-30), tmp_path / "data" / "evals" / "workshop" / "before")
    played(Echoes())
    done = run_workshop(run, "--out", tmp_path / "data" / "evals" / "workshop" / "now")
    page = (tmp_path / "data" / "evals" / "workshop" / "now" / "report.html").read_text()

    assert "was 100%; 3 worse" in done.out and "was 100%; 3 worse" in page
    assert "beside the run of 2026-10-24 15:00" in done.out


def test_view_shows_a_run_again_and_opens_nothing(run: Run, tmp_path: Path):
    folder = store(make_sheet(model=Echoes()), tmp_path / "run")
    done = run("view", folder)

    assert done.code == 0 and done.err == ""
    assert "✗ FAIL" in done.out and str(folder / "report.html") in done.out
    assert run("view", folder, "--json").json["verdict"] == "fail"
    refused(run("view", tmp_path / "nowhere"), "there is no run")


def test_rescore_tells_which_verdicts_changed_and_writes_everything_anew(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = store(make_sheet(), tmp_path / "run")
    assert "No verdict of a criterion has changed." in run("rescore", folder).out

    def strict(trial: Any, known: Any) -> Any:
        yield Score("quotes", trial.case.id != "price", "not kind enough")

    real = commands.score_all
    monkeypatch.setattr(commands, "score_all", lambda trials, bundle: real(trials, bundle, (strict,)))
    done = run("rescore", folder)

    assert done.code == 1
    assert "Quotes  ○ INCONCLUSIVE (100%)  →  ✗ FAIL (90.0%)" in done.out
    assert "Accuracy  ○ INCONCLUSIVE (100%)  →  not measured" in done.out
    assert "price #1  Quotes: not kind enough" in done.out
    assert "not kind enough" in (folder / "report.html").read_text()
    assert run("view", folder, "--json").json["verdict"] == "fail"


def test_a_mended_case_is_held_against_the_conversation_that_was_recorded(run: Run, tmp_path: Path):
    folder = store(make_sheet(), tmp_path / "run")
    played = (folder / TRIALS).read_text()
    text = (CASES / "workshop.yaml").read_text(encoding="utf-8")
    mended = tmp_path / "cases"
    mended.mkdir()
    text = text.replace('must_say: ["200 miles", 2 drops]', 'must_say: ["300 miles"]')
    text = text.replace("Write a poem about a soup", "Write a song about a soup")
    (mended / "workshop.yaml").write_text(text, encoding="utf-8")
    done = run("rescore", folder, "--cases", mended)

    assert "chain #1  Accuracy: did not say «300 miles»" in done.out
    assert "held against what was expected then: poem" in done.err
    assert len((folder / TRIALS).read_text().splitlines()) == len(played.splitlines())
    assert "must say 300 miles" in " ".join(re.sub("<[^>]+>", " ", (folder / "report.html").read_text()).split())
    assert json.loads((folder / "run.json").read_text())["suite"] != make_sheet().origin.suite
    assert "No verdict of a criterion has changed." not in done.out
    assert run("rescore", folder, "--cases", CASES).code == 0
    assert json.loads((folder / "run.json").read_text())["suite"] == make_sheet().origin.suite


def test_rescore_makes_a_report_of_a_run_that_was_broken_off(
    run: Run, tmp_path: Path, interrupted: Callable[[int], None]
):
    interrupted(4)
    run_workshop(run, "--concurrency", 1)
    (folder,) = runs(tmp_path)
    done = run("rescore", folder)

    assert "4 conversations" in done.out and "broken off: there were to be 10 conversations" in done.out
    assert {path.name for path in folder.iterdir()} == FILES


def test_rescore_says_when_the_bundle_has_changed_since(run: Run, tmp_path: Path):
    folder = store(make_sheet(revision="0123456789abcdef"), tmp_path / "run")

    assert "the bundle has changed since, 0123456789abcdef to " in run("rescore", folder).err


# compare ------------------------------------------------------------------------------------------------------------


def test_compare_fails_when_a_criterion_got_worse_beyond_chance(run: Run, tmp_path: Path):
    before, after = store(make_sheet(), tmp_path / "a"), store(make_sheet(model=Echoes(), days=1), tmp_path / "b")
    done = run("compare", before, after)

    assert done.code == 1
    assert "B is worse than A, beyond chance: Accuracy" in done.out
    assert "You wrote: How do I oil a chain?" in (after / "compare.html").read_text()
    assert run("compare", after, before).code == 0, "the other way round it got better"


def test_compare_gives_a_program_every_pair_that_flipped(run: Run, tmp_path: Path):
    before, after = store(make_sheet(), tmp_path / "a"), store(make_sheet(model=RefusesAll()), tmp_path / "b")
    told = run("compare", before, after, "--json").json

    assert told["pairs"] == 10 and told["of_one_kind"]
    assert {each["case"] for each in told["flips"]} >= {"price", "chain", "cancel"}
    assert {each["criterion"]: each["change"] for each in told["criteria"]}["topic"] == "unclear"


def test_runs_without_a_conversation_in_common_cannot_be_compared(run: Run, tmp_path: Path):
    before = store(make_sheet([trial_of("price")]), tmp_path / "a")
    after = store(make_sheet([trial_of("chain")]), tmp_path / "b")

    refused(run("compare", before, after), "no conversation in common")
    assert not (after / "compare.html").exists()


# schema -------------------------------------------------------------------------------------------------------------

FILES_OF_CASES = sorted([*ROOT.glob("bundles/*/evals/*.yaml"), *CASES.glob("*.yaml")])


@pytest.mark.parametrize("path", FILES_OF_CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_file_of_cases_fits_the_schema(path: Path):
    rows = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))

    assert [error.message for error in Draft202012Validator(case_schema()).iter_errors(rows)] == []


@pytest.mark.parametrize(
    "case",
    [
        {"id": "a", "locale": "en", "turns": [{"say": "hi", "expect": {"must_sya": ["x"]}}]},
        {"id": "a", "locale": "en", "turns": [{"press": "maybe"}]},
        {"id": "a", "locale": "en", "turns": [7]},
        {"id": "A B", "locale": "en", "turns": ["hi"]},
        {"locale": "en", "turns": ["hi"]},
    ],
)
def test_a_mistake_in_a_case_does_not_fit_the_schema(case: Any):
    assert list(Draft202012Validator(case_schema()).iter_errors([case]))


def test_the_case_in_the_document_is_one(run: Run, tmp_path: Path):
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "a.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    done = run("run", ROOT / "bundles" / "acme", "--cases", tmp_path / "cases", "--json")

    assert done.code in (0, 1) and done.json["conversations"] == 1 and not done.json["broken"]


def test_short_forms_fit_the_schema():
    case = {"id": "a", "locale": "en", "params": {"year": [2020, 2021]}, "turns": ["It is from {year}."]}

    assert not list(Draft202012Validator(case_schema()).iter_errors([case]))


def test_the_schema_is_printed_as_json(run: Run):
    assert run("schema").json == case_schema()
    Draft202012Validator.check_schema(case_schema())


# Judges -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def judging_model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls everything good, alone or in batches, which have ended when they are first looked at."""
    async with FakeClaude(Scripted([say('{"ok": true, "why": "fine"}')], repeat=True), key=KEY) as fake:
        fake.batches.looks = 1
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
        yield fake


@pytest.mark.anyio
async def test_a_judge_is_tried_in_one_batch_and_what_calls_everything_good_is_not_trusted(
    run: Run, judging_model: FakeClaude
):
    done = await asyncio.to_thread(run, "judge-check", "--batch", "--yes", "--json")

    assert done.code == 1 and done.json["trusted"] is False
    assert [each["specificity"] for each in done.json["questions"].values()] == [0.0] * 3
    assert "in a batch" in done.err and "handed in as msgbatch_0001" in done.err
    assert len(judging_model.batches.batches) == 1
    assert not [each for each in judging_model.requests if each.path == "/v1/messages"]


@pytest.mark.anyio
async def test_an_endpoint_without_batches_is_named_with_the_way_round(run: Run, judging_model: FakeClaude):
    judging_model.batches.trouble["list"].append(Refuse(404, "not_found_error", "Not found"))

    done = await asyncio.to_thread(run, "judge-check", "--batch", "--yes")

    assert done.code == 2 and "could not be asked" in done.err
    assert "→ not every endpoint takes batches: --no-batch asks one by one" in done.err


def test_without_a_store_there_is_nothing_live_to_judge(run: Run):
    refused(run("live", WORKSHOP, "--yes"), "no closed conversation of workshop in the last 7 days")
