"""`firstline desk`: what could not be told is shown with its reason, and tried again when somebody says so."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from firstline import cli
from firstline.desk import Rejected
from firstline.store.opening import lock_folder
from tests.support.desk_scene import REQUESTED, STARTED, A, B, Scene, open_scene, wrote
from tests.support.shop import WORKSHOP

pytestmark = pytest.mark.anyio


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`firstline …` in this process, with the webhook desk set."""
    data = tmp_path / "data"
    data.mkdir()
    settings = {
        "DATA": data,
        "PORT": 0,
        "DESK": "webhook",
        "DESK_URL": "https://desk.example",
        "DESK_SECRET": "s" * 24,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"FIRSTLINE_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "configure_logging", lambda: None)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["firstline", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
async def scene(run: Run, tmp_path: Path) -> AsyncIterator[Scene]:
    """Two hand-offs that the desk has refused for good."""
    with open_scene(tmp_path / "data") as opened:
        opened.desk.answers += [Rejected("410"), Rejected("410")]
        for conversation_id in (A, B):
            await opened.happen(STARTED, REQUESTED, wrote("a canary"), to=conversation_id)
        with capture_logs():  # what is given up is logged, and here nobody reads it
            await opened.work()
        yield opened


async def dead_of(scene: Scene) -> set[str]:
    return {each.delivery_id for each in await scene.outbox.list_dead()}


def in_a_thread(run: Run, *arguments: str) -> Any:
    """The commands bring an event loop of their own."""
    return asyncio.to_thread(run, *arguments)


async def test_what_was_given_up_is_shown_with_its_reason_and_without_a_text(run: Run, scene: Scene):
    shown = await in_a_thread(run, "desk", "dead")
    rows = (await in_a_thread(run, "desk", "dead", "--json")).rows

    assert shown.code == 1 and "cv_a:2" in shown.out and "410" in shown.out and "redeliver" in shown.err
    assert {row["delivery_id"] for row in rows} == {"cv_a:2", "cv_b:2"}
    assert {(row["desk"], row["type"], row["attempts"], row["last_error"]) for row in rows} == {
        ("webhook", "handoff.requested", 1, "410")
    }
    assert "canary" not in shown.out + json.dumps(rows)


async def test_what_is_tried_again_by_its_id_reaches_the_desk_and_the_rest_stays(run: Run, scene: Scene):
    done = await in_a_thread(run, "desk", "redeliver", "cv_a:2", "--json")
    scene.clock.forward(days=3650)  # the command notes the real time, and the scene's has not come there yet
    await scene.courier.deliver_due()

    assert (done.code, done.rows) == (0, [{"redelivered": ["cv_a:2"]}])
    assert await dead_of(scene) == {"cv_b:2"}
    assert scene.desk.ids.count("cv_a:2") == 2 and scene.desk.ids.count("cv_b:2") == 1


async def test_all_of_it_is_tried_again_and_then_there_is_nothing(run: Run, scene: Scene):
    done = await in_a_thread(run, "desk", "redeliver", "--all")
    after = await in_a_thread(run, "desk", "dead")

    assert done.code == 0 and "2 will be tried again" in done.err and await dead_of(scene) == set()
    assert (after.code, after.out) == (0, "") and "nothing was given up" in after.err
    assert (await in_a_thread(run, "desk", "redeliver", "--all")).code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["cv_a:2", "cv_a:3"], "cv_a:3 was not given up"),
        (["nonsense"], "nonsense was not given up"),
        ([], "give ids, or --all"),
        (["cv_a:2", "--all"], "give ids, or --all"),
    ],
)
async def test_what_cannot_be_tried_again_says_why_and_changes_nothing(
    run: Run, scene: Scene, arguments: list[str], reason: str
):
    done = await in_a_thread(run, "desk", "redeliver", *arguments)

    assert (done.code, done.out) == (2, "") and reason in done.err and "→" in done.err
    assert await dead_of(scene) == {"cv_a:2", "cv_b:2"}


async def test_what_was_for_another_desk_waits_for_that_desk(run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIRSTLINE_DESK", "inbox")

    by_id = await in_a_thread(run, "desk", "redeliver", "cv_a:2")
    every = await in_a_thread(run, "desk", "redeliver", "--all")

    assert by_id.code == 2 and "FIRSTLINE_DESK=webhook" in by_id.err
    assert every.code == 0 and await dead_of(scene) == {"cv_a:2", "cv_b:2"}
    assert (await in_a_thread(run, "desk", "dead")).code == 0


async def test_it_works_beside_a_server_that_holds_the_folder(run: Run, scene: Scene, tmp_path: Path):
    with lock_folder(tmp_path / "data"):
        assert (await in_a_thread(run, "desk", "redeliver", "--all")).code == 0


async def test_the_doctor_says_how_many_there_are_and_what_to_do(run: Run, scene: Scene):
    found = {row["subject"]: row for row in (await in_a_thread(run, "doctor", str(WORKSHOP), "--json")).rows}
    assert found["desk"]["state"] == "wrong" and found["desk"]["text"] == "2 deliveries were given up"
    assert "firstline desk dead" in found["desk"]["remedy"]

    await in_a_thread(run, "desk", "redeliver", "--all")
    found = {row["subject"]: row for row in (await in_a_thread(run, "doctor", str(WORKSHOP), "--json")).rows}
    assert "desk" not in found
