"""The shapes of a bundle's YAML as operators write it; reading turns them into `firstline.bundle`'s values.

Read as JSON in strict mode: `"8"` is no number and `8` is no text. What is local to a bundle comes in through
the validation's context: `{"locales": ("en", "zh")}`.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from firstline.bundle import (
    Assistant,
    CannedAnswer,
    Contact,
    Criteria,
    DemoCustomer,
    HandoffTimes,
    Hours,
    Limits,
    PlaybookKind,
    PublishRules,
    Span,
    Starter,
    Weekday,
)
from firstline.scoring import CRITERIA
from firstline.types import Locale, PlaybookId, Value

_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_SPAN = re.compile(rf"{_CLOCK}\s*[-–]\s*{_CLOCK}")
LEAST_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3


def mistake(what: str, remedy: str) -> PydanticCustomError:
    """A mistake that knows its remedy; `firstline.bundle.mistakes` puts both into a Problem."""
    return PydanticCustomError("mistake", "{what}", {"what": what, "remedy": remedy})


def _spread(value: Any, info: ValidationInfo) -> Any:
    """One text stands for the first locale; lists become tuples; the locales must be those of the bundle."""
    locales = cast("tuple[Locale, ...]", (info.context or {})["locales"])
    if isinstance(value, str | list):
        value = {locales[0]: cast("Any", value)}
    if not isinstance(value, Mapping):
        raise mistake("neither a text nor a mapping of languages to texts", f"write {_example(locales)}")
    texts = cast("Mapping[str, Any]", value)
    check_locales(texts, locales)
    return {
        locale: tuple(cast("list[Any]", text)) if isinstance(text, list) else text for locale, text in texts.items()
    }


def check_locales(texts: Mapping[str, Any], locales: tuple[Locale, ...]) -> None:
    """Raises `mistake` unless `texts` has each of `locales` and no other."""
    if missing := [locale for locale in locales if locale not in texts]:
        raise mistake(f"no text in `{'`, `'.join(missing)}`", f"write {_example(locales)}")
    if strange := [locale for locale in texts if locale not in locales]:
        raise mistake(
            f"`{'`, `'.join(strange)}` is no language of this bundle",
            f"use {', '.join(locales)}, or add it to `locales`",
        )


def _example(locales: tuple[Locale, ...]) -> str:
    return "{" + ", ".join(f"{locale}: …" for locale in locales) + "}"


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Local = Annotated[Mapping[Locale, Text], BeforeValidator(_spread)]
LocalList = Annotated[Mapping[Locale, Annotated[tuple[Text, ...], Field(min_length=1)]], BeforeValidator(_spread)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
LocaleTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$")]
Host = Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+\.)+[a-z0-9-]+$")]


def _read_span(value: Any) -> Any:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise mistake(f"`{value}` is no span of hours", 'write it like "09:00-17:00", in quotes')
    hours = [int(part) for part in match.groups()]
    opens, closes = time(hours[0], hours[1]), time(hours[2], hours[3])
    if opens >= closes:
        raise mistake(f"`{value}` closes before it opens", "write a span over midnight as two: one for each day")
    return Span(opens=opens, closes=closes)


def _check_order(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    for earlier, later in pairwise(spans):
        if later.opens < earlier.closes:
            raise mistake(
                f"{later.opens:%H:%M} begins before {earlier.closes:%H:%M}", "put the spans in order, apart"
            )
    return spans


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise mistake(f"there is no time zone `{name}`", "write it like America/New_York or Asia/Shanghai") from None
    return name


def measure_contrast(colour: str) -> float:
    """The contrast of `#rrggbb` against white, 1 to 21. Source: WCAG 2.2, definition of contrast ratio."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _check_accent(colour: str) -> str:
    if not _HEX_COLOUR.fullmatch(colour):
        raise mistake(f"`{colour}` is no colour", 'write it like "#0f766e", in quotes')
    if (contrast := measure_contrast(colour)) < LEAST_CONTRAST:
        raise mistake(
            f"{colour} is too light: white text on it has a contrast of {contrast:.1f}",
            "choose a darker colour (4.5)",
        )
    return colour


def _check_distinct(locales: tuple[Locale, ...]) -> tuple[Locale, ...]:
    if len(set(locales)) < len(locales):
        raise mistake("a language stands here twice", "keep one of them")
    return locales


class _Assistant(Assistant):
    name: Text
    title: Local


class _Starter(Starter):
    text: Local


class _CannedAnswer(CannedAnswer):
    title: Local
    text: Local


def _check_rules(rules: PublishRules) -> PublishRules:
    for name in rules.not_failing:
        if name not in CRITERIA:
            raise mistake(f"there is no criterion `{name}`", f"there are {', '.join(CRITERIA)}")
    return rules


class _DemoCustomer(DemoCustomer):
    id: Text
    name: Text
    note: Local


SpanText = Annotated[Span, BeforeValidator(_read_span)]


class _Hours(Hours):
    timezone: Annotated[str, AfterValidator(_check_zone)]
    weekly: Mapping[Weekday, Annotated[tuple[SpanText, ...], AfterValidator(_check_order)]]


class LocalesOnly(Value):
    """What must be known before the rest of bundle.yaml can be read."""

    model_config = ConfigDict(extra="ignore")

    locales: Annotated[tuple[LocaleTag, ...], Field(min_length=1), AfterValidator(_check_distinct)]


class BundleFile(Value):
    """bundle.yaml."""

    name: Name
    business: Local
    locales: tuple[LocaleTag, ...]
    assistant: _Assistant
    accent: Annotated[str, AfterValidator(_check_accent)]
    contact: Contact = Contact()
    hours: _Hours
    welcome: Local
    starters: Annotated[tuple[_Starter, ...], Field(max_length=6)] = ()
    fallback: Local
    unknown: Local
    acknowledgement: Text
    competitors: tuple[Text, ...] = ()
    links: tuple[Host, ...] = ()
    limits: Limits = Limits()
    handoff: HandoffTimes = HandoffTimes()
    criteria: Criteria = Criteria()
    demo_customers: tuple[_DemoCustomer, ...] = ()
    canned_answers: tuple[_CannedAnswer, ...] = ()
    publish: Annotated[PublishRules, AfterValidator(_check_rules)] = PublishRules()


class PlaybookHeader(Value):
    """The front matter of playbooks/<id>.md."""

    title: Local
    kind: PlaybookKind
    when: Text
    utterances: LocalList
    tools: tuple[Text, ...] = ()
    suggestions: LocalList | None = None
    say: Local | None = None


class ExampleHeader(Value):
    """The front matter of examples/<name>.md."""

    playbook: PlaybookId
    locale: Locale


class ArticleHeader(Value):
    """The front matter of knowledge/<locale>/<slug>.md."""

    title: Text
    tags: tuple[Text, ...] = ()
    updated: date | None = None
