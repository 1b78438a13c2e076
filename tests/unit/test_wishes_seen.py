"""The rules against a list of wishes that was written without them: what was once heard right stays so."""

import pytest

from firstline.wishes import wants_human
from tests.support import wish_figures

SEEN = wish_figures.load_wishes()["seen"]


def test_nearly_all_wishes_that_were_seen_are_heard_and_the_rest_is_left_to_the_model() -> None:
    missed = [text for said in SEEN["wishes"].values() for text in said if not wants_human(text)]

    assert len(missed) <= 6, missed


@pytest.mark.parametrize("text", [text for said in SEEN["negated"].values() for text in said])
def test_who_says_that_they_want_nobody_is_not_passed_on(text: str) -> None:
    assert not wants_human(text)


@pytest.mark.parametrize(
    ("wish", "none"),
    [
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

    assert "seen, negated: heard 0 of 46" in told
    assert "aside, wishes: heard" in told and "    en  Hi, can a person take it from here?" in told
