"""A trial: one conversation as it was recorded, with the case that it is held against. A played case gives one, and
so does a live conversation (`firstline.scoring.live`).
"""

import json
from dataclasses import dataclass

from firstline.events import Event, Logged, load_event
from firstline.scoring.case import Case
from firstline.types import Json, Usd


@dataclass(frozen=True)
class Trial:
    """What happened: `acts[n]` are the seqs (first, after last) of everything that the customer's n-th act led to.

    `case` is concrete. `error`: the trial itself broke, and says nothing of the assistant. `customer_usd`: what it
    cost to play the customer.
    """

    case: Case
    number: int
    seed: int
    log: tuple[Logged, ...]
    acts: tuple[tuple[int, int], ...]
    seconds: float
    revision: str
    model: str
    error: str | None = None
    customer_usd: Usd = 0.0

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(logged.event for logged in self.log)

    def events_of(self, act: int) -> tuple[Event, ...]:
        """Everything from the customer's act to before the next one."""
        first, after = self.acts[act]
        return tuple(logged.event for logged in self.log[first - 1 : after - 1])

    def to_json(self) -> Json:
        return {
            "case": self.case.model_dump(mode="json", exclude_defaults=True),
            "number": self.number,
            "seed": self.seed,
            "log": [{"seq": each.seq, "event": each.event.model_dump(mode="json")} for each in self.log],
            "acts": [list(each) for each in self.acts],
            "seconds": round(self.seconds, 3),
            "revision": self.revision,
            "model": self.model,
            "error": self.error,
            "customer_usd": self.customer_usd,
        }


def read_trial(body: Json) -> Trial:
    """A trial as it was written. Raises ValueError when it is none."""
    try:
        log = tuple(Logged(each["seq"], load_event(json.dumps(each["event"]))) for each in body["log"])
        return Trial(
            case=Case.model_validate(body["case"], strict=False),
            number=body["number"],
            seed=body["seed"],
            log=log,
            acts=tuple((each[0], each[1]) for each in body["acts"]),
            seconds=body["seconds"],
            revision=body["revision"],
            model=body["model"],
            error=body["error"],
            customer_usd=body.get("customer_usd", 0.0),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not a trial: {error!r}") from None
