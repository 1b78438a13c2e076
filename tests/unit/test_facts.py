"""Equal claims are equal facts, in whatever way they are written; different claims never are."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firstline.facts import find_facts, read_plain


def facts_of(text: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.value) for fact in find_facts(text, locale="en")]


@pytest.mark.parametrize(
    ("fact", "spellings"),
    [
        ("time 09:00", "9 am|9:00|09:00|9 a.m.|9AM|上午9点|9点|上午九点|nine a.m.|9 o'clock|９：００"),
        ("time 17:00", "5pm|17:00|下午5点|5 p.m.|下午五点|17时|17点"),
        ("time 09:30", "9:30|9.30 不|上午九点半|9点30分|9:30 a.m."),
        ("time 12:00", "noon|12 pm|中午12点|正午"),
        (
            "money USD 1200",
            "$1,200|1,200 dollars|1200 USD|US$1200|1,200 美元|1200美金|twelve hundred dollars|$1.2k|一千二百美元|"
            "one thousand two hundred dollars|USD 1,200.00|**$1,200**|$1**200**|&#36;1200|"
            "\\$1,200|＄１，２００|$１２００|"
            "1 thousand and 200 dollars 不|USD: 1200|$𝟏𝟐𝟎𝟎|$1\u200d200|$1\u00ad200|$1[200](/help/x)|$1️⃣2️⃣0️⃣0️⃣",
        ),
        ("money USD 20000", "$20k|20,000 dollars|2万美元|两万美元|twenty thousand dollars|$20 thousand"),
        ("money USD 1200000", "$1.2 million|$1.2M|120万美元|一百二十万美元"),
        ("money USD 25000", "两万五千美元|2.5万美元|$25,000"),
        ("money USD 0.5", "50 cents|$0.50|$.50|fifty cents|50美分"),
        ("money EUR 1200.5", "€1.200,50|1.200,50 €|EUR 1200.5|1200.50 euros"),
        ("money GBP 30", "£30|30 英镑|thirty pounds sterling"),
        ("percentage 20", "20%|20 percent|twenty per cent|百分之二十|两成|打八折|20 ％|२०%|٢٠٪"),
        ("percentage 15", "15%|八五折|fifteen percent"),
        ("quantity 30 day", "30 days|thirty days|30 天|三十天|30-day|30日内|a 30-day term"),
        ("quantity 10 business day", "10 business days|ten working days|10个工作日|十个工作日"),
        ("quantity 100000 mile", "100,000 miles|100k miles|10万英里|十万英里"),
        ("quantity 3 month", "3 months|three months|3个月|三个月"),
        (
            "date 2026-05-04",
            "2026-05-04|May 4, 2026|4 May 2026|5/4/2026|2026年5月4日|May 4th, 2026|二〇二六年五月四日",
        ),
        ("date --05-04", "May 4|5月4日|the 4th of May|五月四日"),
        ("phone +18001234567", "1-800-123-4567|(800) 123-4567|+1 800 123 4567|800.123.4567"),
        ("phone +18003569377", "1-800-FLOWERS|1-800-356-9377"),
        ("email help@acme.example", "help@acme.example|Help@Acme.Example"),
        ("url acme.example/help", "https://www.acme.example/help/|acme.example/help|http://ACME.example/help"),
        ("identifier AC-204817", "AC-204817|ac-204817"),
    ],
)
def test_equal_claims_are_equal_facts(fact: str, spellings: str) -> None:
    kind, _, value = fact.partition(" ")
    for spelling in spellings.split("|"):
        if "不" not in spelling:
            assert facts_of(spelling) == [(kind, value)], spelling


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("open 9 am to 5 pm", ["09:00", "17:00"]),
        ("9:00–17:00", ["09:00", "17:00"]),
        ("9-11 am", ["09:00", "11:00"]),
        ("9 to 5 pm", ["09:00", "17:00"]),
        ("下午2点到5点", ["14:00", "17:00"]),
        ("9-17点", ["09:00", "17:00"]),
        ("$40-60", ["USD 40", "USD 60"]),
        ("40 to 60 dollars", ["USD 40", "USD 60"]),
        ("45–60 minutes", ["45 minute", "60 minute"]),
        ("between 10% and 20%", ["10", "20"]),
        ("between forty and fifty dollars", ["USD 40", "USD 50"]),
        ("50,000/100,000/50,000 美元", ["USD 50000", "USD 100000", "USD 50000"]),
        ("250、500 或 1,000 美元", ["USD 250", "USD 500", "USD 1000"]),
        ("$25 and 30 days", ["USD 25", "30 day"]),
        ("€25 and $10.50", ["EUR 25", "USD 10.5"]),
        ("16 至 17 岁", ["16", "17"]),
        ("$25,000/$50,000/$25,000", ["USD 25000", "USD 50000", "USD 25000"]),
        ("- Collision: $500\n- 100 miles", ["USD 500", "100 mile"]),
    ],
)
def test_a_range_gives_both_of_its_ends(text: str, values: list[str]) -> None:
    assert [value for _, value in facts_of(text)] == values


def test_a_date_with_two_readings_keeps_both() -> None:
    (fact,) = find_facts("5/4/2026", locale="en")
    assert set(fact.readings) == {"2026-05-04", "2026-04-05"}


@pytest.mark.parametrize(
    "text",
    [
        "1. First\n2. Second", "one of the two of you", "the 1st and the 3rd", "tomorrow or on Monday",
        "call 911 at once", "拨打110", "万一天气不好", "十分感谢", "一年四季", "one minute, please",
        "请稍等一分钟", "以下两点：",
        "November to March", "11月至次年3月", "EV6, R1T, ID.4", "a day, an hour", "三元催化器",
        "付了两次", "the No. 1 reason", "",
    ],
)  # fmt: skip
def test_everyday_words_are_no_facts(text: str) -> None:
    assert facts_of(text) == []


@given(
    st.integers(10, 10**6),
    st.sampled_from(["${} fee", "{}%", "{} days", "{} 美元", "{}英里", "model {}", "{:,} miles"]),
)
def test_reading_what_was_read_changes_nothing(number: int, shape: str) -> None:
    text = shape.format(number)
    assert read_plain(read_plain(text)) == read_plain(text)
    assert facts_of(read_plain(text)) == facts_of(text)
    assert len(facts_of(text)) == 1


@given(
    st.integers(10, 99_999).map(str),
    st.integers(0, 4),
    st.integers(1, 9),
    st.sampled_from(["${}", "{} dollars", "{} days", "{}%", "{}美元", "AC-1{}77", "{} miles", "400-123-{:0>4.4}"]),
)
def test_a_changed_digit_is_another_fact(digits: str, place: int, step: int, shape: str) -> None:
    at = place % len(digits)
    changed = digits[:at] + str((int(digits[at]) + step) % 10) + digits[at + 1 :]
    before, after = shape.format(digits), shape.format(changed)
    assume(before != after)
    assert facts_of(before) != facts_of(after)


@given(st.text(alphabet="19$€%k,.:/-–  年月日点万千百十两三上午美元天个dayspmMay\n\u200d*[]()\\&#;٣९", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    for fact in find_facts(text, locale="zh"):
        assert fact.value
        assert re.search(r"\S", fact.surface)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("退款 $19.02，10 个工作日到账", ["USD 19.02", "10 business day"]),
        ("$87.96，30 天", ["USD 87.96", "30 day"]),
        ("每年 9,000英里，40岁", ["9000 mile", "40"]),
        ("12，345 元", ["CNY 12345"]),
        ("1，234，567 元", ["CNY 1234567"]),
    ],
)
def test_a_chinese_comma_ends_a_clause_and_only_groups_of_three_are_one_number(text: str, facts: list[str]) -> None:
    assert [fact.value for fact in find_facts(text, locale="zh")] == facts
