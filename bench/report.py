"""The figures as a table on the terminal, and as JSON and Markdown in bench/results/."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.idle import IdleStreams
from bench.rounds import CONCURRENCY, Plan, Result

RESULTS = Path(__file__).parent / "results"
USUAL = "usual"
OURS = "ours"

ROWS = (
    ("CPU per turn, ms", "cpu_ms"),
    ("… one turn at a time", "cpu_ms_single"),
    ("turns/s on one core", "turns_per_second"),
    ("turns per CPU second", "turns_per_cpu_second"),
    ("added to the first delta, ms, p50", "added_ms_p50"),
    ("… p95", "added_ms_p95"),
    (f"first delta with {CONCURRENCY} at once, ms, p50", "delta_ms_loaded_p50"),
    ("whole turn, ms, p50", "turn_ms_p50"),
    ("first status after POST, ms, p50", "status_ms_p50"),
    ("… p95", "status_ms_p95"),
    (f"… with {CONCURRENCY} at once, p50", "status_ms_loaded_p50"),
    ("… p95", "status_ms_loaded_p95"),
    ("core's share had under load", "core_share"),
    ("core's share used by other work", "others_share"),
)


INBOX_TITLE = "Inbox and report, 95th percentile, ms"
INBOX_HEADS = ["", "one human agent", "20 at work"]


@dataclass(frozen=True)
class Findings:
    """Everything that one run found. `idle_mb`, `started_seconds` by contender."""

    machine: Mapping[str, Any]
    plan: Plan
    results: Mapping[str, Result]
    idle_mb: Mapping[str, float]
    loaded_mb: Mapping[str, float]
    started_seconds: Mapping[str, float]
    idle: IdleStreams
    append: Mapping[str, float]
    inbox: Mapping[str, Mapping[str, float]]
    seconds: float


def write_findings(findings: Findings, console: Console) -> Path:
    """Print the table, and store both files; the Markdown's path."""
    rows = list(_rows(findings))
    heads = ["", *findings.results, f"{OURS} ÷ {USUAL}"]
    console.print(_table(heads, [[cell.partition(" (")[0] for cell in row] for row in rows]))
    console.print(_table(INBOX_HEADS, _inbox_rows(findings), title=INBOX_TITLE))
    for line in (*_apart(findings), _machine(findings)):
        console.print(line, highlight=False, soft_wrap=True)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-{_commit()}"
    path.with_suffix(".json").write_text(json.dumps(_as_json(findings), indent=1) + "\n", encoding="utf-8")
    markdown = path.with_suffix(".md")
    markdown.write_text(_markdown(findings, heads, rows), encoding="utf-8")
    return markdown


def _rows(findings: Findings) -> Iterator[list[str]]:
    for label, metric in ROWS:
        found = {name: result.median(metric) for name, result in findings.results.items()}
        cells = [_with_spread(result, metric) for result in findings.results.values()]
        ratio = "" if metric.endswith("share") else _ratio(found[OURS], found[USUAL])
        yield [label, *cells, ratio]
    parts = (
        ("RSS idle, MB", findings.idle_mb),
        ("RSS after the load, MB", findings.loaded_mb),
        ("command to ready, s", findings.started_seconds),
    )
    for label, values in parts:
        cells = [_figure(values.get(name)) for name in findings.results]
        yield [label, *cells, _ratio(values.get(OURS), values.get(USUAL))]


def _with_spread(result: Result, metric: str) -> str:
    value = result.median(metric)
    if value is None:
        return ""
    low, high = result.spread(metric)
    return f"{_figure(value)} ({_figure(low)}–{_figure(high)})"


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio(ours: float | None, usual: float | None) -> str:
    return f"{ours / usual:.2f}" if ours is not None and usual else ""


def _apart(findings: Findings) -> Iterator[str]:
    idle, append = findings.idle, findings.append
    yield (
        f"{idle.streams:,} idle SSE streams on ours: {idle.kb_each:.0f} KB each with their conversation, "
        f"{idle.core_share:.1%} of a core for their heartbeats."
    )
    yield (
        f"Store append: {append['append_ms_p50']:.2f} ms p50, {append['append_ms_p95']:.2f} ms p95 alone; "
        f"{append['append_ms_p50_loaded']:.2f} ms p50 with 16 writers."
    )


def _inbox_rows(findings: Findings) -> list[list[str]]:
    """What each act of a human agent takes: alone, and with all the others at work."""
    alone, together = findings.inbox["alone"], findings.inbox["together"]
    return [[what, _figure(alone.get(what)), _figure(together.get(what))] for what in alone]


def _machine(findings: Findings) -> str:
    machine = dict(findings.machine)
    versions = ", ".join(f"{name} {number}" for name, number in machine.pop("versions").items())
    return (
        f"{machine['cores']} cores ({machine['cpu']}), Python {machine['python']}, {versions}; load average at the "
        f"start {machine['load_average']}; {findings.plan.rounds} rounds, {findings.seconds:.0f} s."
    )


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "40 deltas without delay; medians over the rounds",
) -> Table:
    table = Table(title=title)
    for head in heads:
        table.add_column(head, justify="right" if head else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(findings: Findings, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        "# Side by side",
        "",
        "A 40-delta reply from a fake upstream without delay; medians over interleaved rounds (lowest–highest).",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        *(f"{line}\n" for line in _apart(findings)),
        f"## {INBOX_TITLE}",
        "",
        f"| {' | '.join(INBOX_HEADS)} |",
        f"|{'---|' * len(INBOX_HEADS)}",
        *(f"| {' | '.join(row)} |" for row in _inbox_rows(findings)),
        "",
        _machine(findings),
        "",
    ]
    return "\n".join(lines)


def _as_json(findings: Findings) -> dict[str, Any]:
    return {**asdict(findings), "results": {name: result.rounds for name, result in findings.results.items()}}


def _commit() -> str:
    """The short commit, or `work` where the tree has changed since or is no repository."""
    root = Path(__file__).parents[1]
    try:
        changed = subprocess.check_output(["git", "status", "--porcelain"], cwd=root, text=True)
        commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=root, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "work"
    return "work" if changed.strip() else commit.strip()
