"""What customers get while revisions are published, tried with a share and taken back: beside a running service, over
restarts, and when what was published cannot be opened.
"""

import asyncio
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from httpx2 import Response

from firstline import engines, wire
from firstline.bundle.revisions import keep_revision
from firstline.errors import ConfigError
from firstline.service.identity import hash_token
from firstline.service.sign_in import COOKIE
from firstline.staff import Actor, StaffMember
from firstline.types import ConversationId, StaffId
from tests.support.client import code_of
from tests.support.published import Business, Running, running

pytestmark = pytest.mark.anyio
SHORT, KIND, WARM = "Always be short.", "Always be kind.", "Always be warm."


@pytest.fixture
def business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Business:
    for name in os.environ:
        if name.upper().startswith(("FIRSTLINE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FIRSTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return Business.begin(tmp_path)


@pytest.fixture
def numbered_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that are the same in every run of the test, so that a share of them is too."""
    numbers = count(1)
    real = wire.new_id
    monkeypatch.setattr(wire, "new_id", lambda kind: f"cv_{next(numbers):024x}" if kind == "cv" else real(kind))
    build = wire.build_engine
    monkeypatch.setattr(wire, "build_engine", lambda *args, **how: build(*args, **how, make_id=wire.new_id))


async def act(command: Callable[..., None], *words: object) -> None:
    """An operator's command while the service goes on."""
    await asyncio.to_thread(command, *words)


async def take_up(shop: Running, command: Callable[..., None], *words: object) -> None:
    """The same, and the service has noticed."""
    await act(command, *words)
    await shop.look()


# While it runs ------------------------------------------------------------------------------------------------------


async def test_a_folder_of_which_nothing_is_published_is_served_as_it_is(business: Business) -> None:
    async with running(business) as shop:
        customer = await shop.client.start()

        assert await shop.speaks(customer) == business.revision
        assert (await shop.ready())["revisions"] == {"workshop": {business.revision: 1.0}}


async def test_the_first_publication_takes_a_running_server_off_its_folder(business: Business) -> None:
    before = business.revision
    async with running(business) as shop:
        old = await shop.client.start()
        now = business.write(SHORT)
        await take_up(shop, business.publish)

        assert await shop.speaks(await shop.client.start()) == now
        assert await shop.speaks(old) == before


async def test_new_conversations_get_what_is_published_and_those_that_have_begun_keep_theirs(
    business: Business,
) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        old = await shop.client.start()
        assert await shop.speaks(old) == first
        second = business.write(SHORT)
        assert await shop.speaks(await shop.client.start()) == first, "what is only written is not published"

        await take_up(shop, business.publish)

        new = await shop.client.start()
        assert (await shop.speaks(new), await shop.speaks(old)) == (second, first)
        assert [(await each.snapshot())["revision"] for each in (new, old)] == [second, first]
        assert (await shop.ready())["revisions"] == {"workshop": {second: 1.0}}


async def test_a_server_notices_by_itself(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "POLL_SECONDS", 0.001)
    business.publish()
    async with running(business) as shop:
        second = business.write(SHORT)
        await act(business.publish)

        async with asyncio.timeout(20):
            while (await shop.ready())["revisions"] != {"workshop": {second: 1.0}}:
                pass
        assert await shop.revision_of(await shop.client.start()) == second


async def test_nobody_gets_a_revision_before_it_is_open(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        business.write(SHORT)
        await act(business.publish)
        loop, opening, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        real = shop.service.engines._open_kept
        assert real is not None

        def wait(name: str, revision: str) -> object:
            loop.call_soon_threadsafe(opening.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
            return real(name, revision)

        monkeypatch.setattr(shop.service.engines, "_open_kept", wait)
        looking = asyncio.create_task(shop.look())
        await opening.wait()
        assert await shop.speaks(await shop.client.start()) == first, "and nobody waits for it"
        go_on.set()
        await looking
        assert await shop.speaks(await shop.client.start()) == business.revision


async def test_a_share_of_new_conversations_gets_the_trial(business: Business, numbered_ids: None) -> None:
    first = business.revision
    business.publish()
    trial = business.write(SHORT)
    business.publish("--share", "25%")
    async with running(business) as shop:
        found = await shop.start_many(200)

        assert set(found) == {first, trial}
        assert 35 <= found[trial] <= 65
        assert (await shop.ready())["revisions"] == {"workshop": {trial: 0.25, first: 0.75}}


async def test_the_end_of_a_trial_is_for_new_conversations_the_others_keep_theirs(
    business: Business, numbered_ids: None
) -> None:
    first = business.revision
    business.publish()
    trial = business.write(SHORT)
    business.publish("--share", "50%")
    async with running(business) as shop:
        tried = [await shop.client.start() for _ in range(8)]
        was = [await shop.revision_of(each) for each in tried]
        assert set(was) == {first, trial}
        await take_up(shop, business.rollback)

        assert await shop.start_many(20) == {first: 20}
        assert [await shop.speaks(each) for each in tried] == was


async def test_a_rollback_is_taken_up_as_well(business: Business) -> None:
    first = business.revision
    business.publish()
    second = business.write(SHORT)
    business.publish()
    async with running(business) as shop:
        old = await shop.client.start()
        await take_up(shop, business.rollback)

        assert await shop.speaks(await shop.client.start()) == first
        assert await shop.speaks(old) == second
        await take_up(shop, business.rollback, second[:6])
        assert await shop.speaks(await shop.client.start()) == second


async def test_what_is_taken_back_everywhere_speaks_nowhere_any_more(business: Business) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        begun_before = await shop.client.start()
        second = business.write(SHORT)
        await take_up(shop, business.publish)
        begun_with_it = await shop.client.start()
        assert await shop.speaks(begun_with_it) == second
        await take_up(shop, business.rollback)
        assert await shop.speaks(begun_with_it) == second
        await take_up(shop, business.rollback, first, "--everywhere")

        assert [await shop.speaks(each) for each in (begun_with_it, begun_before)] == [first, first]
        assert (await shown(shop, revision=second))["revision"] == first
    async with running(business) as shop:
        assert await shop.speaks(shop.again(begun_with_it)) == first, "nor after a restart"
        await take_up(shop, business.publish)
        assert await shop.speaks(shop.again(begun_with_it)) == second, "until it is published again"


async def test_with_draft_the_folder_is_served_whatever_is_published(business: Business) -> None:
    business.publish()
    draft = business.write(SHORT)
    async with running(business, draft=True) as shop:
        assert await shop.speaks(await shop.client.start()) == draft
        business.write(KIND)
        await act(business.publish)

        assert await shop.speaks(await shop.client.start()) == draft


# Over restarts ------------------------------------------------------------------------------------------------------


async def test_after_a_restart_each_conversation_still_has_its_revision(business: Business) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        old = await shop.client.start()
        assert await shop.speaks(old) == first
    second = business.write(SHORT)
    business.publish()
    business.write("Not yet to be seen.")
    async with running(business) as shop:
        assert await shop.speaks(shop.again(old)) == first
        assert await shop.speaks(await shop.client.start()) == second


async def test_where_a_conversations_revision_is_not_kept_the_published_one_answers(business: Business) -> None:
    async with running(business) as shop:
        old = await shop.client.start()
        was = await shop.revision_of(old)
    now = business.write(SHORT)
    business.publish()
    async with running(business) as shop:
        assert await shop.speaks(shop.again(old)) == now
        assert (await shop.again(old).snapshot())["revision"] == was, "the log says what was true"


async def test_what_is_published_is_served_though_the_folder_is_broken_or_gone(business: Business) -> None:
    published = business.revision
    business.publish()
    (business.folder / "bundle.yaml").write_text("in the middle of writing: [")
    async with running(business) as shop:
        assert await shop.speaks(await shop.client.start()) == published
    business.folder.rename(business.folder.with_name("away"))
    async with running(business) as shop:
        assert await shop.speaks(await shop.client.start()) == published


async def test_a_crash_between_the_copy_and_its_entry_publishes_nothing(business: Business) -> None:
    first = business.revision
    business.publish()
    second = business.write(SHORT)
    keep_revision(business.folder, business.data, second)  # and then the process dies
    async with running(business) as shop:
        assert await shop.speaks(await shop.client.start()) == first
        await take_up(shop, business.publish)
        assert await shop.speaks(await shop.client.start()) == second


# When it cannot be opened -------------------------------------------------------------------------------------------


async def test_a_revision_that_cannot_be_opened_changes_nothing_and_readyz_says_so(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        second = business.write(SHORT)
        await act(business.publish)
        was = business.damage(second)
        await shop.look()

        assert await shop.speaks(await shop.client.start()) == first
        ready = await shop.ready()
        assert ready["revisions"] == {"workshop": {first: 1.0}}
        assert ready["problems"] == {"workshop": "publication 2 cannot be opened; the log says why"}

        (business.place(second) / "policy.md").write_bytes(was)
        await shop.look()
        assert await shop.speaks(await shop.client.start()) == first, "not tried again at every look"
        monkeypatch.setattr(engines, "RETRY_SECONDS", -1.0)
        shop.service.engines._failed.clear()
        await shop.look()
        assert await shop.speaks(await shop.client.start()) == second
        assert (await shop.ready())["problems"] == {}


async def test_a_rollback_from_what_cannot_be_opened_is_noticed_at_once(business: Business) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        second = business.write(SHORT)
        await act(business.publish)
        business.damage(second)
        await shop.look()
        await take_up(shop, business.rollback)

        assert (await shop.ready())["problems"] == {}
        assert await shop.speaks(await shop.client.start()) == first


async def test_a_server_that_is_started_again_goes_on_with_what_it_served_before(business: Business) -> None:
    first = business.revision
    business.publish()
    second = business.write(SHORT)
    business.publish()
    business.damage(second)
    async with running(business) as shop:
        assert await shop.speaks(await shop.client.start()) == first
        assert "publication 2" in (await shop.ready())["problems"]["workshop"]


async def test_a_server_of_whose_publications_none_can_be_opened_does_not_start(business: Business) -> None:
    business.publish()
    business.damage(business.revision)

    with pytest.raises(ConfigError, match="not what was published") as refused:
        business.build()
    assert "rollback" in refused.value.problems[0].remedy
    business.publish()  # mends the copy
    async with running(business) as shop:
        assert await shop.speaks(await shop.client.start()) == business.revision


async def test_tools_that_break_when_they_are_opened_leave_the_server_as_it_is(business: Business) -> None:
    first = business.revision
    business.publish()
    async with running(business) as shop:
        tools = business.folder / "tools.py"
        only_here = "def setup(folder):\n    assert 'data' not in str(folder), 'the till is closed'\n"
        tools.write_text(f"{tools.read_text()}\n\n{only_here}")
        await act(business.publish)
        await shop.look()

        assert await shop.speaks(await shop.client.start()) == first
        assert "workshop" in (await shop.ready())["problems"]


# What is shown ------------------------------------------------------------------------------------------------------


async def shown(shop: Running, **query: str) -> dict[str, str]:
    response = await shop.client.request("GET", "/v1/bundles/workshop", params=query)
    assert response.status_code == 200
    return response.json()


def change_welcome(business: Business) -> str:
    file = business.folder / "bundle.yaml"
    file.write_text(file.read_text().replace("Hello, I am Ada. I know bicycles.", "Welcome! Bicycles are my life."))
    return business.revision


async def test_whoever_was_shown_a_trials_welcome_talks_to_the_trial(business: Business, numbered_ids: None) -> None:
    first = business.revision
    business.publish()
    trial = change_welcome(business)
    business.publish("--share", "50%")
    async with running(business) as shop:
        seen: dict[str, str] = {}
        for _ in range(12):
            page = await shown(shop)
            seen[page["revision"]] = page["welcome"]
            customer = await shop.client.start(revision=page["revision"])
            assert await shop.speaks(customer) == page["revision"]
        assert seen == {first: "Hello, I am Ada. I know bicycles.", trial: "Welcome! Bicycles are my life."}


async def test_a_conversation_that_goes_on_is_shown_its_own_welcome(business: Business) -> None:
    first = business.revision
    business.publish()
    change_welcome(business)
    business.publish()
    async with running(business) as shop:
        assert (await shown(shop, revision=first))["welcome"] == "Hello, I am Ada. I know bicycles."
        assert (await shown(shop))["welcome"] == "Welcome! Bicycles are my life."


@pytest.mark.parametrize("asked", ["0123456789abcdef", "../../../etc", "a" * 80])
async def test_a_revision_that_was_never_published_is_nobodys_to_choose(business: Business, asked: str) -> None:
    business.publish()
    now = business.write(SHORT)
    business.publish()
    async with running(business) as shop:
        assert (await shown(shop, revision=asked))["revision"] == now
        assert await shop.revision_of(await shop.client.start(revision=asked)) == now
        assert shop.service.engines._lost == set(), "and nothing is looked for on the disk"


async def test_a_revision_that_was_taken_back_is_no_longer_to_be_chosen(business: Business) -> None:
    first = business.revision
    business.publish()
    second = business.write(SHORT)
    business.publish()
    async with running(business) as shop:
        await take_up(shop, business.rollback)

        assert await shop.revision_of(await shop.client.start(revision=second)) == first


async def test_a_page_of_a_trials_knowledge_can_be_read(business: Business) -> None:
    business.publish()
    (business.folder / "knowledge" / "en" / "tandem.md").write_text(
        "---\ntitle: Tandems\n---\n# Tandems\n\nFor two.\n"
    )
    async with running(business) as shop:
        page = "/help/workshop/en/tandem"
        assert code_of(await shop.client.request("GET", page)) == (404, "not_found")
        await take_up(shop, business.publish, "--share", "1%")

        response = await shop.client.request("GET", page)
        assert response.status_code == 200 and "For two." in response.text


# What is counted ----------------------------------------------------------------------------------------------------


async def test_a_record_is_made_with_the_revision_that_the_conversation_had(business: Business) -> None:
    business.publish()
    first = business.revision
    async with running(business) as shop:
        old = await shop.client.start()
        await shop.speaks(old)
        business.write(SHORT)
        await take_up(shop, business.publish)
        new = await shop.client.start()
        await shop.speaks(new)
        own = shop.service.indexer._own
        assert own is not None
        for customer, revision in ((old, first), (new, business.revision)):
            conversation = await shop.service.ledger.load(ConversationId(customer.conversation_id))
            assert (await own(conversation)).bundle.revision == revision
        await shop.service.indexer.settled()

        rows = business.run("revisions", "workshop", "--json").stdout
        assert rows.count('"conversations": 1') == 2


async def test_the_report_tells_two_revisions_apart_and_marks_both_as_current(
    business: Business, numbered_ids: None
) -> None:
    first = business.revision
    business.publish()
    trial = business.write(SHORT)
    business.publish("--share", "50%")
    async with running(business) as shop:
        had: dict[str, int] = {}
        for _ in range(12):
            customer = await shop.client.start()
            revision = await shop.speaks(customer)
            had[revision] = had.get(revision, 0) + 1
            assert (await customer.call("POST", "/close")).status_code == 200
        await shop.service.indexer.settled()
        cookie = await sign_in(shop)

        async def report(path: str = "/v1/staff/report", **query: str) -> Response:
            response = await shop.client.request("GET", path, params=query or None, headers=cookie)
            assert response.status_code == 200, response.text
            return response

        lines = (await report()).json()["tables"]["revision"]
        assert {line["key"]: line["note"] for line in lines} == {first: "current", trial: "current"}
        for revision in (first, trial):
            narrowed = (await report(revision=revision)).json()
            assert narrowed["ended"] == had[revision]
            (line,) = [each for each in lines if each["key"] == revision]
            listed = await report(line["link"].replace("/inbox", "/v1/staff/conversations"))
            assert len(listed.json()["conversations"]) == had[revision]
        page = (await report("/report")).text
        assert all(f'value="{revision}"' in page for revision in (first, trial)), "both can be chosen"


async def sign_in(shop: Running) -> dict[str, str]:
    """The headers of somebody who may read reports."""
    at, staff_id = shop.service.engines["workshop"].now(), StaffId("st_viewer")
    member = StaffMember(staff_id=staff_id, name="desk.one", display_name="Desk One", role="viewer", created_at=at)
    await shop.service.staff.add(member, password="a long enough one", by=Actor(name="command line"), at=at)
    await shop.service.staff.open_session(staff_id, token_sha256=hash_token("token"), address="", at=at)
    return {"Cookie": f"{COOKIE}=token"}
