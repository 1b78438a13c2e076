"""The inbox's routes: who may call which, what is refused and why, and what no customer and no model ever sees."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from firstline.evals.dataset import load_cases
from firstline.events import ToolCalled, ToolReturned
from firstline.scoring.case import Case
from firstline.types import ConversationId
from tests.support.client import Customer, code_of
from tests.support.desk_client import Desk, accepted, audited, sign_in, texts, waiting
from tests.support.shop import Shop
from tests.support.sse import Json

pytestmark = pytest.mark.anyio

CANARY = "Zyxomma petiolatum"
SAID = {"client_message_id": "m1", "text": "hello"}
CORRECTED = {"message_id": "ms_none", "should_say": "hello"}

VIEWERS = (
    "/me", "/conversations", "/conversations/{conversation_id}", "/conversations/{conversation_id}/cases/{seq}",
    "/approvals", "/events", "/report",
)  # fmt: skip
WRITES: dict[str, Json | None] = {
    "/conversations/{conversation_id}/accept": None,
    "/conversations/{conversation_id}/reply": SAID,
    "/conversations/{conversation_id}/note": SAID,
    "/conversations/{conversation_id}/return": None,
    "/conversations/{conversation_id}/release": None,
    "/conversations/{conversation_id}/resolve": None,
    "/conversations/{conversation_id}/reopen": None,
    "/conversations/{conversation_id}/typing": None,
    "/conversations/{conversation_id}/draft": None,
    "/conversations/{conversation_id}/corrections": CORRECTED,
    "/approvals/{approval_id}": {"decision": "approve"},
}
ADMINS = ("/audit",)
OPEN = ("/login", "/logout", "/words")
ACTIONS = [path.rsplit("/", 1)[1] for path in WRITES if path.startswith("/conversations")]


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    desk = await sign_in(shop)
    yield desk
    await desk.client.http.aclose()


def at(path: str, conversation_id: str) -> str:
    return path.format(conversation_id=conversation_id, seq=1, approval_id="ap_none")


async def asked_for_approval(shop: Shop, desk: Desk) -> tuple[Customer, Json]:
    """A customer who has confirmed what a human agent has to approve as well; and the approval."""
    customer = await shop.signed_in()
    await customer.ask("pay back 150")
    card = (await customer.snapshot())["pending"]["confirmations"][0]
    await customer.decide(card["confirmation_id"])
    await customer.replay(times=2)
    await shop.service.indexer.settled()
    return customer, (await desk.approvals())[0]


async def last_seq(shop: Shop, customer: Customer) -> int:
    return (await shop.service.ledger.load(ConversationId(customer.conversation_id))).last_seq


# Who may call which -------------------------------------------------------------------------------------------------


async def test_the_table_of_roles_names_every_staff_route(shop: Shop):
    paths = {path.removeprefix("/v1/staff") for path in shop.app.openapi()["paths"] if path.startswith("/v1/staff")}

    assert paths == {*VIEWERS, *WRITES, *ADMINS, *OPEN}


async def test_whoever_is_not_signed_in_gets_nothing_and_a_customers_token_opens_nothing(
    shop: Shop, customer: Customer
):
    calls = [("GET", path, None) for path in (*VIEWERS, *ADMINS)] + [
        ("POST", path, body) for path, body in WRITES.items()
    ]
    for method, path, body in calls:
        for known in (customer.conversation_id, "cv_none"):
            where = f"/v1/staff{at(path, known)}"
            origin = {"Origin": "http://firstline.test"}
            nobody = await shop.client.request(method, where, json=body, headers=origin)
            theirs = await shop.client.request(method, where, json=body, headers=origin | customer.headers)

            assert code_of(nobody) == (401, "not_signed_in"), path
            assert code_of(theirs) == (403, "not_allowed"), path


async def test_a_viewer_reads_and_never_writes(shop: Shop):
    viewer = await sign_in(shop, "viewer", "viewer.one")
    customer = await waiting(shop, "hello")
    before = await last_seq(shop, customer)
    for path in VIEWERS:
        if path != "/events":  # it does not end: tests/service/test_inbox_stream.py
            answer = await viewer.call("GET", at(path, customer.conversation_id))
            assert answer.status_code == (404 if "cases" in path else 200), path
    for path, body in WRITES.items():
        answer = await viewer.call("POST", at(path, customer.conversation_id), json=body)
        assert code_of(answer) == (403, "not_allowed"), path

    assert code_of(await viewer.call("GET", "/audit")) == (403, "not_allowed")
    assert await last_seq(shop, customer) == before and shop.model.requests == []
    assert not any((await viewer.detail(customer.conversation_id))["may"].values())
    assert set(await audited(shop, customer.conversation_id)) == {"conversation_read"}


async def test_a_human_agent_reads_no_audit_and_an_admin_may_do_everything(shop: Shop, desk: Desk):
    boss = await sign_in(shop, "admin", "boss.one")
    customer = await waiting(shop, "hello")

    assert code_of(await desk.call("GET", "/audit")) == (403, "not_allowed")
    assert (await boss.call("GET", "/audit")).status_code == 200
    assert (await boss.act(customer.conversation_id, "accept")).status_code == 200
    assert (await boss.write(customer.conversation_id, "Good day.")).status_code == 200


async def test_a_page_of_another_site_writes_nothing(shop: Shop, desk: Desk):
    customer = await waiting(shop, "hello")
    before = await last_seq(shop, customer)
    for path, body in WRITES.items():
        where = at(path, customer.conversation_id)
        answer = await desk.call("POST", where, json=body, headers={"Origin": "http://elsewhere.test"})
        assert code_of(answer) == (403, "foreign_origin"), path

    assert await last_seq(shop, customer) == before


@pytest.mark.parametrize("unknown", ["cv_none", "%00", "a" * 500])
async def test_an_unknown_conversation_is_unknown_to_every_route(shop: Shop, desk: Desk, unknown: str):
    for path in (path for path in VIEWERS if "{conversation_id}" in path):
        assert code_of(await desk.call("GET", at(path, unknown))) == (404, "not_found"), path
    for path, body in WRITES.items():
        where = at(path, unknown).replace("ap_none", unknown)
        assert code_of(await desk.call("POST", where, json=body)) == (404, "not_found"), path


async def test_an_erased_conversation_is_unknown_to_every_route(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk, "hello")
    await customer.call("DELETE")
    for action in ACTIONS:
        body = WRITES[f"/conversations/{{conversation_id}}/{action}"]
        assert code_of(await desk.act(customer.conversation_id, action, body)) == (404, "not_found"), action


# Moves --------------------------------------------------------------------------------------------------------------


async def test_two_human_agents_accept_at_once_and_one_wins(shop: Shop, desk: Desk):
    two = await sign_in(shop, name="desk.two")
    customer = await waiting(shop, "hello")

    answers = await asyncio.gather(*(each.act(customer.conversation_id, "accept") for each in (desk, two) * 5))

    won = {answer.json()["human_agent"]["staff_id"] for answer in answers if answer.status_code == 200}
    lost = {code_of(answer) for answer in answers if answer.status_code != 200}
    assert len(won) == 1 and lost == {(409, "already_taken")}
    assert [answer.status_code for answer in answers].count(200) == 5
    log = (await shop.service.ledger.load(ConversationId(customer.conversation_id))).log
    assert [logged.event.type for logged in log].count("handoff.accepted") == 1


REFUSED = ("reply", "return", "release", "resolve")


async def test_what_a_colleague_has_is_not_yours(shop: Shop, desk: Desk):
    two = await sign_in(shop, name="desk.two")
    customer = await accepted(shop, desk, "hello")
    before = await last_seq(shop, customer)

    for action in (*REFUSED, "draft"):
        body = SAID if action == "reply" else None
        assert code_of(await two.act(customer.conversation_id, action, body)) == (409, "not_yours"), action
    assert code_of(await two.act(customer.conversation_id, "accept")) == (409, "already_taken")
    assert code_of(await two.act(customer.conversation_id, "reopen")) == (409, "not_waiting")
    assert await last_seq(shop, customer) == before
    assert (await desk.act(customer.conversation_id, "accept")).status_code == 200  # one's own, again


async def test_who_has_not_accepted_neither_replies_nor_lets_go(shop: Shop, desk: Desk):
    customer = await waiting(shop, "hello")

    assert code_of(await desk.write(customer.conversation_id, "Good day.")) == (409, "not_accepted")
    for action in ("release", "draft"):
        assert code_of(await desk.act(customer.conversation_id, action)) == (409, "not_accepted"), action
    assert shop.model.requests == []


async def test_a_closed_conversation_is_closed_until_it_is_taken_up(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk, "hello")
    await desk.act(customer.conversation_id, "resolve")

    for action in ("accept", "reply", "release", "return"):
        body = SAID if action == "reply" else None
        assert code_of(await desk.act(customer.conversation_id, action, body)) == (409, "closed"), action
    assert (await desk.act(customer.conversation_id, "resolve")).status_code == 200  # it is already so
    taken = await desk.act(customer.conversation_id, "reopen")
    assert (taken.json()["status"], taken.json()["human_agent"]["name"]) == ("with_human", "Desk One")
    assert (await desk.write(customer.conversation_id, "One more thing.")).status_code == 200


async def test_accepting_takes_over_from_the_assistant_who_stops_at_once(shop: Shop, desk: Desk):
    customer = await shop.client.start()
    shop.model.hold = True
    async with customer.watch() as stream:
        await customer.post("tell me a long story")
        await stream.until("reply.delta")
        assert (await desk.act(customer.conversation_id, "accept")).json()["status"] == "with_human"
        await stream.until("turn.ended")

    assert shop.model.stopped == 1
    assert (await customer.post("and now?")).json()["turn_id"] is None


async def test_what_was_left_unanswered_is_answered_when_the_assistant_gets_it_back(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk, "my chain is dry")
    await desk.act(customer.conversation_id, "return")
    await customer.replay()

    said = [each["text"] for each in (await customer.snapshot())["messages"] if each["author"] == "assistant"]
    assert len(said) == 1 and "my chain is dry" in said[0]


async def test_a_reply_is_one_message_however_often_it_is_sent_and_two_people_may_count_alike(shop: Shop, desk: Desk):
    two = await sign_in(shop, name="desk.two")
    customer = await accepted(shop, desk, "hello")
    id_ = customer.conversation_id

    answers = await asyncio.gather(*(desk.write(id_, "Good day.", key="same") for _ in range(5)))
    await desk.act(id_, "release")
    await two.act(id_, "accept")
    await two.write(id_, "Good day from me.", key="same")

    assert {answer.status_code for answer in answers} == {200}
    said = [each for each in (await customer.snapshot())["messages"] if each["author"] == "human_agent"]
    assert [(each["author_name"], each["text"]) for each in said] == [
        ("Desk One", "Good day."), ("Desk Two", "Good day from me."),
    ]  # fmt: skip
    assert (await desk.write(id_, "Good day.", key="same")).status_code == 200  # told already, though no longer mine


@pytest.mark.parametrize("to", ["reply", "note"])
async def test_another_text_under_an_id_that_is_used_is_refused_and_not_dropped(shop: Shop, desk: Desk, to: str):
    customer = await accepted(shop, desk, "hello")
    id_ = customer.conversation_id
    await desk.write(id_, "Good day.", key="same", to=to)
    before = await last_seq(shop, customer)

    assert code_of(await desk.write(id_, "Good evening.", key="same", to=to)) == (409, "id_used")
    assert await last_seq(shop, customer) == before
    assert (await desk.write(id_, "Good evening.", key="another", to=to)).status_code == 200
    assert await last_seq(shop, customer) == before + 1


@pytest.mark.parametrize(
    ("text", "code"),
    [("", (422, "empty_message")), ("\u200b \n", (422, "empty_message")), ("a" * 8001, (413, "message_too_long"))],
)
async def test_a_text_that_nobody_can_read_is_refused(shop: Shop, desk: Desk, text: str, code: tuple[int, str]):
    customer = await accepted(shop, desk, "hello")
    before = await last_seq(shop, customer)

    assert code_of(await desk.write(customer.conversation_id, text)) == code
    assert code_of(await desk.write(customer.conversation_id, text, to="note")) == code
    assert await last_seq(shop, customer) == before


async def test_resolving_ends_the_ticket_and_closing_by_the_customer_does_not(shop: Shop, desk: Desk):
    customer = await waiting(shop, "hello")
    await customer.call("POST", "/contact", json={"contact": "kim@spoke.example"})
    await customer.call("POST", "/close")
    await shop.service.indexer.settled()
    assert await desk.found(shelf="ticket") == [customer.conversation_id]

    await desk.act(customer.conversation_id, "resolve")
    await shop.service.indexer.settled()

    assert await desk.found(shelf="ticket") == [] and (await desk.listing())["counts"]["ticket"] == 0


async def test_an_action_in_doubt_is_told_on_the_shelf_of_tickets_until_it_is_resolved(shop: Shop, desk: Desk):
    customer = await shop.client.start()
    await customer.ask("hello")
    ledger = shop.service.ledger
    known = {"at": shop.clock(), "turn_id": "tn_1", "call_id": "cf_1", "tool": "pay_back"}
    done = ToolCalled(**known, arguments={}, effect="money", idempotency_key="k", label="Paying back")
    await ledger.append(await ledger.load(ConversationId(customer.conversation_id)), done)
    lost = ToolReturned(**known, outcome="unknown", result={})
    await ledger.append(await ledger.load(ConversationId(customer.conversation_id)), lost)
    await customer.call("POST", "/close")
    await shop.service.indexer.settled()

    head = await desk.detail(customer.conversation_id)
    assert ([each["label"] for each in head["in_doubt"]], head["ticket"]) == (["Paying back"], True)
    assert await desk.found(shelf="ticket") == [customer.conversation_id] and head["may"]["resolve"]

    await desk.act(customer.conversation_id, "resolve")
    await shop.service.indexer.settled()
    assert (await desk.detail(customer.conversation_id))["in_doubt"] == []
    assert await desk.found(shelf="ticket") == []


# What the customer and the model never see --------------------------------------------------------------------------


async def test_a_note_reaches_colleagues_and_neither_the_customer_nor_a_model(shop: Shop, desk: Desk):
    viewer = await sign_in(shop, "viewer", "viewer.one")
    customer = await accepted(shop, desk, "hello")
    id_ = customer.conversation_id
    async with customer.watch(0) as stream:
        for _ in range(2):
            assert (await desk.write(id_, f"Mind this: {CANARY}", key="n1", to="note")).status_code == 200
        await desk.act(id_, "draft")
        await desk.act(id_, "return")
        await stream.until("turn.ended")
        await customer.post("and then?")
        await stream.until("turn.ended")

    assert len(texts(await viewer.detail(id_), "note")) == 1 and CANARY in texts(await viewer.detail(id_), "note")[0]
    assert len(shop.model.requests) == 3 and CANARY not in repr(shop.model.requests)
    assert CANARY.encode() not in stream.raw
    for path in ("", "/transcript"):
        assert CANARY not in (await customer.call("GET", path)).text
    assert CANARY not in repr(await customer.replay(times=2))


async def test_a_draft_is_shown_and_nothing_of_it_is_stored_or_done(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk, "price for 3 wheels")
    before, shown = await last_seq(shop, customer), await customer.snapshot()

    draft = (await desk.act(customer.conversation_id, "draft")).json()

    assert "$144.60" in draft["text"] and "$144.60" in draft["html"] and draft["withheld"] == []
    assert (draft["code"], draft["offline"]) == (None, False) and draft["cost_usd"] > 0
    assert await last_seq(shop, customer) == before and await customer.snapshot() == shown
    assert shop.effects() == [] and shop.service.dispatcher.busy == 0


async def test_a_draft_that_would_act_only_asks_and_one_that_is_not_allowed_is_withheld(shop: Shop, desk: Desk):
    customer = await accepted(shop, desk, "book a visit on 2026-12-01")
    await desk.act(customer.conversation_id, "draft")
    assert shop.effects() == [] and (await customer.snapshot())["pending"]["confirmations"] == []

    await customer.post("guess a price")
    draft = (await desk.act(customer.conversation_id, "draft")).json()

    assert "17.35" not in draft["text"] and "17.35" in "".join(draft["withheld"])


# Corrections --------------------------------------------------------------------------------------------------------


async def corrected(shop: Shop, desk: Desk, question: str, should_say: str) -> tuple[Json, str]:
    """The correction's entry of a reply, and the case that it is."""
    customer = await shop.client.start()
    await customer.ask(question)
    reply = (await customer.snapshot())["messages"][-1]
    body = {"message_id": reply["message_id"], "should_say": should_say}
    for _ in range(2):
        assert (await desk.act(customer.conversation_id, "corrections", body)).status_code == 200
    entries = (await desk.detail(customer.conversation_id))["entries"]
    (entry,) = [each for each in entries if each["kind"] == "correction"]
    case = await desk.client.request("GET", entry["case_url"])
    assert case.headers["content-type"].startswith("application/yaml")
    return {**entry, "reply": reply}, case.text


async def test_a_correction_is_an_evaluation_case_that_loads_and_names_the_reply(
    shop: Shop, desk: Desk, tmp_path: Path
):
    entry, written = await corrected(shop, desk, "price for 3 wheels", "It is $144.60, with fitting.")

    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "correction.yaml").write_text(written)
    (case,) = load_cases(shop.service.engines["workshop"].bundle, tmp_path / "cases")
    assert isinstance(case, Case) and entry["message_id"].replace("_", "-") in case.id
    assert [turn.say for turn in case.turns] == ["price for 3 wheels"]
    assert case.turns[0].expect.should_say == "It is $144.60, with fitting."
    assert entry["reply"]["text"] in case.turns[0].expect.must_not_say


@pytest.mark.parametrize(
    "question",
    ["hel\u202e\u0007\x85\u2028lo", "what is {colour} for", "a | b | c", "'quoted': [x] # - &y *z", "链条怎么上油"],
)
async def test_whatever_a_customer_wrote_a_correction_makes_a_case_that_loads(
    shop: Shop, desk: Desk, tmp_path: Path, question: str
):
    _, written = await corrected(shop, desk, question, "Say {it} | kindly.")

    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "correction.yaml").write_text(written)
    (case,) = load_cases(shop.service.engines["workshop"].bundle, tmp_path / "cases")
    assert len(case.turns) == 1
    forbidden = [each for text in case.turns[0].expect.must_not_say for each in text.split("|")]
    assert all(len(each) > 10 for each in forbidden), "a piece of the reply alone is not wrong"


async def test_a_correction_after_a_pressed_card_is_a_case_that_presses_it(shop: Shop, desk: Desk):
    customer, _ = await asked_for_approval(shop, desk)
    reply = (await customer.snapshot())["messages"][-1]
    body = {"message_id": reply["message_id"], "should_say": "Somebody looks at it today."}
    assert (await desk.act(customer.conversation_id, "corrections", body)).status_code == 200
    entries = (await desk.detail(customer.conversation_id))["entries"]
    (entry,) = [each for each in entries if each["kind"] == "correction"]
    (case,) = yaml.safe_load((await desk.client.request("GET", entry["case_url"])).text)

    assert [turn.get("press") or turn["say"] for turn in case["turns"]] == ["pay back 150", "confirm"]
    assert case["turns"][1]["expect"]["should_say"] == "Somebody looks at it today."


async def test_what_is_no_reply_of_the_assistants_is_not_corrected(shop: Shop, desk: Desk):
    customer = await shop.client.start()
    await customer.ask("hello")
    own = (await customer.snapshot())["messages"][0]["message_id"]

    reply = (await customer.snapshot())["messages"][1]["message_id"]
    empty = {"message_id": reply, "should_say": " \u200b"}
    assert code_of(await desk.act(customer.conversation_id, "corrections", empty)) == (422, "empty_message")
    for message_id in (own, "ms_none", ""):
        body = {"message_id": message_id, "should_say": "Good day."}
        assert code_of(await desk.act(customer.conversation_id, "corrections", body)) == (404, "not_found")
    for seq in (0, -1, 1, 999, 10**30):
        answer = await desk.call("GET", f"/conversations/{customer.conversation_id}/cases/{seq}")
        assert code_of(answer) == (404, "not_found")


# Approvals ----------------------------------------------------------------------------------------------------------


async def test_an_approval_shows_the_exact_action_and_once_approved_it_is_done_once(shop: Shop, desk: Desk):
    customer, approval = await asked_for_approval(shop, desk)
    assert (approval["tool"], approval["arguments"], approval["state"]) == (
        "pay_back",
        {"amount_usd": 150},
        "pending",
    )
    assert (approval["conversation_id"], shop.effects()) == (customer.conversation_id, [])
    where = f"/approvals/{approval['approval_id']}"

    answers = await asyncio.gather(*(desk.call("POST", where, json={"decision": "approve"}) for _ in range(5)))
    await customer.replay(times=3)

    assert {answer.status_code for answer in answers} == {200} and len(shop.effects()) == 1
    assert code_of(await desk.call("POST", where, json={"decision": "decline"})) == (409, "already_decided")
    assert (await desk.call("POST", where, json={"decision": "approve"})).status_code == 200
    await shop.service.indexer.settled()
    assert await desk.approvals() == [] and len(shop.effects()) == 1
    assert (await customer.snapshot())["messages"][-1]["text"] == "It is done."


async def test_a_declined_approval_is_not_done_and_the_customer_is_told(shop: Shop, desk: Desk):
    customer, approval = await asked_for_approval(shop, desk)
    before = len((await customer.snapshot())["messages"])
    where = f"/approvals/{approval['approval_id']}"

    assert (await desk.call("POST", where, json={"decision": "decline"})).status_code == 200
    await customer.replay(times=3)

    assert code_of(await desk.call("POST", where, json={"decision": "approve"})) == (409, "already_decided")
    assert shop.effects() == [] and len((await customer.snapshot())["messages"]) == before + 1


async def test_an_approval_that_waited_too_long_is_neither_listed_nor_done(shop: Shop, desk: Desk):
    _, approval = await asked_for_approval(shop, desk)
    shop.clock.forward(days=8)
    late = await sign_in(shop, name="desk.two")
    where = f"/approvals/{approval['approval_id']}"

    assert await late.approvals() == []
    for decision in ("approve", "decline"):
        assert code_of(await late.call("POST", where, json={"decision": decision})) == (409, "approval_expired")
    assert code_of(await late.call("POST", where, json={"decision": "maybe"})) == (422, "invalid")
    assert shop.effects() == []


async def test_an_approval_that_waited_too_long_is_no_longer_counted(shop: Shop, desk: Desk):
    customer, _ = await asked_for_approval(shop, desk)
    await desk.act(customer.conversation_id, "accept")
    await desk.write(customer.conversation_id, "I look into it.")
    await shop.service.indexer.settled()
    shop.clock.forward(days=8)
    await shop.service.timekeeper.tick()
    await shop.service.indexer.settled()
    late = await sign_in(shop, name="desk.two")

    assert (await late.listing())["counts"]["approvals"] == 0


# Looking over the shoulder, and forgetting --------------------------------------------------------------------------


async def test_the_audit_log_has_every_act_and_no_word_of_a_message(shop: Shop, desk: Desk):
    boss = await sign_in(shop, "admin", "boss.one")
    customer = await shop.client.start()
    await customer.ask(f"hello {CANARY}")
    reply = (await customer.snapshot())["messages"][-1]["message_id"]
    id_ = customer.conversation_id

    await desk.detail(id_)
    await desk.act(id_, "accept")
    await desk.write(id_, CANARY)
    await desk.write(id_, CANARY, to="note")
    await desk.act(id_, "draft")
    body = {"message_id": reply, "should_say": CANARY}
    entries = (await desk.act(id_, "corrections", body)).json()["entries"]
    await desk.client.request("GET", next(each["case_url"] for each in entries if each["kind"] == "correction"))
    for action in ("release", "return", "resolve", "reopen"):
        await desk.act(id_, action)

    assert await audited(shop, id_) == [
        "conversation_read", "accepted", "replied", "noted", "drafted", "corrected", "exported", "released",
        "returned", "resolved", "reopened",
    ]  # fmt: skip
    told = (await boss.call("GET", "/audit", params={"conversation": id_})).json()["entries"]
    assert len(told) == 11 and {each["actor"] for each in told} == {"desk.one"}
    assert CANARY not in json.dumps(told)


async def test_an_approval_decided_is_in_the_audit_log(shop: Shop, desk: Desk):
    customer, approval = await asked_for_approval(shop, desk)
    await desk.call("POST", f"/approvals/{approval['approval_id']}", json={"decision": "decline"})

    assert await audited(shop, customer.conversation_id) == ["declined"]


async def test_nothing_of_an_erased_conversation_is_left_after_a_person_had_it(shop: Shop, desk: Desk):
    customer = await shop.client.start(identity=shop.identity(name=CANARY))
    await customer.ask(f"hello {CANARY}")
    await customer.call("POST", "/handoff")
    await customer.call("POST", "/contact", json={"contact": "kim@spoke.example", "comment": CANARY})
    id_ = customer.conversation_id
    await desk.act(id_, "accept")
    await desk.write(id_, CANARY)
    await desk.write(id_, CANARY, to="note")
    reply = next(each for each in (await customer.snapshot())["messages"] if each["author"] == "assistant")
    await desk.act(id_, "corrections", {"message_id": reply["message_id"], "should_say": CANARY})
    await shop.service.indexer.settled()
    assert await desk.found(q=CANARY) == [id_]

    assert (await customer.call("DELETE")).status_code == 204

    stored = b"".join(file.read_bytes() for file in shop.folder.rglob("*") if file.is_file())
    for text in (CANARY, CANARY.casefold(), "kim@spoke.example"):
        assert text.encode() not in stored
    await shop.service.indexer.settled()
    assert await desk.found(q=CANARY) == await desk.found(shelf="all") == await desk.found(shelf="ticket") == []
    assert not any((await desk.listing())["counts"].values())
    assert await shop.service.records.stale(10) == []
