"""Signing in: the company's own site vouches for the customer, signed and for a while; nothing else does."""

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.client import Customer, code_of
from tests.support.shop import SECRET, Shop

pytestmark = pytest.mark.anyio

LONG_SECRET = "z" * 64
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign(shop: Shop, *, secret: Any = SECRET, algorithm: str = "HS256", without: str = "", **claims: Any) -> str:
    """An identity token like the site's own, changed."""
    told = {"sub": "C-1", "name": "Kim", "aud": "firstline", "exp": shop.clock() + timedelta(hours=1), **claims}
    told.pop(without, None)
    return jwt.encode(told, secret, algorithm=algorithm)


def tamper(token: str) -> str:
    """The token with another customer in it, under the old signature."""
    head, _, signature = token.split(".")
    other = jwt.encode({"sub": "C-2", "aud": "firstline", "exp": 4102444800}, "x" * 32, algorithm="HS256")
    return f"{head}.{other.split('.')[1]}.{signature}"


BAD = {
    "no algorithm": lambda shop: sign(shop, secret=None, algorithm="none"),
    "another algorithm": lambda shop: sign(shop, secret=LONG_SECRET, algorithm="HS512"),
    "signed with a key pair": lambda shop: sign(shop, secret=RSA_KEY, algorithm="RS256"),
    "another secret": lambda shop: sign(shop, secret="y" * 40),
    "tampered": lambda shop: tamper(sign(shop)),
    "without a signature": lambda shop: sign(shop).rpartition(".")[0] + ".",
    "another audience": lambda shop: sign(shop, aud="elsewhere"),
    "no audience": lambda shop: sign(shop, without="aud"),
    "no end": lambda shop: sign(shop, without="exp"),
    "an end that is no time": lambda shop: sign(shop, exp="soon"),
    "an end beyond all time": lambda shop: sign(shop, exp=10**15),
    "a longer life than a day": lambda shop: sign(shop, exp=shop.clock() + timedelta(hours=25)),
    "not valid yet": lambda shop: sign(shop, nbf=shop.clock() + timedelta(minutes=10)),
    "no subject": lambda shop: sign(shop, without="sub"),
    "an empty subject": lambda shop: sign(shop, sub=""),
    "a subject that is no text": lambda shop: sign(shop, sub=["C-1"]),
    "a name that is no text": lambda shop: sign(shop, name={"first": "Kim"}),
    "no token at all": lambda shop: "nonsense",
    "nothing": lambda shop: "",
    "odd characters": lambda shop: "é.ü.好",
    "half a character": lambda shop: "a.b.\ud800",
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_identity_is_refused_and_changes_nothing(shop: Shop, customer: Customer, case: str):
    token = BAD[case](shop)

    later = await customer.call("POST", "/identify", content=to_json({"identity": token}), headers=JSON)
    refusals = [later]
    if token:
        body = to_json({"identity": token})
        refusals.append(await shop.client.request("POST", "/v1/conversations", content=body, headers=JSON))

    for response in refusals:
        assert response.status_code in (401, 422) and response.json()["error"]["code"] in ("bad_identity", "invalid")
        assert "C-1" not in response.text and "Kim" not in response.text
    assert (await customer.snapshot())["signed_in"] is None


async def test_an_identity_whose_time_is_over_says_so_that_the_site_can_send_another(shop: Shop, customer: Customer):
    token = sign(shop, exp=shop.clock() + timedelta(minutes=5))
    shop.clock.forward(minutes=5)

    assert code_of(await customer.call("POST", "/identify", json={"identity": token})) == (401, "token_expired")

    assert (await customer.snapshot())["signed_in"] is None


async def test_a_good_identity_signs_in_once_however_often_it_is_sent(shop: Shop, customer: Customer):
    token = shop.identity()

    answers = [await customer.call("POST", "/identify", json={"identity": token}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[2].json() and answers[0].json()["signed_in"] == "Kim"


async def test_a_conversation_can_begin_signed_in(shop: Shop):
    customer = await shop.signed_in()

    assert customer.started["snapshot"]["signed_in"] == "Kim"
    assert (await customer.ask("where are my repairs"))["reply"]["text"] == "Your repairs: R-1, R-2."


async def test_who_is_not_signed_in_gets_no_rows(shop: Shop, customer: Customer):
    assert (await customer.ask("where are my repairs"))["reply"]["text"] == "That did not work."


async def test_a_sign_in_ends_with_its_time(shop: Shop):
    customer = await shop.signed_in()
    shop.clock.forward(minutes=61)

    assert (await customer.snapshot())["signed_in"] is None
    assert (await customer.ask("where are my repairs"))["reply"]["text"] == "That did not work."


async def test_a_fresh_identity_of_the_same_customer_goes_on(shop: Shop):
    customer = await shop.signed_in()
    shop.clock.forward(minutes=61)

    assert (await customer.call("POST", "/identify", json={"identity": shop.identity()})).status_code == 200

    assert (await customer.ask("where are my repairs"))["reply"]["text"] == "Your repairs: R-1, R-2."


async def test_a_conversation_never_passes_from_one_customer_to_another(shop: Shop):
    customer = await shop.signed_in("C-1")
    shop.clock.forward(minutes=61)

    other = shop.identity("C-2", "Lee")

    assert code_of(await customer.call("POST", "/identify", json={"identity": other})) == (409, "other_customer")
    assert (await customer.snapshot())["signed_in"] is None


async def test_what_a_page_says_of_its_customer_proves_nothing(shop: Shop):
    customer = await shop.client.start(client={"customer_id": "C-1", "email": "kim@example.com", "name": "Kim"})

    assert (await customer.snapshot())["signed_in"] is None
    assert (await customer.ask("where are my repairs"))["reply"]["text"] == "That did not work."


async def test_the_demo_signs_in_its_own_customers_and_no_others(shop: Shop, customer: Customer):
    demo = await shop.client.request("POST", "/demo/identity", json={"customer_id": "C-1"})
    other = await shop.client.request("POST", "/demo/identity", json={"customer_id": "C-2"})

    assert code_of(other) == (404, "not_found")
    answer = await customer.call("POST", "/identify", json=demo.json())
    assert answer.json()["signed_in"] == "Kim"


JSON = {"Content-Type": "application/json"}


def to_json(body: dict[str, str]) -> bytes:
    """JSON in ASCII: what no encoder would send as UTF-8 can be written so."""
    return json.dumps(body).encode()
