"""What the models cost and accept: the dated table `models.yaml`, as values.

Not a list of what may be used: a model that is missing here still works, its cost is then unknown.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter

from firstline.types import Json, Usage, Usd, Value


class Prices(Value):
    """US dollars per million tokens."""

    input: Usd
    output: Usd
    cache_read: Usd
    cache_write_5m: Usd
    cache_write_1h: Usd


class LongPrompt(Value):
    """Prices of every token of a request whose prompt, cached part included, is above `above_tokens`."""

    above_tokens: int
    prices: Prices


class Listing(Value):
    """One model. `thinking` is sent as it stands; a prefix below `minimum_cacheable_tokens` is not cached."""

    prices: Prices
    long_prompt: LongPrompt | None = None
    batch_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What a request in a batch costs, as a share of the same request alone; every price of it."""
    max_output_tokens: int
    minimum_cacheable_tokens: int
    thinking: Json | None = None


@cache
def load_listings() -> Mapping[str, Listing]:
    """The table by model id; read once."""
    text = files("firstline.model").joinpath("models.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Listing]).validate_python(yaml.safe_load(text))


def price_usd(listing: Listing, usage: Usage, *, cache_write_1h_tokens: int = 0, in_batch: bool = False) -> float:
    """US dollars for one model call; cache writes beyond `cache_write_1h_tokens` are five-minute ones."""
    prompt_tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    long = listing.long_prompt
    prices = long.prices if long and prompt_tokens > long.above_tokens else listing.prices
    hour = min(cache_write_1h_tokens, usage.cache_write_tokens)
    millionths = (
        usage.input_tokens * prices.input
        + usage.output_tokens * prices.output
        + usage.cache_read_tokens * prices.cache_read
        + (usage.cache_write_tokens - hour) * prices.cache_write_5m
        + hour * prices.cache_write_1h
    )
    return millionths / 1_000_000 * (listing.batch_share if in_batch else 1.0)
