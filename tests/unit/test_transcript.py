"""The customer's copy: complete, and a change to it shows."""

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firstline.service.transcript import build_transcript, check_transcript, hash_entry
from firstline.types import Json
from tests.support.events import Story, stories


def told() -> Story:
    story = Story()
    story.sign_in()
    story.play_turn("How do I oil a chain?", "Every 200 miles.")
    story.post("cancel my repair")
    story.begin()
    story.prepare()
    story.ask()
    story.call(("find_repairs", "ok"), ("cancel_repair", "waiting"))
    story.end("replied", "Please confirm.")
    (card,) = story.state.confirmations
    story.decide(card, "confirm")
    story.begin()
    story.carry_out()
    story.end("replied", "It is cancelled.")
    story.hand_off()
    return story


def test_everything_that_concerns_the_customer_stands_in_it_in_order() -> None:
    entries = build_transcript(told().state)["entries"]

    assert [entry["kind"] for entry in entries] == [
        "message", "message", "message", "asked_to_confirm", "result", "action", "result", "message",
        "decided", "action", "result", "message", "passed_to_a_person",
    ]  # fmt: skip
    assert entries[0]["author"] == "customer"
    assert entries[0]["text"] == "How do I oil a chain?"
    assert entries[3]["arguments"] == {"repair": "R-1"}
    assert [entry["seq"] for entry in entries] == sorted(entry["seq"] for entry in entries)


def test_nothing_from_inside_stands_in_it() -> None:
    written = json.dumps(build_transcript(told().state))

    assert not [word for word in ("token_sha256", "blocks", "cost_usd", "guardrail", "C-1") if word in written]


def test_each_entry_is_chained_to_the_one_before() -> None:
    transcript = build_transcript(told().state)
    first, second = transcript["entries"][:2]

    assert second["hash"] == hash_entry(first["hash"], {key: second[key] for key in second if key != "hash"})
    assert transcript["head"] == transcript["entries"][-1]["hash"]
    assert len({entry["hash"] for entry in transcript["entries"]}) == len(transcript["entries"])


@given(stories())
def test_every_conversations_copy_holds_also_after_it_was_sent_as_json(story: Story) -> None:
    transcript = build_transcript(story.state)

    assert check_transcript(transcript)
    assert check_transcript(json.loads(json.dumps(transcript)))


@given(stories())
def test_a_longer_conversations_copy_begins_with_the_shorter_ones(story: Story) -> None:
    before = build_transcript(story.state)["entries"]
    story.clock.pass_time(minutes=1)
    story.post("one more", author="system")

    assert build_transcript(story.state)["entries"][: len(before)] == before


def test_an_empty_copy_holds() -> None:
    transcript = build_transcript(Story().state)

    assert transcript["entries"] == []
    assert check_transcript(transcript)


@given(st.data())
def test_a_changed_field_shows_whichever_it_is(data: st.DataObject) -> None:
    transcript = build_transcript(told().state)
    entry = data.draw(st.sampled_from(transcript["entries"]))
    name = data.draw(st.sampled_from(sorted(entry)))
    value = data.draw(st.none() | st.text(max_size=5) | st.integers())
    assume(entry[name] != value)
    entry[name] = value

    assert not check_transcript(transcript)


@given(st.data())
def test_a_missing_doubled_or_moved_entry_shows(data: st.DataObject) -> None:
    transcript = build_transcript(told().state)
    entries = transcript["entries"]
    places = st.integers(0, len(entries) - 1)
    place, other = data.draw(places), data.draw(places)
    match data.draw(st.sampled_from(("remove", "double", "swap"))):
        case "remove":
            del entries[place]
        case "double":
            entries.insert(other, copy.deepcopy(entries[place]))
        case _:
            assume(place != other)
            entries[place], entries[other] = entries[other], entries[place]

    assert not check_transcript(transcript)


def test_an_added_field_shows() -> None:
    transcript = build_transcript(told().state)
    transcript["entries"][0]["note"] = "added"

    assert not check_transcript(transcript)


@pytest.mark.parametrize("name", ["hash", "text", "seq"])
def test_a_missing_field_shows(name: str) -> None:
    transcript = build_transcript(told().state)
    del transcript["entries"][0][name]

    assert check_transcript(transcript) is False


@pytest.mark.parametrize(
    "broken", [{}, {"entries": []}, {"entries": None, "head": "0" * 64}, {"entries": [7], "head": "0" * 64}]
)
def test_what_is_no_transcript_does_not_hold(broken: Json) -> None:
    assert check_transcript(broken) is False


def test_a_copy_that_is_said_to_be_of_another_conversation_does_not_hold() -> None:
    transcript: dict[str, Any] = {**build_transcript(told().state), "conversation_id": "cv_2"}

    assert not check_transcript(transcript)
