"""What the report's template shows: the report's figures written out in words, and its pictures drawn."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from firstline.bundle import Bundle
from firstline.drawing.bundle_flow import draw_bundle_for_page
from firstline.drawing.charts import draw_bars, draw_bullet, draw_trend
from firstline.drawing.ladder import Ladder, draw_ladder
from firstline.drawing.sankey import draw_paths, name_steps
from firstline.phrases import load_phrases
from firstline.report.criteria import GRADES
from firstline.report.values import Criterion, Figure, Line, Report
from firstline.report.written import write_day, write_range, write_value
from firstline.types import Locale, choose_text

QUICK_DAYS = (7, 30, 90, 365)
ROWS, UNUSED = 8, 12
CHART_WIDTH = 300
NOT_RESOLVED = ("returned", "abandoned", "handed_off")

Shown = dict[str, object]


class Words:
    """The report's phrases in one language."""

    def __init__(self, locale: Locale) -> None:
        self._phrases = load_phrases("report", locale)

    def __call__(self, key: str, **values: object) -> str:
        return self._phrases[f"report.{key}"].format(**values)

    def get(self, key: str, otherwise: str) -> str:
        return self._phrases.get(f"report.{key}", otherwise)


# The form -----------------------------------------------------------------------------------------------------------


def show_filters(
    asked: Mapping[str, str],
    bundles: Sequence[Bundle],
    tables: Mapping[str, Sequence[Line]],
    locale: Locale,
    *,
    today: date,
) -> Shown:
    """The form as it was filled in, and what its fields offer: what there is in the bundles and in the report."""
    words = Words(locale)
    offered: dict[str, dict[str, str]] = {
        "bundle": {each.name: choose_text(each.business, locale) for each in bundles} if len(bundles) > 1 else {},
        "playbook": {
            key: choose_text(playbook.title, locale) for each in bundles for key, playbook in each.playbooks.items()
        },
        "locale": {key: words.get(f"language.{key}", key) for each in bundles for key in each.locales},
        "revision": {each.revision: _shorten(each.revision) for each in bundles},
    }
    for name, lines in tables.items():
        found = {line.key: _name_line(name, line, words) for line in lines if line.link}
        offered[name] = offered[name] | found if offered[name] else {}
    chosen = {name: value for name, value in asked.items() if value}
    for name, options in offered.items():
        if name in chosen:
            options.setdefault(chosen[name], chosen[name])
    kept = {name: value for name, value in chosen.items() if name not in ("from", "to")}
    spans = [{"from": str(today - timedelta(days=days - 1)), "to": str(today)} for days in QUICK_DAYS]
    return {
        "from": asked.get("from", ""),
        "to": asked.get("to", ""),
        "fields": [
            {
                "name": name,
                "label": words(name),
                "chosen": chosen.get(name, ""),
                "options": sorted(options.items(), key=lambda option: option[1].casefold()),
            }
            for name, options in offered.items()
            if len(options) > 1 or name in chosen
        ],
        "quick": [
            {
                "text": words("last_days", days=days),
                "href": f"?{urlencode({**kept, **span})}",
                "current": span.items() <= asked.items(),
            }
            for days, span in zip(QUICK_DAYS, spans, strict=True)
        ],
        "csv": f"/v1/staff/report?{urlencode({**chosen, 'format': 'csv'})}",
        "json": f"/v1/staff/report?{urlencode(chosen)}",
        "language": f"?{urlencode({**chosen, 'lang': words('language_code')})}",
    }


# The page -----------------------------------------------------------------------------------------------------------


def show_report(report: Report, bundles: Sequence[Bundle], locale: Locale) -> Shown:
    """Everything below the form. `bundles`: those it is about, the first one's targets and days."""
    words = Words(locale)
    scope = report.scope
    counts = {figure.key: _write(figure, locale) for figure in report.ladder}
    zone = scope.zone.replace("_", " ")
    return {
        "sentence": _say_sentence(report, words, locale),
        "not_resolved": words("not_resolved_line", **counts) if report.ended else "",
        "period": words("period", first=write_day(scope.first, locale), last=write_day(scope.last, locale), zone=zone),
        "not_ended": words("not_ended", going=f"{report.going:,}", empty=f"{report.empty:,}"),
        "made": words("made", moment=_write_moment(report.made_at, locale)),
        "trend": words(f"trend_{scope.step_days}"),
        "criteria": [_show_criterion(each, words, locale) for each in report.criteria],
        "ladder": _draw_ladder(report, words, locale),
        "lost": [
            _show_figure("ladder", each, words, locale, share=True)
            for each in report.ladder
            if each.key in NOT_RESOLVED
        ],
        "grades": _draw_grades(report, words, locale),
        "given": [{"grade": each.key, "link": each.link} for each in report.grades if each.link],
        "handoffs": [_show_reason(line, words, locale) for line in report.handoffs],
        "causes": [
            {**_show_figure("causes", each, words, locale, share=True), "name": words.get(f"cause.{each.key}", each.key)}
            for each in report.causes
        ],
        "waiting": _show_figure("handoffs", report.waiting, words, locale),
        "waiting_since": words("waiting_since", moment=_write_moment(report.waiting_since, locale))
        if report.waiting_since
        else "",
        "tables": [_show_table(name, lines, words, locale) for name, lines in report.tables.items()],
        "questions": [
            {
                "text": each.text,
                "times": f"{each.times:,}",
                "last": write_day(each.last_at.date(), locale),
                "link": each.link,
            }
            for each in report.questions
        ],
        "more_questions": words("more_questions", count=f"{report.more_questions:,}") if report.more_questions else "",
        "cited": [_show_figure("cited", each, words, locale) for each in report.cited],
        **_show_unused(report, bundles, words),
        "cost": [_show_figure("cost", each, words, locale) for each in report.cost],
        "paths": draw_paths(report.paths, name_steps(bundles[0], locale), label=words("paths_label"), locale=locale),
        "flow": draw_bundle_for_page(bundles[0], locale),
        "targets": words("note.targets", business=choose_text(bundles[0].business, locale)),
    }


def _say_sentence(report: Report, words: Words, locale: Locale) -> tuple[str, str]:
    """Its two halves."""
    contained = report.contained.value or 0
    share = write_value(contained / report.ended if report.ended else None, "share", locale)
    ended = ("headline_none", "headline_one")[report.ended] if report.ended < 2 else "headline"
    below = ("below_none", "below_one")[report.below] if report.below < 2 else "below"
    criteria = words(below if report.shown else "below_nothing", below=report.below, shown=report.shown)
    first = words("first_half", ended=words(ended, share=share, count=f"{report.ended:,}"))
    return first, words("second_half", criteria=criteria)


def _show_criterion(criterion: Criterion, words: Words, locale: Locale) -> Shown:
    figure = criterion.figure
    name = words(f"criteria.{figure.key}")
    verdict = figure.verdict or "no_figures"
    target = write_value(figure.target, figure.unit, locale).removesuffix(".00")
    at = "at_most" if figure.unit == "seconds" else "exactly" if figure.target == 1 else "at_least"
    shape = verdict if verdict in ("pass", "fail", "inconclusive") else None

    def write(value: float) -> str:
        return write_value(value, figure.unit, locale, decimals=1)

    return {
        "number": criterion.number,
        "name": name,
        "about": words(f"about.{figure.key}"),
        "value": write_value(figure.value, figure.unit, locale, decimals=1),
        "range": write_range(figure.low, figure.high, figure.unit, locale) if criterion.shown else "",
        "n": "" if figure.n is None else f"{figure.n:,}",
        "few": figure.of_few,
        "target": words(at, target=target),
        "verdict": verdict,
        "verdict_word": words(verdict),
        "link": figure.link,
        "bullet": draw_bullet(
            figure.value,
            figure.low,
            figure.high,
            figure.target,
            scale=_choose_scale(figure),
            label=name,
            verdict=shape,
            figure=write,
            locale=locale,
        )
        if criterion.shown
        else "",
        "trend": draw_trend(
            criterion.points, target=figure.target, label=name, width=130, figure=write, locale=locale
        )
        if criterion.shown
        else "",
        "also": [_show_figure("criteria", each, words, locale) for each in criterion.also],
    }


def _choose_scale(figure: Figure) -> tuple[float, float]:
    """Shares from 0 or from a half to 1, so that those near their targets can be told apart."""
    if figure.unit == "grade":
        return float(GRADES[0]), float(GRADES[1])
    known = [value for value in (figure.value, figure.low, figure.high, figure.target) if value is not None]
    if figure.unit == "share":
        return (0.5 if min(known) >= 0.5 else 0.0), 1.0
    return 0.0, max(known) * 1.1


def _show_figure(section: str, figure: Figure, words: Words, locale: Locale, *, share: bool = False) -> Shown:
    """`share`: what part of its `n` it is, too."""
    part = figure.value / figure.n if share and figure.n and figure.value is not None else None
    return {
        "name": figure.name or words.get(f"{section}.{figure.key}", figure.key),
        "value": _write(figure, locale),
        "n": None if figure.n is None else f"{figure.n:,}",
        "few": figure.of_few,
        "share": write_value(part, "share", locale),
        "link": figure.link,
        "verdict": figure.verdict,
        "verdict_word": words(figure.verdict) if figure.verdict else "",
    }


def _write(figure: Figure, locale: Locale, *, decimals: int = 0) -> str:
    return write_value(figure.value, figure.unit, locale, decimals=decimals)


def _draw_ladder(report: Report, words: Words, locale: Locale) -> str:
    counts = {figure.key: int(figure.value or 0) for figure in report.ladder}
    ladder = Ladder(
        total=report.ended,
        contained=counts["contained"],
        assumed_resolved=counts["assumed_resolved"],
        confirmed=counts["confirmed"],
        abandoned=counts["abandoned"],
    )
    return draw_ladder(ladder, label=words("ladder"), width=CHART_WIDTH, locale=locale)


def _draw_grades(report: Report, words: Words, locale: Locale) -> str:
    rows = [(words("grade", grade=figure.key), figure.value or 0) for figure in report.grades]
    return draw_bars(rows, label=words("grades"), width=CHART_WIDTH, locale=locale)


def _show_reason(line: Line, words: Words, locale: Locale) -> Shown:
    count, share = line.figures
    return {
        "name": words.get(f"reason.{line.key}", line.key),
        "cause": words.get(f"cause.{line.note}", ""),
        "count": _write(count, locale),
        "share": _write(share, locale),
        "link": line.link,
    }


def _show_table(name: str, lines: Sequence[Line], words: Words, locale: Locale) -> Shown:
    columns = [figure.key for figure in lines[0].figures] if lines else []
    return {
        "key": name,
        "caption": words(f"table.{name}"),
        "first": words(f"column.{name}"),
        "columns": [words(f"column.{key}") for key in columns],
        "rows": [
            {
                "name": _name_line(name, line, words),
                "note": words(line.note) if line.note else "",
                "link": line.link,
                "cells": [_write(figure, locale) for figure in line.figures],
            }
            for line in lines[:ROWS]
        ],
    }


def _name_line(table: str, line: Line, words: Words) -> str:
    if not line.name:
        return words("unsure")
    if table == "locale":
        return words.get(f"language.{line.key}", line.name)
    return _shorten(line.name) if table == "revision" else line.name


def _shorten(revision: str) -> str:
    return revision[:8]


def _show_unused(report: Report, bundles: Sequence[Bundle], words: Words) -> Shown:
    total = sum(
        report.scope.locale in (None, article.locale) for bundle in bundles for article in bundle.articles
    )
    more = len(report.unused) - UNUSED
    return {
        "unused_title": words("unused", count=f"{len(report.unused):,}", total=f"{total:,}"),
        "unused": [{"title": title, "url": url} for title, url in report.unused[:UNUSED]],
        "more_unused": words("more_unused", count=f"{more:,}") if more > 0 else "",
    }


def _write_moment(moment: datetime, locale: Locale) -> str:
    there = moment.astimezone(UTC)
    return f"{write_day(there.date(), locale)} {there:%H:%M}"
