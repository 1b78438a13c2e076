"""When people are there: a business's opening hours in its own time zone. Pure."""

from datetime import datetime, timedelta

from firstline.bundle import WEEKDAYS, Hours


def people_available(hours: Hours, at: datetime) -> bool:
    """Whether a person can be reached at this moment."""
    local = at.astimezone(hours.zone)
    if local.date() in hours.holidays:
        return False
    spans = hours.weekly.get(WEEKDAYS[local.weekday()], ())
    return any(span.opens <= local.time() < span.closes for span in spans)


def next_opening(hours: Hours, at: datetime) -> datetime | None:
    """The next moment somebody is there, local time of the business; None when no day within a year has hours."""
    local = at.astimezone(hours.zone)
    for ahead in range(366):
        day = (local + timedelta(days=ahead)).date()
        if day in hours.holidays:
            continue
        for span in sorted(hours.weekly.get(WEEKDAYS[day.weekday()], ()), key=lambda each: each.opens):
            opening = datetime.combine(day, span.opens, tzinfo=hours.zone)
            if opening > local:
                return opening
    return None
