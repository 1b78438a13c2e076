"""What must hold of a store whatever happened: read from the file itself, with no server in between."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from firstline.conversation import fold, new_conversation
from firstline.events import (
    ConfirmationDecided,
    Logged,
    MessagePosted,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    load_event,
)
from firstline.prompt import build_static, compose
from firstline.tools.python import open_bundle
from firstline.types import ConversationId
from tests.support.client import Customer
from tests.support.failing_server import WORKSHOP
from tests.support.page import Page
from tests.support.shape import find_faults

Log = list[Logged]


def read_store(database: Path) -> dict[str, Log]:
    """Every conversation's log, after the file has been found whole (I1)."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT conversation_id, seq, body FROM events ORDER BY conversation_id, seq")
        logs: dict[str, Log] = {}
        for conversation_id, seq, body in rows:
            logs.setdefault(conversation_id, []).append(Logged(seq, load_event(body)))
        ends = connection.execute("SELECT conversation_id, last_seq, due_turn FROM conversations").fetchall()
    for conversation_id, last_seq, due in ends:
        log = logs[conversation_id]
        assert [logged.seq for logged in log] == list(range(1, last_seq + 1)), "a gap in the log"
        assert due is None, "something is still unanswered"
    return logs


def check_log(log: Log, effects: list[str], *, folder: Path) -> None:
    """One conversation at rest: I2 to I5, and nothing said twice."""
    events: list[Any] = [logged.event for logged in log]
    posted = [event for event in events if isinstance(event, MessagePosted)]
    keys = Counter(event.client_message_id for event in posted if event.client_message_id)
    assert all(times == 1 for times in keys.values()), f"stored twice: {keys}"  # I2
    _check_turns(events, posted)
    _check_actions(events, effects)
    _check_history(log, folder)


def _check_turns(events: list[Any], posted: list[MessagePosted]) -> None:
    promised = {event.turn_id for event in posted if event.message.author == "customer" and event.turn_id}
    promised |= {event.turn_id for event in events if isinstance(event, ConfirmationDecided) and event.turn_id}
    ends = Counter(event.turn_id for event in events if isinstance(event, TurnEnded))
    assert set(ends) == promised, "a turn that nobody asked for, or an answer that never came"
    assert all(times == 1 for times in ends.values()), f"ended twice: {ends}"  # I3
    said = Counter(event.turn_id for event in posted if event.message.author == "assistant")
    assert all(times == 1 for times in said.values()), f"said twice: {said}"
    for event in posted:
        sentences = Counter(part for part in event.message.text.split(". ") if event.message.author == "assistant")
        assert all(times == 1 for times in sentences.values()), event.message.text


def _check_actions(events: list[Any], effects: list[str]) -> None:
    called = {event.call_id: event for event in events if isinstance(event, ToolCalled)}
    returned = Counter(event.call_id for event in events if isinstance(event, ToolReturned))
    assert all(returned[call_id] == 1 for call_id in called), "a call without a result, or with two"
    acted = Counter(effects)
    intents = Counter(event.confirmation_id for event in called.values() if event.confirmation_id)
    assert all(times == 1 for times in intents.values()), "a confirmation was used twice"
    for event in called.values():
        assert acted[event.idempotency_key] <= 1, "it acted twice"  # I5
        if event.effect != "read":
            assert event.confirmation_id, "it acted without a confirmation"
    for event in events:
        if isinstance(event, ToolReturned) and event.outcome == "ok" and called[event.call_id].effect != "read":
            assert acted[called[event.call_id].idempotency_key] == 1, "it says that it acted, and did not"


def _check_history(log: Log, folder: Path) -> None:
    """I4: whatever is asked of the model next, the API takes it."""
    bundle, toolset = open_bundle(WORKSHOP, data=folder)
    toolset.close()
    conversation = fold(log, onto=new_conversation(ConversationId("cv_1")))
    turns = [logged.event.turn_id for logged in log if isinstance(logged.event, TurnEnded)]
    if turns:
        request = compose(bundle, build_static(bundle), conversation, turns[-1])
        faults = [fault for fault in find_faults(request) if "the last message" not in fault]
        assert not faults, faults


async def check_page(customer: Customer) -> Page:
    """I6: what a reader from the beginning has folded is what a fresh page shows."""
    snapshot = await customer.snapshot()
    page = Page.empty(customer.conversation_id)
    async with customer.watch(0) as stream:
        while page.last_seq < snapshot["last_seq"]:
            page.apply(await stream.next())
    page.check(snapshot)
    return page
