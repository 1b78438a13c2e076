"""The gate: what comes out was checked, and is byte for byte what counts as shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.guardrails import Evidence, Guardrail, Screening
from firstline.guardrails.grounding import Grounding
from firstline.release import Release, Released
from firstline.types import Citation, Verdict

NOTHING = Evidence(())
BATTERY = Citation(title="Battery", url="https://acme.example/help/battery", quote="below 70%")
CLAIMS = Citation(title="Claims", url="https://acme.example/help/claims", quote="within 30 days")
ONE, TWO = "\u202f[1]", "\u202f[2]"


class Forbids:
    """Blocks what holds a word; remembers what it was shown."""

    name = "forbids"
    when_broken = "block"

    def __init__(self, word: str = "FORBIDDEN") -> None:
        self.word = word
        self.seen: list[str] = []

    def check(self, screening: Screening) -> Verdict:
        self.seen.append(screening.text)
        found = self.word in screening.text
        return Verdict(guardrail=self.name, decision="block" if found else "pass", reason="a word" if found else "")


class Breaks:
    name = "breaks"

    def __init__(self, when_broken: str) -> None:
        self.when_broken = when_broken

    def check(self, screening: Screening) -> Verdict:
        raise ZeroDivisionError


def build_release(*guardrails: Guardrail, evidence: Evidence = NOTHING, shown: str = "") -> Release:
    return Release(guardrails=guardrails, locale="en", evidence=lambda: evidence, shown=shown)


def run(release: Release, text: str) -> list[Released]:
    return [release.feed(letter) for letter in text] + [release.finish()]


def test_a_sentence_is_released_when_the_next_one_begins() -> None:
    release = build_release(Forbids())
    assert release.feed("It is covered. ").text == ""
    assert release.feed("Yes").text == "It is covered."
    assert release.finish().text == " Yes"
    assert release.shown == "It is covered. Yes"


def test_white_space_at_the_end_is_not_released() -> None:
    release = build_release()
    run(release, "One.\n\nTwo. \n\n ")
    assert release.shown == "One.\n\nTwo."


def test_a_blocked_sentence_ends_the_text_and_is_told() -> None:
    release = build_release(Forbids())
    released = release.feed("Good. Also FORBIDDEN here. More. Even more")
    assert released.text == "Good."
    assert released.blocked is not None
    assert released.blocked.guardrail == "forbids"
    assert released.withheld == "Also FORBIDDEN here."
    assert release.finish().text == ""
    assert release.shown == "Good."


@pytest.mark.parametrize(
    ("first", "repaired", "shown"),
    [
        ("Good. FORBIDDEN. ", "Better.", "Good. Better."),
        ("Good. FORBIDDEN. ", "\n\nBetter.", "Good.\n\nBetter."),
        ("好。FORBIDDEN。", "更好。", "好。更好。"),
        ("- one\n- FORBIDDEN\n", "- two", "- one\n- two"),
        ("FORBIDDEN. ", "  Better.", "Better."),
    ],
)
def test_a_repair_goes_on_where_the_reply_was_cut(first: str, repaired: str, shown: str) -> None:
    release = build_release(Forbids())
    run(release, first)
    run(release, repaired)
    assert release.shown == shown


def test_parts_of_a_turn_are_paragraphs() -> None:
    release = build_release()
    release.start_part()
    run(release, "\n Let me look.\n")
    release.start_part()
    assert release.shown == "Let me look."
    assert release.feed("\n\nIt is here. X").text == "\n\nIt is here."
    assert release.shown == "Let me look.\n\nIt is here."


def test_a_part_without_text_leaves_no_trace() -> None:
    release = build_release()
    for text in ("One.", "", "  \n", "Two."):
        release.start_part()
        run(release, text)
    assert release.shown == "One.\n\nTwo."


def test_an_open_fence_is_closed_before_the_next_part() -> None:
    release = build_release()
    run(release, "```\ncode")
    release.start_part()
    run(release, "Text.")
    assert release.shown == "```\ncode\n```\n\nText."


def test_a_restarted_reply_starts_from_its_beginning() -> None:
    release = build_release()
    run(release, "Kept.")
    before = release.shown
    release.start_part()
    release.feed("Taken back. And ")
    release.cite(BATTERY)
    release.feed("this. X")
    release.rewind(before)
    assert (release.shown, release.citations) == ("Kept.", ())
    run(release, "Again.")
    assert release.shown == "Kept.\n\nAgain."


def test_a_restarted_repair_starts_behind_what_was_shown() -> None:
    release = build_release(Forbids())
    run(release, "Good. FORBIDDEN.")
    release.feed("Half a rep")
    release.rewind("Good.")
    run(release, "Repaired.")
    assert release.shown == "Good. Repaired."


def test_a_reply_cannot_be_rewound_to_anywhere_else() -> None:
    release = build_release()
    run(release, "One. Two.")
    with pytest.raises(ValueError, match="its last text began"):
        release.rewind("One.")


def test_a_turn_taken_up_again_goes_on_in_a_new_paragraph() -> None:
    release = build_release(shown="Before the crash.")
    release.start_part()
    run(release, "After.")
    assert release.shown == "Before the crash.\n\nAfter."


def test_words_of_our_own_replace_what_is_held() -> None:
    release = build_release(Forbids())
    release.feed("Shown. Held back")
    assert release.say(" Sorry.\n").text == "\n\nSorry."
    assert release.finish().text == ""
    assert release.shown == "Shown.\n\nSorry."


def test_a_mark_stands_behind_its_sentence() -> None:
    release = build_release()
    release.feed("It pays below 70")
    assert release.cite(BATTERY).text == ""
    assert release.feed("%. Then").text == f"It pays below 70%.{ONE}"
    assert release.citations == (BATTERY,)


def test_a_mark_at_the_end_of_a_sentence_that_is_held() -> None:
    release = build_release()
    release.feed("It pays.")
    release.cite(BATTERY)
    assert release.finish().text == f"It pays.{ONE}"


def test_a_mark_for_what_is_shown_already() -> None:
    release = build_release()
    release.feed("It pays.\n\n")
    release.feed("  ")
    release.finish()
    assert release.cite(BATTERY).text == ONE
    assert release.cite(BATTERY).text == ""
    assert release.cite(CLAIMS).text == TWO
    assert release.feed("Next. X").text == "\n\n  Next."


def test_a_source_keeps_its_number_and_adjacent_marks_collapse() -> None:
    release = build_release()
    release.feed("One")
    for citation in (BATTERY, CLAIMS, BATTERY):
        release.cite(citation)
    release.feed(". Two")
    release.cite(CLAIMS)
    release.finish()
    assert release.shown == f"One.{ONE}{TWO} Two{TWO}"
    assert release.citations == (BATTERY, CLAIMS)


def test_another_quote_of_the_same_page_joins_the_first() -> None:
    release = build_release()
    release.feed("One")
    release.cite(BATTERY)
    release.cite(BATTERY.model_copy(update={"quote": "up to $20,000"}))
    release.finish()
    assert release.shown == f"One{ONE}"
    assert release.citations[0].quote == "below 70% … up to $20,000"


def test_a_withheld_sentence_takes_its_mark_along() -> None:
    release = build_release(Forbids())
    release.feed("Good. FORBIDDEN")
    release.cite(BATTERY)
    release.feed(". X")
    run(release, "Better.")
    assert (release.shown, release.citations) == ("Good. Better.", ())


def test_marks_do_not_break_tables_or_code() -> None:
    release = build_release()
    for line in ("| a | b |\n", "|---|---|\n", "| 1 | 2 |\n", "```\n", "code\n", "```\n", "End."):
        release.feed(line)
        release.cite(BATTERY)
    release.finish()
    assert release.shown == f"| a | b |\n|---|---|\n| 1 | 2{ONE} |\n```\ncode\n```\nEnd.{ONE}"


def test_a_model_cannot_write_a_mark_or_hide_text() -> None:
    release = build_release()
    run(release, "See\u202f[1] a\u202eb\u200bc\U000e0041\x07\ue000d \u2066e.")
    assert release.shown == "See\u00a0[1] abcd e."


def test_joiners_stay_in_the_text_but_not_in_the_checks() -> None:
    forbids = Forbids()
    release = build_release(forbids)
    run(release, "می\u200cخواهم FOR\u200dBIDDEN.")
    assert release.shown == ""
    run(release, "می\u200cخواهم.")
    assert release.shown == "می\u200cخواهم."


def test_a_claim_cannot_pass_in_two_halves() -> None:
    release = build_release(Grounding(), evidence=Evidence(("up to 45 miles",)))
    released = run(release, "You pay 45\ndollars a month.")
    assert release.shown == "You pay 45"
    assert any(piece.blocked for piece in released)


def test_a_broken_guardrail_counts_as_it_declares() -> None:
    release = build_release(Breaks("block"))
    (*_, last) = run(release, "Anything.")
    assert last.blocked == Verdict(
        guardrail="breaks", decision="block", reason="the check itself failed: ZeroDivisionError"
    )
    assert release.shown == ""

    release = build_release(Breaks("pass"), Forbids())
    (*_, last) = run(release, "Anything.")
    assert release.shown == "Anything."
    assert [verdict.guardrail for verdict in last.broken] == ["breaks"]


def test_evidence_is_asked_for_when_it_is_needed() -> None:
    sources = ["nothing"]
    release = Release(guardrails=(Grounding(),), locale="en", evidence=lambda: Evidence(tuple(sources)))
    sources.append('{"monthly_premium_usd": "96.40"}')
    run(release, "It is $96.40.")
    assert release.shown == "It is $96.40."


TEXT = st.lists(
    st.sampled_from(
        ["Yes. ", "No", ".", "\n", "\n\n", " ", "好。", "| a |\n", "|---|\n", "```\n", "- x\n", "FORBIDDEN", "[1]",
         "\u202f", "**"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@given(st.lists(st.tuples(TEXT, st.sampled_from(["feed", "cite", "finish", "start", "say"])), max_size=12))
def test_what_was_released_is_what_is_shown(steps: list[tuple[str, str]]) -> None:
    release = build_release(Forbids())
    released: list[Released] = []
    for text, step in steps:
        released.append(release.feed(text))
        match step:
            case "cite":
                released.append(release.cite(BATTERY))
            case "finish":
                released.append(release.finish())
            case "start":
                release.start_part()
            case "say":
                released.append(release.say("Sorry."))
            case _:
                pass
    assert "".join(piece.text for piece in released) == release.shown
    assert "FORBIDDEN" not in release.shown
    assert release.shown == release.shown.rstrip()
