"""Who may call what: every route of the API with no token, a wrong one, somebody else's; and odd paths."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Client, Customer, check_error, code_of
from tests.support.shop import Shop

pytestmark = pytest.mark.anyio

PUBLIC = {
    ("post", "/v1/conversations"),
    ("get", "/v1/bundles/{name}"),
    ("post", "/v1/desk/webhook"),
    ("post", "/v1/desk/chatwoot"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}
"""What needs no token, and why it may: it begins a conversation, tells nothing of any, or is signed by a desk."""

UNKNOWN = "cv_000000000000000000000000"


async def private_routes(client: Client) -> list[tuple[str, str]]:
    """Every operation of the API's own description that belongs to one conversation."""
    schema = (await client.request("GET", "/openapi.json")).json()
    found = [(method, path) for path, methods in schema["paths"].items() for method in methods]
    private = [(m, path) for m, path in found if "{conversation_id}" in path and not path.startswith("/v1/staff/")]
    rest = {each for each in found if each not in private}
    staff = {(method, path) for method, path in rest if path.startswith("/v1/staff/")}
    assert rest - staff == PUBLIC, "a new route: say here that it is public, or protect it"
    return private


def all_paths(routes: Any, prefix: str = "") -> Iterator[str]:
    """Every path that is served, described or not, included routers and mounts too."""
    for route in routes:
        path = prefix + getattr(route, "path", "")
        yield path
        inner = getattr(route, "original_router", None) or route
        yield from all_paths(getattr(inner, "routes", None) or (), path)


def told(error: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in error.items() if name != "request_id"}


async def refuse(client: Client, method: str, path: str, token: str | None) -> tuple[int, dict[str, Any]]:
    """How a call is refused, without the request's own id."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    body = {"json": {}} if method == "post" else {}
    response = await client.request(method.upper(), path, headers=headers, **body)
    assert response.status_code >= 400, f"{method} {path} was let through"
    return response.status_code, told(check_error(response))


async def test_every_route_of_a_conversation_is_described_and_nothing_else_takes_an_id(shop: Shop):
    private = await private_routes(shop.client)

    paths = [path for path in all_paths(shop.app.routes) if not path.startswith("/v1/staff/")]
    there = {path for path in paths if "{conversation_id}" in path}

    assert there == {path for _, path in private}
    assert len(private) >= 12


async def test_every_route_is_refused_to_a_stranger_in_the_same_words_whether_the_id_exists_or_not(shop: Shop):
    mine, other = await shop.client.start(), await shop.client.start()
    before = await mine.snapshot()

    for method, path in await private_routes(shop.client):
        own, unknown = (
            path.replace("{conversation_id}", each).replace("{confirmation_id}", "cf_1")
            for each in (mine.conversation_id, UNKNOWN)
        )
        without = [await refuse(shop.client, method, each, None) for each in (own, unknown)]
        empty = [await refuse(shop.client, method, each, "") for each in (own, unknown)]
        foreign = [await refuse(shop.client, method, each, other.token) for each in (own, unknown)]
        wrong = [await refuse(shop.client, method, each, "x" * 32) for each in (own, unknown)]
        assert {status for status, _ in (*without, *empty)} == {401}, path
        assert {status for status, _ in (*foreign, *wrong)} == {404}, path
        assert without[0] == without[1] == empty[0], path
        assert foreign[0] == foreign[1] == wrong[0] == wrong[1], path

    assert await mine.snapshot() == before


async def test_a_token_in_the_address_opens_nothing(shop: Shop, customer: Customer):
    for name in ("token", "authorization", "access_token"):
        response = await shop.client.request("GET", customer.path, params={name: customer.token})
        assert code_of(response) == (401, "no_token")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Bearer\t"])
async def test_only_a_bearer_token_counts(shop: Shop, customer: Customer, scheme: str):
    headers = {"Authorization": f"{scheme} {customer.token}".strip()}

    assert code_of(await shop.client.request("GET", customer.path, headers=headers)) == (401, "no_token")


async def test_an_expired_token_says_so_to_its_owner_and_to_nobody_else(shop: Shop, customer: Customer):
    other = await shop.client.start()
    shop.clock.forward(days=31)

    assert code_of(await customer.call("GET")) == (401, "token_expired")
    assert code_of(await customer.post("hello")) == (401, "token_expired")
    headers = {"Authorization": f"Bearer {other.token}"}
    assert code_of(await shop.client.request("GET", customer.path, headers=headers)) == (404, "not_found")


async def test_tokens_are_long_unlike_each_other_and_not_stored(shop: Shop):
    tokens = [(await shop.client.start()).token for _ in range(5)]

    assert len(set(tokens)) == 5 and all(len(token) >= 32 for token in tokens)
    stored = b"".join(file.read_bytes() for file in shop.folder.glob("firstline.db*"))
    assert not any(token.encode() in stored for token in tokens)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/conversations/..%2f..%2fetc%2fpasswd",
        "/v1/conversations/../../etc/passwd",
        "/v1/conversations/%00",
        "/v1/conversations/cv_%00",
        "/v1/conversations/%F0%9F%92%A5",
        "/v1/conversations/%ED%A0%80",
        "/v1/conversations/%FF%FE",
        "/v1/conversations/cv_1'%20OR%201=1--",
        "/v1/conversations/" + "a" * 10_000,
        "/v1/conversations/cv_1/nothing",
        "/static/..%2f..%2f..%2fpyproject.toml",
        "/static/../../app.py",
        "/help/workshop/en/..%2f..%2ftools.py",
        "/help/workshop/en/%00",
        "/help/..%2fworkshop/en/chain/oil",
        "/v1/bundles/..%2f..%2fworkshop",
        "/v1/bundles/%00",
        "/.env",
        "/firstline.db",
    ],
)
async def test_a_trick_with_the_path_finds_nothing(shop: Shop, path: str):
    headers = {"Authorization": "Bearer " + "x" * 32}

    response = await shop.client.request("GET", path, headers=headers)

    assert response.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", ""), ("PATCH", ""), ("HEAD", "/events"), ("GET", "/messages"), ("DELETE", "/messages"), ("TRACE", "")],
)
async def test_a_method_that_a_route_does_not_have_is_refused(customer: Customer, method: str, path: str):
    response = await customer.call(method, path)

    assert response.status_code == 405 and response.headers["allow"]


async def test_options_and_a_trailing_slash_are_defined(shop: Shop, customer: Customer):
    assert (await customer.call("OPTIONS")).status_code == 405
    assert (await customer.call("GET", "/")).status_code in (307, 404)
    assert (await shop.client.request("GET", "/v1/nothing")).status_code == 404


async def test_two_tokens_at_once_open_no_more_than_one_does(shop: Shop, customer: Customer):
    other = await shop.client.start()
    headers = [("Authorization", f"Bearer {other.token}"), ("Authorization", f"Bearer {customer.token}")]

    response = await shop.client.request("GET", customer.path, headers=headers)

    assert response.status_code in (400, 401, 404)
