"""Signing in to the inbox: who gets in, for how long, from where; and what a page of another site can never do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from httpx2 import Response
from starlette.exceptions import HTTPException

from firstline.config import Settings
from firstline.errors import FirstlineError, RequestError
from firstline.service import app as app_module
from firstline.service import sign_in
from firstline.service.fence import Fence
from firstline.service.identity import hash_token
from firstline.service.limits import Buckets
from firstline.service.sign_in import AsAdmin, AsHumanAgent, AsViewer, StaffDoor, still_signed_in
from firstline.staff import Actor, StaffChange, StaffMember
from firstline.store.staff import SqlStaff
from firstline.types import ConversationId, Json, StaffId
from tests.contracts.test_staff_register_contract import PASSWORD, START, open_register
from tests.support.client import Asgi, Client, code_of

pytestmark = pytest.mark.anyio

OWNER = Actor(name="command line")
HERE = {"Origin": "http://firstline.test"}
PRODUCTION = {"production": True, "identity_secret": "s" * 40}
ROLES = ("viewer", "human_agent", "admin")


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Browser:
    """Keeps the session's cookie, and says which page it is on."""

    client: Client
    cookie: str | None = None
    origin: dict[str, str] = field(default_factory=lambda: dict(HERE))
    said: "Morsel[str] | None" = None
    """The cookie as it was last set."""

    async def call(self, method: str, path: str, **how: Any) -> Response:
        cookie = {} if self.cookie is None else {"Cookie": f"{sign_in.COOKIE}={self.cookie}"}
        headers = {**cookie, **self.origin, **how.pop("headers", {})}
        response = await self.client.request(method, path, headers=headers, **how)
        self.client.http.cookies.clear()
        if told := response.headers.get("set-cookie"):
            self.said = SimpleCookie(told)[sign_in.COOKIE]
            self.cookie = self.said.value or None
        return response

    async def sign_in(self, name: str = "desk.one", password: str = PASSWORD) -> Response:
        return await self.call("POST", "/v1/staff/login", json={"name": name, "password": password})

    async def me(self) -> Response:
        return await self.call("GET", "/v1/staff/me")


@dataclass
class House:
    """An application that is nothing but the door and a room for each role."""

    app: FastAPI
    register: SqlStaff
    clock: Clock
    door: StaffDoor

    def browser(self, address: str = "10.0.0.1", *, scheme: str = "http") -> Browser:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, "scheme": scheme}, receive, send)

        return Browser(Client(transport=Asgi(app, address=address)))

    async def signed_in(self, name: str = "desk.one") -> Browser:
        browser = self.browser()
        assert (await browser.sign_in(name)).status_code == 200
        return browser

    async def member(self, name: str = "desk.one") -> StaffMember:
        found = await self.register.find_name(name)
        assert found is not None
        return found

    async def change(self, change: StaffChange, *, password: str | None = None) -> None:
        staff_id = (await self.member()).staff_id
        await self.register.change(staff_id, change, by=OWNER, at=self.clock(), password=password)

    async def actions(self) -> list[str]:
        return [entry.action for entry in reversed(await self.register.read_audit())]


@asynccontextmanager
async def open_house(folder: Path, *, per_minute: int = 1000, **settings: Any) -> AsyncIterator[House]:
    clock = Clock()
    with open_register(folder) as register:
        door = StaffDoor(register, Settings(_env_file=None, **settings), clock, Buckets(per_minute))  # pyright: ignore
        for role, name in zip(ROLES, ("viewer", "desk.one", "boss"), strict=True):
            member = StaffMember(
                staff_id=StaffId(f"st_{name}"), name=name, display_name="Desk One", role=role, created_at=START
            )
            if await register.find_name(name) is None:
                await register.add(member, password=PASSWORD, by=OWNER, at=START)
        yield House(build(door), register, clock, door)


def build(door: StaffDoor) -> FastAPI:
    app = FastAPI()
    app.state.staff_door = door
    app.include_router(sign_in.router)
    app.include_router(sign_in.demo_router)

    async def view(caller: AsViewer) -> Json:
        return {"name": caller.member.name}

    async def work(caller: AsHumanAgent) -> Json:
        await door.note(caller, "replied", conversation_id=ConversationId("cv_a"), message_id="ms_1")
        return {"name": caller.member.name}

    async def rule(caller: AsAdmin) -> Json:
        return {"name": caller.member.name}

    for path, room in (("viewer", view), ("human_agent", work), ("admin", rule)):
        app.add_api_route(f"/v1/staff/rooms/{path}", room, methods=["GET", "POST"])
    app.add_exception_handler(RequestError, app_module._on_request_error)
    app.add_exception_handler(RequestValidationError, app_module._on_invalid)
    app.add_exception_handler(HTTPException, app_module._on_http_error)
    app.add_exception_handler(FirstlineError, app_module._on_our_error)
    app.add_middleware(Fence)
    return app


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


def body_of(response: Response) -> Json:
    """An error without what is different each time."""
    return {**response.json()["error"], "request_id": ""}


# Signing in ---------------------------------------------------------------------------------------------------------


async def test_a_name_and_its_password_open_the_inbox(house: House):
    browser = house.browser()
    signed = await browser.sign_in("Desk.One ")

    view = {"staff_id": "st_desk.one", "name": "desk.one", "display_name": "Desk One", "role": "human_agent"}
    assert signed.status_code == 200 and signed.json() == {**view, "picture": None}
    assert (await browser.me()).json() == signed.json()
    assert (await house.actions())[-1] == "signed_in"


async def test_a_wrong_password_an_unknown_name_and_a_disabled_account_look_the_same(house: House):
    await house.change(StaffChange(disabled=True))
    answers = [
        await house.browser().sign_in(*tried)
        for tried in (("boss", "not the password"), ("nobody", PASSWORD), ("desk.one", PASSWORD), ("", ""))
    ]

    assert {code_of(answer) for answer in answers} == {(401, "bad_sign_in")}
    assert [body_of(answer) for answer in answers] == [body_of(answers[0])] * 4
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert {*answers[0].headers} == {*answers[1].headers}


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "desk.one"}',
        '{"name": ["desk.one"], "password": "x"}',
        '{"name": "desk.one", "password": "x", "role": "admin"}',
        '{"name": "desk.one", "password": "\\ud800"}',
        '{"name": "' + "a" * 201 + '", "password": "x"}',
        '{"name": "desk.one", "password": "' + "a" * 1001 + '"}',
    ],
)
async def test_a_body_of_another_shape_is_refused_without_repeating_what_was_sent(house: House, body: str):
    headers = {"Content-Type": "application/json"}
    answer = await house.browser().call("POST", "/v1/staff/login", content=body.encode(), headers=headers)

    assert code_of(answer) == (422, "invalid")
    assert "desk.one" not in answer.text and "aaaa" not in answer.text


async def test_a_form_of_another_site_is_not_even_read(house: House):
    content = b"name=desk.one&password=x"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await house.browser().call("POST", "/v1/staff/login", content=content, headers=headers)
    assert code_of(answer) == (415, "bad_json")


# Locks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["desk.one", "nobody"])
async def test_after_five_failures_even_the_right_password_waits_and_is_told_how_long(house: House, name: str):
    for _ in range(5):
        assert code_of(await house.browser().sign_in(name, "not the password")) == (401, "bad_sign_in")
    house.clock.forward(minutes=5)
    locked = await house.browser("10.0.0.9").sign_in(name)

    assert code_of(locked) == (429, "locked_out") and locked.headers["retry-after"] == "600"
    assert locked.json()["error"]["retryable"] and "10 min" in locked.json()["error"]["message"]
    house.clock.forward(minutes=10)
    again = await house.browser().sign_in(name)
    assert again.status_code == (200 if name == "desk.one" else 401)


async def test_a_lock_outlives_the_process(tmp_path: Path):
    async with open_house(tmp_path) as house:
        for _ in range(5):
            await house.browser().sign_in(password="not the password")
    async with open_house(tmp_path) as house:
        assert code_of(await house.browser().sign_in()) == (429, "locked_out")


async def test_who_is_signed_in_stays_so_while_others_guess(house: House):
    browser = await house.signed_in()
    for _ in range(6):
        await house.browser("10.0.0.9").sign_in(password="not the password")

    assert (await browser.me()).status_code == 200


async def test_one_address_guesses_slowly_however_many_names_it_knows(tmp_path: Path):
    async with open_house(tmp_path, per_minute=3) as house:
        for number in range(3):
            assert (await house.browser().sign_in(f"name{number}")).status_code == 401
        too_many = await house.browser().sign_in("boss")

        assert code_of(too_many) == (429, "too_many") and int(too_many.headers["retry-after"]) <= 20
        assert (await house.browser("10.0.0.2").sign_in("boss")).status_code == 200


# The cookie ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "scheme", "secure"), [({}, "http", False), ({}, "https", True), (PRODUCTION, "http", True)]
)
async def test_the_cookie_is_for_this_site_and_no_script(tmp_path: Path, settings: Any, scheme: str, secure: bool):
    async with open_house(tmp_path, **settings) as house:
        browser = house.browser(scheme=scheme)
        browser.origin = {"Origin": f"{scheme}://firstline.test"}
        await browser.sign_in()
        said = browser.said
        assert said is not None
        assert (said["httponly"], said["samesite"], said["path"], said["domain"]) == (True, "strict", "/", "")
        assert bool(said["secure"]) == secure and said["max-age"] == said["expires"] == ""

        await browser.call("POST", "/v1/staff/logout")
        gone = browser.said
        assert gone is not None and (gone.value, gone["max-age"], gone["path"]) == ("", "0", "/")
        assert bool(gone["secure"]) == secure and gone["httponly"] and gone["samesite"] == "strict"


async def test_the_token_has_192_bits_and_is_stored_as_its_hash(house: House, tmp_path: Path):
    token = (await house.signed_in()).cookie

    assert token is not None and len(token) == 32
    files = b"".join(file.read_bytes() for file in tmp_path.glob("firstline.db*"))
    assert token.encode() not in files and hash_token(token).encode() in files


async def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(house: House):
    browser = house.browser()
    browser.cookie = "planted"
    await browser.sign_in()

    assert browser.cookie != "planted"
    planted = house.browser()
    planted.cookie = "planted"
    assert code_of(await planted.me()) == (401, "not_signed_in")


async def test_each_sign_in_is_a_new_session_and_the_old_one_of_this_browser_ends(house: House):
    browser, elsewhere = await house.signed_in(), await house.signed_in()
    old = house.browser()
    old.cookie = browser.cookie
    await browser.sign_in()

    assert browser.cookie != old.cookie
    assert code_of(await old.me()) == (401, "not_signed_in")
    assert (await browser.me()).status_code == (await elsewhere.me()).status_code == 200


async def test_a_failed_sign_in_leaves_the_session_as_it_is(house: House):
    browser = await house.signed_in()
    await browser.sign_in(password="not the password")

    assert (await browser.me()).status_code == 200


# The end of a session -----------------------------------------------------------------------------------------------


async def test_signing_out_ends_the_session_and_again_is_no_error(house: House):
    browser = await house.signed_in()
    stolen = house.browser()
    stolen.cookie = browser.cookie

    assert [(await browser.call("POST", "/v1/staff/logout")).status_code for _ in range(2)] == [204, 204]
    assert code_of(await browser.me()) == code_of(await stolen.me()) == (401, "not_signed_in")
    assert (await house.actions()).count("signed_out") == 1


async def disable(house: House, browser: Browser) -> None:
    await house.change(StaffChange(disabled=True))


async def renew(house: House, browser: Browser) -> None:
    await house.change(StaffChange(), password="another-password")


async def leave(house: House, browser: Browser) -> None:
    await browser.call("POST", "/v1/staff/logout")


async def wait(house: House, browser: Browser) -> None:
    house.clock.forward(hours=2)


ENDINGS: dict[str, Callable[[House, Browser], Any]] = {
    "disabled": disable, "a new password": renew, "signed out": leave, "two hours": wait,
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
async def test_requests_and_open_streams_are_over_at_once(house: House, ending: str):
    browser = await house.signed_in()
    caller = await house.door.find(hash_token(browser.cookie or ""))
    assert caller is not None and await still_signed_in(house.door, caller.session)

    await ENDINGS[ending](house, browser)

    assert not await still_signed_in(house.door, caller.session)
    assert code_of(await browser.me()) == (401, "not_signed_in")


async def test_an_open_stream_alone_keeps_nobody_signed_in(house: House):
    browser = await house.signed_in()
    caller = await house.door.find(hash_token(browser.cookie or ""))
    assert caller is not None
    for _ in range(4):
        house.clock.forward(minutes=29)
        assert await still_signed_in(house.door, caller.session)
    house.clock.forward(minutes=4)

    assert not await still_signed_in(house.door, caller.session)


async def test_working_keeps_somebody_signed_in_for_twelve_hours(house: House):
    browser = await house.signed_in()
    for _ in range(11):
        house.clock.forward(hours=1)
        assert (await browser.me()).status_code == 200
    house.clock.forward(hours=1)

    assert code_of(await browser.me()) == (401, "not_signed_in")


# Roles --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("name", "rooms"), [("viewer", ROLES[:1]), ("desk.one", ROLES[:2]), ("boss", ROLES)])
async def test_each_role_reaches_its_rooms_and_no_others(house: House, name: str, rooms: Any, method: str):
    browser = await house.signed_in(name)
    answers = {role: await browser.call(method, f"/v1/staff/rooms/{role}") for role in ROLES}

    assert [role for role in ROLES if answers[role].status_code == 200] == list(rooms)
    assert {code_of(answers[role]) for role in ROLES if role not in rooms} <= {(403, "not_allowed")}


async def test_a_lower_role_holds_at_once(house: House):
    browser = await house.signed_in()
    await house.change(StaffChange(role="viewer"))

    assert code_of(await browser.call("POST", "/v1/staff/rooms/human_agent")) == (403, "not_allowed")


@pytest.mark.parametrize("path", ["me", "audit", "rooms/viewer", "rooms/human_agent", "rooms/admin"])
async def test_nobody_gets_in_without_a_session_and_no_customer_with_a_token(house: House, path: str):
    nobody, stranger = house.browser(), house.browser()
    stranger.cookie = "0" * 32

    assert code_of(await nobody.call("GET", f"/v1/staff/{path}")) == (401, "not_signed_in")
    assert code_of(await stranger.call("GET", f"/v1/staff/{path}")) == (401, "not_signed_in")
    bearer = {"Authorization": "Bearer 0123456789abcdef"}
    assert code_of(await nobody.call("GET", f"/v1/staff/{path}", headers=bearer)) == (403, "not_allowed")


async def test_a_staff_token_as_a_bearer_opens_nothing(house: House):
    browser = await house.signed_in()
    bearer = {"Authorization": f"Bearer {browser.cookie}"}

    assert code_of(await house.browser().call("GET", "/v1/staff/me", headers=bearer)) == (403, "not_allowed")


# Other sites --------------------------------------------------------------------------------------------------------

ORIGINS = {
    "this host": ("http", {"Origin": "http://firstline.test"}, True),
    "this host, whatever the case": ("http", {"Origin": "HTTP://Firstline.TEST"}, True),
    "this host, behind a proxy that speaks https": ("http", {"Origin": "https://firstline.test"}, True),
    "no origin, the same site": ("http", {"Sec-Fetch-Site": "same-origin"}, True),
    "no origin, typed by hand": ("http", {"Sec-Fetch-Site": "none"}, True),
    "another host": ("http", {"Origin": "http://elsewhere.test"}, False),
    "another port": ("http", {"Origin": "http://firstline.test:8081"}, False),
    "a host below": ("http", {"Origin": "http://evil.firstline.test"}, False),
    "a host that begins so": ("http", {"Origin": "http://firstline.test.evil.test"}, False),
    "a name before the host": ("http", {"Origin": "http://evil@firstline.test"}, False),
    "hidden": ("http", {"Origin": "null"}, False),
    "empty": ("http", {"Origin": ""}, False),
    "another scheme": ("http", {"Origin": "ftp://firstline.test"}, False),
    "a scheme less safe than ours": ("https", {"Origin": "http://firstline.test"}, False),
    "a broken origin": ("http", {"Origin": "http://["}, False),
    "foreign, though the browser says the same site": (
        "http", {"Origin": "http://elsewhere.test", "Sec-Fetch-Site": "same-origin"}, False,
    ),
    "no origin, a sister site": ("http", {"Sec-Fetch-Site": "same-site"}, False),
    "no origin, another site": ("http", {"Sec-Fetch-Site": "cross-site"}, False),
    "nothing at all": ("http", {}, False),
}  # fmt: skip


@pytest.mark.parametrize("case", ORIGINS)
async def test_only_a_page_of_ours_changes_anything(house: House, case: str):
    scheme, headers, ours = ORIGINS[case]
    told = {"name": "boss", "password": PASSWORD}
    posts: dict[str, Any] = {
        "/v1/staff/rooms/human_agent": {}, "/v1/staff/login": {"json": told}, "/v1/staff/logout": {},
        "/demo/staff": {"json": {"role": "admin"}},
    }  # fmt: skip
    for path, body in posts.items():
        page = house.browser(scheme=scheme)
        page.cookie, page.origin = (await house.signed_in()).cookie, headers
        answer = await page.call("POST", path, **body)

        assert answer.status_code in (200, 204) if ours else code_of(answer) == (403, "foreign_origin"), path
        assert ours or (await page.me()).json()["name"] == "desk.one"
    assert ("replied" in await house.actions()) == ours


async def test_reading_needs_no_origin(house: House):
    browser = await house.signed_in()
    browser.origin = {}

    assert (await browser.me()).status_code == 200


# Audit log ----------------------------------------------------------------------------------------------------------


async def test_an_administrator_reads_who_did_what_page_by_page(house: House):
    desk, boss = await house.signed_in(), await house.signed_in("boss")
    for _ in range(3):
        await desk.call("POST", "/v1/staff/rooms/human_agent")

    page = (await boss.call("GET", "/v1/staff/audit", params={"limit": 2})).json()
    latest = page["entries"][0]
    assert (latest["actor"], latest["action"], latest["conversation_id"]) == ("desk.one", "replied", "cv_a")
    assert latest["detail"] == {"message_id": "ms_1"} and latest["staff_id"] == "st_desk.one"
    rest = (await boss.call("GET", "/v1/staff/audit", params={"before": page["next_before"]})).json()
    assert [entry["number"] for entry in page["entries"] + rest["entries"]] == list(range(latest["number"], 0, -1))
    assert rest["next_before"] is None
    found = (await boss.call("GET", "/v1/staff/audit", params={"conversation": "cv_a"})).json()
    assert [entry["action"] for entry in found["entries"]] == ["replied"] * 3
    assert await house.register.check_audit() is None


async def test_nobody_else_reads_it(house: House):
    assert code_of(await (await house.signed_in()).call("GET", "/v1/staff/audit")) == (403, "not_allowed")


# The demo -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
async def test_a_newcomer_looks_at_the_inbox_without_an_account(house: House, role: str):
    browser = house.browser()
    signed = await browser.call("POST", "/demo/staff", json={"role": role})

    assert signed.status_code == 200
    assert (signed.json()["name"], signed.json()["role"]) == (f"demo-{role}", role)
    assert signed.json()["display_name"] == "Demo desk" and (await browser.me()).json() == signed.json()
    again = house.browser()
    assert (await again.call("POST", "/demo/staff", json={"role": role})).json() == signed.json()
    assert (await browser.me()).status_code == 200


async def test_newcomers_who_come_at_once_share_one_account(house: House):
    browsers = [house.browser() for _ in range(5)]
    answers = await asyncio.gather(*(each.call("POST", "/demo/staff", json={"role": "viewer"}) for each in browsers))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert (await house.actions()).count("staff_added") == 4
    assert len({each.cookie for each in browsers}) == 5


async def test_a_role_that_there_is_not_is_refused(house: House):
    answer = await house.browser().call("POST", "/demo/staff", json={"role": "owner"})

    assert code_of(answer) == (422, "invalid")


async def test_a_disabled_demo_account_stays_out(house: House):
    browser = house.browser()
    await browser.call("POST", "/demo/staff", json={"role": "admin"})
    demo = await house.member("demo-admin")
    await house.register.change(demo.staff_id, StaffChange(disabled=True), by=OWNER, at=START)

    assert code_of(await browser.me()) == (401, "not_signed_in")
    assert code_of(await house.browser().call("POST", "/demo/staff", json={"role": "admin"})) == (404, "not_found")


async def test_in_production_nobody_of_the_demo_gets_in_or_stays_in(tmp_path: Path):
    async with open_house(tmp_path) as house:
        browser = house.browser()
        await browser.call("POST", "/demo/staff", json={"role": "admin"})
        caller = await house.door.find(hash_token(browser.cookie or ""))
        assert caller is not None
    async with open_house(tmp_path, **PRODUCTION) as house:
        kept = house.browser()
        kept.cookie = browser.cookie

        assert code_of(await kept.me()) == (401, "not_signed_in")
        assert not await still_signed_in(house.door, caller.session)
        assert code_of(await kept.call("POST", "/demo/staff", json={"role": "admin"})) == (404, "not_found")
        assert (await (house.browser()).sign_in()).status_code == 200
