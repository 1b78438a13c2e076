"""The rules against a list of wishes that was written without them: what was once heard right stays so."""

import pytest

from firstline.wishes import wants_human
from tests.support import wish_figures

LISTS = wish_figures.load_wishes()
SEEN = LISTS["seen"]


def test_nearly_all_wishes_that_were_seen_are_heard_and_the_rest_is_left_to_the_model() -> None:
    missed = [text for said in SEEN["wishes"].values() for text in said if not wants_human(text)]

    assert len(missed) <= 6, missed


@pytest.mark.parametrize("text", [text for said in SEEN["negated"].values() for text in said])
def test_who_says_that_they_want_nobody_is_not_passed_on(text: str) -> None:
    assert not wants_human(text)


@pytest.mark.parametrize("part", ["tuned", "drafted"])
def test_of_the_longer_lists_nearly_all_wishes_are_heard_and_next_to_nothing_else(part: str) -> None:
    missed = [text for said in LISTS[part]["wishes"].values() for text in said if not wants_human(text)]
    false = [text for said in LISTS[part]["others"].values() for text in said if wants_human(text)]

    assert len(missed) <= 12, missed
    assert len(false) <= 4, false


@pytest.mark.parametrize(
    ("wish", "none"),
    [
        ("let me talk to my adviser's boss, someone competent", "let me talk to my boss first"),
        ("get me someone who can decide", "get me someone's address"),
        ("I want a person, not a bot", "I want a bot, not a person"),
        ("have someone call me", "someone called me"),
        ("please put me through", "please put me on the list"),
        ("让你们的人跟我说", "让我老公跟我说"),
        ("quiero que me llame alguien", "no quiero que me llame nadie"),
        ("je ne veux pas parler à un robot", "je ne veux parler à personne"),
        ("Ich will nicht mit einem Bot reden", "Ich will nicht mit einem Menschen reden"),
        ("não quero falar com robô", "não quero falar com ninguém"),
        ("担当者と話したい", "担当者と話したくない"),
        ("хочу поговорить с человеком", "не хочу говорить с человеком"),
        ("por que no me pasas con un agente", "no me pases con un agente"),
        ("pourquoi ne me passez-vous pas un conseiller", "ne me passez pas un conseiller"),
        ("是不是要找人工", "不是要找人工"),
        ("أحتاج موظف", "لا أحتاج موظف"),
        ("ein Mensch wäre mir lieber", "Lieber Kundenservice, mein Rad ist da"),
        ("Mit wem kann ich reden?", "Mit wem spreche ich?"),
    ],
)
def test_a_small_word_tells_a_wish_from_none(wish: str, none: str) -> None:
    assert wants_human(wish)
    assert not wants_human(none)


def test_the_command_counts_each_list_and_names_what_is_heard_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    wish_figures.main()
    told = capsys.readouterr().out

    assert "seen, negated: falsely heard 0 of 46" in told
    assert "aside, wishes: heard" in told and "    en  Whoever runs the shop should read this and answer me" in told
