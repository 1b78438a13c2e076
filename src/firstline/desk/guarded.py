"""`Fetch` over the network, kept away from where it must not go.

The name is resolved once, every address it has is looked at, and the connection goes to an address that was looked
at: a second answer of the name server changes nothing. No redirect is followed, no proxy of the environment used, no
body unpacked or read beyond a limit.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx2

from firstline.desk import Rejected, TryLater
from firstline.desk.fetch import Answer

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MOST_BYTES = 512 * 1024
MOST_ADDRESSES = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, or of a number however it is written. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def may_reach(address: Address, *, allow_private: bool) -> bool:
    """Whether a desk may stand there. Addresses of metadata services, of many and of nobody are never allowed."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return may_reach(within, allow_private=allow_private)
        if address.teredo is not None or address.scope_id is not None:
            return False
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    return address.is_global or allow_private


class GuardedFetch:
    """`https_only` refuses plain HTTP; `allow_private` lets a desk stand in one's own network."""

    def __init__(
        self,
        *,
        https_only: bool = True,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._schemes = ("https",) if https_only else ("https", "http")
        self._allow_private = allow_private
        self._resolve = resolve
        self._total_seconds = total_seconds
        self._most_bytes = most_bytes
        self._client = httpx2.AsyncClient(
            verify=tls or True,
            trust_env=False,
            timeout=httpx2.Timeout(total_seconds, connect=CONNECT_SECONDS),
            # Kept connections are found by their address alone: two names behind one must not share one's check.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer | TryLater | Rejected:
        try:
            target = httpx2.URL(url)
        except httpx2.InvalidURL:
            return Rejected("bad_url")
        if target.scheme not in self._schemes or not target.host or target.userinfo or (target.port or 1) > 65535:
            return Rejected("bad_url")
        try:
            async with asyncio.timeout(self._total_seconds):
                addresses = await self._look_up(target)
                if isinstance(addresses, TryLater | Rejected):
                    return addresses
                return await self._try_each(addresses, _Ask(method, target, headers, body))
        except (TimeoutError, httpx2.TimeoutException):
            return TryLater("timeout")
        except httpx2.HTTPError:
            return TryLater("connection")

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _look_up(self, target: httpx2.URL) -> Sequence[str] | TryLater | Rejected:
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            found = await self._resolve(target.host, port)
            addresses = [ipaddress.ip_address(each) for each in found]
        except (OSError, ValueError):
            return TryLater("name_not_found")
        if not addresses or not all(may_reach(each, allow_private=self._allow_private) for each in addresses):
            return Rejected("address_not_allowed")
        return [str(each) for each in addresses[:MOST_ADDRESSES]]

    async def _try_each(self, addresses: Sequence[str], ask: "_Ask") -> Answer:
        """The answer of the first address that can be connected to."""
        for address in addresses[:-1]:
            try:
                return await self._exchange(address, ask)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._exchange(addresses[-1], ask)

    async def _exchange(self, address: str, ask: "_Ask") -> Answer:
        headers = {**ask.headers, "host": ask.target.netloc.decode("ascii"), "accept-encoding": "identity"}
        request = self._client.build_request(
            ask.method,
            ask.target.copy_with(host=address),
            headers=headers,
            content=ask.body,
            extensions={"sni_hostname": ask.target.raw_host.decode("ascii")},
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) >= self._most_bytes:
                    break
        finally:
            await response.aclose()
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, bytes(read[: self._most_bytes]))


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request, apart from the address that it goes to."""

    method: str
    target: httpx2.URL
    headers: Mapping[str, str]
    body: bytes | None
