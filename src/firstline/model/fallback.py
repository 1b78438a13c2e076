"""A chain of models: the first that can answer does; one that keeps failing is left alone for a while."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import structlog

from firstline.errors import ModelFailed, ModelFault
from firstline.model import Model, ModelRequest, Piece, Replied, Restarted

_AT_ONCE: tuple[ModelFault, ...] = ("auth", "spend_cap")
_NOT_ITS_FAULT: tuple[ModelFault, ...] = ("bad_request", "prompt_too_long")

_log = structlog.get_logger()


@dataclass(slots=True)
class _Link:
    """A model and its circuit breaker: closed; open until `rests_until`; then one probe at a time decides."""

    model: Model
    failures: int = 0
    rests_until: float | None = None
    probing: bool = False
    last: ModelFault = "unknown"

    def admits(self, now: float) -> bool:
        return self.rests_until is None or (now >= self.rests_until and not self.probing)


@dataclass(slots=True)
class _Attempt:
    """What one model's try came to; `shown`: pieces went out that are not void yet."""

    shown: bool = False
    failure: ModelFailed | None = None


class FallbackModel:
    """Tries `models` in order. `clock` counts seconds and never goes back.

    A model rests for `rest_seconds` after `failures` failures in a row, at once when its key or its money is
    the matter. Requests that are wrong in themselves do not count.
    """

    def __init__(
        self,
        models: Sequence[Model],
        *,
        clock: Callable[[], float] = time.monotonic,
        failures: int = 3,
        rest_seconds: float = 30.0,
    ) -> None:
        if not models:
            raise ValueError("a chain needs at least one model")
        self._links = tuple(_Link(model) for model in models)
        self._clock = clock
        self._failures = failures
        self._rest_seconds = rest_seconds

    @property
    def name(self) -> str:
        return self._next().model.name

    @property
    def offline(self) -> bool:
        return self._next().model.offline

    async def aclose(self) -> None:
        for link in self._links:
            await link.model.aclose()

    def _next(self) -> _Link:
        now = self._clock()
        return next((link for link in self._links if link.admits(now)), self._links[-1])

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        """As `Model.stream`; raises the last model's failure, or, when all rest, the first one's again."""
        failure, shown = None, False
        for link in self._links:
            if not link.admits(self._clock()):
                continue
            if failure is not None and shown:
                yield Restarted(failure.code)
            attempt = _Attempt()
            async with aclosing(self._try(link, request, attempt)) as pieces:
                async for piece in pieces:
                    yield piece
            failure, shown = attempt.failure, attempt.shown
            if failure is None:
                return
        raise failure or ModelFailed(self._links[0].last, "every model rests after its failures", retryable=True)

    async def _try(self, link: _Link, request: ModelRequest, attempt: _Attempt) -> AsyncGenerator[Piece, None]:
        """One model's pieces; its failure is left in `attempt`. A stream closed early tells nothing."""
        link.probing = link.rests_until is not None
        try:
            async with aclosing(cast(AsyncGenerator[Piece, None], link.model.stream(request))) as pieces:
                async for piece in pieces:
                    attempt.shown = not isinstance(piece, Restarted)
                    if isinstance(piece, Replied):
                        self._note_success(link)
                    yield piece
        except ModelFailed as failure:
            attempt.failure = failure
            self._note_failure(link, cast(ModelFault, failure.code))
        finally:
            link.probing = False

    def _note_success(self, link: _Link) -> None:
        if link.rests_until is not None:
            _log.warning("model_is_back", model=link.model.name)
        link.failures, link.rests_until = 0, None

    def _note_failure(self, link: _Link, code: ModelFault) -> None:
        """Counts it; the operator is told when a model starts to rest, not every time that a probe fails."""
        if code in _NOT_ITS_FAULT:
            return
        link.failures += 1
        link.last = code
        if link.rests_until is None and link.failures < self._failures and code not in _AT_ONCE:
            return
        if link.rests_until is None:
            _log.warning("model_rests", model=link.model.name, code=code, seconds=self._rest_seconds)
        link.rests_until = self._clock() + self._rest_seconds
