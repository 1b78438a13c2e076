"""The report's form: which conversations it is about, what else there is to choose, and the ways to its files."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from firstline.bundle import Bundle
from firstline.report.values import Line
from firstline.report.written import Words
from firstline.types import Locale, choose_text

QUICK_DAYS = (7, 30, 90, 365)

Shown = dict[str, object]
"""What a template is given."""


def show_filters(
    asked: Mapping[str, str],
    bundles: Sequence[Bundle],
    tables: Mapping[str, Sequence[Line]],
    locale: Locale,
    *,
    today: date,
    lang: str = "",
) -> Shown:
    """The form as it was filled in. `tables`: of the report, for what its fields offer beside the bundles' own.

    `lang`: the page's language, where it was chosen, so that it stays.
    """
    words = Words(locale)
    offered = _collect_options(bundles, tables, words, locale)
    chosen = {name: value for name, value in asked.items() if value}
    shown = {**chosen, **({"lang": lang} if lang else {})}
    kept = {name: value for name, value in shown.items() if name not in ("from", "to")}
    return {
        "from": asked.get("from", ""),
        "to": asked.get("to", ""),
        "lang": lang,
        "fields": [
            _show_field(name, options, chosen.get(name, ""), words)
            for name, options in offered.items()
            if len(options) > 1 or name in chosen
        ],
        "quick": [_show_span(days, asked, kept, words, today) for days in QUICK_DAYS],
        "csv": f"/v1/staff/report?{urlencode({**chosen, 'format': 'csv'})}",
        "json": f"/v1/staff/report?{urlencode(chosen)}",
        "language": f"?{urlencode({**chosen, 'lang': words('language_code')})}",
    }


def _collect_options(
    bundles: Sequence[Bundle], tables: Mapping[str, Sequence[Line]], words: Words, locale: Locale
) -> dict[str, dict[str, str]]:
    """For each filter its values and their words; nothing of businesses where there is only one."""
    offered: dict[str, dict[str, str]] = {
        "bundle": {each.name: choose_text(each.business, locale) for each in bundles},
        "playbook": {
            key: choose_text(playbook.title, locale) for each in bundles for key, playbook in each.playbooks.items()
        },
        "locale": {key: words.get(f"language.{key}", key) for each in bundles for key in each.locales},
        "revision": {each.revision: shorten_revision(each.revision) for each in bundles},
    }
    for name, lines in tables.items():
        offered[name].update({line.key: name_line(name, line, words) for line in lines if line.link})
    return offered


def _show_field(name: str, options: Mapping[str, str], chosen: str, words: Words) -> Shown:
    known = {**({chosen: chosen} if chosen else {}), **options}
    ordered = sorted(known.items(), key=lambda option: option[1].casefold())
    return {"name": name, "label": words(name), "chosen": chosen, "options": ordered}


def _show_span(days: int, asked: Mapping[str, str], kept: Mapping[str, str], words: Words, today: date) -> Shown:
    """A link to the last so many days, with the other filters as they are."""
    span = {"from": str(today - timedelta(days=days - 1)), "to": str(today)}
    current = span.items() <= asked.items()
    return {"text": words("last_days", days=days), "href": f"?{urlencode({**kept, **span})}", "current": current}


def name_line(table: str, line: Line, words: Words) -> str:
    """What a row of a table is about."""
    if not line.name:
        return words("unsure")
    if table == "locale":
        return words.get(f"language.{line.key}", line.name)
    return shorten_revision(line.name) if table == "revision" else line.name


def shorten_revision(revision: str) -> str:
    return revision[:8]
