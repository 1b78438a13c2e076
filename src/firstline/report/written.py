"""How a report's figures are written: in English, or Chinese where units differ. Nothing is rounded to certainty."""

from datetime import date

from firstline.language import bare_locale
from firstline.phrases import load_phrases
from firstline.report.values import Unit
from firstline.types import Locale

NOTHING = "–"
_SPANS = ((172_800.0, 86_400.0, " d", " 天"), (3_600.0, 3_600.0, " h", " 小时"), (60.0, 60.0, " min", " 分钟"))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Words:
    """The report's phrases in one language."""

    def __init__(self, locale: Locale) -> None:
        self._phrases = load_phrases("report", locale)

    def __call__(self, key: str, **values: object) -> str:
        return self._phrases[f"report.{key}"].format(**values)

    def get(self, key: str, otherwise: str) -> str:
        return self._phrases.get(f"report.{key}", otherwise)


def write_value(value: float | None, unit: Unit, locale: Locale = "en", *, decimals: int = 0) -> str:
    """The value with its unit. `decimals`: of shares."""
    if value is None:
        return NOTHING
    match unit:
        case "share":
            return f"{_write_percent(value, decimals)}%"
        case "grade":
            return f"{value:.2f}"
        case "seconds":
            length, sign = _choose_span(value, locale)
            return f"{_write_short(value / length)}{sign}"
        case "usd":
            return _write_money(value, locale)
        case "count":
            return f"{value:,.0f}"


def write_range(low: float | None, high: float | None, unit: Unit, locale: Locale = "en") -> str:
    """From low to high, with the unit once."""
    if low is None or high is None:
        return NOTHING
    if unit == "share":
        return f"{_write_percent(low, 1)}–{_write_percent(high, 1)}%"
    if unit == "seconds":
        length, sign = _choose_span(high, locale)
        return f"{_write_short(low / length)}–{_write_short(high / length)}{sign}"
    return f"{write_value(low, unit, locale)}–{write_value(high, unit, locale)}"


def write_day(day: date, locale: Locale = "en") -> str:
    if bare_locale(locale) == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _write_percent(share: float, decimals: int) -> str:
    """Only all is 100, and only nothing is 0."""
    text = f"{share * 100:.{decimals}f}"
    if share < 1 and float(text) >= 100:
        return "99.9" if share < 0.9995 or decimals <= 1 else text
    if share > 0 and float(text) == 0:
        return "<0.1" if share < 0.0005 else f"{share * 100:.1f}"
    return text.removesuffix(".0") if share in (0, 1) else text


def _choose_span(seconds: float, locale: Locale) -> tuple[float, str]:
    zh = bare_locale(locale) == "zh"
    for least, length, sign, chinese in _SPANS:
        if seconds >= least:
            return length, chinese if zh else sign
    return 1.0, " 秒" if zh else " s"


def _write_short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}".removesuffix(".0")


def _write_money(usd: float, locale: Locale) -> str:
    sign = "US$" if bare_locale(locale) == "zh" else "$"
    decimals = 3 if 0 < abs(usd) < 0.1 else 2 if abs(usd) < 1000 else 0
    return f"{sign}{usd:,.{decimals}f}"
