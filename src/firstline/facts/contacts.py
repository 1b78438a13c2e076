"""Addresses, telephone numbers and identifiers: right to the last character, or wrong."""

import re
from collections.abc import Sequence

import phonenumbers

from firstline.facts.fact import Fact, Rule
from firstline.types import Locale

_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|io|co|ai|app|dev|xyz|site|online|shop|store|tech|cloud|us|uk|ca|au|de|fr|es|"
    "it|nl|eu|ch|at|se|pl|ru|cn|hk|tw|jp|kr|in|br|mx|me|tv|cc|ly|gg|to|example|test|invalid|localhost"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_URL = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'\x00-\x20\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+"
    rf"|(?<![\w@.-])(?:www\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_TOP_LEVEL})(?![a-z0-9@-])(?:[/?#:][^\s<>\"'，。]*)?",
    re.IGNORECASE | re.ASCII,
)
_PERHAPS_PHONE = re.compile(r"\d[\d() .-]{5}|\d{3}-[A-Z]")
_US_PHONE = re.compile(
    r"(?<![A-Za-z\d.,$-])(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![A-Za-z\d-])"
)
_VANITY = re.compile(
    r"(?<![A-Za-z\d-])(?:1[ -])?\d{3}-(?=[A-Z0-9-]*[A-Z]{3})[A-Z0-9]{2,7}(?:-[A-Z0-9]{2,6})?(?![A-Za-z\d-])"
)
_LOCAL_PHONE = re.compile(r"(?<![A-Za-z\d.,$-])\d{3}-\d{4}(?![A-Za-z\d-])")
_PHONE = re.compile(r"(?<![A-Za-z\d.,$:-])\+?\(?\d[\d() .-]{5,17}\d(?![A-Za-z\d:])")
_IDENTIFIER = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z]{2,6}-(?=[A-Za-z0-9-]*\d{3})|(?=[A-Za-z0-9-]*[A-Za-z]\d)(?=[A-Za-z0-9-]*\d{4})"
    r"|[A-Z]-?(?=\d{4}))[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![A-Za-z0-9])"
)
_EMERGENCY = re.compile(
    r"(?:\b(?:call|dial|phone|ring|text)\b|拨打|致电|打)[ ]?(?:911|112|999|988|110|119|120|122)(?!\d)", re.IGNORECASE
)


def _read_email(match: re.Match[str]) -> Sequence[Fact]:
    address = match[0].rstrip(".")
    return [Fact("email", address.casefold(), address)]


def _read_url(match: re.Match[str]) -> Sequence[Fact]:
    surface = match[0].rstrip(".,;:!?)]}")
    bare = re.sub(r"^[a-z]+://", "", surface, flags=re.IGNORECASE).removeprefix("www.")
    host, slash, path = bare.partition("/")
    return [Fact("url", (host.casefold() + slash + path).rstrip("/"), surface)]


def _read_identifier(match: re.Match[str]) -> Sequence[Fact]:
    return [Fact("identifier", match[0].upper(), match[0])]


def _write_phone(surface: str, region: str) -> str | None:
    """E.164, or None for what cannot be a number of that region."""
    try:
        number = phonenumbers.parse(phonenumbers.convert_alpha_characters_in_number(surface), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def find_phones(text: str, *, locale: Locale) -> tuple[str, list[Fact]]:
    """`text` with its telephone numbers blotted out, and these. A locale's region (`en-gb`) says which is home."""
    if not _PERHAPS_PHONE.search(text):
        return text, []
    region = locale.partition("-")[2].upper()
    home = region if region in phonenumbers.SUPPORTED_REGIONS else "US"
    facts: list[Fact] = []

    def read(match: re.Match[str]) -> str:
        surface = match[0].strip()
        value = re.sub(r"\D", "", surface) if match.re is _LOCAL_PHONE else _write_phone(surface, home)
        digits = sum(letter.isdigit() for letter in surface)
        shaped = match.re is not _PHONE or surface.startswith("+") or (digits >= 10 and _is_valid(surface, home))
        if value is None or not shaped:
            return match[0]
        facts.append(Fact("phone", value, surface))
        return "\0" * len(match[0])

    for pattern in (_US_PHONE, _VANITY, _LOCAL_PHONE, _PHONE):
        text = pattern.sub(read, text)
    return text, facts


def _is_valid(surface: str, region: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(surface, region))


ADDRESSES: tuple[Rule, ...] = ((_EMAIL, _read_email), (_URL, _read_url))
IDENTIFIERS: tuple[Rule, ...] = ((_IDENTIFIER, _read_identifier),)
EMERGENCY = _EMERGENCY
"""Numbers of the emergency services are common knowledge, not a claim of the business."""
