"""The page while another revision is published: a conversation keeps its welcome, a new one has the new one."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.customer import WAIT_MS, say
from tests.support.published import Business

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
OLD, NEW = "Hello, I am Ada. I know bicycles.", "Welcome! Bicycles are my life."


@pytest.fixture
def business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Business:
    monkeypatch.setenv("FIRSTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FIRSTLINE_MODEL", "offline")
    return Business.begin(tmp_path)


@pytest.fixture
def site(business: Business) -> Iterator[str]:
    """A server of the business, of which its first revision is published."""
    business.publish()
    command = [sys.executable, "-m", "firstline", "serve", str(business.folder)]
    place = {**os.environ, "FIRSTLINE_PORT": "0", "PYTHONPATH": "src"}
    with subprocess.Popen(command, env=place, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            yield next(line.split()[-1] for line in server.stderr if line.strip().startswith("chat "))
        finally:
            server.send_signal(signal.SIGTERM)


def wait_for(site: str, revision: str) -> None:
    """Returns when new conversations get the revision."""
    while json.load(urllib.request.urlopen(f"{site}readyz"))["revisions"] != {"workshop": {revision: 1.0}}:
        pass


def test_a_conversation_keeps_its_welcome_and_a_new_one_has_the_new(
    business: Business, site: str, browser: Browser
) -> None:
    page = browser.new_context(locale="en-US", reduced_motion="reduce").new_page()
    page.goto(site)
    greeting = page.locator(".greeting")
    expect(greeting).to_have_text(OLD, timeout=WAIT_MS)
    say(page, "How do I oil a chain?")

    head = business.folder / "bundle.yaml"
    head.write_text(head.read_text().replace(OLD, NEW))
    business.publish()
    wait_for(site, business.revision)
    another = browser.new_context(locale="en-US", reduced_motion="reduce").new_page()
    another.goto(site)
    expect(another.locator(".greeting")).to_have_text(NEW, timeout=WAIT_MS)

    page.reload()
    expect(page.locator(".message.reply")).to_have_count(1, timeout=WAIT_MS)
    expect(greeting).to_have_text(OLD, timeout=WAIT_MS)
    say(page, "How do I oil a chain?")
    expect(greeting).to_have_text(OLD)

    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name=re.compile("new conversation", re.IGNORECASE)).click()
    expect(greeting).to_have_text(NEW, timeout=WAIT_MS)
    say(page, "How do I oil a chain?")
    expect(greeting).to_have_text(NEW)
    for each in (page, another):
        each.context.close()
