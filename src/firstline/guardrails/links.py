"""A reply links only to the hosts that the bundle names; images, raw HTML and active schemes never pass."""

import html
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from firstline.facts import find_facts
from firstline.guardrails import Screening
from firstline.types import Verdict

_IMAGE = re.compile(r"!\[")
_ELEMENT = re.compile(
    r"<(?:!--|!doctype|\?|!\[cdata|/?(?:a|abbr|applet|area|article|audio|b|base|bgsound|big|blink|body|br|button|canvas|"
    r"center|code|details|dialog|div|dl|embed|fieldset|font|form|frame|frameset|h[1-6]|head|hr|html|i|iframe|img|image|"
    r"input|isindex|keygen|layer|li|link|main|map|marquee|math|menu|meta|noembed|noscript|object|ol|option|output|p|"
    r"param|picture|plaintext|pre|script|section|select|slot|source|span|style|strong|sub|summary|sup|svg|table|"
    r"tbody|td|template|textarea|th|title|tr|track|u|ul|video|xml|xmp)(?=[\s/>]|$))",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"\]\(\s*(?:<([^<>\n]*)>|([^\s()]*))|^[ \t>]*\[[^\]\n]+\]:\s*<?([^\s<>]*)|<([a-z][a-z0-9+.-]*:[^\s<>]*)>",
    re.IGNORECASE | re.MULTILINE,
)
_ACTIVE = re.compile(
    r"(?:javascript|vbscript|livescript):\S|data:[a-z]+/|(?:file|blob|view-source|filesystem):/", re.I
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:[\\/]{2}[^\s<>\"')\]，。；、）】」]+", re.I)
_HOST = re.compile(r"[a-z0-9-]\.[a-z]{2}", re.IGNORECASE)
_BLANKS = re.compile(r"[\x00-\x20]")


class Links:
    """Blocks every link that leads elsewhere than to `hosts`, their subdomains, or our own help pages."""

    name = "links"
    when_broken: Literal["pass", "block"] = "block"

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = tuple(host.casefold().removeprefix("www.") for host in hosts)

    def check(self, screening: Screening) -> Verdict:
        if screening.stage != "output":
            return Verdict(guardrail=self.name)
        reason = self._find_fault(screening)
        return Verdict(guardrail=self.name, decision="block" if reason else "pass", reason=reason)

    def _find_fault(self, screening: Screening) -> str:
        text = html.unescape(screening.text)
        if _IMAGE.search(text):
            return "images are not shown"
        if found := _ELEMENT.search(text):
            return f"«{found[0]}» is HTML, which is not shown"
        if found := _ACTIVE.search(text):
            return f"«{found[0]}» is no address for a customer"
        for found in _TARGET.finditer(text):
            target = next(group for group in (*found.groups(), "") if group is not None)
            if not self._may_link(target):
                return f"«{target}» is not a place that replies may link to"
        for found in _ADDRESS.finditer(text):
            if not self._may_link(found[0]):
                return f"«{found[0]}» is not a place that replies may link to"
        if not _HOST.search(text):
            return ""
        for fact in find_facts(text, locale=screening.locale):
            if fact.kind == "url" and not self._knows("https://" + fact.value):
                return f"«{fact.surface}» is not a place that replies may link to"
        return ""

    def _may_link(self, target: str) -> bool:
        if "\\" in target or _BLANKS.search(target):
            return False
        if target.startswith("/help/"):
            return ".." not in target and "//" not in target
        if target[:7].casefold() == "mailto:" or target[:4].casefold() == "tel:":
            return True
        return re.match(r"https?://[^/]", target, re.I) is not None and self._knows(target)

    def _knows(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return False
        if "@" in parts.netloc:
            return False
        return any(host == known or host.endswith("." + known) for known in self._hosts)
