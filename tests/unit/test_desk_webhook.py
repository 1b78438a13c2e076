"""Webhooks: what is sent, how it is signed, and what is believed when it comes in."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.desk import Telling
from firstline.desk.fetch import read_retry_after
from firstline.desk.signing import read_secret, sign_webhook, verify_chatwoot, verify_webhook
from firstline.desk.webhook import Webhook, build_body
from tests.support.fake_desk import AT, REQUESTED, TELLINGS, Receiver, near, sign_as_chatwoot

SECRET = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

# The body -----------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_receiver_gets_signed_json_that_verifies_byte_for_byte() -> None:
    async with Receiver() as server:
        desk = Webhook(f"{server.url}/hooks?a=1", SECRET, near(), lambda: AT)
        await desk.deliver(REQUESTED)
        await desk.aclose()

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/hooks?a=1")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert verify_webhook(SECRET, seen.headers, seen.body, AT) == "cv_a:7"
    assert seen.json == build_body(REQUESTED)


def test_a_request_carries_everything_that_a_person_needs() -> None:
    body = build_body(REQUESTED)

    assert (body["id"], body["type"], body["at"]) == ("cv_a:7", "handoff.requested", AT.isoformat())
    assert (body["conversation_id"], body["bundle"], body["locale"]) == ("cv_a", "workshop", "en")
    assert body["customer"] == {"id": "C-1", "name": "Kim"}
    assert body["data"]["reason"] == "asked" and body["data"]["package"]["intent"] == "Repairs"
    assert [(each["author"], each["text"]) for each in body["data"]["transcript"]] == [
        ("customer", "My chain slips"),
        ("assistant", "Oil it every 200 miles."),
        ("customer", "A person please"),
    ]


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: telling.event.type)
def test_every_kind_has_its_own_fields_and_is_json(telling: Telling) -> None:
    body = json.loads(json.dumps(build_body(telling)))
    fields = {
        "handoff.requested": {"reason", "package", "back_at", "transcript"},
        "handoff.requeued": {"by", "back_at"},
        "handoff.unclaimed": set(),
        "handoff.returned": {"by"},
        "message.posted": {"message_id", "author", "author_name", "text", "at"},
        "contact.left": {"contact", "comment"},
        "conversation.closed": {"by"},
        "survey.answered": {"score", "comment"},
    }

    assert set(body["data"]) == fields[telling.event.type]


# Signatures ---------------------------------------------------------------------------------------------------------


def test_the_signature_is_the_one_of_the_standard() -> None:
    """The example that the libraries of the standard are tested with."""
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign_webhook(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_base64_behind_its_prefix_and_itself_without() -> None:
    assert read_secret("whsec_" + base64.b64encode(b"\x00key").decode()) == b"\x00key"
    assert read_secret("a plain secret") == b"a plain secret"
    with pytest.raises(ValueError, match="base64"):
        read_secret("whsec_not base64!")


@given(st.binary(max_size=200), st.integers(-300, 300))
def test_what_we_sign_we_believe_for_five_minutes(body: bytes, seconds: int) -> None:
    headers = sign_webhook(SECRET, "id-1", body, AT)

    assert verify_webhook(SECRET, headers, body, AT + timedelta(seconds=seconds)) == "id-1"


@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_an_old_request_and_one_of_the_future_are_not_believed(seconds: int) -> None:
    headers = sign_webhook(SECRET, "id-1", b"{}", AT)

    assert verify_webhook(SECRET, headers, b"{}", AT + timedelta(seconds=seconds)) is None


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", ["", "0", "id-2", "v1,", "v1", "v2,AAAA", "v1,é", "9" * 400, "NaN", "-1", "1e9", "²"]
)
def test_no_header_can_be_changed(name: str, value: str) -> None:
    headers = {**sign_webhook(SECRET, "id-1", b"{}", AT), name: value}

    assert verify_webhook(SECRET, headers, b"{}", AT) is None
    assert verify_webhook(SECRET, {key: each for key, each in headers.items() if key != name}, b"{}", AT) is None


def test_neither_body_nor_secret_can_be_another() -> None:
    headers = sign_webhook(SECRET, "id-1", b"{}", AT)

    assert verify_webhook(SECRET, headers, b"{ }", AT) is None
    assert verify_webhook(b"another", headers, b"{}", AT) is None


def test_without_a_secret_nobody_is_believed() -> None:
    assert verify_webhook(b"", sign_webhook(b"", "id-1", b"{}", AT), b"{}", AT) is None
    headers, body = sign_as_chatwoot({}, "", AT)
    assert verify_chatwoot(b"", headers, body, AT) is None


def test_one_good_signature_among_others_is_enough() -> None:
    """So does a sender who changes its secret sign."""
    headers = sign_webhook(SECRET, "id-1", b"{}", AT)
    headers["webhook-signature"] = f"v1,AAAA v1a,BBBB {headers['webhook-signature']}"

    assert verify_webhook(SECRET, headers, b"{}", AT) == "id-1"


def test_chatwoot_is_believed_by_its_own_scheme_only() -> None:
    headers, body = sign_as_chatwoot({"event": "message_created"}, "s", AT)

    assert verify_chatwoot(b"s", headers, body, AT) == hashlib.sha256(body).hexdigest()
    assert verify_chatwoot(b"t", headers, body, AT) is None
    assert verify_chatwoot(b"s", headers, body + b" ", AT) is None
    assert verify_chatwoot(b"s", headers, body, AT + timedelta(minutes=6)) is None
    bare = hmac.new(b"s", body, hashlib.sha256).hexdigest()  # without the time, as some examples on the web do it
    assert verify_chatwoot(b"s", {**headers, "x-chatwoot-signature": f"sha256={bare}"}, body, AT) is None


def test_a_replay_under_another_delivery_id_is_the_same_arrival() -> None:
    headers, body = sign_as_chatwoot({"event": "message_created"}, "s", AT)

    again = verify_chatwoot(b"s", {**headers, "x-chatwoot-delivery": "d-2"}, body, AT)

    assert again == verify_chatwoot(b"s", headers, body, AT) is not None


# Retry-After --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 30 ", 30.0),
        ("Mon, 23 Nov 2026 15:00:10 GMT", 10.0),
        ("Mon, 23 Nov 2026 14:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("later", None),
        ("", None),
        ("Mon, 99 Nov 2026 15:00:10 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, AT) == seconds
