"""The names that a business does not want its assistant to say.

A name that is also an everyday word (Apple, Root, Progressive) is only blocked as a name: capitalised.
"""

import re
from collections.abc import Sequence
from typing import Literal

from firstline.facts import read_plain
from firstline.guardrails import Screening
from firstline.types import Verdict

_EVERYDAY = frozenset(
    "alpha amber anchor apple arc arrow ascend aspect atlas beacon best bold branch bridge bright bump canvas chase "  # noqa: SIM905
    "chime circle clear cloud compass core cover crown delta direct discover edge elephant elevate embark "
    "even ever express farmers first flow focus force forward foundation freedom fresh front gap general "
    "grange guard guide harbor harvest hero hippo home honor horizon ideal infinity insight jet journey kin latitude "
    "lemonade level liberty light link loop main marble match measure mercury metro mile mint motion mutual national "
    "nationwide next noble north oak ocean one open orange orbit origin path peak pioneer point premier prime "
    "progressive prudent pure rapid ready reliance root safe scout sentry shell shield signal simple slice "
    "smart sonnet spring square standard star state steady stripe summit sun sure swift target tempo the toggle "
    "traveler travelers trust trusted trustworthy unity universal value vista wave way wise zoom".split()
)
_LETTER = r"[^\W_]"
_SEAM = r"[\s\-‐-―._&'’]{0,3}"
_GAP = r"[\s.\-_·*|/]{1,2}"
_SHARED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Competitors:
    """Blocks a reply that names one of `names`, spaced out, dotted or in full width as well."""

    name = "competitors"
    when_broken: Literal["pass", "block"] = "pass"

    def __init__(self, names: Sequence[str]) -> None:
        self._patterns = tuple((name, _build_pattern(name)) for name in names if name.strip())

    def check(self, screening: Screening) -> Verdict:
        if screening.stage == "output":
            plain = read_plain(screening.text)
            for name, pattern in self._patterns:
                if pattern.search(plain):
                    reason = f"the name of another company was used («{name}»): leave it out"
                    return Verdict(guardrail=self.name, decision="block", reason=reason)
        return Verdict(guardrail=self.name)


def _build_pattern(name: str) -> re.Pattern[str]:
    """The name as a word, or its letters one by one; languages without spaces have no words to stand between."""
    plain = read_plain(name).strip()
    words = re.findall(rf"{_LETTER}+", plain)
    joined = _SEAM.join(words)
    if _SHARED.search(plain):
        return re.compile(r"[\s·.\-]?".join(re.escape(letter) for letter in "".join(words)), re.IGNORECASE)
    if all(word.casefold() in _EVERYDAY for word in words):
        cased = f"{joined}|{_SEAM.join(map(str.upper, words))}"
    else:
        cased = f"(?i:{joined})"
    letters = "".join(words)
    spaced = rf"|(?i:{_GAP.join(letters)})" if len(letters) > 2 else ""
    return re.compile(rf"(?<!{_LETTER})(?:{cased}{spaced})(?!{_LETTER})")
