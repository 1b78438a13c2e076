"""The workshop's service in this process: the real application, store and turns; model and clock from the test."""

import atexit
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp
from typing import Any

from fastapi import FastAPI
from structlog.testing import capture_logs

from firstline.config import Settings
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.model import Model
from firstline.service.app import build_app
from firstline.service.identity import sign_identity
from firstline.store.opening import open_store
from firstline.store.sql import SqlStore
from firstline.tools.python import open_bundle
from firstline.wire import Service, assemble_service, build_engine
from tests.support.client import Asgi, Client, Customer
from tests.support.mechanic import Mechanic
from tests.support.scripted import Clock

WORKSHOP = Path(__file__).parent / "bundles" / "workshop"
SECRET = "a-secret-for-tests-of-32-characters-or-more"
PLENTY = 100_000


@dataclass
class Shop:
    """What a test holds of the running service."""

    service: Service
    app: FastAPI
    client: Client
    clock: Clock
    model: Any
    folder: Path
    logs: list[Any]
    """What the service would have logged."""

    @property
    def store(self) -> SqlStore:
        return self.service.store

    @property
    def database(self) -> Path:
        return self.folder / "firstline.db"

    def effects(self) -> list[str]:
        """The idempotency key of every time a tool acted, in order."""
        log = self.folder / "rows" / "effects.log"
        return log.read_text().split() if log.exists() else []

    def identity(self, customer_id: str = "C-1", name: str = "Kim") -> str:
        """A signed identity, as the company's own site would give it."""
        audience = self.service.settings.identity_audience
        return sign_identity(customer_id, name, secret=SECRET, audience=audience, now=self.clock())

    async def signed_in(self, customer_id: str = "C-1") -> Customer:
        return await self.client.start(identity=self.identity(customer_id))

    def another_client(self, address: str) -> Client:
        return Client(transport=Asgi(self.app, address=address))


@asynccontextmanager
async def open_shop(
    folder: Path, *, model: Model | None = None, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Shop]:
    """A started service with its data in `folder`; turns that still run are stopped at the end."""
    model, clock = model or Mechanic(), clock or Clock()
    with ExitStack() as held, capture_logs() as logs:
        service = build_shop(folder, model, clock, held, **settings)
        app = build_app(service)
        async with app.router.lifespan_context(app), Client(transport=Asgi(app)) as client:
            yield Shop(service, app, client, clock, model, folder, logs)
            await service.dispatcher.close(drain_seconds=0)  # no test waits for turns that it holds back


def build_shop(folder: Path, model: Model, clock: Callable[[], Any], held: ExitStack, **settings: Any) -> Service:
    """As `wire.build_service`, with the bundle read once for all tests and the store's first migration copied."""
    chosen = {"identity_secret": SECRET, "messages_per_minute": PLENTY, "conversations_per_minute": PLENTY}
    told = Settings(_env_file=None, data=folder, model="offline", **{**chosen, **settings})  # pyright: ignore
    if not (folder / "firstline.db").exists():
        copyfile(_empty_store(), folder / "firstline.db")
    store = open_store(told.store_url)
    engines = Engines([replace(_engine(), model=model, now=clock, folder=folder / "rows")])

    return assemble_service(told, engines, store, held=held, now=clock, retry_seconds=0.01)


@cache
def _engine() -> Engine:
    bundle, toolset = open_bundle(WORKSHOP, data=_folder())
    return build_engine(bundle, toolset, model=Mechanic(), folder=toolset.rows)


@cache
def _empty_store() -> Path:
    path = _folder() / "empty.db"
    open_store(f"sqlite:///{path}").close()
    return path


def _folder() -> Path:
    """A folder for as long as this process lives."""
    folder = mkdtemp(prefix="firstline-tests-")
    atexit.register(rmtree, folder, ignore_errors=True)
    return Path(folder)
