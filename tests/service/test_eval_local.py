"""`firstline eval` with small, clumsy models in every role: assistant, customers, judge. Nothing of it is changed for
them; the same folder, the same report, the same going on.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from firstline import cli
from firstline.evals.run import TRIALS, read_trials
from firstline.events import ModelReplied, TurnEnded
from tests.support.fake_local import HABITS, Answer, FakeLocal, Seen, say
from tests.support.shop import WORKSHOP
from tests.support.tried import CASES

pytestmark = pytest.mark.anyio
SMALL = "small:3b"
FILES = {"run.json", TRIALS, "scores.jsonl", "summary.json", "report.html", "report.md", "junit.xml"}
WAITED_OUT = ("cut", "server")
"""Faults after which the real adapter waits for a moment: left out, so that nobody waits here."""

CUSTOMERS = ("<think>They want wheels.</think>3", "Three, please.", "<done>")
JUDGEMENTS = (
    '{"ok": true, "why": "to the point"}',
    '<think>Is {it} fine?</think>\n```json\n{"ok": false, "why": "no"}\n```',
    'Sure! {"ok": true, "why": "yes"} Hope this helps.',
    "I would say that it is fine.",
    "",
)

Eval = Callable[..., Awaitable[tuple[int, str, str]]]


class Clumsy:
    """What one small model says as assistant, as customer and as judge: every habit in turn."""

    def __init__(self) -> None:
        habits = [habit for habit in HABITS.values() if habit.code not in WAITED_OUT]
        self._replies = cycle([answer for habit in habits for answer in habit.answers])
        self._customers, self._judgements = cycle(CUSTOMERS), cycle(JUDGEMENTS)

    def __call__(self, seen: Seen) -> Answer:
        if seen.prompt.startswith("<|system|>You play a customer"):
            return say(next(self._customers))
        if seen.prompt.startswith(("<|system|>You judge", "<|system|>You compare")):
            return say(next(self._judgements))
        return next(self._replies)


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Eval:
    """Run `firstline eval …` with a small model for everything, at this server."""
    for name in [name for name in os.environ if name.startswith(("FIRSTLINE_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(cli, "configure_logging", lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    for name in ("CHAT_MODELS", "FAST_MODEL", "JUDGE_MODEL"):
        monkeypatch.setenv(f"FIRSTLINE_{name}", SMALL)

    def run() -> int:
        with pytest.raises(SystemExit) as end, capture_logs():
            cli.main()
            raise SystemExit(0)
        return int(end.value.code or 0)

    async def evaluate(server: FakeLocal, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setattr(sys, "argv", ["firstline", "eval", *map(str, arguments)])
        code = await asyncio.to_thread(run)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return evaluate


async def test_a_run_with_a_clumsy_model_goes_through_is_gone_on_with_and_reports(
    evaluate: Eval, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    arguments = ("run", WORKSHOP, "--cases", CASES, "--trials", 2, "--out", folder, "--yes")
    async with FakeLocal(Clumsy()) as server:
        code, _, _ = await evaluate(server, *arguments[:2], "core", *arguments[2:])
        first = (folder / TRIALS).read_text().splitlines()
        code, out, err = await evaluate(server, *arguments)
        customers = [seen for seen in server.seen if "You play a customer" in seen.prompt]
    assert code in (0, 1) and f"{SMALL}; cost unknown, no price of {SMALL} is known" in err
    assert {path.name for path in folder.iterdir()} == FILES
    assert (folder / TRIALS).read_text().splitlines()[: len(first)] == first and len(first) == 6
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["conversations"], summary["cost_usd"], summary["unpriced"]) == (20, 0, [SMALL])
    assert f"unknown for {SMALL}" in (folder / "report.md").read_text()
    assert SMALL in summary["models"] and not summary["broken"] and summary["criteria"]
    assert len(customers) >= 2 and "Comprehension" in out.title()
    for trial in read_trials(folder):
        assert trial.events[-1].type in ("turn.ended", "conversation.closed", "handoff.requested")
        assert all(event.cost_usd == 0 for event in trial.events if isinstance(event, ModelReplied | TurnEnded))


async def test_a_clumsy_judge_is_read_where_it_can_be_and_counted_apart_where_not(
    evaluate: Eval, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    async with FakeLocal(Clumsy()) as server:
        await evaluate(server, "run", WORKSHOP, "--cases", CASES, "--out", folder, "--yes")
        code, out, err = await evaluate(server, "judge", folder, "--yes", "--json")
    kept = [json.loads(line) for line in (folder / "judged.jsonl").read_text().splitlines()]
    assert code in (0, 1) and "Relevance" in json.dumps(json.loads(out)).title()
    assert {True, False} <= {each["ok"] for each in kept}
    assert all(each["model"] == SMALL and each["cost_usd"] == 0 for each in kept)
    assert f"for {SMALL}; cost unknown" in err


async def test_a_simulated_customer_that_breaks_ends_its_own_trial_only_and_is_played_again(
    evaluate: Eval, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    broken: Any = {"broken": True}

    def answer(seen: Seen) -> Answer:
        if "You play a customer" in seen.prompt:
            return say("Assistant: how may I help?" if broken["broken"] else "<done>")
        return say("How many wheels?")

    arguments = ("run", WORKSHOP, "played", "chain", "--cases", CASES, "--out", folder, "--yes")
    async with FakeLocal(answer) as server:
        await evaluate(server, *arguments)
        summary = json.loads((folder / "summary.json").read_text())
        assert [each["case"] for each in summary["broken"]] == ["wants-a-price"]
        assert "spoke as the assistant" in summary["broken"][0]["why"]
        broken["broken"] = False
        await evaluate(server, *arguments)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["broken"] == [] and summary["conversations"] == 3
