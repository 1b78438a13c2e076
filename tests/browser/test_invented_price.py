"""P11 on the page: a model that invents a price, over HTTP, and what the customer's page ever held."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import served
from tests.browser.customer import WAIT_MS, replies

pytestmark = [pytest.mark.browser, pytest.mark.promise("P11"), pytest.mark.timeout(120)]

SCRIPT = """
- {kind: reply, pause_seconds: 0.01, blocks: [{kind: say, text: "Happy to help. Your premium is $49.99 a month."}]}
- {kind: reply, pause_seconds: 0.01, blocks: [{kind: say, text: "Then it is 49.99 dollars. Sure."}]}
"""

WATCH = """
() => {
  window.seen = '';
  const look = (root) => {
    new MutationObserver(() => { window.seen += root.textContent + '\\n'; })
      .observe(root, { subtree: true, childList: true, characterData: true });
  };
  look(document.querySelector('firstline-chat').shadowRoot);
}
"""


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[str]:
    """A fake Claude that invents a price, and invents it again when asked to mend it; its URL."""
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fake_claude", "--script", str(script), "--repeat"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


def test_an_invented_price_is_never_on_the_page(browser: Browser, liar: str, tmp_path: Path) -> None:
    environment = {"FIRSTLINE_MODEL": "claude", "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": liar}
    with served(tmp_path, **environment) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.get_by_text("Hello, I'm Eva")).to_be_visible(timeout=WAIT_MS)
        page.evaluate(WATCH)
        page.locator("textarea").first.fill("How much is insurance for my car?")
        page.locator("textarea").first.press("Enter")
        expect(replies(page).last).to_contain_text("Happy to help.", timeout=WAIT_MS)
        seen = page.evaluate("window.seen")
        page.reload()
        expect(replies(page).last).to_contain_text("Happy to help.", timeout=WAIT_MS)
        stored = page.locator("firstline-chat").inner_text()
        page.close()
    assert "Happy to help." in seen  # the watcher saw the reply grow
    assert "49.99" not in seen
    assert "49.99" not in stored
