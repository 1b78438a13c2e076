"""How much one source may ask for: a token bucket each, in memory, a dictionary look-up and no write."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from firstline.errors import RequestError

SOURCES = 10_000


class TooMany(RequestError):
    """`retry_after_seconds` is when the next one would be let through."""

    def __init__(self, retry_after_seconds: float) -> None:
        seconds = math.ceil(retry_after_seconds)
        super().__init__(429, "too_many", f"Too many requests. Try again in {seconds} s.", retryable=True)
        self.retry_after_seconds = seconds


class Buckets:
    """Lets `per_minute` requests a minute through for each source, all of them at once if need be."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, source: str) -> None:
        """Let one through. Raises TooMany."""
        now = self._clock()
        left, seen = self._buckets.pop(source, (float(self._size), now))
        per_second = self._size / 60
        left = min(self._size, left + (now - seen) * per_second)
        enough = left >= 1
        self._buckets[source] = (left - 1 if enough else left, now)
        if len(self._buckets) > SOURCES:
            self._buckets.popitem(last=False)
        if not enough:
            raise TooMany((1 - left) / per_second)
