"""Where a desk's address may lead, and what is read of its answer: promise case 117."""

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from firstline.desk import Rejected, TryLater
from firstline.desk.fetch import Answer
from firstline.desk.guarded import GuardedFetch, may_reach, resolve
from tests.support.fake_desk import Fault, Receiver, make_tls

pytestmark = pytest.mark.anyio

PUBLIC, LOCAL = "93.184.215.14", "127.0.0.1"


def answering(*answers: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A name server that gives these answers, one after the other, and then no more."""
    left = list(answers)

    async def look_up(host: str, port: int) -> Sequence[str]:
        return left.pop(0)

    return look_up


async def get(fetch: GuardedFetch, url: str) -> Any:
    try:
        return await fetch("POST", url, headers={"x-own": "1"}, body=b"{}")
    finally:
        await fetch.aclose()


# Addresses ----------------------------------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1",
    "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "169.254.170.2", "0.0.0.0", "::", "fe80::1", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2001:0:a9fe:a9fe::1", "::ffff:0.0.0.0",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_ones_own_network_needs_a_yes(address: str) -> None:
    assert not may_reach(ipaddress.ip_address(address), allow_private=False)
    assert may_reach(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_services_and_nobodys_addresses_are_never_reached(address: str) -> None:
    assert not may_reach(ipaddress.ip_address(address), allow_private=False)
    assert not may_reach(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_the_public_network_is_reached(address: str) -> None:
    assert may_reach(ipaddress.ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
async def test_a_number_is_looked_at_however_it_is_written(host: str) -> None:
    async with Receiver() as server:
        outcome = await get(GuardedFetch(https_only=False), f"http://{host}:{server.port}/")

    assert outcome in (Rejected("address_not_allowed"), Rejected("bad_url")) and server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://desk.example/", "ftp://desk.example/", "//desk.example/", "desk.example", "",
        "http://desk.example/", "https://", "https://name:word@desk.example/", "https://desk.example:99999/",
        "https://desk.example\r\nHost: other/", "HTTPS:desk.example",
    ],
)  # fmt: skip
async def test_only_plain_https_addresses_are_addresses(url: str) -> None:
    assert await get(GuardedFetch(resolve=answering()), url) == Rejected("bad_url")


async def test_one_private_address_among_public_ones_is_one_too_many() -> None:
    fetch = GuardedFetch(resolve=answering([PUBLIC, "10.0.0.5"]))

    assert await get(fetch, "https://desk.example/") == Rejected("address_not_allowed")


async def test_a_name_that_leads_nowhere_may_lead_somewhere_later() -> None:
    async def fails(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such name")

    assert await get(GuardedFetch(resolve=fails), "https://desk.example/") == TryLater("name_not_found")


async def test_the_system_resolves_what_is_local() -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)


# Rebinding and redirects --------------------------------------------------------------------------------------------


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """The name server is asked once: a second answer, for the connection, would fail this test."""
    async with Receiver() as server:
        fetch = GuardedFetch(https_only=False, allow_private=True, resolve=answering([LOCAL]))
        answer = await get(fetch, f"http://desk.example:{server.port}/hooks")

    assert isinstance(answer, Answer) and answer.status == 204
    assert server.seen[0].headers["host"] == f"desk.example:{server.port}"


@pytest.mark.parametrize("addresses", [("127.0.0.9", LOCAL), (LOCAL, "127.0.0.9")])
async def test_an_address_at_which_nobody_listens_is_passed_over(addresses: Sequence[str]) -> None:
    async with Receiver() as server:
        fetch = GuardedFetch(https_only=False, allow_private=True, resolve=answering(addresses))
        answer = await get(fetch, f"http://desk.example:{server.port}/")

    assert isinstance(answer, Answer) and len(server.seen) == 1


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with Receiver() as server, Receiver() as inner:
        server.faults.append(Fault("status", 302, {"Location": f"{inner.url}/latest/meta-data"}))
        answer = await get(GuardedFetch(https_only=False, allow_private=True), server.url)

    assert isinstance(answer, Answer) and answer.status == 302
    assert inner.seen == []


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as server, Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        answer = await get(GuardedFetch(https_only=False, allow_private=True), server.url)

    assert isinstance(answer, Answer) and proxy.seen == []


# TLS ----------------------------------------------------------------------------------------------------------------


async def test_the_certificate_is_the_names_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    theirs, ours = make_tls(tmp_path, "desk.example")
    async with Receiver(tls=theirs) as server:
        fetch = GuardedFetch(allow_private=True, resolve=answering([LOCAL]), tls=ours)
        answer = await get(fetch, f"https://desk.example:{server.port}/")

    assert isinstance(answer, Answer) and answer.status == 204


async def test_another_names_certificate_is_not_believed(tmp_path: Path) -> None:
    theirs, ours = make_tls(tmp_path, "other.example")
    async with Receiver(tls=theirs) as server:
        fetch = GuardedFetch(allow_private=True, resolve=answering([LOCAL]), tls=ours)

        assert await get(fetch, f"https://desk.example:{server.port}/") == TryLater("connection")
        assert server.seen == []


# What is read -------------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


async def read(chunks: Sequence[bytes], **limits: Any) -> Any:
    async with Receiver() as server:
        server.faults.append(Fault("raw", chunks=chunks))
        return await get(GuardedFetch(https_only=False, allow_private=True, **limits), server.url)


async def test_of_a_huge_body_only_the_beginning_is_read() -> None:
    answer = await read([HEAD + b"\r\n", *[b"x" * 65_536] * 200], most_bytes=100_000)

    assert isinstance(answer, Answer) and len(answer.body) == 100_000


async def test_a_packed_body_is_left_packed() -> None:
    bomb = gzip.compress(b"0" * 5_000_000)
    length = f"content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()

    answer = await read([HEAD + length, bomb])

    assert isinstance(answer, Answer) and answer.body == bomb


async def test_a_desk_that_says_nothing_is_given_up_soon() -> None:
    async with Receiver() as server:
        server.faults.append(Fault("hang"))
        fetch = GuardedFetch(https_only=False, allow_private=True, total_seconds=0.05)
        assert await get(fetch, server.url) == TryLater("timeout")


async def test_a_body_that_drips_for_ever_is_given_up_soon() -> None:
    class Dripping(Receiver):
        async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + b"\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0)

    async with Dripping() as server:
        fetch = GuardedFetch(https_only=False, allow_private=True, total_seconds=0.1, most_bytes=10**9)
        assert await get(fetch, server.url) == TryLater("timeout")


@pytest.mark.parametrize("chunks", [[b""], [b"\x00\xff nonsense\r\n\r\n"], [HEAD + b"content-length: 9\r\n\r\n{"]])
async def test_nonsense_is_trouble_of_the_connection(chunks: Sequence[bytes]) -> None:
    assert await read(chunks) == TryLater("connection")
