"""Runs as logs of Inspect: what is in them, and that Inspect's own library reads them back (`make inspect-test`)."""

import importlib
import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firstline import cli
from firstline.errors import ConfigError
from firstline.evals.inspect_log import build_log, write_log
from firstline.evals.sheet import Sheet
from tests.support.dummies import Echoes
from tests.support.tried import make_sheet, store, trial_of

Json = dict[str, Any]
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None, reason="inspect-ai is not installed: `make inspect-test` runs it"
)


def sample_of(log: Json, case: str, epoch: int = 1) -> Json:
    return next(each for each in log["samples"] if (each["id"], each["epoch"]) == (case, epoch))


def broken_sheet() -> Sheet:
    """A run in which one trial broke by itself."""
    return make_sheet([trial_of("price"), replace(trial_of("chain"), error="SimulatorBroke: it said nothing")])


def test_every_trial_is_a_sample_with_its_case_and_number() -> None:
    sheet = make_sheet()
    log = build_log(sheet)
    assert [(each["id"], each["epoch"]) for each in log["samples"]] == [
        (each.trial.case.id, each.trial.number) for each in sheet.scored
    ]
    assert log["eval"]["dataset"]["sample_ids"] == [each["id"] for each in log["samples"]]


def test_a_sample_holds_what_was_written_and_called_in_order() -> None:
    messages = sample_of(build_log(make_sheet()), "price")["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    (call,) = messages[1]["tool_calls"]
    assert (call["function"], call["arguments"]) == ("get_price", {"wheels": 2})
    assert messages[2]["tool_call_id"] == call["id"] and "96.40" in messages[2]["content"]
    assert "96.40" in messages[3]["content"]


def test_what_the_customer_confirmed_is_a_call_after_the_confirmation() -> None:
    messages = sample_of(build_log(make_sheet()), "cancel")["messages"]
    (confirmed,) = [message for message in messages if message.get("metadata") == {"after": "confirmation"}]
    assert confirmed["tool_calls"][0]["function"] == "cancel_repair"
    after = messages[messages.index(confirmed) + 1]
    assert (after["role"], after["tool_call_id"]) == ("tool", confirmed["tool_calls"][0]["id"])


def test_every_call_has_one_result_and_every_result_its_call() -> None:
    for sample in build_log(make_sheet())["samples"]:
        calls = [call["id"] for message in sample["messages"] for call in message.get("tool_calls", ())]
        results = [message["tool_call_id"] for message in sample["messages"] if message["role"] == "tool"]
        assert calls == results


def test_scores_say_correct_partly_or_incorrect_and_why() -> None:
    good = sample_of(build_log(make_sheet()), "chain")["scores"]
    bad = sample_of(build_log(make_sheet(model=Echoes())), "chain")["scores"]
    assert {score["value"] for score in good.values()} == {"C"}
    assert bad["accuracy"]["value"] == "I" and "200 miles" in bad["accuracy"]["explanation"]
    assert bad["accuracy"]["metadata"]["n"] == len(bad["accuracy"]["metadata"]["observations"])


def test_results_are_the_reports_figures() -> None:
    sheet = make_sheet(model=Echoes())
    for figure, score in zip(sheet.figures, build_log(sheet)["results"]["scores"], strict=True):
        metrics = {name: metric["value"] for name, metric in score["metrics"].items()}
        assert (score["name"], metrics["share"], metrics["n"]) == (figure.criterion, figure.value, figure.n)
        assert figure.interval and (metrics["low"], metrics["high"]) == (figure.interval.low, figure.interval.high)
        assert score["metadata"]["verdict"] == figure.verdict


def test_the_log_names_everything_that_has_to_be_the_same() -> None:
    sheet = make_sheet()
    spec = build_log(sheet)["eval"]
    assert spec["task_version"] == spec["metadata"]["revision"] == sheet.origin.revision
    assert (spec["metadata"]["suite"], spec["metadata"]["scorers"]) == (sheet.origin.suite, sheet.scorers)
    assert spec["metadata"]["models"] == sheet.models and spec["model"] == sheet.origin.model
    assert sheet.origin.path not in str(spec)
    assert build_log(sheet) == build_log(sheet)


def test_a_trial_that_broke_by_itself_is_an_error_and_not_a_result() -> None:
    log = build_log(broken_sheet())
    broken = sample_of(log, "chain")
    assert broken["error"]["message"].startswith("SimulatorBroke") and broken["scores"] == {}
    assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (2, 1)


def test_without_the_library_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        write_log(make_sheet(), tmp_path / "out.eval")
    assert "-m pip install 'inspect-ai" in caught.value.problems[0].remedy
    assert list(tmp_path.iterdir()) == []


def test_the_command_reads_a_kept_run_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = store(make_sheet(), tmp_path / "run"), tmp_path / "run.eval"
    library = SimpleNamespace(EvalLog=SimpleNamespace(model_validate=json.dumps), write_eval_log=keep)
    monkeypatch.setattr(cli, "configure_logging", lambda: None)
    for known, code in ((library, 0), (None, 2)):
        monkeypatch.setitem(sys.modules, "inspect_ai.log", known)
        monkeypatch.setattr(sys, "argv", ["firstline", "eval", "export", str(folder), "--inspect", str(path)])
        with pytest.raises(SystemExit) as end:
            cli.main()
            raise SystemExit(0)
        assert (end.value.code or 0) == code
    said = capsys.readouterr()
    assert f"written to {path}" in said.out and "    → " in said.err
    assert json.loads(path.read_text()) == build_log(make_sheet())


def keep(log: str, location: str) -> None:
    Path(location).write_text(log)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.eval"):
        write_log(make_sheet(), tmp_path / "out.zip")


# With the library


@needs_library
@pytest.mark.parametrize("ending", [".eval", ".json"])
@pytest.mark.parametrize("make", [make_sheet, broken_sheet, lambda: make_sheet(model=Echoes())])
def test_inspect_reads_back_what_was_written(tmp_path: Path, ending: str, make: Callable[[], Sheet]) -> None:
    sheet, path = make(), tmp_path / f"run{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        write_log(sheet, path)
        log: Any = importlib.import_module("inspect_ai.log").read_eval_log(str(path))
    written = build_log(sheet)
    assert (log.status, log.eval.task, log.eval.created) == ("success", "workshop", sheet.origin.began_at.isoformat())
    assert log.eval.metadata == written["eval"]["metadata"]
    assert {score.name: score.metrics["share"].value for score in log.results.scores} == {
        figure.criterion: figure.value for figure in sheet.figures
    }
    found = {(sample.id, sample.epoch): sample for sample in log.samples}
    assert len(found) == len(log.samples) == len(sheet.scored)
    for scored in written["samples"]:
        sample = found[scored["id"], scored["epoch"]]
        assert [(m.role, m.text) for m in sample.messages] == [(m["role"], m["content"]) for m in scored["messages"]]
        calls = [call for message in sample.messages for call in getattr(message, "tool_calls", None) or ()]
        wanted = [call for message in scored["messages"] for call in message.get("tool_calls", ())]
        assert [(call.function, call.arguments) for call in calls] == [
            (call["function"], call["arguments"]) for call in wanted
        ]
        assert {name: score.value for name, score in (sample.scores or {}).items()} == {
            name: score["value"] for name, score in scored["scores"].items()
        }
        assert sample.metadata == scored["metadata"]
        assert bool(sample.error) == bool(scored.get("error"))
