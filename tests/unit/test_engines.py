"""The engines that a process holds: which are kept open, and what becomes of one that cannot be opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from firstline.conversation import Conversation, new_conversation
from firstline.engine import Engine
from firstline.engines import MOST_KEPT, Engines
from firstline.errors import StoreUnavailable
from firstline.events import ConversationStarted
from firstline.publishing import Publication
from firstline.types import ConversationId
from tests.support.mechanic import Mechanic
from tests.support.scripted import make_engine
from tests.support.toy import make_bundle

pytestmark = pytest.mark.anyio
BUNDLE = make_bundle()
AT = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)


ENGINE = make_engine(BUNDLE, Mechanic())


def engine_of(revision: str) -> Engine:
    return replace(ENGINE, bundle=replace(BUNDLE, revision=revision))


def begun_with(revision: str) -> Conversation:
    """A conversation of which the log says that it began with this revision."""
    begun = new_conversation(ConversationId("cv_1"))
    return begun.extended(
        ConversationStarted(
            at=AT, bundle=BUNDLE.name, revision=revision, locale="en", token_sha256="x", expires_at=AT
        )
    )


@dataclass
class Company:
    """What it published, and what its server opened, in order. `broken`: what cannot be opened, and how."""

    entries: list[Publication] = field(default_factory=list[Publication])
    opened: list[str] = field(default_factory=list[str])
    broken: dict[str, Exception] = field(default_factory=dict[str, Exception])
    store_fails: bool = False

    def newest(self) -> int:
        if self.store_fails:
            raise StoreUnavailable("the store cannot be read")
        return len(self.entries)

    def history(self, bundle: str) -> Sequence[Publication]:
        return list(self.entries)

    def add(self, publication: Publication, *, after: int) -> Publication:
        self.entries.append(publication.model_copy(update={"number": after + 1}))
        return self.entries[-1]

    def publish(self, revision: str) -> None:
        entry = Publication(
            bundle=BUNDLE.name, act="published", revision=revision, shares={revision: 1.0}, at=AT, by="kim"
        )
        self.add(entry, after=len(self.entries))

    def open(self, name: str, revision: str) -> Engine:
        if revision in self.broken:
            raise self.broken[revision]
        self.opened.append(revision)
        return engine_of(revision)

    def engines(self) -> Engines:
        engines = Engines(publications=self, open_kept=self.open)
        assert engines.serve_published(BUNDLE.name)
        return engines


async def speaks(engines: Engines, revision: str) -> str:
    return (await engines.of(begun_with(revision))).bundle.revision


async def test_each_revision_is_opened_once() -> None:
    company = Company()
    company.publish("r1")
    company.publish("r2")
    engines = company.engines()
    for _ in range(3):
        assert [await speaks(engines, each) for each in ("r1", "r2")] == ["r1", "r2"]

    assert company.opened == ["r2", "r1"]


async def test_of_many_older_revisions_the_least_used_are_let_go_and_opened_again_when_they_are_needed() -> None:
    company = Company()
    older = [f"r{number}" for number in range(MOST_KEPT + 4)]
    for revision in (*older, "now"):
        company.publish(revision)
    engines = company.engines()
    for revision in older:
        assert await speaks(engines, revision) == revision
        assert await speaks(engines, "r0") == "r0", "used all the time"
    company.opened.clear()

    assert await speaks(engines, "r0") == "r0"
    assert await speaks(engines, "now") == "now"
    assert company.opened == [], "neither what is used nor what new conversations get was let go"
    assert await speaks(engines, "r1") == "r1"
    assert company.opened == ["r1"]


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("a mistake of ours")])
async def test_a_conversation_whose_revision_cannot_be_opened_is_answered_all_the_same(error: Exception) -> None:
    company = Company(broken={"r1": error})
    company.publish("r2")
    engines = company.engines()
    with capture_logs() as logs:
        assert [await speaks(engines, "r1") for _ in range(2)] == ["r2", "r2"]

    assert [(each["event"], each["revision"]) for each in logs] == [("revision_not_kept", "r1")], "said once"


async def test_a_store_that_cannot_be_read_for_a_while_delays_a_publication_and_breaks_nothing() -> None:
    company = Company()
    company.publish("r1")
    engines = company.engines()
    company.publish("r2")
    company.store_fails = True
    with pytest.raises(StoreUnavailable):
        await engines.look()
    assert engines[BUNDLE.name].bundle.revision == "r1"

    company.store_fails = False
    await engines.look()
    assert engines[BUNDLE.name].bundle.revision == "r2"


async def test_a_mistake_of_ours_in_a_new_revision_leaves_the_old_one() -> None:
    company = Company(broken={"r2": RuntimeError("a mistake of ours")})
    company.publish("r1")
    engines = company.engines()
    company.publish("r2")
    with capture_logs() as logs:
        await engines.look()
        await engines.look()

    assert engines[BUNDLE.name].bundle.revision == "r1"
    assert BUNDLE.name in engines.problems
    assert [each["event"] for each in logs] == ["publication_not_opened"], "said once"


async def test_what_is_read_off_an_engine_follows_what_is_published() -> None:
    company = Company()
    company.publish("r1")
    engines = company.engines()
    revisions = engines.view(lambda engine: engine.bundle.revision)
    company.publish("r2")
    await engines.look()

    assert dict(revisions) == {BUNDLE.name: "r2"}
