"""Starting the servers, each a process on its core, and ending exactly those."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

START_SECONDS = 60.0
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Server:
    """A running process. `started_seconds`: from the command to the first 200 of /readyz, where it has one."""

    process: "subprocess.Popen[bytes]"
    port: int
    started_seconds: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_upstream(core: int) -> Server:
    return _start(lambda port: ["-m", "bench.upstream", str(port)], core, ready=False)


def start_relay(core: int, upstream: Server) -> Server:
    return _start(lambda port: ["-m", "bench.relay", str(port), str(upstream.port)], core, ready=False)


def start_usual(core: int, upstream: Server) -> Server:
    return _start(lambda port: ["-m", "bench.usual", str(port), str(upstream.port)], core)


def start_ours(core: int, upstream: Server, folder: Path) -> Server:
    """Firstline as it is served, with everything on; only its rate limits are out of the way."""

    def settings(port: int) -> dict[str, str]:
        return {
            "FIRSTLINE_PORT": str(port),
            "FIRSTLINE_DATA": str(folder),
            "FIRSTLINE_MODEL": "claude",
            "FIRSTLINE_MESSAGES_PER_MINUTE": "1000000",
            "FIRSTLINE_CONVERSATIONS_PER_MINUTE": "1000000",
            "ANTHROPIC_API_KEY": "dummy",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{upstream.port}",
        }

    return _start(lambda _: ["-m", "firstline", "serve", "bundles/acme"], core, settings=settings)


def start_offline(cores: set[int], folder: Path) -> Server:
    """Firstline with the offline model and the data in `folder`, on these cores."""

    def settings(port: int) -> dict[str, str]:
        return {
            "FIRSTLINE_PORT": str(port),
            "FIRSTLINE_DATA": str(folder),
            "FIRSTLINE_MODEL": "offline",
            "FIRSTLINE_MESSAGES_PER_MINUTE": "1000000",
            "FIRSTLINE_CONVERSATIONS_PER_MINUTE": "1000000",
        }

    return _start(lambda _: ["-m", "firstline", "serve", "bundles/acme"], cores, settings=settings)


def _start(
    arguments: Callable[[int], list[str]],
    cores: int | set[int],
    *,
    ready: bool = True,
    settings: Callable[[int], dict[str, str]] = lambda _: {},
) -> Server:
    port = _free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments(port)],
        env={**os.environ, **settings(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.sched_setaffinity(process.pid, {cores} if isinstance(cores, int) else cores)
    server = Server(process, port, 0.0)
    try:
        while not _answers(port, ready=ready):
            if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                raise RuntimeError(f"{' '.join(arguments(port))} does not start")
            time.sleep(POLL_SECONDS)
    except BaseException:
        server.end()
        raise
    return Server(process, port, time.perf_counter() - began)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, *, ready: bool) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.connect()
        if not ready:
            return True
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
