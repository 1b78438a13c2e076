"""A run as a log of Inspect, the evaluation framework: for its viewer, and for whatever else reads its `.eval` files.

Each trial is a sample (epoch: the trial's number), each criterion a score. The log is built as JSON in Inspect's own
schema, so that its library, an extra, is only needed to check it and to write it.
Source: `inspect_ai.log`, 0.3.285.
"""

import hashlib
import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from firstline import __version__
from firstline.errors import ConfigError, Problem
from firstline.evals.metrics import Figure, Scored
from firstline.evals.sheet import OFFLINE, Sheet
from firstline.events import (
    Event,
    GuardrailRan,
    HandoffOffered,
    HandoffRequested,
    MessagePosted,
    ModelReplied,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.scoring import Criterion, Score
from firstline.scoring.trial import Trial
from firstline.types import Json

ENDINGS = (".eval", ".json")
LIBRARY = "inspect-ai>=0.3.285"
"""As in pyproject.toml, where it is an extra: it brings some fifty packages."""

_TOOL_ERRORS = {"rejected": "parsing", "denied": "permission", "failed": "unknown", "unknown": "unknown"}


def write_log(sheet: Sheet, path: Path) -> None:
    """Write the run where Inspect finds it. Raises ConfigError: no library, or another ending than `ENDINGS`."""
    if path.suffix not in ENDINGS:
        raise ConfigError(Problem(f"a log of Inspect ends in {' or '.join(ENDINGS)}", "name it so", path))
    try:
        library: Any = importlib.import_module("inspect_ai.log")
    except ImportError:
        remedy = f"{sys.executable} -m pip install '{LIBRARY}'"
        raise ConfigError(Problem("the library of Inspect is not installed", remedy)) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    library.write_eval_log(library.EvalLog.model_validate(build_log(sheet)), str(path))


def build_log(sheet: Sheet) -> Json:
    """The run in Inspect's schema. The same run gives the same log."""
    origin = sheet.origin
    whole = f"{origin.bundle} {origin.revision} {origin.suite} {origin.began_at.isoformat()}"
    run_id = hashlib.sha256(whole.encode()).hexdigest()[:22]
    ids = list(dict.fromkeys(each.trial.case.id for each in sheet.scored))
    used = _sum_usage(event for each in sheet.scored for event in each.trial.events)
    began, ended = origin.began_at.isoformat(), sheet.scored_at.isoformat()
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": run_id,
            "run_id": run_id,
            "created": began,
            "task": origin.bundle,
            "task_id": origin.suite,
            "task_version": origin.revision,
            "dataset": {"name": f"{origin.bundle} {origin.suite}", "samples": len(ids), "sample_ids": ids},
            "model": origin.model,
            "config": {"epochs": origin.trials},
            "packages": {"firstline": __version__},
            "metadata": {
                **origin.model_dump(mode="json", include={"bundle", "business", "revision", "suite", "seed"}),
                "scorers": sheet.scorers,
                "models": sheet.models,
                "unpriced": sheet.unpriced,
                "verdict": sheet.verdict,
                "targets": dict(sheet.targets),
            },
        },
        "results": {
            "total_samples": len(sheet.scored),
            "completed_samples": sum(each.counts for each in sheet.scored),
            "scores": [_write_figure(figure, len(sheet.scored)) for figure in sheet.figures],
        },
        "stats": {"started_at": began, "completed_at": ended, "model_usage": used},
        "samples": [_write_sample(each) for each in sheet.scored],
    }


def _write_figure(figure: Figure, samples: int) -> Json:
    """Intervals count conversations, as in every report; `ok` of `n` are observations, several in a conversation."""
    low, high = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    values = {
        "share": figure.value,
        "low": low,
        "high": high,
        "target": figure.target,
        "ok": figure.ok,
        "n": figure.n,
        "steady": figure.steady,
    }
    return {
        "name": figure.criterion,
        "scorer": "firstline",
        "scored_samples": figure.conversations,
        "unscored_samples": samples - figure.conversations,
        "metrics": {name: {"name": name, "value": value} for name, value in values.items() if value is not None},
        "metadata": {"verdict": figure.verdict, "interval": "95%"},
    }


# Samples ------------------------------------------------------------------------------------------------------------


def _write_sample(scored: Scored) -> Json:
    trial, case = scored.trial, scored.trial.case
    messages = list(_write_messages(trial.events))
    said = [message for message in messages if message["role"] == "assistant" and message["content"]]
    asked = messages_by("customer", trial.events)
    expected = [text for turn in case.turns for text in (*turn.expect.must_say, turn.expect.should_say) if text]
    broken = {"error": {"message": trial.error, "traceback": "", "traceback_ansi": ""}} if trial.error else {}
    return {
        "id": case.id,
        "epoch": trial.number,
        "input": asked[0].text if asked else "",
        "target": expected or "",
        "messages": messages,
        "output": _write_output(trial, said[-1] if said else None),
        "scores": {name: _write_score(scores) for name, scores in _by_criterion(scored.scores).items()},
        "metadata": _write_circumstances(scored),
        "model_usage": _sum_usage(trial.events),
        "total_time": trial.seconds,
        "turn_count": len(trial.acts),
        **broken,
    }


def _by_criterion(scores: Iterable[Score]) -> dict[Criterion, list[Score]]:
    found: dict[Criterion, list[Score]] = defaultdict(list)
    for score in scores:
        found[score.criterion].append(score)
    return found


def _write_score(scores: Sequence[Score]) -> Json:
    """C (correct), P (partly) or I (incorrect), as Inspect's own scorers say it; each observation beside it."""
    ok = sum(score.ok for score in scores)
    return {
        "value": "C" if ok == len(scores) else "P" if ok else "I",
        "explanation": "\n".join(score.why for score in scores if score.why) or None,
        "metadata": {"ok": ok, "n": len(scores), "observations": [score.to_json() for score in scores]},
    }


def _write_circumstances(scored: Scored) -> Json:
    trial, events = scored.trial, scored.trial.events
    return {
        "passed": scored.passed,
        "tags": list(trial.case.tags),
        "locale": trial.case.locale,
        "seed": trial.seed,
        "revision": trial.revision,
        "case": trial.case.model_dump(mode="json", exclude_defaults=True),
        "outcomes": [event.outcome for event in events if isinstance(event, TurnEnded)],
        "playbooks": [event.playbook for event in events if isinstance(event, RouteChosen)],
        "handoffs": [event.reason for event in events if isinstance(event, HandoffOffered | HandoffRequested)],
        "withheld": [
            {"guardrail": event.verdict.guardrail, "reason": event.verdict.reason, "text": event.excerpt}
            for event in events
            if isinstance(event, GuardrailRan) and event.verdict.decision == "block"
        ],
    }


def _write_output(trial: Trial, last: Json | None) -> Json:
    message = last or {"role": "assistant", "content": ""}
    return {"model": trial.model, "choices": [{"message": message, "stop_reason": "stop"}]}


def _write_messages(events: Sequence[Event]) -> Iterator[Json]:
    """The conversation as it was shown, with the calls between; a call that a person allowed has no model's words."""
    asked: set[str] = set()
    for event in events:
        match event:
            case MessagePosted(message=message) if message.author == "customer":
                yield {"role": "user", "content": message.text, "source": "input"}
            case MessagePosted(message=message):
                sources = [citation.model_dump() for citation in message.citations]
                more: Json = {"metadata": {"citations": sources}} if sources else {}
                yield {"role": "assistant", "content": message.text, "source": "generate", **more}
            case ModelReplied(blocks=blocks) if calls := [b for b in blocks if b.get("type") == "tool_use"]:
                asked |= {str(call["id"]) for call in calls}
                yield _write_calls([(call["id"], call["name"], call["input"]) for call in calls], event.model)
            case ToolCalled() if event.call_id not in asked:
                asked.add(event.call_id)
                by = "approval" if event.approval_id else "confirmation"
                yield _write_calls([(event.call_id, event.tool, event.arguments)], None) | {"metadata": {"after": by}}
            case ToolReturned() if event.call_id in asked:
                yield _write_result(event)
            case _:
                pass


def _write_calls(calls: Iterable[tuple[str, str, Json]], model: str | None) -> Json:
    """An assistant's message that only calls; what was said along with it is in the reply that was shown."""
    written = [
        {"id": id_, "function": name, "arguments": arguments, "type": "function"} for id_, name, arguments in calls
    ]
    by: Json = {"model": model} if model else {}
    return {"role": "assistant", "content": "", "source": "generate", "tool_calls": written, **by}


def _write_result(event: ToolReturned) -> Json:
    content = json.dumps(event.result, ensure_ascii=False, default=str)
    kind = _TOOL_ERRORS.get(event.outcome)
    failed: Json = {"error": {"type": kind, "message": event.outcome}} if kind else {}
    return {"role": "tool", "content": content, "tool_call_id": event.call_id, "function": event.tool, **failed}


def _sum_usage(events: Iterable[Event]) -> dict[str, Json]:
    """Tokens and dollars by model; no dollars where no price is known."""
    found: dict[str, dict[str, float]] = {}
    for event in events:
        if not isinstance(event, ModelReplied):
            continue
        usage = event.usage
        sums = found.setdefault(event.model, defaultdict(float))
        sums["input_tokens"] += usage.input_tokens
        sums["output_tokens"] += usage.output_tokens
        sums["total_tokens"] += usage.total_tokens
        sums["input_tokens_cache_write"] += usage.cache_write_tokens
        sums["input_tokens_cache_read"] += usage.cache_read_tokens
        sums["total_cost"] += event.cost_usd
    return {model: _round(sums, free=model == OFFLINE) for model, sums in sorted(found.items())}


def _round(sums: dict[str, float], *, free: bool) -> Json:
    cost = round(sums["total_cost"], 6)
    tokens: Json = {name: int(value) for name, value in sums.items() if name != "total_cost"}
    return {**tokens, "total_cost": cost if cost or free else None}
