"""One HTTP exchange with a desk, as the adapters ask for it, and how its answer is judged. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from firstline.desk import Rejected, TryLater

RETRYABLE = frozenset({408, 409, 429})
"""Refusals that may be none a moment later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case, `body` may be cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetch(Protocol):
    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer | TryLater | Rejected:
        """The answer, of whatever status; or why there is none. Never raises for what the network does."""
        ...

    async def aclose(self) -> None: ...


def judge(answer: Answer, now: datetime) -> TryLater | Rejected | None:
    """None when the answer says yes. A redirect is never followed, and may be over in a moment."""
    if 200 <= answer.status < 300:
        return None
    code = f"http_{answer.status}"
    if 400 <= answer.status < 500 and answer.status not in RETRYABLE:
        return Rejected(code)
    return TryLater(code, read_retry_after(answer.headers.get("retry-after"), now))


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from now, never negative; None when the header says nothing that can be understood.

    Source: RFC 9110, section 10.2.3: a number of seconds, or a date.
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
