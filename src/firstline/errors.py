"""Everything that can go wrong, sorted by who sees it.

    FirstlineError
    ├── ConfigError        the operator, at start: what, where, what to do
    ├── RequestError       the HTTP caller: code, status, retryable
    ├── TurnError          our log; the customer reads the bundle's fallback
    │   └── ModelFailed    the model gave no usable reply: code, retryable
    ├── ToolError          the model, as the result of its tool call
    │   ├── ToolRejected   the arguments do not fit: mend them
    │   ├── ToolFailed     it broke: do not repeat
    │   └── ToolDenied     not allowed here: sign in, confirm, or another playbook
    └── StoreError         whoever wrote
        ├── Conflict       the log has moved on: somebody else wrote first
        └── StoreUnavailable   disk full, read-only, locked

Callers branch on class and fields, never on text. Verdicts, hand-offs and confirmations are no errors: they
are values on the path of a message.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class FirstlineError(Exception):
    """The root of the tree; never raised itself."""


@dataclass(frozen=True)
class Problem:
    """One mistake in what an operator wrote: where it stands, what is wrong, what to do."""

    what: str
    remedy: str
    path: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f":{self.line}" if self.line else ""
        where = "" if self.path is None else f"{self.path}{place}: "
        return f"{where}{self.what}\n    → {self.remedy}"


class ConfigError(FirstlineError):
    """The operator's settings or bundle cannot be used; `problems` names every mistake that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RequestError(FirstlineError):
    """An HTTP caller asked for something that cannot be given."""

    def __init__(self, status: int, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retryable = retryable


class TurnError(FirstlineError):
    """A turn cannot go on; `code` is what the log and the `turn.ended` event say."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


ModelFault = Literal[
    "auth", "bad_request", "connect", "cut", "empty", "first_token_timeout", "idle_timeout", "not_asked",
    "overloaded", "prompt_too_long", "rate_limited", "server", "spend_cap", "unknown",
]  # fmt: skip


class ModelFailed(TurnError):
    """The model gave no usable reply, and its owner has already retried what was worth retrying."""

    def __init__(self, code: ModelFault, message: str = "", *, retryable: bool = False) -> None:
        super().__init__(code, message)
        self.retryable = retryable


class ToolError(FirstlineError):
    """A tool call without a result; the text goes to the model, so it may hold nothing secret."""


class ToolRejected(ToolError):
    """The arguments cannot be right; the text says why in words that may be passed on to the customer."""


class ToolFailed(ToolError):
    """The tool broke or timed out; repeating the call will not help."""


class ToolDenied(ToolError):
    """The call is not allowed here; `code` says what is missing."""

    def __init__(self, code: Literal["needs_sign_in", "not_in_playbook", "needs_confirmation"], text: str) -> None:
        super().__init__(text)
        self.code = code


class StoreError(FirstlineError):
    """The log could not be read or written."""


class Conflict(StoreError):
    """The log has moved past the `after` of an append: the writer's view is old, nothing was written."""


class StoreUnavailable(StoreError):
    """The log cannot be written now (disk full, read-only, locked); nothing was written."""
