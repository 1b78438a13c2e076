"""What a run will cost, before it is spent: by what a conversation cost the last time, else by the prompt's length.

A guess of the first kind is good to a few per cent; of the second, to a factor of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from firstline.engine import Engine
from firstline.evals.sheet import Sheet, cost_of, models_of
from firstline.model.prices import load_listings, price_usd
from firstline.scoring.case import Case
from firstline.types import Usage, Usd

CHARS_OF_A_TOKEN = 3.5
REPLIES_OF_AN_ACT = 1.6
"""Every act has a reply; in some of them a tool is called first."""

FRESH_TOKENS, REPLY_TOKENS = 2_500, 350
"""Of a reply: what is not read from the cache (passages, tool results), and what is written."""

PLAYED_ACTS = 6


@dataclass(frozen=True, slots=True)
class Estimate:
    """`usd` is None where no price of the model is known. `why`: what it rests on, in words."""

    usd: Usd | None
    why: str


def estimate(engine: Engine, cases: Sequence[Case], last: Sheet | None) -> Estimate:
    """The cost of one conversation for each of `cases`, without that of simulated customers."""
    model = engine.model.name
    listing = load_listings().get(model)
    if listing is None:
        return Estimate(None, f"no price of {model} is known")
    paid = [each.trial for each in last.scored if models_of(each.trial) == {model}] if last else []
    if last and paid:
        mean = fmean(cost_of(trial) for trial in paid)
        known = {trial.case.id: cost_of(trial) for trial in paid}
        usd = sum(known.get(case.id, mean) for case in cases)
        return Estimate(usd, f"as much as in the run of {last.origin.began_at:%Y-%m-%d %H:%M}")
    static = sum(len(str(block.get("text", ""))) for turn in engine.static.messages for block in turn.content)
    acts = sum(len(case.turns) or PLAYED_ACTS for case in cases)
    usage = Usage(
        input_tokens=round(FRESH_TOKENS * acts * REPLIES_OF_AN_ACT),
        output_tokens=round(REPLY_TOKENS * acts * REPLIES_OF_AN_ACT),
        cache_read_tokens=round(static / CHARS_OF_A_TOKEN * acts * REPLIES_OF_AN_ACT),
    )
    return Estimate(price_usd(listing, usage), "guessed from the length of the prompt")
