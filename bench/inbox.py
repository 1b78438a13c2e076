"""Inbox and report at scale, on all cores of the machine: `python -m bench.inbox` prints milliseconds as JSON.

A server with 100,000 past conversations and 200 that wait; 20 human agents with open inboxes, who look, search, open,
accept, reply and let go, an act every three seconds each. Measured once alone, and once with all of them at work.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from statistics import quantiles

import httpx2

from bench.servers import start_offline
from firstline.store.opening import open_store
from firstline.tools.python import open_bundle
from tests.support.past import fill_past

PAST = 100_000
WAITING = 200
HUMAN_AGENTS = 20
ALONE_ROUNDS = 15
WORK_SECONDS = 40.0
PACE_SECONDS = 3.0

Taken = dict[str, list[float]]


def fill(folder: Path, count: int) -> None:
    """A store with a past in `folder`."""
    bundle, toolset = open_bundle(Path("bundles/acme"), data=folder / "rows")
    store = open_store(f"sqlite:///{folder / 'firstline.db'}")
    fill_past(store.engine, bundle, count, until=datetime.now(UTC), days=365)
    store.close()
    toolset.close()


class Desk:
    """One human agent's browser."""

    def __init__(self, base: str, taken: Taken) -> None:
        self.http = httpx2.AsyncClient(base_url=base, headers={"Origin": base}, timeout=60)
        self.taken = taken

    async def sign_in(self) -> None:
        (await self.http.post("/demo/staff", json={"role": "human_agent"})).raise_for_status()

    async def call(self, what: str, method: str, path: str, **how: object) -> httpx2.Response:
        began = time.perf_counter()
        response = await self.http.request(method, path, **how)  # pyright: ignore[reportArgumentType]
        self.taken[what].append(1e3 * (time.perf_counter() - began))
        if response.status_code >= 400 and response.status_code != 409:
            raise RuntimeError(f"{method} {path}: {response.status_code}")
        return response

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """The inbox's stream, open and read."""

        async def read() -> None:
            async with self.http.stream("GET", "/v1/staff/events") as stream:
                async for _ in stream.aiter_bytes():
                    pass

        task = asyncio.create_task(read())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def acts(desk: Desk, ids: list[str]) -> list[Callable[[int], Awaitable[object]]]:
    """Everything a human agent does, each with its number of the round."""
    path = "/v1/staff/conversations"

    def one(number: int) -> str:
        return f"{path}/{ids[number % len(ids)]}"

    async def hold(number: int) -> None:
        taken = await desk.call("accept", "POST", f"{one(number)}/accept")
        if taken.status_code == 200:
            body = {"client_message_id": f"b{number}", "text": "Hello, I am looking into it."}
            await desk.call("reply", "POST", f"{one(number)}/reply", json=body)
            await desk.call("let go", "POST", f"{one(number)}/release")

    return [
        lambda _: desk.call("queue, 50 of the waiting", "GET", f"{path}?shelf=waiting"),
        lambda _: desk.call("list, the newest 50 of all", "GET", f"{path}?shelf=all"),
        lambda number: desk.call("one conversation, whole", "GET", one(number)),
        hold,
        lambda _: desk.call("search, a common word", "GET", f"{path}?q=battery"),
        lambda _: desk.call("search, a word nobody wrote", "GET", f"{path}?q=zyxomma"),
        lambda _: desk.call("search, Chinese", "GET", f"{path}?q=电池"),
        lambda _: desk.call("report, 30 days", "GET", "/v1/staff/report"),
        lambda _: desk.call("report, all time", "GET", "/v1/staff/report?from=2020-01-01"),
        lambda _: desk.call("report's page, 30 days", "GET", "/report"),
        lambda _: desk.call("report's page, all time", "GET", "/report?from=2020-01-01"),
    ]


async def make_waiting(base: str) -> list[str]:
    """Conversations that wait for a person."""
    ids: list[str] = []
    async with httpx2.AsyncClient(base_url=base, timeout=60) as http:
        for number in range(WAITING):
            started = (await http.post("/v1/conversations", json={})).json()
            path, headers = (
                f"/v1/conversations/{started['conversation_id']}",
                {"Authorization": f"Bearer {started['token']}"},
            )
            body = {"client_message_id": f"m{number}", "text": "Does the battery's normal ageing count?"}
            await http.post(f"{path}/messages?wait=true", json=body, headers=headers)
            (await http.post(f"{path}/handoff", headers=headers)).raise_for_status()
            ids.append(started["conversation_id"])
    return ids


async def measure(base: str) -> dict[str, dict[str, float]]:
    ids = await make_waiting(base)
    alone: Taken = defaultdict(list)
    together: Taken = defaultdict(list)
    async with AsyncExitStack() as held:
        desk = Desk(base, alone)
        await desk.sign_in()
        for number in range(ALONE_ROUNDS):
            for act in acts(desk, ids):
                await act(number)
        desks = [Desk(base, together) for _ in range(HUMAN_AGENTS)]
        for each in desks:
            await each.sign_in()
            await held.enter_async_context(each.watching())
        until = time.perf_counter() + WORK_SECONDS
        await asyncio.gather(*(_work(each, ids, place, until) for place, each in enumerate(desks)))
    return {"alone": _p95(alone), "together": _p95(together)}


async def _work(desk: Desk, ids: list[str], place: int, until: float) -> None:
    """One act after the other, everybody beginning elsewhere."""
    mine = ids[place * len(ids) // HUMAN_AGENTS :][: len(ids) // HUMAN_AGENTS]
    turn = cycle(acts(desk, mine))
    for _ in range(place):
        next(turn)
    await asyncio.sleep(place * PACE_SECONDS / HUMAN_AGENTS)
    number = 0
    while time.perf_counter() < until:
        number += 1
        await next(turn)(place * 10_000 + number)
        await asyncio.sleep(PACE_SECONDS)


def _p95(taken: Taken) -> dict[str, float]:
    return {what: quantiles(values, n=20)[-1] if len(values) > 1 else values[0] for what, values in taken.items()}


def main() -> None:
    cores = set(range(os.cpu_count() or 1))  # it is the wait that is measured, not the work
    os.sched_setaffinity(0, cores)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAST
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, count)
        server = start_offline(cores, folder)
        try:
            print(json.dumps(asyncio.run(measure(f"http://127.0.0.1:{server.port}")), ensure_ascii=False))
        finally:
            server.end()


if __name__ == "__main__":
    main()
