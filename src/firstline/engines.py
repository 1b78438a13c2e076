"""The engines of one process: which revision speaks in which conversation, also while new ones are published.

A conversation keeps the revision that it began with; new ones get what was published last, by its shares. What was
published elsewhere is noticed within seconds, opened beside the event loop, and only then given to anybody.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from firstline.conversation import Conversation
from firstline.engine import Engine
from firstline.errors import ConfigError, StoreError
from firstline.publishing import Publication, Publications, choose_revision, list_withdrawn
from firstline.types import ConversationId

POLL_SECONDS = 2.0
RETRY_SECONDS = 60.0
"""What cannot be opened is tried again: its files may come back."""

MOST_KEPT = 16
"""Revisions that are kept open though no new conversation gets them; the demo's takes some 20 MB."""

OpenKept = Callable[[str, str], Engine]
"""A bundle's name and a revision -> its engine, from the copy that was published. Raises ConfigError."""

Key = tuple[str, str]
"""A bundle's name and a revision."""

Seen = TypeVar("Seen")

_log = structlog.get_logger()


@dataclass(frozen=True)
class Offered:
    """What new conversations of a bundle get. `publication`: None while its folder is served as it is."""

    publication: Publication | None
    engines: Mapping[str, Engine]

    @property
    def leading(self) -> Engine:
        if self.publication is None:
            return next(iter(self.engines.values()))
        return self.engines[self.publication.leading]


class Engines(Mapping[str, Engine]):
    """By bundle name: the engine that most new conversations get. `opened`: of folders served as they are."""

    def __init__(
        self,
        opened: Iterable[Engine] = (),
        *,
        publications: Publications | None = None,
        open_kept: OpenKept | None = None,
    ) -> None:
        self.problems: dict[str, str] = {}
        """By bundle name: why what was published last is not what new conversations get."""
        self._publications = publications
        self._open_kept = open_kept
        self._offered: dict[str, Offered] = {}
        self._followed: set[str] = set()
        self._published: dict[str, set[str]] = {}
        self._withdrawn: dict[str, set[str]] = {}
        self._kept: OrderedDict[Key, Engine] = OrderedDict()
        self._lost: set[Key] = set()
        self._failed: dict[str, tuple[int, float]] = {}
        self._opening = asyncio.Lock()
        self._seen = 0
        self._task: asyncio.Task[None] | None = None
        for engine in opened:
            self.serve(engine)

    # Whom to ask -------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Engine:
        return self._offered[name].leading

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)

    def view(self, read: Callable[[Engine], Seen]) -> Mapping[str, Seen]:
        """By bundle name, what is read off the leading engine: it follows what is published."""
        return _View(self, read)

    def offered(self, name: str) -> Offered:
        return self._offered[name]

    def shares(self, name: str) -> dict[str, float]:
        """The share of new conversations that each revision gets."""
        publication = self._offered[name].publication
        return dict(publication.shares) if publication else {self[name].bundle.revision: 1.0}

    def live(self, name: str) -> Sequence[Engine]:
        """All that new conversations may get, the leading one first."""
        leading = self[name]
        return [leading, *(each for each in self._offered[name].engines.values() if each is not leading)]

    def choose(self, name: str, conversation_id: ConversationId, *, shown: str | None = None) -> Engine:
        """The engine of a new conversation: of the revision that its customer was shown, where that is offered."""
        offered = self._offered[name]
        if shown is not None and shown in offered.engines:
            return offered.engines[shown]
        if offered.publication is None:
            return offered.leading
        return offered.engines[choose_revision(offered.publication, conversation_id)]

    async def of(self, conversation: Conversation) -> Engine:
        """The engine that speaks in a conversation: of the revision that it began with. Where that is not to be had,
        or was withdrawn, the leading one.
        """
        started = conversation.started
        if started is None or started.revision in self._withdrawn.get(conversation.bundle, ()):
            return self[conversation.bundle]
        return await self.began_with(conversation)

    async def began_with(self, conversation: Conversation) -> Engine:
        """The engine of the revision that it began with, withdrawn or not; the leading one where it is not kept."""
        if conversation.started is None:
            return self[conversation.bundle]
        return await self._find((conversation.bundle, conversation.started.revision))

    async def once_published(self, name: str, revision: str) -> Engine:
        """The engine of a revision that was published and not withdrawn; the leading one for any other."""
        known = self._published.get(name, set()) - self._withdrawn.get(name, set())
        return await self._find((name, revision)) if revision in known else self[name]

    async def _find(self, key: Key) -> Engine:
        if key not in self._kept and key not in self._lost:
            await self._take_out(key)
        if key not in self._kept:
            return self[key[0]]
        self._kept.move_to_end(key)
        return self._kept[key]

    async def _take_out(self, key: Key) -> None:
        async with self._opening:
            if key in self._kept or self._open_kept is None:
                return
            try:
                self._keep(await asyncio.to_thread(self._open_kept, *key))
            except Exception as error:  # whatever is wrong with it, the customer is answered
                self._lost.add(key)
                _log.warning("revision_not_kept", bundle=key[0], revision=key[1], reason=str(error))

    # What is served ----------------------------------------------------------------------------------------------

    def serve(self, engine: Engine, *, follow: bool = False) -> None:
        """New conversations of its bundle get this engine; with `follow` until something is published."""
        self._offer(engine.bundle.name, Offered(None, {engine.bundle.revision: engine}))
        if follow:
            self._followed.add(engine.bundle.name)

    def serve_published(self, name: str) -> bool:
        """New conversations of this bundle get what was published last, from now on; False when nothing was.

        Where that cannot be opened, they get what was published before, and `problems` says so: a server that is
        started again goes on as it did. Raises: ConfigError when nothing of it can be opened.
        """
        if self._publications is None:
            return False
        history = self._publications.history(name)
        self._learn(name, history)
        problems: list[ConfigError] = []
        for publication in reversed(history):
            try:
                self._offer(name, self._open(publication))
            except ConfigError as error:
                problems.append(error)
                continue
            self._followed.add(name)
            if problems:
                self._tell(name, history[-1], problems[0])
            return True
        if problems:
            raise problems[0]
        return False

    def _learn(self, name: str, history: Sequence[Publication]) -> None:
        self._published[name] = {each.revision for each in history}
        self._withdrawn[name] = list_withdrawn(history)

    def _open(self, publication: Publication) -> Offered:
        """Raises ConfigError."""
        assert self._open_kept is not None, "where something is published it can be opened"
        engines: dict[str, Engine] = {}
        for revision in publication.shares:
            known = self._kept.get((publication.bundle, revision))
            engines[revision] = known or self._open_kept(publication.bundle, revision)
        return Offered(publication, engines)

    def _offer(self, name: str, offered: Offered) -> None:
        self._offered[name] = offered
        self.problems.pop(name, None)
        for engine in offered.engines.values():
            self._keep(engine)

    def _keep(self, engine: Engine) -> None:
        """Have it at hand; of those that are only used by older conversations the least used one may be dropped."""
        key = engine.bundle.name, engine.bundle.revision
        self._kept[key] = engine
        self._kept.move_to_end(key)
        older = [each for each in self._kept if each[1] not in self._offered[each[0]].engines]
        for each in older[:-MOST_KEPT]:
            del self._kept[each]

    def _tell(self, name: str, publication: Publication, error: Exception) -> None:
        told = f"publication {publication.number} cannot be opened; the log says why"
        if self.problems.get(name) != told:
            _log.error("publication_not_opened", bundle=name, number=publication.number, reason=str(error))
        self.problems[name] = told

    # What is published meanwhile ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow what is published."""
        if self._publications is not None and self._followed:
            self._task = asyncio.create_task(self._run(), name="engines")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for engine in self._kept.values():
            await engine.model.aclose()

    async def look(self) -> None:
        """Take up what was published since the last look. Raises StoreError."""
        assert self._publications is not None, "something is followed"
        newest = await asyncio.to_thread(self._publications.newest)
        if newest == self._seen:
            return
        for name in sorted(self._followed):
            history = await asyncio.to_thread(self._publications.history, name)
            self._learn(name, history)
            if history:
                await self._take_up(history[-1])
        if not self.problems:
            self._seen = newest

    async def _take_up(self, publication: Publication) -> None:
        name, before = publication.bundle, self._offered[publication.bundle].publication
        if before is not None and before.number == publication.number:
            return
        clock = asyncio.get_running_loop().time
        number, again_at = self._failed.get(name, (0, 0.0))
        if number == publication.number and clock() < again_at:
            return
        async with self._opening:
            try:
                offered = await asyncio.to_thread(self._open, publication)
            except Exception as error:  # whatever is wrong with it, what is served goes on being served
                self._failed[name] = publication.number, clock() + RETRY_SECONDS
                self._tell(name, publication, error)
                return
            self._offer(name, offered)
        shares = {revision: round(share, 4) for revision, share in publication.shares.items()}
        _log.info("publication_taken_up", bundle=name, number=publication.number, shares=shares)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.look()
            except StoreError:
                _log.warning("publications_not_read")  # it is still there at the next look
            except Exception:
                _log.exception("publications_broke")


class _View(Mapping[str, Seen]):
    def __init__(self, engines: Engines, read: Callable[[Engine], Seen]) -> None:
        self._engines = engines
        self._read = read

    def __getitem__(self, name: str) -> Seen:
        return self._read(self._engines[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._engines)

    def __len__(self) -> int:
        return len(self._engines)
