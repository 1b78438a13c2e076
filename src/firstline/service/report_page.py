"""What the report's template shows: the report's figures written out in words, and its pictures drawn."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from firstline.bundle import Bundle
from firstline.drawing.bundle_flow import draw_bundle_for_page
from firstline.drawing.charts import draw_bars, draw_bullet, draw_trend
from firstline.drawing.ladder import Ladder, draw_ladder
from firstline.drawing.ordering import Flow
from firstline.drawing.paths import is_named
from firstline.drawing.sankey import draw_paths, name_steps
from firstline.report.criteria import GRADES
from firstline.report.scope import Scope
from firstline.report.values import Criterion, Figure, Line, Question, Report
from firstline.report.written import Words, write_day, write_range, write_value
from firstline.service.report_form import Shown, name_line
from firstline.types import Locale, choose_text

ROWS, UNUSED = 8, 12
LADDER_WIDTH, GRADES_WIDTH = 360, 260
NOT_RESOLVED = ("returned", "abandoned", "handed_off")


def show_report(report: Report, bundles: Sequence[Bundle], locale: Locale) -> Shown:
    """Everything below the form. `bundles`: those it is about, the first one's targets and days."""
    words = Words(locale)
    first = bundles[0]
    return {
        **_show_head(report, words, locale),
        "criteria": [_show_criterion(each, words, locale) for each in report.criteria],
        **_show_endings(report, words, locale),
        **_show_knowledge(report, bundles, words, locale),
        "tables": [_show_table(name, lines, words, locale) for name, lines in report.tables.items()],
        "cost": [_show_figure("cost", each, words, locale) for each in report.cost],
        "paths": draw_paths(
            report.paths,
            name_steps(first, locale),
            label=words("paths_label"),
            link=partial(_link_stream, report.scope),
            locale=locale,
        ),
        "some_paths": _say_paths(report, words, locale),
        "flow": draw_bundle_for_page(first, locale),
        "targets": words("note.targets", business=choose_text(first.business, locale)),
    }


def _link_stream(scope: Scope, flow: Flow) -> str | None:
    if not is_named(flow):
        return None
    return scope.link(stream=f"{flow.source.column}:{flow.source.key}>{flow.target.key}")


def _show_head(report: Report, words: Words, locale: Locale) -> Shown:
    scope = report.scope
    days = {"first": write_day(scope.first, locale), "last": write_day(scope.last, locale)}
    counts = {figure.key: _write(figure, locale) for figure in report.ladder}
    return {
        "sentence": _say_sentence(report, words, locale),
        "not_resolved": words("not_resolved_line", **counts) if report.ended else "",
        "period": words("period", **days, zone=scope.zone.replace("_", " ")),
        "not_ended": words("not_ended", going=f"{report.going:,}", empty=f"{report.empty:,}"),
        "made": words("made", moment=_write_moment(report.made_at, locale)),
        "trend": words(f"trend_{scope.step_days}"),
    }


def _say_paths(report: Report, words: Words, locale: Locale) -> str:
    """How much of all the picture shows, where rare paths are left out."""
    shown, total = sum(report.paths.values()), report.ended + report.going
    if shown >= total:
        return ""
    return words("some_paths", count=f"{len(report.paths):,}", share=write_value(shown / total, "share", locale))


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
    return {
        "number": criterion.number,
        "name": name,
        "about": " ".join([words(f"about.{figure.key}"), *([words(figure.note)] if figure.note else ())]),
        "value": write_value(figure.value, figure.unit, locale, decimals=1),
        "range": write_range(figure.low, figure.high, figure.unit, locale) if criterion.shown else "",
        "n": "" if figure.n is None else f"{figure.n:,}",
        "few": figure.of_few,
        "target": words(at, target=target),
        "verdict": verdict,
        "verdict_word": words(verdict),
        "link": figure.link,
        "bullet": _draw_bullet(figure, name, locale) if criterion.shown else "",
        "trend": _draw_trend(criterion, name, locale) if criterion.shown else "",
        "also": [_show_figure("criteria", each, words, locale) for each in criterion.also],
    }


def _draw_bullet(figure: Figure, name: str, locale: Locale) -> str:
    verdict = figure.verdict
    return draw_bullet(
        figure.value,
        figure.low,
        figure.high,
        figure.target,
        scale=_choose_scale(figure),
        label=name,
        verdict=None if verdict in ("no_figures", "not_measured") else verdict,
        figure=lambda value: write_value(value, figure.unit, locale, decimals=1),
        locale=locale,
    )


def _draw_trend(criterion: Criterion, name: str, locale: Locale) -> str:
    figure = criterion.figure
    return draw_trend(
        criterion.points,
        target=figure.target,
        label=name,
        width=130,
        figure=lambda value: write_value(value, figure.unit, locale, decimals=1),
        locale=locale,
    )


def _choose_scale(figure: Figure) -> tuple[float, float]:
    """Shares from 0 or from a half to 1, so that those near their targets can be told apart."""
    if figure.unit == "grade":
        return float(GRADES[0]), float(GRADES[1])
    known = [value for value in (figure.value, figure.low, figure.high, figure.target) if value is not None]
    if figure.unit == "share":
        return (0.5 if min(known) >= 0.5 else 0.0), 1.0
    return 0.0, max(known) * 1.1


def _show_figure(section: str, figure: Figure, words: Words, locale: Locale) -> Shown:
    """With what part of its `n` it is, where it is a count."""
    part = figure.value / figure.n if figure.unit == "count" and figure.n and figure.value is not None else None
    return {
        "name": figure.name or words.get(f"{section}.{figure.key}", figure.key),
        "value": _write(figure, locale),
        "n": None if figure.n is None else f"{figure.n:,}",
        "few": figure.of_few,
        "share": write_value(part, "share", locale),
        "link": figure.link,
        "verdict": figure.verdict,
        "verdict_word": words(figure.verdict) if figure.verdict else "",
        "note": words(figure.note) if figure.note else "",
    }


def _write(figure: Figure, locale: Locale, *, decimals: int = 0) -> str:
    return write_value(figure.value, figure.unit, locale, decimals=decimals)


def _show_endings(report: Report, words: Words, locale: Locale) -> Shown:
    lost = [figure for figure in report.ladder if figure.key in NOT_RESOLVED]
    since = report.waiting_since
    return {
        "ladder": _draw_ladder(report, words, locale),
        "lost": [_show_figure("ladder", each, words, locale) for each in lost],
        "grades": _draw_grades(report, words, locale),
        "given": [{"grade": each.key, "link": each.link} for each in report.grades if each.link],
        "handoffs": [_show_reason(line, words, locale) for line in report.handoffs],
        "causes": [_show_figure("cause", each, words, locale) for each in report.causes],
        "waiting": _show_figure("handoffs", report.waiting, words, locale),
        "waited": _show_figure("handoffs", report.waited, words, locale) if report.waited.n else None,
        "waiting_since": words("waiting_since", moment=_write_moment(since, locale)) if since else "",
    }


def _draw_ladder(report: Report, words: Words, locale: Locale) -> str:
    counts = {figure.key: int(figure.value or 0) for figure in report.ladder}
    ladder = Ladder(
        total=report.ended,
        contained=counts["contained"],
        assumed_resolved=counts["assumed_resolved"],
        confirmed=counts["confirmed"],
        abandoned=counts["abandoned"],
    )
    return draw_ladder(ladder, label=words("ladder"), width=LADDER_WIDTH, locale=locale)


def _draw_grades(report: Report, words: Words, locale: Locale) -> str:
    rows = [(words("grade", grade=figure.key), figure.value or 0) for figure in report.grades]
    return draw_bars(rows, label=words("grades"), width=GRADES_WIDTH, locale=locale)


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
                "name": name_line(name, line, words),
                "note": words(line.note) if line.note else "",
                "link": line.link,
                "cells": [{"value": _write(figure, locale), "link": figure.link} for figure in line.figures],
            }
            for line in lines[:ROWS]
        ],
    }


def _show_knowledge(report: Report, bundles: Sequence[Bundle], words: Words, locale: Locale) -> Shown:
    articles = [article for bundle in bundles for article in bundle.articles]
    total = sum(report.scope.locale in (None, article.locale) for article in articles)
    counts = {"count": f"{len(report.unused):,}", "total": f"{total:,}"}
    return {
        "questions": [_show_question(each, locale) for each in report.questions],
        "more_questions": _say_more("more_questions", report.more_questions, words),
        "cited": [_show_figure("cited", each, words, locale) for each in report.cited],
        "unused_title": words("unused", **counts),
        "unused": [{"title": title, "url": url} for title, url in report.unused[:UNUSED]],
        "more_unused": _say_more("more_unused", len(report.unused) - UNUSED, words),
    }


def _show_question(question: Question, locale: Locale) -> Shown:
    last = write_day(question.last_at.date(), locale)
    return {"text": question.text, "times": f"{question.times:,}", "last": last, "link": question.link}


def _say_more(key: str, count: int, words: Words) -> str:
    return words(key, count=f"{count:,}") if count > 0 else ""


def _write_moment(moment: datetime, locale: Locale) -> str:
    there = moment.astimezone(UTC)
    return f"{write_day(there.date(), locale)} {there:%H:%M}"
