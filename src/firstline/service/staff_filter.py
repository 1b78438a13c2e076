"""Which conversations a human agent wants to see: the query of the inbox's list, read and checked."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from fastapi import Query

from firstline.errors import RequestError
from firstline.service.sign_in import AsViewer
from firstline.store import Filter, Shelf, Wanted

Metric = Literal["accuracy", "cited", "declined", "answered", "quoted", "escalated"]
METRICS: tuple[Metric, ...] = get_args(Metric)
FLAGS = ("withheld", "confirmed", "returned")
"""What a record says yes or no to; `:failed` asks for the yes as well, `returned:ok` for those who did not return."""

JUDGED: Mapping[str, str] = {"relevance:failed": "relevance", "supported:failed": "support"}
"""What a judge was asked, by the metric that rests on its answer."""

MOST_ROWS = 200

_SHELVES: Mapping[str, Shelf] = {name: name for name in get_args(Shelf)}


async def read_filter(
    caller: AsViewer,
    shelf: Annotated[str | None, Query(max_length=20)] = None,
    status: Annotated[str | None, Query(max_length=20)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    bundle: Annotated[str | None, Query(max_length=64)] = None,
    mine: bool = False,
    metric: Annotated[str | None, Query(max_length=40)] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
    playbook: Annotated[str | None, Query(max_length=64)] = None,
    locale: Annotated[str | None, Query(max_length=35)] = None,
    revision: Annotated[str | None, Query(max_length=80)] = None,
    rung: Annotated[str | None, Query(max_length=20)] = None,
    survey: Annotated[int | None, Query(ge=1, le=5)] = None,
    source: Annotated[str | None, Query(max_length=500)] = None,
    stream: Annotated[str | None, Query(max_length=200)] = None,
    since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Filter:
    """The filter that a query asks for. Raises RequestError 422 that names what is wrong with it."""
    wanted = shelf or status or ("all" if q or mine else "active")
    if wanted not in _SHELVES:
        raise RequestError(422, "invalid", f"shelf: one of {', '.join(_SHELVES)} is expected.")
    named = {"reason": reason, "playbook": playbook, "locale": locale, "revision": revision, "rung": rung}
    fields: dict[str, Wanted] = {name: _split(value) for name, value in named.items() if value is not None}
    fields |= {} if survey is None else {"survey": survey}
    fields |= {"returned": 0} if metric == "returned:ok" else {}
    judged_bad = JUDGED.get(metric or "")
    failed, at_least_one = _read_metric(metric if metric != "returned:ok" and not judged_bad else None)
    return Filter(
        shelf=_SHELVES[wanted],
        bundle=bundle,
        held_by=caller.member.staff_id if mine else None,
        words=q.strip(),
        source=source,
        since=_read_day(since, "from"),
        until=_read_day(until, "to"),
        fields=fields,
        at_least_one=at_least_one,
        failed_pairs=failed,
        stream=_read_stream(stream),
        judged_bad=judged_bad,
        limit=limit,
        offset=offset,
    )


def _split(value: str) -> Wanted:
    """One value, or any of several, with commas between."""
    several = tuple(filter(None, value.split(",")))
    return several if len(several) > 1 else value


def _read_metric(metric: str | None) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """`cited:failed`: conversations in which it went wrong at least once, `cited:ok`: those where it went well."""
    if metric is None:
        return (), ()
    name, _, side = metric.partition(":")
    if name in FLAGS:
        return (), (name,)
    if name == "mood":
        return (("mood_start", "mood"),), ()
    if name not in METRICS or side not in ("failed", "ok"):
        known = ", ".join(f"{each}:failed" for each in METRICS)
        raise RequestError(422, "invalid", f"metric: one of {known}, or the same with :ok, is expected.")
    pair = (f"{name}_n", f"{name}_ok")
    return ((pair,), ()) if side == "failed" else ((), (pair[1],))


def _read_stream(stream: str | None) -> tuple[int, tuple[str, str]] | None:
    """`2:quote>end:contained`: those who were at the one in this column of the drawn paths, and at the other next."""
    if stream is None:
        return None
    found = re.fullmatch(r"(\d):([^>]+)>([^>]+)", stream)
    if found is None:
        raise RequestError(422, "invalid", "stream: a column and two steps, such as 1:quote>claim, are expected.")
    return int(found[1]), (found[2], found[3])


def _read_day(text: str | None, name: str) -> datetime | None:
    """A day or a moment; without a zone it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar a zone leads out of it
        raise RequestError(422, "invalid", f"{name}: a date such as 2026-11-25 is expected.") from None
