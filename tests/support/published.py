"""The workshop as its company works on it: a folder that is changed and published beside a running service."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from firstline import cli
from firstline.bundle.load import load_bundle
from firstline.bundle.revisions import place_of
from firstline.config import Settings
from firstline.model import ModelRequest, Piece, Replied
from firstline.service.app import build_app
from firstline.types import ConversationId
from firstline.wire import Service, build_service
from tests.support.client import Asgi, Client, Customer
from tests.support.mechanic import Mechanic
from tests.support.shop import PLENTY, SECRET, WORKSHOP


class Signed(Mechanic):
    """A mechanic whose replies bear its name."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        async for piece in super().stream(request):
            yield Replied(replace(piece.reply, model=self.name)) if isinstance(piece, Replied) else piece


@dataclass
class Business:
    """Its folder and its data. The environment of the commands is to name the same data."""

    folder: Path
    data: Path

    @classmethod
    def begin(cls, place: Path) -> "Business":
        return cls(Path(copytree(WORKSHOP, place / "workshop")), place / "data")

    @property
    def revision(self) -> str:
        """Of the folder as it is."""
        return load_bundle(self.folder).revision

    def write(self, rule: str) -> str:
        """Change the policy; the revision that comes of it."""
        (self.folder / "policy.md").write_text(f"{rule}\n")
        return self.revision

    def place(self, revision: str) -> Path:
        """Where a published revision is kept."""
        return place_of(self.data, "workshop", revision)

    def damage(self, revision: str) -> bytes:
        """Change a byte of what is kept; what it was before."""
        file = self.place(revision) / "policy.md"
        before = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(before + b"!")
        return before

    def run(self, *words: object) -> Result:
        """A command, as an operator gives it; in a thread, since it has an event loop of its own."""
        with ThreadPoolExecutor(1) as another:
            return another.submit(CliRunner().invoke, cli.app, [str(word) for word in words]).result()

    def publish(self, *more: object) -> None:
        done = self.run("publish", self.folder, "--yes", *more)
        assert done.exit_code == 0, (done.output, done.exception)

    def rollback(self, *more: object) -> None:
        done = self.run("rollback", "workshop", *more)
        assert done.exit_code == 0, (done.output, done.exception)

    def build(self, **how: Any) -> Service:
        """Its service, not yet started. Each revision has a model that is called as the revision."""
        settings = Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data=self.data,
            model="offline",
            identity_secret=SECRET,  # pyright: ignore[reportArgumentType]
            messages_per_minute=PLENTY,
            conversations_per_minute=PLENTY,
        )
        return build_service(settings, [self.folder], model_for=lambda bundle, _: Signed(name=bundle.revision), **how)


@dataclass
class Running:
    """A service that runs, and a client to it."""

    service: Service
    client: Client

    async def look(self) -> None:
        """What it does every other second."""
        await self.service.engines.look()

    async def speaks(self, customer: Customer) -> str:
        """The revision that answers in a conversation."""
        response = await customer.post("how do I oil a chain", wait=True)
        assert response.status_code == 200, response.text
        return response.json()["model"]

    async def start_many(self, count: int) -> dict[str, int]:
        """How many of new conversations got which revision."""
        found: dict[str, int] = {}
        for _ in range(count):
            revision = await self.revision_of(await self.client.start())
            found[revision] = found.get(revision, 0) + 1
        return found

    async def revision_of(self, customer: Customer) -> str:
        """The revision that stands in a conversation's log."""
        started = (await self.service.ledger.load(ConversationId(customer.conversation_id))).started
        assert started is not None
        return started.revision

    async def ready(self) -> Any:
        response = await self.client.request("GET", "/readyz")
        assert response.status_code == 200
        return response.json()

    def again(self, customer: Customer) -> Customer:
        """The same customer, who talks to this service now."""
        return replace(customer, client=self.client)


@asynccontextmanager
async def running(business: Business, **how: Any) -> AsyncIterator[Running]:
    service = await asyncio.to_thread(business.build, **how)
    app = build_app(service)
    async with app.router.lifespan_context(app), Client(transport=Asgi(app)) as client:
        yield Running(service, client)
        await service.dispatcher.close(drain_seconds=0)
