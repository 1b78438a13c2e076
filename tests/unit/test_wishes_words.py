"""How a sentence is read as the row of its concepts, and that every language's words can be read so."""

from importlib.resources import files

import pytest

from firstline.wishes.grammar import is_wish
from firstline.wishes.lexer import fold, load_language
from firstline.wishes.script import to_simplified

LOCALES = sorted(file.name.removesuffix(".yaml") for file in (files("firstline") / "wishes" / "words").iterdir())


def read(locale: str, text: str) -> str:
    return load_language(locale).read(fold(text)).letters


def test_some_twenty_languages_have_words() -> None:
    assert len(LOCALES) >= 20
    assert {"en", "zh", "es", "fr", "de", "pt", "it", "ar", "ja", "ru"} <= set(LOCALES)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_words_without_which_nothing_is_wished(locale: str) -> None:
    language = load_language(locale)

    assert language.starts
    assert language.read("").letters == ""


@pytest.mark.parametrize(
    ("locale", "text", "letters"),
    [
        ("en", "could I please speak to an employee", "QQSDP"),
        ("en", "I painted a wall", "xx"),
        ("de", "ich möchte mit einem Mitarbeiter sprechen", "WDHS"),
        ("zh", "我要转人工", "WZH"),
        ("zh", "人工费多少", "xA"),
        ("ar", "للموظف", "H"),
    ],
)
def test_a_sentence_is_read_as_its_concepts(locale: str, text: str, letters: str) -> None:
    assert read(locale, text) == letters


def test_the_longest_phrase_is_meant() -> None:
    assert read("zh", "人工") == "H"
    assert read("zh", "人工智能") == "B"


def test_an_ending_may_differ_where_the_words_say_so() -> None:
    assert {read("ru", word) for word in ("оператор", "оператора", "операторы")} == {"H"}


def test_traditional_letters_are_read_like_simplified_ones() -> None:
    assert read("zh", to_simplified(fold("請幫我轉接專員"))) == read("zh", "请帮我转接专员")


@pytest.mark.parametrize(
    ("letters", "wished"),
    [
        ("WSDH", True),
        ("NWSDH", False),
        ("NWSDB", True),
        ("ASDH", False),
        ("WNB|WP", True),
        ("OH", False),
        ("x", False),
    ],
)
def test_the_same_orders_of_concepts_are_wishes_in_every_language(letters: str, wished: bool) -> None:
    assert is_wish(letters) is wished
