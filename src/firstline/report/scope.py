"""Which conversations a report is about, and into which periods their time is cut. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

USUAL_DAYS = 30
LONGEST_DAYS = 3_660
MOST_PERIODS = 62
STEPS = (1, 7, 28, 91)
"""A day, a week, four weeks, a quarter: the first that makes few enough periods."""


class BadScope(ValueError):
    """What was asked for cannot be reported; the phrase `report.problem.<key>`, with `values`, says what to do."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class Scope:
    """Conversations that began from `first` to `last`, both included, as days in `zone`; the filters where set."""

    first: date
    last: date
    zone: str
    bundle: str | None = None
    revision: str | None = None
    locale: str | None = None
    playbook: str | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def step_days(self) -> int:
        """How long a period is; the first one may be shorter."""
        return next((step for step in STEPS if -(-self.days // step) <= MOST_PERIODS), STEPS[-1])

    @property
    def starts(self) -> tuple[date, ...]:
        """The first day of each period. The last period is a whole one: they are cut from the end."""
        later = range(self.days - self.step_days, 0, -self.step_days)
        return (self.first, *(self.first + timedelta(days=back) for back in reversed(later)))

    @property
    def cuts(self) -> tuple[datetime, ...]:
        """Where periods begin, and where the last one ends: midnights of the zone, in UTC."""
        return tuple(midnight(day, self.zone) for day in (*self.starts, self.last + timedelta(days=1)))

    @property
    def filters(self) -> Mapping[str, str]:
        """The filters that are set, by their names in an address."""
        named = {
            "bundle": self.bundle,
            "revision": self.revision,
            "locale": self.locale,
            "playbook": self.playbook,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def query(self) -> Mapping[str, str]:
        """This scope, as an address names it."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat(), **self.filters}

    def link(self, **more: str) -> str:
        """Where the inbox lists these conversations, narrowed further; to the moment, since it knows no zone."""
        begin, end = (midnight(day, self.zone) for day in (self.first, self.last + timedelta(days=1)))
        span = {"from": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        return f"/inbox?{urlencode({'shelf': 'all', **span, **self.filters, **more})}"


def midnight(day: date, zone: str) -> datetime:
    """The moment at which a day begins in a zone, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def read_scope(asked: Mapping[str, str], *, zone: str, today: date) -> Scope:
    """The scope that an address asks for: `from`, `to` and the filters; the last 30 days when it says nothing.

    Raises: BadScope (no date, the wrong way round, too long, too far away).
    """
    told = {name: value.strip() for name, value in asked.items() if value.strip()}
    last = _read_day(told["to"], "to") if "to" in told else today
    first = _read_day(told["from"], "from") if "from" in told else last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise BadScope("order", first=first, last=last)
    if (last - first).days >= LONGEST_DAYS:
        raise BadScope("length")
    filters = {name: told[name] for name in ("bundle", "revision", "locale", "playbook") if name in told}
    return Scope(first=first, last=last, zone=zone, **filters)


def _read_day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadScope("date", name=name, text=text[:20]) from None
    if not 2000 <= day.year <= 2200:
        raise BadScope("year", name=name, year=day.year)
    return day
