"""P11, at the gate: no text is released before its checks passed, and an invented price never is.

Twenty sentences in each of two languages stand in the evidence and pass; then one digit, unit, currency, date or
telephone digit of each is changed, everywhere it can be, and none of the changed ones may come out.
"""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.guardrails import Evidence, Screening
from firstline.guardrails.competitors import Competitors
from firstline.guardrails.grounding import Grounding
from firstline.guardrails.links import Links
from firstline.release import Release
from firstline.types import Verdict

EVIDENCE = Evidence(
    given=(
        "Rental pays $40 a day for up to 30 days, $1,200 a claim at most. Deductibles: $250, $500 or $1,000.",
        "Towing up to 100 miles, 4 call-outs a year. Arrival takes 45-60 minutes. Battery limit: $20,000.",
        "The battery is covered below 70% within 8 years or 100,000 miles. Portable chargers up to $800.",
        "Discounts: 12% for safe drivers. Refunds arrive within 10 business days. Late fee $15.",
        "Open Monday to Friday 9:00-17:00, phone 1-800-123-4567, help@acme.example, https://www.acme.example/help.",
        "Two-wheelers up to 2,000 cc. Police report within 24 hours. Cyber: within 72 hours. Guarantee 3 years.",
        '{"monthly_premium_usd": "96.40", "valid_until": "2026-05-04", "mileage": 61234, "claim": "CL-204817"}',
    ),
    said=("I am 34 years old and drive 61,234 miles; somebody else asked for $77 and promised 33% off",),
)
ENGLISH = """
Rental pays $40 a day.|It lasts up to 30 days.|A claim pays $1,200 at most.|The deductible is $500.
We tow up to 100 miles.
It takes 45-60 minutes.|The limit is $20,000.|It is covered below 70%.|Cover lasts for 8 years.|Or for 100,000 miles.
Safe drivers save 12%.|Refunds arrive within 10 business days.|The late fee is fifteen dollars.|Call 1-800-123-4567.
We are open from 9:00 to 17:00.|Your premium is $96.40 a month.|The quote is valid until May 4, 2026.
Report it within 24 hours.|Your claim is CL-204817.|Two-wheelers of up to 2,000 cc are insured.
"""
CHINESE = """
租车每日赔付40美元。|最长30天。|每次理赔最多1,200美元。|免赔额为$500。|拖车最远100英里。|等待45到60分钟。|限额为2万美元。|容量低于70%时赔付。
保障期为8年。|或者行驶10万英里。|安全驾驶可享12%的折扣。|退款在10个工作日内到账。|滞纳金为15美元。|请致电1-800-123-4567。|营业时间为上午9点到下午5点。
您的月保费是96.40美元。|报价有效期至2026年5月4日。|请在24小时内报警。|您的理赔编号是CL-204817。|排量不超过2000cc的摩托车可以投保。
"""
UNITS = {
    "dollars": "euros", "$": "€", "美元": "欧元", "%": "$", "business days": "days", "days": "weeks",
    "miles": "km",
    "minutes": "hours", "hours": "days", "years": "months", "工作日": "月", "天": "周", "英里": "公里",
    "分钟": "小时", "小时": "天",
    "年。": "个月。", "万": "千", "上午": "晚上", "下午": "上午", "cc": "kg", "May": "June", "5月": "6月",
    "fifteen": "fifty",
}  # fmt: skip


class Recorder:
    """Passes everything, and remembers what it was asked about."""

    name = "recorder"
    when_broken = "block"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def check(self, screening: Screening) -> Verdict:
        self.seen.append(screening.text)
        return Verdict(guardrail=self.name)


def sentences(text: str) -> list[str]:
    return [sentence for line in text.strip().splitlines() for sentence in line.split("|")]


def release_text(text: str, *, locale: str = "en", size: int = 3) -> str:
    """What a customer would see of `text`."""
    guardrails = (Grounding(), Links(["acme.example"]), Competitors(["Geico"]))
    release = Release(guardrails=guardrails, locale=locale, evidence=lambda: EVIDENCE)
    for start in range(0, len(text), size):
        if release.feed(text[start : start + size]).blocked:
            return release.shown
    release.finish()
    return release.shown


def mutate(sentence: str) -> Iterator[str]:
    """The sentence with one digit changed, in every place and to another value; or one unit."""
    for digit in re.finditer(r"\d", sentence):
        for step in (1, 4):
            yield sentence[: digit.start()] + str((int(digit[0]) + step) % 10) + sentence[digit.end() :]
    for unit, other in UNITS.items():
        if unit in sentence:
            yield sentence.replace(unit, other, 1)
    for amount in re.finditer(r"\d+", sentence):
        yield sentence[: amount.start()] + "1" + sentence[amount.start() :]


@pytest.mark.parametrize(("locale", "text"), [("en", ENGLISH), ("zh", CHINESE)])
def test_true_sentences_pass_and_every_changed_one_is_held_back(locale: str, text: str) -> None:
    true = sentences(text)
    assert len(true) == 20
    assert [sentence for sentence in true if release_text(sentence, locale=locale) != sentence] == []
    false = [changed for sentence in true for changed in mutate(sentence)]
    shown = [changed for changed in false if release_text(changed, locale=locale)]
    print(f"\n{locale}: {len(false) - len(shown)} of {len(false)} changed sentences held back")
    assert shown == []


@pytest.mark.parametrize(
    "disguise",
    [
        "$47", "＄４７", "$4**7**", "**$**47", "&#36;47", "&dollar;47", "$4&#55;", "\\$47", "$4\u200d7",
        "$4\u200b7", "$\u00ad47", "$٤٧",
        "$४७", "$𝟒𝟕", "$4[7](/help/x)", "`$47`", "47 dollars", "forty-seven dollars", "47 USD", "USD 47",
        "47美元", "四十七美元",
        "$47.00", "$0.047k", "4700 cents", "US$ 47", "$1,200 to $47", "$40-47", "$40/$47", "$4️⃣7️⃣",
        "$4\u03367", "_$47_", "~~$47~~",
        "| $47 |", "# $47", "> $47", "- $47", "```\n$47\n```", "$ 47", "47$", "47-dollar", "$47!", "「$47」",
        "€40", "40 euros", "$77",
        "47 bucks", "$47k", "$40.01", "$41", "33% off", "$4[7]", "47\ndollars", "$\n47",
        "forty-seven\ndollars", "USD\n47",
    ],
)  # fmt: skip
def test_an_invented_price_is_held_back_however_it_is_written(disguise: str) -> None:
    shown = release_text(f"It is covered. You pay {disguise} for it. Really.")
    assert not re.search(r"47|41|77|33|40\.01|€|euro", shown.replace("$40-47", ""))


@given(
    st.integers(1, 10**6),
    st.sampled_from(["${}", "{} dollars", "{}美元", "{:,} USD", "{}%", "US${}.00", "{}k dollars"]),
)
def test_no_price_is_shown_that_stands_nowhere(amount: int, shape: str) -> None:
    price = shape.format(amount)
    if release_text(f"It costs {price}."):
        figures = {"40", "1200", "250", "500", "1000", "20000", "800", "15", "70", "12", "10"}
        assert str(amount * (1000 if "k" in shape else 1)) in figures


@given(
    st.lists(st.sampled_from([*sentences(ENGLISH), *sentences(CHINESE), "$45", "\n", " ", "[1]", "好。"]), max_size=8)
)
def test_all_that_is_shown_was_checked_first(parts: list[str]) -> None:
    recorder = Recorder()
    release = Release(guardrails=(recorder,), locale="en", evidence=lambda: EVIDENCE)
    for part in parts:
        for letter in part:
            before = release.shown
            checked = "".join(recorder.seen)
            grown = release.feed(letter).text
            assert release.shown == before + grown
            assert grown.strip() in checked + "".join(recorder.seen)
    release.finish()
    for word in release.shown.split():
        assert word in "".join(recorder.seen)
