"""The limit: bytes in, bytes out, on uvloop, a connection to the upstream for each of a client's.

`python -m bench.relay PORT UPSTREAM_PORT`
"""

import asyncio
import sys
from typing import cast

import uvloop


class Inward(asyncio.Protocol):
    """From the upstream to the client."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.close()


class Outward(asyncio.Protocol):
    """From a client to the upstream; what comes before the upstream is reached waits."""

    def __init__(self, upstream_port: int) -> None:
        self._port = upstream_port
        self._upstream: asyncio.Transport | None = None
        self._waiting = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        client = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._connecting = asyncio.ensure_future(self._connect(client))

    async def _connect(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._upstream, _ = await loop.create_connection(lambda: Inward(client), "127.0.0.1", self._port)
        self._upstream.write(bytes(self._waiting))

    def data_received(self, data: bytes) -> None:
        if self._upstream is None:
            self._waiting += data
        else:
            self._upstream.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._upstream is not None:
            self._upstream.close()


async def serve(port: int, upstream_port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Outward(upstream_port), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
