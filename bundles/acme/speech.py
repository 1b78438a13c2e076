"""Small things that every tool says or reads: text in the customer's language, days, numbers of records.

Imported by the other modules of this folder only.
"""

import re
import unicodedata
from datetime import date
from zoneinfo import ZoneInfo

from firstline.tools import ToolContext, ToolRejected

BUSINESS_ZONE = ZoneInfo("America/New_York")

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def choose(locale: str, *, en: str, zh: str) -> str:
    """The text in the customer's language; English for every language but Chinese."""
    return zh if locale.lower().startswith("zh") else en


def reject(context: ToolContext, *, en: str, zh: str) -> ToolRejected:
    """What to raise when the arguments cannot be used."""
    return ToolRejected(choose(context.locale, en=en, zh=zh))


def business_day(context: ToolContext) -> date:
    """Today where the business is: the day that deadlines and terms are counted from."""
    return context.now.astimezone(BUSINESS_ZONE).date()


def show_day(day: str, locale: str) -> str:
    """An ISO date as people write it: "November 23, 2026" or "2026年11月23日"."""
    when = date.fromisoformat(day)
    return choose(
        locale,
        en=f"{MONTHS[when.month - 1]} {when.day}, {when.year}",
        zh=f"{when.year}年{when.month}月{when.day}日",
    )


def read_number(text: str, prefix: str) -> str:
    """A record's number as it is stored: "ac 204817" becomes "AC-204817"."""
    return f"{prefix}-" + re.sub(r"[^0-9]", "", text)


def read_line(text: str, most_chars: int) -> str:
    """The text on one line, without characters that cannot be seen, cut at `most_chars`."""
    seen = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    return " ".join(seen.split())[:most_chars]
