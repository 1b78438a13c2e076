"""What went wrong upstream, told apart. Pure; part of `firstline.model.claude`."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from firstline.errors import ModelFailed, ModelFault
from firstline.model.claude_stream import as_object

LONGEST_WAIT_SECONDS = 8.0
"""No customer is kept waiting longer for a `retry-after`; another model answers sooner."""

_PASSING: frozenset[ModelFault] = frozenset(
    ("connect", "cut", "empty", "first_token_timeout", "idle_timeout", "overloaded", "rate_limited", "server")
)
_BY_TYPE: dict[str, ModelFault] = {
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "spend_cap",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "api_error": "server",
    "timeout_error": "server",
    "conflict_error": "server",
    "invalid_request_error": "bad_request",
    "request_too_large": "prompt_too_long",
    "not_found_error": "unknown",
}
_BY_STATUS: dict[int, ModelFault] = {
    400: "bad_request",
    401: "auth",
    402: "spend_cap",
    403: "auth",
    404: "unknown",
    408: "server",
    409: "server",
    413: "prompt_too_long",
    422: "bad_request",
    429: "rate_limited",
    529: "overloaded",
}
_TOO_LONG = (
    "prompt is too long", "exceed context limit", "context window", "context length", "context size",
    "contextwindow",
)  # fmt: skip
_SPENT = ("usage limits", "credit balance")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an attempt came to nothing. `retries`: how many it is worth; `wait_seconds`: as upstream said."""

    code: ModelFault
    text: str
    retries: int = 0
    wait_seconds: float | None = None

    def as_error(self, request_id: str | None = None, *, hide: str | None = None) -> ModelFailed:
        """What the caller gets; `hide` is a secret that upstream may have quoted."""
        text = self.text.replace(hide, "[key]") if hide else self.text
        text = f"{text} ({request_id})" if request_id else text
        return ModelFailed(self.code, text, retryable=self.code in _PASSING)


class Faulted(Exception):
    """Carries the fault of one attempt to whoever decides on the next."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def read_fault(status: int, body: object, *, retry_after: str | None = None, now: datetime | None = None) -> Fault:
    """The fault that an error response tells, or an `error` event in a stream (then `status` is 200).

    A rate limit without `retry-after` is not retried: only the API knows when, and a spend cap looks alike.
    Source: platform.claude.com/docs/en/api/errors and …/rate-limits, 2026-11.
    """
    error = as_object(as_object(body).get("error"))
    kind, message = str(error.get("type", "")), _find_message(body)
    code = _classify(status, kind, str(as_object(error.get("details")).get("error_code", "")), message)
    text = f"upstream {status} {kind}".strip()
    if code in ("bad_request", "unknown") and message:
        text = f"{text}: {message[:200]}"
    wait = read_retry_after(retry_after, now or datetime.now(UTC)) if code in _PASSING else None
    retries = 2 if code in ("overloaded", "server") or (code == "rate_limited" and wait is not None) else 0
    return Fault(code, text, retries, wait)


def _find_message(body: object) -> str:
    """What an error says, in Anthropic's shape or in one of those that other servers have."""
    whole = as_object(body)
    error = whole.get("error")
    said = as_object(error).get("message") or error or whole.get("detail") or whole.get("message") or ""
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _classify(status: int, kind: str, error_code: str, message: str) -> ModelFault:
    """The message decides only where the API gives no code: a spend limit and a long prompt are bare 400s."""
    said = message.lower()
    if "spend" in error_code or "billing" in error_code or any(words in said for words in _SPENT):
        return "spend_cap"
    if status in (200, 400) and any(words in said for words in _TOO_LONG):
        return "prompt_too_long"
    if kind == "overloaded_error":
        return "overloaded"
    if status == 200:
        return _BY_TYPE.get(kind, "server")
    return _BY_STATUS.get(status) or ("server" if status >= 500 else _BY_TYPE.get(kind, "unknown"))


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, never negative; None when the header is missing or says nothing sensible."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(value: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return math.nan
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
