"""What operators count, in Prometheus' terms: labels hold names of ours only, never anything of a customer's."""

from prometheus_client import Counter

from firstline.events import TurnEnded

TURNS = Counter("firstline_turns", "Turns that ended.", ["bundle", "outcome", "code"])
TOKENS = Counter("firstline_tokens", "Tokens used by models.", ["bundle", "kind"])
COST = Counter("firstline_cost_usd", "US dollars spent on models, by the list prices.", ["bundle"])


def count_turn(bundle: str, ended: TurnEnded) -> None:
    """Count a turn, once, when its end is stored."""
    TURNS.labels(bundle, ended.outcome, ended.code or "").inc()
    COST.labels(bundle).inc(ended.cost_usd)
    for kind in ("input", "output", "cache_read", "cache_write"):
        TOKENS.labels(bundle, kind).inc(getattr(ended.usage, f"{kind}_tokens"))
