"""What the Claude adapter makes of everything that goes wrong upstream, over real HTTP (promises D 51-60)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firstline.errors import ModelFailed
from firstline.model import Piece, Restarted, TextGrew
from firstline.model.claude_faults import read_fault, read_retry_after
from tests.support.asking import (
    KEY,
    Waits,
    ask,
    claude,
    collect,
    failure_of,
    scripted,
    shown,
)
from tests.support.fake_claude import Drop, Refuse, Reply, Say, say

pytestmark = pytest.mark.anyio
Json = dict[str, Any]

OVERLOADED = Refuse(529, "overloaded_error", "Overloaded")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# D 51-52: rate limits and spend caps


@pytest.mark.parametrize(("told", "waited"), [("1", 1.0), ("7.5", 7.5), ("0", 0.0), ("-3", 0.0)])
async def test_a_rate_limit_is_waited_out_when_it_is_short(told: str, waited: float) -> None:
    limited = Refuse(429, "rate_limit_error", headers={"retry-after": told})
    waits = Waits()
    async with scripted(limited, say("Nine.")) as fake, claude(fake, waits=waits) as model:
        assert shown(await collect(model, ask())) == "Nine."
    assert waits == [waited]


@pytest.mark.parametrize("headers", [{"retry-after": "30"}, {"retry-after": "3600"}, {"retry-after": "soon"}, {}])
async def test_a_rate_limit_that_is_long_or_does_not_say_is_not_waited_out(headers: dict[str, str]) -> None:
    fake = scripted(Refuse(429, "rate_limit_error", headers=headers))
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == ("rate_limited", True, 1)


async def test_a_rate_limit_may_name_a_moment() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
    waits = Waits()
    steps = (Refuse(429, "rate_limit_error", headers={"retry-after": soon}), say("Nine."))
    async with scripted(*steps) as fake, claude(fake, waits=waits) as model:
        await collect(model, ask())
    assert 2.0 < waits[0] <= 4.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Mon, 23 Nov 2026 12:00:05 GMT", 5.0),
        ("Mon, 23 Nov 2026 11:59:00 GMT", 0.0),
        ("-1", 0.0),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_from_now(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(429, "rate_limit_error", "no", details={"error_code": "enforced_spend_limit_reached"}),
        Refuse(429, "rate_limit_error", "no", {"error_code": "linked_organization_billing_unavailable"}),
        Refuse(429, "rate_limit_error", details={"error_code": "spend"}, headers={"retry-after": "1"}),
        Refuse(400, "invalid_request_error", "You have reached your specified API usage limits."),
        Refuse(400, "invalid_request_error", "Your credit balance is too low to access the API."),
        Refuse(402, "billing_error", "pay"),
    ],
)
async def test_a_spend_cap_is_never_retried(refusal: Refuse) -> None:
    fake = scripted(refusal)
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == ("spend_cap", False, 1)


# D 53-57: errors before the stream


async def test_an_overload_that_passes_is_not_noticed() -> None:
    waits = Waits()
    async with scripted(OVERLOADED, OVERLOADED, say("Nine.")) as fake, claude(fake, waits=waits) as model:
        pieces = await collect(model, ask())
    assert shown(pieces) == "Nine."
    assert not any(isinstance(piece, Restarted) for piece in pieces)
    assert waits == [0.25, 0.5]


async def test_an_overload_that_lasts_is_given_up_after_three_attempts() -> None:
    fake = scripted(OVERLOADED, OVERLOADED, OVERLOADED, say("too late"))
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == ("overloaded", True, 3)


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(500),
        Refuse(502, body="<html>Bad gateway</html>"),
        Refuse(503, body=""),
        Refuse(504, "timeout_error"),
        Refuse(408),
    ],
)
async def test_a_broken_server_is_retried(refusal: Refuse) -> None:
    async with scripted(refusal, say("Nine.")) as fake, claude(fake) as model:
        assert shown(await collect(model, ask())) == "Nine."
    fake = scripted(refusal, refusal, refusal)
    assert ((await failure_of(fake)).code, len(fake.requests)) == ("server", 3)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refuse(401, "authentication_error", f"invalid key {KEY}"), "auth"),
        (Refuse(403, "permission_error"), "auth"),
        (Refuse(400, "invalid_request_error", "prompt is too long: 1000123 tokens > 1000000"), "prompt_too_long"),
        (
            Refuse(400, "invalid_request_error", "input length and `max_tokens` exceed context limit"),
            "prompt_too_long",
        ),
        (Refuse(413, "request_too_large"), "prompt_too_long"),
        (Refuse(413, body="<html>too large</html>"), "prompt_too_long"),
        (Refuse(400, "invalid_request_error", f"tools.0: {KEY} is no name"), "bad_request"),
        (Refuse(422, "invalid_request_error"), "bad_request"),
        (Refuse(404, "not_found_error", "model: claude-gone"), "unknown"),
        (Refuse(418, body="<html>teapot</html>"), "unknown"),
    ],
)
async def test_what_will_not_get_better_is_not_retried(refusal: Refuse, code: str) -> None:
    fake = scripted(refusal)
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == (code, False, 1)
    assert KEY not in str(failure)
    assert failure.__cause__ is None


async def test_a_request_of_ours_that_is_wrong_is_named() -> None:
    failure = await failure_of(scripted(Refuse(400, "invalid_request_error", "messages.2: no such thing")))
    assert "messages.2: no such thing" in str(failure)


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        waits = Waits()
        async with claude(f"http://127.0.0.1:{taken.getsockname()[1]}", waits=waits) as model:
            with pytest.raises(ModelFailed) as caught:
                await collect(model, ask())
    assert (caught.value.code, caught.value.retryable, len(waits)) == ("connect", True, 2)


async def test_a_connection_that_is_closed_without_an_answer_is_tried_again() -> None:
    async with scripted(Drop(), say("Nine.")) as fake, claude(fake) as model:
        assert shown(await collect(model, ask())) == "Nine."


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with scripted(say("Nine."), tls=make_tls(tmp_path)) as fake, claude(fake) as model:
        with pytest.raises(ModelFailed) as caught:
            await collect(model, ask())
    assert (caught.value.code, fake.requests) == ("connect", [])


def make_tls(folder: Path) -> ssl.SSLContext:
    """A server's side with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


# D 58: deadlines


async def timed_failure(step: Reply | Drop, **how: Any) -> tuple[ModelFailed, float]:
    """The failure, how long it took; upstream has been left by then, or within a second."""
    loop = asyncio.get_running_loop()
    async with scripted(step) as fake, claude(fake, **how) as model:
        began = loop.time()
        with pytest.raises(ModelFailed) as caught:
            await collect(model, ask())
        took = loop.time() - began
        await asyncio.wait_for(fake.requests[0].left.wait(), 1)
        assert len(fake.requests) == 1
    return caught.value, took


@pytest.mark.parametrize(
    "step", [Drop(after_seconds=5), Reply(delay_seconds=5), Reply((Say("x"),), stall_after=0), Reply(stall_after=1)]
)
async def test_the_first_word_is_waited_for_only_so_long_and_pings_are_no_word(step: Reply | Drop) -> None:
    failure, took = await timed_failure(step, first_token_seconds=0.1)
    assert (failure.code, failure.retryable) == ("first_token_timeout", True)
    assert 0.1 <= took < 0.6


async def test_a_stall_in_the_middle_ends_the_wait_though_pings_come() -> None:
    failure, took = await timed_failure(Reply((Say("We open at nine."),), stall_after=3), idle_seconds=0.1)
    assert (failure.code, failure.retryable) == ("idle_timeout", True)
    assert 0.1 <= took < 0.6


async def test_a_slow_reply_that_goes_on_is_waited_for() -> None:
    slow = Reply((Say("x" * 80),), pause_seconds=0.02)
    async with scripted(slow) as fake, claude(fake, first_token_seconds=0.15, idle_seconds=0.15) as model:
        assert shown(await collect(model, ask())) == "x" * 80


async def test_a_slow_reader_is_not_taken_for_a_slow_model() -> None:
    async with scripted(say("We open at nine.")) as fake, claude(fake, idle_seconds=0.05) as model:
        pieces: list[Piece] = []
        async for piece in model.stream(ask()):
            pieces.append(piece)
            await asyncio.sleep(0.08)
    assert shown(pieces) == "We open at nine."


async def test_waiting_between_attempts_counts_against_the_first_word() -> None:
    waits = Waits()
    fake = scripted(Refuse(429, "rate_limit_error", headers={"retry-after": "5"}), say("too late"))
    failure = await failure_of(fake, waits=waits, first_token_seconds=2)
    assert (failure.code, waits, len(fake.requests)) == ("rate_limited", [], 1)


# D 59-60: streams that break


@pytest.mark.parametrize("fault", [{"cut_after": 0}, {"cut_after": 1}, {"end_after": 0}, {"error_after": 1}])
async def test_a_break_before_the_first_word_is_not_noticed(fault: Json) -> None:
    async with scripted(say("Nine.", **fault), say("Nine.")) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert shown(pieces) == "Nine."
    assert not any(isinstance(piece, Restarted) for piece in pieces)


@pytest.mark.parametrize(
    ("fault", "why"), [({"cut_after": 3}, "cut"), ({"end_after": 3}, "cut"), ({"error_after": 3}, "overloaded")]
)
async def test_after_a_break_in_the_middle_the_reply_starts_again_openly(fault: Json, why: str) -> None:
    async with scripted(say("We open at ten.", **fault), say("We open at nine.")) as fake, claude(fake) as model:
        pieces = await collect(model, ask())
    assert pieces[:2] == [TextGrew("We open "), Restarted(cast(Any, why))]
    assert shown(pieces) == "We open at nine."


async def test_a_stream_that_always_breaks_is_given_up() -> None:
    broken = say("We open at nine.", cut_after=3)
    fake = scripted(broken, broken, broken)
    failure = await failure_of(fake)
    assert (failure.code, failure.retryable, len(fake.requests)) == ("cut", True, 3)


@pytest.mark.parametrize("after", range(6))
async def test_a_reply_that_ends_too_early_is_never_taken_for_whole(after: int) -> None:
    early = say("Nine.", end_after=after)
    failure = await failure_of(scripted(early, early, early))
    assert failure.code == "cut"


@pytest.mark.parametrize(
    ("kind", "code", "attempts"),
    [
        ("api_error", "server", 3),
        ("overloaded_error", "overloaded", 3),
        ("something_new", "server", 3),
        ("rate_limit_error", "rate_limited", 1),
        ("invalid_request_error", "bad_request", 1),
        ("authentication_error", "auth", 1),
    ],
)
async def test_an_error_event_is_told_apart_by_its_type(kind: str, code: str, attempts: int) -> None:
    step = say("We open at nine.", error_after=3, error=kind)
    fake = scripted(*[step] * attempts)
    assert ((await failure_of(fake)).code, len(fake.requests)) == (code, attempts)


def test_an_error_event_that_cannot_be_read_is_the_servers() -> None:
    assert read_fault(200, {}).code == read_fault(200, {"error": "x"}).code == "server"


@pytest.mark.parametrize("step", [Reply((Say("x" * 400),), pause_seconds=0.01), Reply(delay_seconds=5)])
async def test_closing_the_stream_closes_the_connection_upstream(step: Reply) -> None:
    async with scripted(step) as fake, claude(fake) as model:
        stream = cast(AsyncGenerator[Piece, None], model.stream(ask()))
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await stream.aclose()
        await asyncio.wait_for(fake.requests[0].left.wait(), 1)


async def test_a_turn_that_is_cancelled_stops_the_model() -> None:
    async with scripted(Reply((Say("x" * 400),), pause_seconds=0.01)) as fake, claude(fake) as model:
        task = asyncio.create_task(collect(model, ask()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(fake.requests[0].left.wait(), 1)
