"""What the inbox finds: by words in any language, by name, id, shelf, day and metric; and what it counts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.client import code_of
from tests.support.desk_client import Desk, accepted, sign_in, waiting
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    desk = await sign_in(shop)
    yield desk
    await desk.client.http.aclose()


async def test_conversations_are_found_by_words_in_any_language_by_name_and_by_id(shop: Shop, desk: Desk):
    english = await waiting(shop, "My Chain is dry", "and it squeaks")
    chinese = await waiting(shop, "我的链条需要上油")
    named = await shop.client.start(identity=shop.identity(name="Kim Öztürk"))
    await named.ask("hello")
    await shop.service.indexer.settled()

    for words, whose in (
        ("chain", english), ("CHAIN squeaks", english), ("链条", chinese), ("上油 链条", chinese), ("öztürk", named),
        (named.conversation_id, named), (english.conversation_id.upper(), english),
    ):  # fmt: skip
        assert await desk.found(q=words) == [whose.conversation_id], words
    assert await desk.found(q="chain 链条") == []


async def test_percent_and_underscore_are_looked_for_as_they_are(shop: Shop, desk: Desk):
    percent = await waiting(shop, "is there 20% off")
    lined = await waiting(shop, "part no a_b/c")
    await waiting(shop, "part no axb/c is 200 off")
    await shop.service.indexer.settled()

    assert await desk.found(q="20%") == [percent.conversation_id]
    assert await desk.found(q="a_b") == [lined.conversation_id]
    assert await desk.found(q="%off") == await desk.found(q="_____") == await desk.found(q="' OR 1=1 --") == []


@pytest.mark.parametrize(
    "words", ["zz\x00", "\\", "/%", '"', "zz " * 66, "\u200b", "'); DROP TABLE records; --", "[a-z]*"]
)
async def test_whatever_is_looked_for_is_only_looked_for(shop: Shop, desk: Desk, words: str):
    customer = await waiting(shop, "hello")
    await shop.service.indexer.settled()

    assert await desk.found(q=words) == []
    assert await desk.found(q="hello") == [customer.conversation_id]


async def test_lists_are_chosen_by_shelf_reason_playbook_mine_and_day_and_counted(shop: Shop, desk: Desk):
    first = await waiting(shop, "hello")
    shop.clock.forward(hours=1)
    held = await accepted(shop, desk, "my wheel")
    talked = await shop.client.start()
    await talked.ask("price for 3 wheels")
    await shop.service.indexer.settled()

    assert await desk.found(shelf="waiting") == [first.conversation_id]
    assert await desk.found(mine="true") == await desk.found(status="with_human") == [held.conversation_id]
    assert {*await desk.found()} == {first.conversation_id, held.conversation_id}
    assert {*await desk.found(shelf="all", reason="asked")} == {first.conversation_id, held.conversation_id}
    assert await desk.found(shelf="all", playbook="bench") == [talked.conversation_id]
    assert await desk.found(shelf="all", metric="quoted:ok") == [], "it is going on"
    assert (
        await desk.found(shelf="all", metric="quoted:failed") == await desk.found(shelf="all", reason="upset") == []
    )
    assert len(await desk.found(shelf="all", from_="2026-11-23", to="2026-11-24")) == 3
    assert await desk.found(shelf="all", to="2026-11-23") == await desk.found(shelf="all", from_="2026-11-24") == []
    assert await desk.found(shelf="all", to="2026-11-23T15:30:00Z") == [first.conversation_id]
    counts = (await desk.listing(limit=1))["counts"]
    assert {name: counts.get(name, 0) for name in ("waiting", "with_human", "open", "ticket", "approvals")} == {
        "waiting": 1, "with_human": 1, "open": 1, "ticket": 0, "approvals": 0,
    }  # fmt: skip

    await talked.call("POST", "/close")
    await shop.service.indexer.settled()
    assert await desk.found(shelf="all", metric="quoted:ok") == [talked.conversation_id]


@pytest.mark.parametrize(
    "query",
    [
        {"shelf": "attic"}, {"status": "x" * 21}, {"metric": "quoted"}, {"metric": "charm:failed"},
        {"metric": "quoted:maybe"}, {"from": "yesterday"}, {"to": "2026-13-01"}, {"from": "0001-01-01T00:00+14:00"},
        {"to": "9999-12-31T23:59-14:00"}, {"limit": 0}, {"limit": 201}, {"offset": -1}, {"survey": 6},
        {"survey": "many"}, {"q": "a" * 201}, {"reason": "a" * 41},
    ],
)  # fmt: skip
async def test_a_filter_that_makes_no_sense_is_refused_and_named(desk: Desk, query: dict[str, Any]):
    answer = await desk.call("GET", "/conversations", params=query)

    assert code_of(answer) == (422, "invalid")
    assert next(iter(query)).replace("status", "s") in answer.json()["error"]["message"]
