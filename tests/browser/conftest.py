"""Chromium against the real server, which serves the Acme demo with the offline model in a process of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_SECONDS = 60


@contextmanager
def served(data: Path, **environment: str) -> Iterator[str]:
    """The URL of a `firstline serve`, ended afterwards."""
    log = (data / "server.log").open("w+")
    settings = {"FIRSTLINE_PORT": "0", "FIRSTLINE_DATA": str(data), "FIRSTLINE_MODEL": "offline", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "firstline", "serve", "bundles/acme"],
        env={**os.environ, "PYTHONPATH": "src", **settings},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield _wait_until_ready(process, Path(log.name))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        log.close()


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        lines = [line.split()[-1] for line in log.read_text().splitlines() if line.strip().startswith("chat ")]
        try:
            if lines and urllib.request.urlopen(lines[0] + "readyz").status == 200:
                return lines[0]
        except urllib.error.URLError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("site"), FIRSTLINE_CONVERSATIONS_PER_MINUTE="1000") as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Any]:
    """`open_page(path, **context)` gives a page in a browser context of its own; its console must stay clean."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_one(path: str = "", **options: Any) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, "locale": "en-US", "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(site + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
