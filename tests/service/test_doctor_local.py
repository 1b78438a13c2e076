"""`firstline doctor` at a server of one's own: it tries each model, and says what it found and what to set."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from firstline import cli
from tests.support.fake_local import HABITS, Answer, FakeLocal, say
from tests.support.shop import WORKSHOP

pytestmark = pytest.mark.anyio
SMALL = "small:3b"
Examine = Callable[[FakeLocal], Any]


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> Examine:
    """Run `firstline doctor` against this server with one small model for everything; its findings."""
    for name in [name for name in os.environ if name.startswith(("FIRSTLINE_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(cli, "configure_logging", lambda: None)
    monkeypatch.chdir(tmp_path)
    for name in ("CHAT_MODELS", "FAST_MODEL", "JUDGE_MODEL"):
        monkeypatch.setenv(f"FIRSTLINE_{name}", SMALL)
    monkeypatch.setenv("FIRSTLINE_PORT", "0")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setattr(sys, "argv", ["firstline", "doctor", str(WORKSHOP), "--json"])

    def run() -> None:
        with pytest.raises(SystemExit), capture_logs():
            cli.main()
            raise SystemExit(0)

    async def examine(server: FakeLocal) -> Any:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        await asyncio.to_thread(run)
        out = capsys.readouterr().out
        return {finding["subject"]: finding for finding in map(json.loads, out.splitlines())}

    return examine


@pytest.mark.parametrize("models", [None, (SMALL,), ("other",)])
async def test_a_small_model_that_reads_its_passage_is_well_with_or_without_a_list(
    examine: Examine, models: tuple[str, ...] | None
) -> None:
    async with FakeLocal((say("Heron [1]."),), models=models) as server:
        found = await examine(server)
    model = found["model"]
    assert (model["state"], len(server.seen)) == ("ok", 1)
    assert "answers, its first word after" in model["text"] and "numbered text" in model["text"]
    assert "price is unknown" in model["text"]
    assert server.seen[0].tools == ["look_up_order"] and "is heron" in server.seen[0].prompt
    assert "tokens" in found["prompt"]["text"] and found["prompt"]["remedy"]


@pytest.mark.parametrize(
    ("answer", "state", "text", "remedy"),
    [
        (say("I do not know."), "note", "did not answer from the passage", "larger model"),
        (HABITS["no such model"].answers[0], "wrong", f"{SMALL}: no such model", "FIRSTLINE_CHAT_MODELS"),
        (HABITS["the context is too small"].answers[0], "wrong", "does not answer: upstream 400", "server's own log"),
        (HABITS["errors as FastAPI has them"].answers[0], "wrong", '"msg": "x"', "server's own log"),
        (HABITS["blank text"].answers[0], "wrong", "nothing in it", "server's own log"),
    ],
)
async def test_what_is_wrong_with_a_small_model_is_said(
    examine: Examine, answer: Answer, state: str, text: str, remedy: str
) -> None:
    async with FakeLocal((answer,)) as server:
        model = (await examine(server))["model"]
    assert model["state"] == state
    assert text in model["text"] and remedy in model["remedy"]


async def test_a_model_that_is_too_slow_is_told_which_setting_waits_longer(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_FIRST_TOKEN_SECONDS", "0.2")
    async with FakeLocal((Answer(say("Heron.").parts, delay_seconds=5),)) as server:
        model = (await examine(server))["model"]
    assert model["state"] == "wrong" and "FIRSTLINE_FIRST_TOKEN_SECONDS" in model["remedy"]


async def test_a_patience_that_a_turn_does_not_have_is_noted(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_FIRST_TOKEN_SECONDS", "300")
    async with FakeLocal((say("Heron."),)) as server:
        assert "FIRSTLINE_TURN_SECONDS" in (await examine(server))["patience"]["remedy"]
        monkeypatch.setenv("FIRSTLINE_TURN_SECONDS", "400")
        assert "patience" not in await examine(server)
