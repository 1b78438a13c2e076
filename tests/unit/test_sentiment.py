import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firstline.sentiment import KINDS, LONGEST_CHARS, Level, Word, rate, rate_turns, word_for

MESSAGES = yaml.safe_load((Path(__file__).parents[1] / "support/sentiment_messages.yaml").read_text(encoding="utf-8"))
LOCALES = ["en", "zh", "es", "fr", "de", "ar"]
SIGNS = {"negative": -1, "neutral": 0, "positive": 1}
TELLING = [
    "not", "very", "waiting", "for", "weeks", "but", "!", "?", "不", "没", "等了", "天", "好", "😡", ":)", "WHERE",
]  # fmt: skip


def list_messages(groups: dict[str, Any], locale: str) -> list[tuple[str, str, int]]:
    return [(text, locale, SIGNS[mood]) for mood, texts in groups[locale].items() for text in texts]


def sign_of(level: Level) -> int:
    return (level > 0) - (level < 0)


def locale_of(text: str) -> str:
    return "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else "en"


@pytest.mark.parametrize(
    ("text", "locale", "sign"),
    [pytest.param(*each, id=each[0]) for locale in LOCALES for each in list_messages(MESSAGES, locale)],
)
def test_the_mood_of_a_message_is_heard(text: str, locale: str, sign: int) -> None:
    assert sign_of(rate(text, locale)) == sign


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_nine_of_ten_messages_that_were_never_used_to_improve_it_are_heard_right(locale: str) -> None:
    aside = list_messages(MESSAGES["aside"], locale)
    right = sum(sign_of(rate(text, locale)) == sign for text, _, sign in aside)

    assert right >= 0.9 * len(aside)


SUBJECTS = {
    "en": ("I have a question about a {}", ["claim", "theft", "cancellation", "refund", "lawyer", "fire", "death"]),
    "zh": ("我想问一下{}的事", ["理赔", "事故", "被盗", "退保", "退款", "报警", "律师", "起火", "住院", "死亡"]),
}


@pytest.mark.parametrize("locale", SUBJECTS)
def test_what_a_request_is_about_is_no_mood(locale: str) -> None:
    sentence, subjects = SUBJECTS[locale]

    assert not [subject for subject in subjects if rate(sentence.format(subject), locale)]


@pytest.mark.parametrize(
    ("said", "denied", "locale"),
    [
        ("I am happy with that", "I am not happy with that", "en"),
        ("that was helpful", "that was not at all helpful", "en"),
        ("I think you are helpful", "I don't think you are helpful", "en"),
        ("我对服务满意", "我对服务不是很满意", "zh"),
        ("estoy contento", "no estoy contento", "es"),
        ("je suis content", "je ne suis pas content", "fr"),
        ("ich bin zufrieden", "ich bin nicht zufrieden", "de"),
        ("أنا سعيد", "أنا لست سعيد", "ar"),
    ],
)
def test_praise_that_is_denied_is_a_complaint(said: str, denied: str, locale: str) -> None:
    assert rate(said, locale) > 0 > rate(denied, locale)


@pytest.mark.parametrize("text", ["I am not angry", "I'm not disappointed, just curious", "我没有生气", "no problem"])
def test_anger_that_is_denied_is_none(text: str) -> None:
    assert rate(text, locale_of(text)) >= 0


def test_a_denial_ends_where_the_next_thought_begins() -> None:
    assert rate("I did not wait and got great help", "en") > 0
    assert rate("Not yet. Great help so far", "en") > 0


@pytest.mark.parametrize("text", ["no that's all thank you", "I don't need anything, thanks", "没有别的了谢谢"])
def test_thanks_after_a_no_are_still_thanks(text: str) -> None:
    assert rate(text, locale_of(text)) > 0


@pytest.mark.parametrize("text", ["is this a good price?", "I hope it is good", "if it is good", "价格好看吗"])
def test_praise_that_is_only_asked_or_hoped_for_is_none(text: str) -> None:
    assert rate(text, locale_of(text)) == 0


def test_what_follows_a_but_weighs_more_than_what_stands_before() -> None:
    assert rate("It was annoying but now I am happy", "en") > 0 > rate("I was happy but now it is annoying", "en")
    assert rate("之前很生气，但是现在很满意", "zh") > 0 > rate("之前很满意，但是现在很生气", "zh")


def test_shouting_and_exclamation_marks_make_it_worse() -> None:
    assert rate("this is awful and rude", "en") == -1
    assert rate("THIS IS AWFUL AND RUDE", "en") == -2
    assert rate("this is AWFUL and rude", "en") == -2
    assert rate("this is awful and rude!!!", "en") == -2
    assert rate("太慢了，失望", "zh") == -1
    assert rate("太慢了，失望！！！", "zh") == -2


@pytest.mark.parametrize("text", ["VW ID.4 GTX", "WVWZZZ1JZXW000001", "AB12 CDE", "USA", "OK", "FAQ PDF"])
def test_names_and_plates_in_capitals_are_no_shouting(text: str) -> None:
    assert rate(text, "en") == 0


@pytest.mark.parametrize("text", ["Where are you?", "Really??", "你好？", "¿Dónde está?"])
def test_one_or_two_question_marks_are_a_question_and_three_are_impatience(text: str) -> None:
    assert rate(text, "en") == 0 > rate(text.rstrip("?？") + "???", "en")


@pytest.mark.parametrize(
    ("milder", "stronger", "locale"),
    [
        ("I am angry", "I am furious", "en"),
        ("I'm disappointed", "I'm extremely disappointed and very angry", "en"),
        ("谢谢", "太棒了，非常满意", "zh"),
        ("thanks", "thank you, that is wonderful", "en"),
        ("a bit pathetic", "pathetic", "en"),
        ("有点恶劣", "恶劣", "zh"),
    ],
)
def test_five_levels_tell_strong_moods_from_mild_ones(milder: str, stronger: str, locale: str) -> None:
    assert (abs(rate(milder, locale)), abs(rate(stronger, locale))) == (1, 2)


@pytest.mark.parametrize("locale", ["en", "zh", "th", "xx", "", "not a locale", "zh-Hant-TW", "any", "../any"])
def test_emoji_and_emoticons_are_understood_in_every_language(locale: str) -> None:
    assert rate("😡", locale) < 0 < rate("❤️", locale)
    assert rate(":-(", locale) < 0 < rate(":)", locale)


def test_the_slash_of_an_address_is_no_face() -> None:
    assert rate("see https://example.org/x and http://example.org", "en") == 0


@pytest.mark.parametrize("locale", ["it", "th", "zh", "de"])
def test_english_is_understood_in_a_conversation_of_another_language(locale: str) -> None:
    assert rate("I have been waiting for weeks and this is the worst service", locale) == -2


def test_a_customer_who_changes_to_chinese_is_understood() -> None:
    assert rate("气死我了，你们的服务太差了", "en") == -2


@pytest.mark.parametrize("text", ["il servizio è terribile e io sono arrabbiato", "บริการแย่มาก", "非常に残念です"])
def test_a_language_without_words_is_neutral(text: str) -> None:
    assert rate(text, "it") == 0


@pytest.mark.parametrize(
    ("one", "other", "locale"),
    [
        ("这让我生气", "這讓我生氣", "zh"),
        ("pésimo servicio", "PESIMO servicio", "es"),
        ("I don't trust you", "i dont trust you", "en"),
        ("I don't trust you", "I don’t trust you", "en"),
        ("a rip-off", "a rip off", "en"),
        ("الخدمة سيئة", "الخدمه سيئه", "ar"),
    ],
)
def test_two_ways_to_write_the_same_are_heard_alike(one: str, other: str, locale: str) -> None:
    assert rate(one, locale) == rate(other, locale) < 0


def test_the_start_and_the_end_of_a_conversation_are_its_first_and_last_third() -> None:
    angry, plain, glad = "this is awful", "my car was stolen", "thank you"

    assert rate_turns([], "en") is None
    assert rate_turns([angry], "en") is None
    assert rate_turns([angry, glad], "en") == (-1, 1)
    assert rate_turns([plain, angry, glad], "en") == (0, 1)
    assert rate_turns([glad, glad, plain, plain, angry, angry], "en") == (1, -1)
    assert rate_turns([glad, angry, plain, plain, plain, angry, angry], "en") == (0, -1)


def test_half_a_third_of_complaints_is_heard_in_its_mood() -> None:
    assert rate_turns(["ok", "this is awful", "yes", "no", "ok", "ok"], "en") == (-1, 0)


def test_every_level_has_its_word() -> None:
    assert [word_for(level) for level in sorted(get_args(Level))] == list(get_args(Word))


@given(st.text(max_size=300), st.one_of(st.sampled_from([*LOCALES, "it"]), st.text()))
def test_no_text_and_no_locale_breaks_it(text: str, locale: str) -> None:
    assert rate(text, locale) in get_args(Level)


@given(st.lists(st.sampled_from(TELLING)))
def test_no_order_of_telling_words_breaks_it(words: list[str]) -> None:
    assert {rate(" ".join(words), locale) for locale in ("en", "zh")} <= set(get_args(Level))


@pytest.mark.parametrize("text", ["waiting for ", "等了", "not ", "report to the ", "( ", "? "])
def test_a_very_long_message_takes_no_long_time(text: str) -> None:
    assert rate(text * 20_000, "zh") in get_args(Level)


def test_only_the_beginning_of_a_very_long_message_is_read() -> None:
    assert rate("x " * LONGEST_CHARS + "this is awful", "en") == 0


# The lexicons, which a support lead may edit ------------------------------------------------------------------------

LEXICONS = sorted((files("firstline") / "lexicons").iterdir(), key=lambda each: each.name)


def plain(entry: str) -> str:
    folded = unicodedata.normalize("NFKD", entry.casefold().replace("’", "'").replace("-", " "))
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


@pytest.mark.parametrize("lexicon", LEXICONS, ids=lambda each: each.name)
def test_a_lexicon_has_only_lists_that_the_rules_know_and_no_entry_in_two_of_them(lexicon: Any) -> None:
    lists = yaml.safe_load(lexicon.read_text(encoding="utf-8"))
    entries = [(kind, entry) for kind in lists for group in lists[kind].values() for entry in group]
    homes: dict[str, set[str]] = {}
    for kind, entry in entries:
        assert isinstance(entry, str), f"{kind}: quote {entry}"
        if kind in KINDS:
            homes.setdefault(plain(entry), set()).add(kind)

    assert set(lists) <= KINDS | {"opens_question", "letters"}
    assert not {entry: kinds for entry, kinds in homes.items() if len(kinds) > 1}
    assert all(len(entry) == 2 for kind, entry in entries if kind == "letters")


@pytest.mark.parametrize("locale", LOCALES)
def test_a_lexicon_knows_anger_thanks_and_denial(locale: str) -> None:
    path = files("firstline") / "lexicons" / f"sentiment.{locale}.yaml"

    assert {"very_negative", "negative", "neutral", "positive", "thanks", "negators", "contrast"} <= set(
        yaml.safe_load(path.read_text(encoding="utf-8"))
    )
