"""What a checkable fact is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "money", "percentage", "quantity", "number", "identifier", "date", "time", "phone", "email", "url"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A claim of a text that is right or wrong as a whole.

    value: normalised, equal for equal claims (`USD 1200`, `30 day`, `2026-05-04`, `--05-04` without a year,
    `2026-05` without a day, `09:00`, `+18001234567`, `acme.example/help`). also: other readings of what is
    ambiguous (`5/4/2026`). surface: the claim as it was read, in plain text.
    """

    kind: Kind
    value: str
    surface: str
    also: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        return (self.value, *self.also)


Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], Sequence[Fact]]]
"""A shape, and what a text of that shape claims: nothing when it only looks alike."""
