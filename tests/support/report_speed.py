"""How long the report takes to answer, whole: request, session, questions to the store, figures, JSON.

python -m tests.support.report_speed [COUNT]    # 100,000 conversations, in 30 days and in 400
"""

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from firstline.config import Settings
from firstline.service.app import build_app
from firstline.service.sign_in import COOKIE
from firstline.wire import Service, build_service
from tests.support.client import Asgi, Client
from tests.support.past import UNTIL, fill_past

HERE = {"Origin": "http://firstline.test"}
ROUNDS = 15
ASKED = {
    "last 30 days": "",
    "all of it": "?from={first}",
    "all of it, one language and revision": "?from={first}&locale=zh&revision=c4419a70",
    "all of it, as CSV": "?from={first}&format=csv",
}


async def measure(service: Service, days: int) -> dict[str, tuple[float, float, float]]:
    """Milliseconds: of the fastest request, of the middle one, and the processor's time of the cheapest."""
    first = str((UNTIL - timedelta(days=days)).date())
    app = build_app(service)
    async with app.router.lifespan_context(app), Client(transport=Asgi(app)) as client:
        await client.request("POST", "/demo/staff", json={"role": "viewer"}, headers=HERE)
        assert COOKIE in client.http.cookies
        await service.indexer.settled()  # and so every day that has ended is summed
        told: dict[str, tuple[float, float, float]] = {}
        paths = {name: f"/v1/staff/report{query.format(first=first)}" for name, query in ASKED.items()}
        for name, path in {**paths, "the page": "/report"}.items():
            spent = [await _time(client, path) for _ in range(ROUNDS)]
            walls, processor = sorted(wall for wall, _ in spent), min(work for _, work in spent)
            told[name] = (walls[0], walls[len(walls) // 2], processor)
        return told


async def _time(client: Client, path: str) -> tuple[float, float]:
    wall, work = time.perf_counter(), time.process_time()
    response = await client.request("GET", path)
    spent = (time.perf_counter() - wall) * 1000, (time.process_time() - work) * 1000
    assert response.status_code == 200, response.text
    return spent


def main(count: int) -> None:
    for days in (30, 400):
        with TemporaryDirectory() as folder:
            settings = Settings(_env_file=None, data=Path(folder), model="offline")  # pyright: ignore
            service = build_service(settings, [Path("bundles/acme")], now=lambda: UNTIL)
            begun = time.perf_counter()
            fill_past(service.store.engine, service.engines["acme"].bundle, count, days=days)
            size = Path(folder, "firstline.db").stat().st_size / 1e6
            print(f"{count:,} records in {days} days, {size:.0f} MB, filled in {time.perf_counter() - begun:.0f} s")
            for name, (fastest, middle, work) in asyncio.run(measure(service, days)).items():
                print(f"  {name:<38} fastest {fastest:4.0f} ms, median {middle:4.0f} ms, both cores {work:4.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
