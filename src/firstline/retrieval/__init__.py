"""Finding the passages of the knowledge that a message is about."""

from collections.abc import Sequence
from typing import Protocol

from firstline.types import Locale, Passage


class Retriever(Protocol):
    async def search(self, query: str, *, locale: Locale, limit: int) -> Sequence[Passage]:
        """At most `limit` passages, best first, scores descending; empty when nothing matches.

        Prefers passages in `locale`; falls back to the bundle's first language where it has none.
        """
        ...
