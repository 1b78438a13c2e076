"""The report for programs and spreadsheets: JSON, and CSV with one row for each figure. Both in English."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from firstline.phrases import load_phrases
from firstline.report.values import Criterion, Figure, Line, Report
from firstline.types import Json

COLUMNS = ("section", "key", "name", "value", "low", "high", "n", "target", "verdict", "note")
BYTE_ORDER_MARK = "\ufeff"
"""By which spreadsheets know that it is UTF-8."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MOST_PATHS = 200
_NAMED: Mapping[str, str] = {"causes": "cause.", "grades": "grade", "handoffs": "handoffs."}
"""Where the words of a section's keys stand, when not under the section's own name."""
_LINES: Mapping[str, str] = {"handoffs": "reason.", "locale": "language."}


def write_csv(report: Report) -> str:
    """CSV as spreadsheets read it. Text that a spreadsheet would take for a formula has an apostrophe before it."""
    file, words = io.StringIO(), load_phrases("report", "en")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for section, line, figure in report.figures():
        key = figure.key if line is None else f"{line.key}/{figure.key}"
        numbers = (figure.value, figure.low, figure.high, figure.n, figure.target)
        texts = map(_disarm, (section, key, name_figure(section, line, figure)))
        note = words.get(f"report.{figure.note}", "")
        writer.writerow([*texts, *map(_write_number, numbers), figure.verdict or "", note])
    nothing = [""] * (len(COLUMNS) - 4)
    for question in report.questions:
        texts = map(_disarm, ("questions", question.conversation_id, question.text))
        writer.writerow([*texts, question.times, *nothing])
    for title, url in report.unused:
        writer.writerow([*map(_disarm, ("unused", url, title)), 0, *nothing])
    return BYTE_ORDER_MARK + file.getvalue()


def name_figure(section: str, line: Line | None, figure: Figure) -> str:
    """What a figure is, in words; in a table, of what as well."""
    words = load_phrases("report", "en")
    if line is None:
        place = _NAMED.get(section, f"{section}.")
        known = words.get(f"report.{place}{figure.key}") or words.get(f"report.{place}", "").format(grade=figure.key)
        return figure.name or known or figure.key
    column = words.get(f"report.column.{figure.key}") or words.get(f"report.column_{figure.key}", figure.key)
    return f"{name_line(section, line)}: {column}"


def name_line(section: str, line: Line) -> str:
    """What a line of a table is about."""
    words = load_phrases("report", "en")
    known = words.get(f"report.{_LINES.get(section, '')}{line.key}")
    return known if known and (section in _LINES or not line.name) else line.name or line.key


def _write_number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _disarm(cell: str) -> str:
    """Source: OWASP, CSV Injection."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULAS) else cell


def view_report(report: Report) -> Json:
    """The report as JSON. Shares are from 0 to 1, times in seconds, moments in UTC."""
    scope = report.scope
    return {
        "scope": {
            **scope.query,
            "timezone": scope.zone,
            "period_days": scope.step_days,
            "periods": [day.isoformat() for day in scope.starts],
        },
        "made_at": _view_moment(report.made_at),
        "ended": report.ended,
        "going": report.going,
        "empty": report.empty,
        "criteria_shown": report.shown,
        "criteria_below_target": report.below,
        "criteria": [_view_criterion(each) for each in report.criteria],
        "ladder": _view_figures("ladder", report.ladder),
        "grades": _view_figures("grades", report.grades),
        "causes": _view_figures("causes", report.causes),
        "handoffs": [_view_line("handoffs", each) for each in report.handoffs],
        "waiting": {"now": report.waiting.value, "since": _view_moment(report.waiting_since)},
        "waited": _view_figure(report.waited, name_figure("handoffs", None, report.waited)),
        "tables": {name: [_view_line(name, line) for line in lines] for name, lines in report.tables.items()},
        "questions": [{**asdict(each), "last_at": _view_moment(each.last_at)} for each in report.questions],
        "more_questions": report.more_questions,
        "cited": _view_figures("cited", report.cited),
        "unused": [{"title": title, "url": url} for title, url in report.unused],
        "cost": _view_figures("cost", report.cost),
        "paths": [{"path": path, "count": count} for path, count in list(report.paths.items())[:_MOST_PATHS]],
    }


def _view_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _view_figures(section: str, figures: Sequence[Figure]) -> list[Json]:
    return [_view_figure(figure, name_figure(section, None, figure)) for figure in figures]


def _view_figure(figure: Figure, name: str) -> Json:
    """What says nothing is left out; the value never is."""
    told = {key: value for key, value in asdict(figure).items() if value is not None}
    few = {"of_few": True} if figure.of_few else {}
    note = {"note": load_phrases("report", "en")[f"report.{figure.note}"]} if figure.note else {}
    return {**told, "name": name, "value": figure.value, **few, **note}


def _view_criterion(criterion: Criterion) -> Json:
    figure = criterion.figure
    return {
        "number": criterion.number,
        **_view_figure(figure, name_figure("criteria", None, figure)),
        "points": list(criterion.points),
        "also": _view_figures("criteria", criterion.also),
    }


def _view_line(section: str, line: Line) -> Json:
    figures = {figure.key: _view_figure(figure, name_figure(section, line, figure)) for figure in line.figures}
    told: Json = {"key": line.key, "name": name_line(section, line), "link": line.link, "figures": figures}
    return {**told, "note": line.note} if line.note else told
