"""Passing on to a person, coming back, closing, and the survey after."""

from typing import Any

import pytest

from firstline.service.transcript import check_transcript
from tests.support.client import Customer, code_of
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio


def said_by(snapshot: dict[str, Any], author: str) -> list[str]:
    return [message["text"] for message in snapshot["messages"] if message["author"] == author]


async def test_a_handoff_is_told_aloud_and_the_assistant_is_silent(shop: Shop, customer: Customer):
    response = await customer.call("POST", "/handoff")

    assert response.status_code == 200 and response.json()["status"] == "waiting"
    told = said_by(response.json(), "system")
    assert len(told) == 1 and "help@spoke.example" in told[0]

    accepted = await customer.post("hello")
    assert accepted.status_code == 202 and accepted.json()["turn_id"] is None
    snapshot = await customer.snapshot()
    assert said_by(snapshot, "customer") == ["hello"] and "turn_id" not in snapshot["pending"]
    assert shop.model.requests == [] and shop.service.dispatcher.busy == 0


async def test_waiting_for_a_reply_that_no_assistant_will_give_ends_at_once(customer: Customer):
    await customer.call("POST", "/handoff")

    assert (await customer.post("hello", wait=True)).status_code == 202


async def test_a_second_handoff_changes_nothing(customer: Customer):
    first = await customer.call("POST", "/handoff")

    assert (await customer.call("POST", "/handoff")).json() == first.json()


async def test_a_wish_for_a_person_in_the_chat_is_a_handoff_in_the_same_turn(shop: Shop, customer: Customer):
    reply = await customer.ask("I want to talk to a human")

    assert reply["outcome"] == "handed_off"
    snapshot = await customer.snapshot()
    assert snapshot["status"] == "waiting" and len(said_by(snapshot, "system")) == 1
    assert shop.model.requests == []


async def test_what_was_written_while_waiting_is_answered_after_coming_back(shop: Shop, customer: Customer):
    await customer.call("POST", "/handoff")
    await customer.post("my chain is dry")

    assert (await customer.call("POST", "/resume")).json()["status"] == "open"
    await customer.replay()

    assert "my chain is dry" in said_by(await customer.snapshot(), "assistant")[0]


async def test_coming_back_without_a_handoff_changes_nothing(customer: Customer):
    before = await customer.snapshot()

    assert (await customer.call("POST", "/resume")).json() == before


async def test_a_handoff_stops_the_reply_that_is_being_written(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        await customer.call("POST", "/handoff")
        events = await stream.until("turn.ended")

    assert [event.name for event in events].count("handoff.requested") == 1
    assert shop.model.stopped == 1
    assert (await customer.snapshot())["status"] == "waiting"


async def test_a_closed_conversation_takes_nothing_more_and_can_still_be_read(shop: Shop, customer: Customer):
    await customer.ask("hello")
    closed = await customer.call("POST", "/close")
    assert closed.status_code == 200 and closed.json()["status"] == "closed"
    assert (await customer.call("POST", "/close")).json() == closed.json()

    refusals = [
        await customer.post("hello again"),
        await customer.call("POST", "/handoff"),
        await customer.call("POST", "/resume"),
        await customer.call("POST", "/identify", json={"identity": shop.identity()}),
    ]

    assert {code_of(refusal) for refusal in refusals} == {(409, "closed")}
    assert await customer.snapshot() == closed.json()
    assert (await customer.call("GET", "/transcript")).status_code == 200
    assert (await customer.call("POST", "/cancel")).status_code == 202


async def test_closing_stops_the_reply_that_is_being_written(shop: Shop, customer: Customer):
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        await customer.call("POST", "/close")
        events = await stream.until("turn.ended")

    assert events[-1].body["outcome"] == "cancelled"
    assert (await customer.snapshot())["status"] == "closed"


@pytest.mark.parametrize("score", [1, 5])
async def test_a_survey_is_answered_once(customer: Customer, score: int):
    first = await customer.call("POST", "/survey", json={"score": score})
    again = await customer.call("POST", "/survey", json={"score": score})
    comment = await customer.call("POST", "/survey", json={"score": score, "comment": "All well."})
    other = await customer.call("POST", "/survey", json={"score": 3})

    assert first.json() == again.json() == comment.json() == {"score": score}
    assert code_of(other) == (409, "already_answered")
    assert (await customer.snapshot())["survey"] == score


@pytest.mark.parametrize(
    "body", [{"score": 0}, {"score": 6}, {"score": "5"}, {"score": 4.5}, {"score": None}, {"score": True}, {}]
)
async def test_a_score_that_is_none_is_refused(customer: Customer, body: dict[str, Any]):
    response = await customer.call("POST", "/survey", json=body)

    assert code_of(response) == (422, "invalid") and "score" in response.json()["error"]["message"]
    assert (await customer.snapshot())["survey"] is None


async def test_a_survey_with_too_long_a_comment_is_refused(customer: Customer):
    response = await customer.call("POST", "/survey", json={"score": 5, "comment": "a" * 2001})

    assert code_of(response) == (422, "invalid")


async def test_the_transcript_tells_everything_and_any_change_in_it_shows(shop: Shop, customer: Customer):
    await customer.ask("price for 3 wheels")
    await customer.ask("book a visit on 2026-12-01")
    card = (await customer.snapshot())["pending"]["confirmations"][0]
    await customer.decide(card["confirmation_id"], "decline")
    await customer.replay(times=3)
    await customer.call("POST", "/handoff")

    response = await customer.call("GET", "/transcript")
    transcript = response.json()

    assert set(transcript) == {"conversation_id", "entries", "head"}
    kinds = [entry["kind"] for entry in transcript["entries"]]
    assert {"message", "action", "result", "asked_to_confirm", "decided", "passed_to_a_person"} == set(kinds)
    said = [entry["text"] for entry in transcript["entries"] if entry["kind"] == "message"]
    assert said == [message["text"] for message in (await customer.snapshot())["messages"]]
    assert check_transcript(transcript)
    for change in (
        lambda entries: entries[0].update(text="something else"),
        lambda entries: entries.pop(1),
        lambda entries: entries.insert(1, dict(entries[0])),
        lambda entries: entries.pop(),
        lambda entries: entries.reverse(),
    ):
        forged = {**transcript, "entries": [dict(entry) for entry in transcript["entries"]]}
        change(forged["entries"])
        assert not check_transcript(forged)
