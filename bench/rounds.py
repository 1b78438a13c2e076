"""Interleaved rounds: every contender is measured in each of them, so that a busy machine disturbs all alike."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.machine import busy_seconds, used_seconds
from bench.turns import Contender, Turn, take_turns

CONCURRENCY = 16
"""Of the closed loop: as many conversations, each of which asks again as soon as it has its reply."""


@dataclass(frozen=True)
class Plan:
    """How much is measured. `starts`: how often the servers are started, to see how long that takes."""

    rounds: int
    single_turns: int
    loop_seconds: float
    starts: int
    idle_streams: int


@dataclass(frozen=True)
class Entry:
    """A contender and its process; the upstream itself has none: it is called directly, as the base line."""

    contender: Contender
    pid: int | None


Figures = dict[str, float]
"""Metrics by name; the unit is in the name."""


@dataclass
class Result:
    """One contender's figures, round by round."""

    rounds: list[Figures] = field(default_factory=list[Figures])

    def median(self, metric: str) -> float | None:
        values = [figures[metric] for figures in self.rounds if metric in figures]
        return median(values) if values else None

    def spread(self, metric: str) -> tuple[float, float]:
        values = [figures[metric] for figures in self.rounds if metric in figures]
        return (min(values), max(values)) if values else (0.0, 0.0)


async def run_rounds(
    entries: Sequence[Entry], plan: Plan, server_core: int, tell: Callable[[str], None]
) -> dict[str, Result]:
    """The results by contender; the first entry is the base line, from which added times are counted."""
    results = {entry.contender.name: Result() for entry in entries}
    for entry in entries:
        await take_turns(entry.contender, turns=CONCURRENCY)  # imports, pools and caches as after a minute's service
    for number in range(1, plan.rounds + 1):
        base = 0.0
        for entry in entries:
            name = entry.contender.name
            tell(f"round {number} of {plan.rounds}: {name}")
            figures, taken = await _one_at_a_time(entry, plan.single_turns)
            if entry.pid is None:
                base = median(turn.delta for turn in taken)
            else:
                figures |= _added(taken, base)
                figures |= await _closed_loop(entry, entry.pid, plan.loop_seconds, server_core)
            results[name].rounds.append(figures)
    return results


async def _one_at_a_time(entry: Entry, turns: int) -> tuple[Figures, list[Turn]]:
    before = used_seconds(entry.pid) if entry.pid else 0.0
    taken = await take_turns(entry.contender, turns=turns)
    figures = {"turn_ms_p50": 1e3 * median(turn.end for turn in taken)}
    if entry.pid:
        figures["cpu_ms_single"] = 1e3 * (used_seconds(entry.pid) - before) / turns
    return figures | _percentiles("status_ms", [turn.status for turn in taken]), taken


async def _closed_loop(entry: Entry, pid: int, seconds: float, core: int) -> Figures:
    used, busy, began = used_seconds(pid), busy_seconds(core), time.perf_counter()
    until = began + seconds
    taken = [
        turn for one in await asyncio.gather(*(_keep_on(entry, until) for _ in range(CONCURRENCY))) for turn in one
    ]
    elapsed = time.perf_counter() - began
    used, busy = used_seconds(pid) - used, busy_seconds(core) - busy
    return {
        "cpu_ms": 1e3 * used / len(taken),
        "turns_per_second": len(taken) / elapsed,
        "turns_per_cpu_second": len(taken) / used,
        "core_share": used / elapsed,
        "others_share": max(0.0, busy - used) / elapsed,
        **_percentiles("status_ms_loaded", [turn.status for turn in taken]),
        **_percentiles("delta_ms_loaded", [turn.delta for turn in taken]),
    }


async def _keep_on(entry: Entry, until: float) -> list[Turn]:
    taken: list[Turn] = []
    while time.perf_counter() < until:
        async with aclosing(entry.contender.talk()) as conversation:
            async for turn in conversation:
                taken.append(turn)
                if time.perf_counter() >= until:
                    break
    return taken


def _added(taken: Sequence[Turn], base: float) -> Figures:
    return {
        name: value - 1e3 * base for name, value in _percentiles("added_ms", [turn.delta for turn in taken]).items()
    }


def _percentiles(name: str, seconds: Sequence[float | None]) -> Figures:
    told = [1e3 * value for value in seconds if value is not None]
    if len(told) < 2:
        return {}
    return {f"{name}_p50": median(told), f"{name}_p95": quantiles(told, n=20, method="inclusive")[-1]}
