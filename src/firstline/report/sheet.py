"""The report for programs and spreadsheets: JSON, and CSV with one row for each figure."""

import csv
import io
from dataclasses import asdict
from datetime import UTC

from firstline.report.values import Criterion, Figure, Line, Report
from firstline.types import Json

COLUMNS = ("section", "key", "name", "value", "low", "high", "n", "target", "verdict")
BYTE_ORDER_MARK = "\ufeff"
"""By which spreadsheets know that it is UTF-8."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MOST_PATHS = 200


def write_csv(report: Report) -> str:
    """CSV as spreadsheets read it. Text that a spreadsheet would take for a formula has an apostrophe before it."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for section, line, figure in report.figures():
        name = " / ".join(filter(None, (line, figure.name)))
        numbers = (figure.value, figure.low, figure.high, figure.n, figure.target)
        texts = (section, figure.key, name), (figure.verdict or "",)
        row = (*texts[0], *map(_write_number, numbers), *texts[1])
        writer.writerow([_disarm(cell) for cell in row])
    for question in report.questions:
        writer.writerow(
            ["questions", question.conversation_id, _disarm(question.text), question.times, "", "", "", "", ""]
        )
    for title, url in report.unused:
        writer.writerow(["unused", _disarm(url), _disarm(title), 0, "", "", "", "", ""])
    return BYTE_ORDER_MARK + file.getvalue()


def _write_number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 6):.6f}".rstrip("0").rstrip(".")


def _disarm(cell: str) -> str:
    """Source: OWASP, CSV Injection."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULAS) else cell


def view_report(report: Report) -> Json:
    """The report as JSON. Shares are from 0 to 1, times in seconds, moments in UTC."""
    scope = report.scope
    waiting_since = report.waiting_since
    return {
        "scope": {
            **scope.query,
            "timezone": scope.zone,
            "period_days": scope.step_days,
            "periods": [day.isoformat() for day in scope.starts],
        },
        "made_at": report.made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ended": report.ended,
        "going": report.going,
        "empty": report.empty,
        "criteria_shown": report.shown,
        "criteria_below_target": report.below,
        "criteria": [_view_criterion(each) for each in report.criteria],
        "ladder": [_view_figure(each) for each in report.ladder],
        "grades": [_view_figure(each) for each in report.grades],
        "causes": [_view_figure(each) for each in report.causes],
        "handoffs": [_view_line(each) for each in report.handoffs],
        "waiting": {
            "now": report.waiting.value,
            "since": waiting_since.isoformat().replace("+00:00", "Z") if waiting_since else None,
        },
        "tables": {name: [_view_line(line) for line in lines] for name, lines in report.tables.items()},
        "questions": [
            {
                **asdict(each),
                "last_at": each.last_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
            for each in report.questions
        ],
        "more_questions": report.more_questions,
        "cited": [_view_figure(each) for each in report.cited],
        "unused": [{"title": title, "url": url} for title, url in report.unused],
        "cost": [_view_figure(each) for each in report.cost],
        "paths": [{"path": list(path), "count": count} for path, count in list(report.paths.items())[:_MOST_PATHS]],
    }


def _view_figure(figure: Figure) -> Json:
    """What says nothing is left out."""
    told = {name: value for name, value in asdict(figure).items() if value not in (None, "")}
    return {**told, "key": figure.key, "value": figure.value, **({"of_few": True} if figure.of_few else {})}


def _view_criterion(criterion: Criterion) -> Json:
    return {
        "number": criterion.number,
        **_view_figure(criterion.figure),
        "points": list(criterion.points),
        "also": [_view_figure(each) for each in criterion.also],
    }


def _view_line(line: Line) -> Json:
    figures = {figure.key: _view_figure(figure) for figure in line.figures}
    return {"key": line.key, "name": line.name or line.key, "note": line.note, "link": line.link, "figures": figures}
