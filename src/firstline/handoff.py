"""What a customer is told when a person is to answer: the truth about when. Pure."""

from datetime import datetime

from firstline.bundle import Bundle
from firstline.hours import next_opening, people_available
from firstline.phrases import phrase
from firstline.types import Locale


def tell_who_answers(bundle: Bundle, locale: Locale, at: datetime) -> str:
    """Markdown in `locale`: whether people are there now, when they are next, and how to reach them."""
    contact = bundle.contact
    ways = " · ".join(filter(None, (contact.phone, contact.email, contact.website)))
    if people_available(bundle.hours, at):
        return phrase("people_here", locale, ways=ways)
    opening = next_opening(bundle.hours, at)
    if opening is None:
        return phrase("people_unknown", locale, ways=ways)
    day = phrase(f"weekday_{opening.weekday()}", locale)
    when = f"{day}, {opening:%Y-%m-%d}, {opening:%H:%M} ({opening.tzname()})"
    return phrase("people_later", locale, when=when, ways=ways)
