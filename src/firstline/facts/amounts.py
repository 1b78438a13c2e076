"""Money, percentages and quantities with a unit; ranges give both of their ends."""

import re
from collections.abc import Mapping
from decimal import Decimal

from firstline.facts.fact import Fact, Kind, Rule
from firstline.facts.numerals import NUMBER, SPELLED, SUM, TO, read_number, write_number

CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "USD": ("us dollars", "us dollar", "us$", "usd", "$", "dollars", "dollar", "bucks", "美元", "美金"),
    "EUR": ("€", "eur", "euros", "euro", "欧元"),
    "GBP": ("£", "gbp", "pounds sterling", "英镑"),
    "CNY": ("cn¥", "cny", "rmb", "yuan", "人民币", "元", "块钱"),
    "JPY": ("jp¥", "jpy", "yen", "日元", "円"),
    "CAD": ("ca$", "c$", "cad", "canadian dollars", "加元"),
    "AUD": ("au$", "a$", "aud", "australian dollars", "澳元"),
    "HKD": ("hk$", "hkd", "港元", "港币"),
    "INR": ("₹", "inr", "rupees", "rupee", "卢比"),
    "KRW": ("₩", "krw", "won", "韩元"),
    "CHF": ("chf", "swiss francs", "瑞士法郎"),
    "CNY|JPY": ("¥",),
}
_CURRENCY = {name: code for code, names in CURRENCIES.items() for name in names}
_CENTS = ("cents", "cent", "¢", "美分")

UNITS: Mapping[str, tuple[str, ...]] = {
    "second": ("seconds", "second", "secs", "sec", "秒钟", "秒"),
    "minute": ("minutes", "minute", "mins", "min", "分钟"),
    "hour": ("hours", "hour", "hrs", "hr", "小时", "钟头"),
    "business day": ("business days", "business day", "working days", "working day", "工作日"),
    "day": ("days", "day", "天", "日内", "日之内", "日以内"),
    "week": ("weeks", "week", "周", "星期", "礼拜"),
    "month": ("months", "month", "月"),
    "year": ("years", "year", "yrs", "yr", "年"),
    "age": ("years old", "years of age", "year-old", "y/o", "周岁", "岁"),
    "mile": ("miles", "mile", "mi", "英里"),
    "km": ("kilometers", "kilometres", "kilometer", "kilometre", "km", "公里", "千米"),
    "mph": ("miles per hour", "mph"),
    "m": ("meters", "metres", "meter", "metre", "米"),
    "foot": ("feet", "foot", "ft", "英尺"),
    "inch": ("inches", "inch", "英寸"),
    "cm": ("centimeters", "centimetres", "cm", "厘米"),
    "lb": ("pounds", "pound", "lbs", "lb", "磅"),
    "kg": ("kilograms", "kilogram", "kilos", "kg", "公斤", "千克"),
    "kWh": ("kilowatt-hours", "kilowatt hours", "kwh", "千瓦时"),
    "kW": ("kilowatts", "kw", "千瓦"),
    "volt": ("volts", "volt", "v", "伏"),
    "amp": ("amps", "amp", "安"),
    "cc": ("cc", "cm3", "毫升"),
    "gallon": ("gallons", "gallon", "加仑"),
    "liter": ("liters", "litres", "liter", "litre", "升"),
    "seat": ("seats", "seat", "seater", "座"),
    "GB": ("gigabytes", "gb"),
    "MB": ("megabytes", "mb"),
}
_UNIT = {name: unit for unit, names in UNITS.items() for name in names}

_IDLE = {"second", "minute", "day", "week", "month", "year"}
"""Units with which a spelled-out one is no claim: `one minute, please`, 一年."""


def _any_of(names: tuple[str, ...]) -> str:
    """A pattern for any of the names, the longest first; Latin words end where they end."""
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(
        re.escape(name) + (r"(?![A-Za-z])" if name[-1].isalpha() and name.isascii() else "") for name in ordered
    )


_BEFORE = rf"(?:(?<![A-Za-z])(?:{_any_of(tuple(name for name in _CURRENCY if name != '元'))}))"
_AFTER = rf"(?:{_any_of((*_CURRENCY, *_CENTS))})(?![催素件旦])"
_LIST = rf"(?P<list>(?:{SUM}(?:[ ]?[/、或][ ]?|[ ]or[ ]))+)?"
"""50,000/100,000/50,000 美元: the currency at the end is that of all."""
_LATIN_UNIT = _any_of(tuple(name for name in _UNIT if name.isascii()))
_OTHER_UNIT = _any_of(tuple(name for name in _UNIT if not name.isascii() and name != "月"))
_KIND_OF = (
    r"(?:(?:full|whole|calendar|model|policy|consecutive|additional|extra|more|unused"
    r"|(?:business|working)(?![ ]days?\b))[ ]+)?"
)
_MEASURE = (
    rf"(?:[ \t]?-?[ \t]?{_KIND_OF}(?P<latin>{_LATIN_UNIT})"
    rf"|[ \t]?(?:个月|个?(?P<other>{_OTHER_UNIT})(?![气然历纪号])))"
)

_MONEY = re.compile(
    rf"(?P<before>{_BEFORE})[ \t]?[):]?[ \t]?(?P<low>{SUM})"
    rf"(?:{TO}(?:(?P=before)[ \t]?)?(?P<high>{SUM})(?![ \t]?-?(?:%|percent|{_LATIN_UNIT}|个|{_OTHER_UNIT})))?"
    rf"|{_LIST}(?:between[ ](?P<least>{SUM})[ ]and[ ])?(?P<low2>{SUM})(?:{TO}(?P<high2>{SUM}))?"
    rf"[ \t-]?(?:(?:US|U\.S\.)[ ])?(?P<after>{_AFTER})",
    re.IGNORECASE,
)
_PERCENTAGE = re.compile(
    rf"(?:between[ ](?P<least>{NUMBER})[ ]and[ ])?(?P<low>{NUMBER})[ \t]?%?(?:{TO}(?P<high>{NUMBER}))?[ \t-]?"
    rf"(?:%|percent(?:age points?)?(?![a-z])|per[ ]cent(?![a-z])|pct(?![a-z]))"
    rf"|百分之[ \t]?(?P<low2>{NUMBER})(?:{TO}(?:百分之)?(?P<high2>{NUMBER}))?",
    re.IGNORECASE,
)
_TENTHS = re.compile(
    rf"{SPELLED}(?P<tenths>\d)成(?![不熟功本员立为长])|{SPELLED}?(?P<paid>\d(?:\.?\d)?)[ \t]?折(?![扣叠旧])"
)
_QUANTITY = re.compile(
    rf"(?:between[ ](?P<least>{NUMBER})[ ]and[ ])?(?P<low>{NUMBER})(?:{TO}(?P<high>{NUMBER}))?{_MEASURE}",
    re.IGNORECASE,
)


def _ends(match: re.Match[str]) -> list[str]:
    groups = match.groupdict()
    listed = re.findall(r"[\d.,]+[^\d/、或]*", groups.get("list") or "")
    return listed + [end for name in ("least", "low", "high", "low2", "high2") if (end := groups.get(name))]


def _surface(match: re.Match[str]) -> str:
    return match[0].replace(SPELLED, "").strip()


def _read_money(match: re.Match[str]) -> tuple[Fact, ...]:
    name = (match["before"] or match["after"]).casefold()
    codes = _CURRENCY.get(name, "USD").split("|")
    share = Decimal("0.01") if name in _CENTS else Decimal(1)
    facts: list[Fact] = []
    for end in _ends(match):
        amount = write_number(read_number(end) * share)
        value, *also = (f"{code} {amount}" for code in codes)
        facts.append(Fact("money", value, _surface(match), tuple(also)))
    return tuple(facts)


def _read_percentage(match: re.Match[str]) -> tuple[Fact, ...]:
    return _facts("percentage", match, "")


def _read_tenths(match: re.Match[str]) -> tuple[Fact, ...]:
    """两成 is 20%; 八折 and 八五折 are 20% and 15% off."""
    if match["tenths"]:
        return (Fact("percentage", str(int(match["tenths"]) * 10), _surface(match)),)
    paid = Decimal(match["paid"])
    off = 100 - (paid * 10 if paid < 10 else paid)
    return (Fact("percentage", write_number(off), _surface(match)),)


def _read_quantity(match: re.Match[str]) -> tuple[Fact, ...]:
    name = match["latin"] or match["other"] or "month"
    unit = _UNIT[name.casefold()]
    spelled_one = match["low"].strip() == SPELLED + "1"
    if (
        spelled_one
        and not match["high"]
        and (unit in ("second", "minute") or (match["latin"] is None and unit in _IDLE))
    ):
        return ()
    if match["other"] == "年" and re.fullmatch(r"(?:19|20)\d\d", match["low"]):
        return ()
    if unit == "age":  # as likely said without the unit: «drivers under 25»
        return tuple(fact for fact in _facts("number", match, "") if len(fact.value) > 1)
    return _facts("quantity", match, f" {unit}")


def _facts(kind: Kind, match: re.Match[str], unit: str) -> tuple[Fact, ...]:
    return tuple(Fact(kind, write_number(read_number(end)) + unit, _surface(match)) for end in _ends(match))


RULES: tuple[Rule, ...] = (
    (_MONEY, _read_money),
    (_PERCENTAGE, _read_percentage),
    (_TENTHS, _read_tenths),
    (_QUANTITY, _read_quantity),
)
