"""A site whose hours a test can rely on, and the person who answers there.

Three copies of the Acme demo, served together: `always` somebody is there; `later` nobody is, today; `hurried` says
after a moment that nobody came.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page

from tests.browser.conftest import _wait_until_ready

ACME = Path("bundles/acme")
NAMES = ("always", "later", "hurried")
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLEARED = (r"  weekly:\n(?:    .*\n)+", r"  holidays:.*\n(?:    .*\n)+", r"handoff: .*\n")
HURRIED = "handoff: {wait_minutes: 0.01, silent_minutes: 10, idle_hours: 24}\n"


def write_bundle(folder: Path) -> Path:
    """The copy that is named as the folder."""
    in_three_days = EVERY_DAY[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    days, span = ((in_three_days,), "09:00-17:00") if folder.name == "later" else (EVERY_DAY, "00:00-23:59")
    weekly = "".join(f'    {day}: ["{span}"]\n' for day in days)
    shutil.copytree(ACME, folder)
    head = folder / "bundle.yaml"
    text = head.read_text(encoding="utf-8").replace("name: acme\n", f"name: {folder.name}\n")
    for pattern in CLEARED:
        text = re.sub(pattern, "", text)
    text = re.sub(r"(  timezone: .*\n)", rf"\1  weekly:\n{weekly}", text)
    head.write_text(text + (HURRIED if folder.name == "hurried" else ""), encoding="utf-8")
    return folder


@contextmanager
def served_desk(folder: Path, names: Sequence[str] = NAMES, **environment: str) -> Iterator[str]:
    """The URL of the copies, in one `firstline serve`, ended afterwards."""
    bundles = [str(write_bundle(folder / name)) for name in names]
    log = folder / "server.log"
    settings = {
        "FIRSTLINE_PORT": "0",
        "FIRSTLINE_DATA": str(folder / "rows"),
        "FIRSTLINE_MODEL": "offline",
        "FIRSTLINE_CONVERSATIONS_PER_MINUTE": "1000",
        **environment,
    }
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "firstline", "serve", *bundles],
            env={**os.environ, "PYTHONPATH": "src", **settings},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


class Desk:
    """One person of the business, signed in, who works over the API. `name` is what customers see."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.name: str = self._post("/demo/staff", role="human_agent")["display_name"]

    def accept(self, page: Page) -> None:
        self._act(page, "accept")

    def show_typing(self, page: Page) -> None:
        self._act(page, "typing")

    def reply(self, page: Page, text: str) -> None:
        self._act(page, "reply", client_message_id=uuid4().hex, text=text)

    def release(self, page: Page) -> None:
        self._act(page, "release")

    def give_back(self, page: Page) -> None:
        self._act(page, "return")

    def resolve(self, page: Page) -> None:
        self._act(page, "resolve")

    def take_up(self, page: Page) -> None:
        self._act(page, "reopen")

    def _act(self, page: Page, action: str, **body: str) -> None:
        self._post(f"/v1/staff/conversations/{conversation_of(page)['id']}/{action}", **body)

    def _post(self, path: str, **body: str) -> Any:
        headers = {"Content-Type": "application/json", "Origin": self._url}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers, method="POST")
        with self._opener.open(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None


def conversation_of(page: Page) -> dict[str, str]:
    """Id and token of the conversation that the page shows, from where the browser keeps them."""
    kept = "Object.entries(localStorage).find(([key]) => key.endsWith(':conversation'))[1]"
    conversation: dict[str, str] = page.evaluate(f"JSON.parse({kept})")
    return conversation
