"""The system lines of a hand-off, in the customer's language: the truth about who answers and when. Pure."""

from datetime import datetime

from firstline.bundle import Bundle
from firstline.hours import next_opening, people_available
from firstline.language import right_to_left
from firstline.phrases import phrase
from firstline.types import Locale


def tell_who_answers(bundle: Bundle, locale: Locale, at: datetime) -> str:
    """Markdown in `locale`: whether people are there now, when they are next, and how else to reach them."""
    return _by_hours("people", bundle, locale, at, minutes=round(bundle.handoff.wait_minutes))


def tell_unclaimed(bundle: Bundle, locale: Locale, at: datetime, *, left: bool) -> str:
    """An apology: nobody came in time. `left`: the customer has said how to be reached."""
    apology = phrase("nobody_came", locale)
    then = phrase("we_will_write" if left else "leave_contact", locale, ways=_ways(bundle, locale))
    return f"{apology} {then}"


def tell_let_go(bundle: Bundle, locale: Locale, at: datetime) -> str:
    """Whoever had the conversation is no longer there; a colleague will be."""
    return _by_hours("let_go", bundle, locale, at)


def _by_hours(key: str, bundle: Bundle, locale: Locale, at: datetime, **values: object) -> str:
    ways = _ways(bundle, locale)
    if people_available(bundle.hours, at):
        return phrase(f"{key}_here", locale, ways=ways, **values)
    opening = next_opening(bundle.hours, at)
    if opening is None:
        return phrase(f"{key}_unknown", locale, ways=ways)
    day = phrase(f"weekday_{opening.weekday()}", locale)
    when = f"{day}, {opening:%Y-%m-%d}, {opening:%H:%M} ({opening.tzname()})"
    return phrase(f"{key}_later", locale, when=when, ways=ways)


def _ways(bundle: Bundle, locale: Locale) -> str:
    """Each between marks that keep a number's order in a text that runs from right to left."""
    contact = bundle.contact
    ways = filter(None, (contact.phone, contact.email, contact.website))
    return " · ".join(f"\u2068{way}\u2069" if right_to_left(locale) else way for way in ways)
