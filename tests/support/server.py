"""Server processes that a test starts, kills with kill -9 and starts again; each is ended by its own id.

They are forked from a process that has the imports done (multiprocessing's fork server), so that a start takes a
fraction of a second. What a killed server did is read from its files, never from itself.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.support.client import Client
from tests.support.failing_server import Plan, serve

END_SECONDS = 20
_forks = multiprocessing.get_context("forkserver")


@cache
def _start_forks() -> None:
    """The process that server processes are forked from, with the very sources that this one has."""
    _forks.set_forkserver_preload(["tests.support.failing_server"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


class Server:
    """The workshop's server, its data in `folder` for all of its lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.starts = 0
        self._process: ForkServerProcess | None = None
        self._clients: list[Client] = []

    @property
    def database(self) -> Path:
        return self.folder / "firstline" / "firstline.db"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def effects(self) -> list[str]:
        """The idempotency key of every time a tool acted: written by the tool itself, and kept by the system."""
        log = self.folder / "firstline" / "bundles" / "workshop" / "effects.log"
        return log.read_text().split() if log.exists() else []

    async def start(self, *, fault: str = "", hold: bool = False) -> Client:
        """A new life. The client to it; requests wait until it is ready."""
        assert self._process is None, "it lives"
        await asyncio.to_thread(_start_forks)
        told, tell = _forks.Pipe(duplex=False)
        process = _forks.Process(target=serve, args=(Plan(self.folder, fault, hold), tell), daemon=True)
        await asyncio.to_thread(process.start)
        tell.close()
        port = await asyncio.to_thread(told.recv)
        told.close()
        self._process = process
        self.starts += 1
        client = Client(f"http://127.0.0.1:{port}")
        self._clients.append(client)
        return client

    async def ready(self, client: Client) -> None:
        """Returns when it serves: the store has been opened, what was unfinished has been taken up."""
        response = await client.request("GET", "/readyz")
        assert response.status_code == 200, self.log

    async def kill(self) -> None:
        """kill -9, now."""
        assert self._process is not None and self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await self.died()

    async def died(self) -> None:
        """Wait for it to be dead by SIGKILL, by whatever hand. Raises AssertionError when it lives on."""
        process, self._process = self._process, None
        assert process is not None
        await asyncio.to_thread(process.join, END_SECONDS)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        assert code == -signal.SIGKILL, f"it ended with {code}:\n{self.log}"
        await self._hang_up()

    async def stop(self) -> None:
        """SIGTERM, as an operator would; it must end by itself. Nothing when it does not live."""
        process, self._process = self._process, None
        if process is not None:
            await self._hang_up()
            process.terminate()
            await asyncio.to_thread(process.join, END_SECONDS)
            assert process.exitcode is not None, "it does not stop"
            process.close()

    async def _hang_up(self) -> None:
        for client in self._clients:
            await client.http.aclose()
        self._clients.clear()
