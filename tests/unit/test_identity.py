"""Who asks: only what the company's site has signed, for as long as it said."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.conversation import new_conversation
from firstline.errors import RequestError
from firstline.events import ConversationStarted
from firstline.service.identity import check_token, hash_token, issue_token, read_identity, sign_identity
from firstline.types import ConversationId, Identity
from tests.support.events import started

SECRET = "0123456789abcdef" * 2
AUDIENCE = "firstline"
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {"sub": "C-1", "name": "Kim", "aud": AUDIENCE, "exp": int(NOW.timestamp()) + 3600}


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(claims: Any, *, header: dict[str, Any] | None = None, secret: str = SECRET, digest: str = "sha256") -> str:
    """A token made by hand, as an attacker or a sloppy site would."""
    head = encode(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode())
    body = encode(claims.encode() if isinstance(claims, str) else json.dumps(claims).encode())
    signed = hmac.new(secret.encode(), f"{head}.{body}".encode(), digest).digest()
    return f"{head}.{body}.{encode(signed)}"


def read(token: str, *, now: datetime = NOW) -> Identity:
    return read_identity(token, secret=SECRET, audience=AUDIENCE, now=now)


def refuse(token: str) -> str:
    with pytest.raises(RequestError) as refused:
        read(token)
    assert refused.value.status == 401
    assert "C-1" not in refused.value.message
    return refused.value.code


# The customer's identity --------------------------------------------------------------------------------------------


def test_a_signed_token_names_the_customer_until_it_expires() -> None:
    assert read(sign(GOOD)) == Identity(customer_id="C-1", name="Kim", expires_at=NOW + timedelta(hours=1))  # pyright: ignore


def test_what_the_demo_signs_can_be_read_for_an_hour() -> None:
    token = sign_identity("C-7", "Kim", secret=SECRET, audience=AUDIENCE, now=NOW)

    assert read(token) == Identity(customer_id="C-7", name="Kim", expires_at=NOW + timedelta(hours=1))  # pyright: ignore


def test_a_name_is_optional_and_cut_where_it_is_long() -> None:
    assert read(sign({key: value for key, value in GOOD.items() if key != "name"})).name == ""
    assert read(sign({**GOOD, "name": "x" * 1000})).name == "x" * 200


def test_the_audience_may_be_one_of_several() -> None:
    assert read(sign({**GOOD, "aud": ["another", AUDIENCE]})).customer_id == "C-1"


@pytest.mark.parametrize("claim", ["sub", "exp", "aud"])
def test_a_token_without_a_subject_an_expiry_or_an_audience_is_refused(claim: str) -> None:
    assert refuse(sign({key: value for key, value in GOOD.items() if key != claim})) == "bad_identity"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": []},
        {"aud": {"firstline": 1}},
        {"sub": 7},
        {"sub": ""},
        {"sub": None},
        {"sub": ["C-1"]},
        {"sub": {"id": "C-1"}},
        {"name": 7},
        {"name": ["Kim"]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": [1]},
        {"nbf": int(NOW.timestamp()) + 600},
        {"exp": int(NOW.timestamp()) + 25 * 3600},
        {"exp": int(NOW.timestamp()) + 10 * 365 * 86_400},
        {"exp": str(int(NOW.timestamp()) + 3600)},
        {"exp": 10**18},
    ],
    ids=str,
)
def test_claims_that_are_not_what_they_should_be_are_refused(changed: dict[str, Any]) -> None:
    assert refuse(sign({**GOOD, **changed})) == "bad_identity"


@pytest.mark.parametrize("ago", [1, 600, 86_400])
def test_an_expired_token_is_told_apart_so_that_the_site_sends_a_fresh_one(ago: int) -> None:
    assert refuse(sign({**GOOD, "exp": int(NOW.timestamp()) - ago})) == "token_expired"


def test_an_expired_token_with_a_wrong_signature_is_not_said_to_have_expired() -> None:
    assert refuse(sign({**GOOD, "exp": 1}, secret="another secret, just as long as it should be")) == "bad_identity"


def test_expiry_is_judged_by_the_clock_that_is_given() -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    token = sign({**GOOD, "exp": int(long_ago.timestamp()) + 3600})

    assert read(token, now=long_ago).customer_id == "C-1"


@pytest.mark.parametrize(
    ("header", "digest"),
    [
        ({"alg": "none"}, "sha256"),
        ({"alg": "None", "typ": "JWT"}, "sha256"),
        ({"alg": "HS512", "typ": "JWT"}, "sha512"),
        ({"alg": "HS384", "typ": "JWT"}, "sha384"),
        ({"alg": "RS256", "typ": "JWT"}, "sha256"),
        ({"typ": "JWT"}, "sha256"),
        ({"alg": ["HS256"]}, "sha256"),
        ({"alg": "HS256", "crit": ["x"], "x": 1}, "sha256"),
    ],
    ids=str,
)
def test_only_hs256_is_taken_also_when_the_signature_is_right(header: dict[str, Any], digest: str) -> None:
    assert refuse(sign(GOOD, header=header, digest=digest)) == "bad_identity"


def test_alg_none_without_a_signature_is_refused() -> None:
    head, body = encode(b'{"alg":"none"}'), encode(json.dumps(GOOD).encode())

    assert refuse(f"{head}.{body}.") == "bad_identity"


def test_a_key_that_the_token_brings_itself_does_not_count() -> None:
    own = "a secret of the attacker's, long enough"
    header = {"alg": "HS256", "typ": "JWT", "kid": own, "jwk": {"kty": "oct", "k": encode(own.encode())}}

    assert refuse(sign(GOOD, header=header, secret=own)) == "bad_identity"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "é.é.é", "\ud800", "\x00", "null", "[]", "{}", encode(b"{}") * 3, "a" * 100_000],
    ids=lambda token: ascii(token[:12]),
)
def test_what_is_no_token_at_all_is_refused(token: str) -> None:
    assert refuse(token) == "bad_identity"


@pytest.mark.parametrize("claims", ["[]", "7", "null", "{", '{"exp":Infinity}', '{"exp":NaN}', "[" * 50_000])
def test_signed_nonsense_is_refused(claims: str) -> None:
    assert refuse(sign(claims)) == "bad_identity"


@given(st.data())
def test_a_token_changed_in_any_one_letter_is_refused(data: st.DataObject) -> None:
    token = sign(GOOD)
    place = data.draw(st.integers(0, len(token) - 2))  # the last letter carries spare bits of base64
    letter = data.draw(st.sampled_from("ABCxyz019-_."))
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return

    assert refuse(changed) == "bad_identity"


def test_another_secret_reads_nothing() -> None:
    with pytest.raises(RequestError):
        read_identity(sign(GOOD), secret="another secret, just as long as it should be", audience=AUDIENCE, now=NOW)


# The conversation's token -------------------------------------------------------------------------------------------


def conversation_of(token: str) -> Any:
    begun: ConversationStarted = started(NOW).model_copy(update={"token_sha256": hash_token(token)})
    return new_conversation(ConversationId("cv_1")).extended(begun)


def test_only_the_hash_of_a_token_is_kept_and_no_two_are_the_same() -> None:
    tokens = {issue_token() for _ in range(50)}

    assert len({token for token, _ in tokens}) == 50
    assert all(kept == hashlib.sha256(token.encode()).hexdigest() for token, kept in tokens)
    assert all(len(token) >= 32 for token, _ in tokens)


def test_the_right_token_opens_its_conversation_until_it_expires() -> None:
    token, _ = issue_token()
    conversation = conversation_of(token)

    check_token(conversation, token, NOW)
    check_token(conversation, token, NOW + timedelta(days=30, seconds=-1))
    with pytest.raises(RequestError) as refused:
        check_token(conversation, token, NOW + timedelta(days=30))
    assert (refused.value.status, refused.value.code) == (401, "token_expired")


@pytest.mark.parametrize("token", ["", "wrong", "é", "x" * 10_000])
def test_a_wrong_token_and_an_unknown_conversation_cannot_be_told_apart(token: str) -> None:
    refusals = []
    for conversation in (conversation_of("right"), new_conversation(ConversationId("cv_2"))):
        with pytest.raises(RequestError) as refused:
            check_token(conversation, token, NOW + timedelta(days=365))
        refusals.append((refused.value.status, refused.value.code, refused.value.message))

    assert refusals[0] == refusals[1]
    assert refusals[0][0] == 404


def test_the_hash_that_is_stored_opens_nothing_itself() -> None:
    token, kept = issue_token()

    with pytest.raises(RequestError):
        check_token(conversation_of(token), kept, NOW)
    with pytest.raises(RequestError):
        check_token(new_conversation(ConversationId("cv_2")), "no such conversation", NOW)
