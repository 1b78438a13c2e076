"""The one composition root: settings and bundles in, a running service out. Names become implementations here."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import structlog
from pydantic import SecretStr

from firstline.bundle import Bundle
from firstline.bundle.revisions import find_revision
from firstline.config import Settings
from firstline.conversation import Conversation
from firstline.courier import Courier
from firstline.desk import Desk
from firstline.desk.builtin import Inbox
from firstline.desk.chatwoot import Chatwoot
from firstline.desk.email import Email, read_relay
from firstline.desk.guarded import GuardedFetch
from firstline.desk.signing import read_secret
from firstline.desk.webhook import Webhook
from firstline.dispatch import Signal
from firstline.dispatch.local import RETRY_SECONDS, LocalDispatcher
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.errors import ConfigError, Problem
from firstline.guardrails.competitors import Competitors
from firstline.guardrails.grounding import Grounding
from firstline.guardrails.injection import Injection
from firstline.guardrails.links import Links
from firstline.indexer import Indexer
from firstline.ledger import Ledger
from firstline.model import Batches, Model
from firstline.model.fallback import FallbackModel
from firstline.model.offline import OfflineModel
from firstline.mood import MoodJudge
from firstline.prompt import Static, build_static, evidence_of
from firstline.retrieval.lexical import LexicalRetriever
from firstline.retrieval.passages import build_passages, collect_tags
from firstline.route import Router
from firstline.scoring import Known
from firstline.store.deliveries import SqlDeliveries
from firstline.store.opening import (
    has_store,
    lock_folder,
    open_deliveries,
    open_publications,
    open_records,
    open_store,
)
from firstline.store.records import SqlRecords
from firstline.store.sql import SqlStore
from firstline.store.staff import SqlStaff
from firstline.store.tallies import SqlArchive
from firstline.timekeeper import Timekeeper
from firstline.tools import Toolset
from firstline.tools.python import open_bundle
from firstline.types import ConversationId
from firstline.worker import Worker

_log = structlog.get_logger()

Made = TypeVar("Made")
ChooseModel = Callable[[Bundle, Settings], Model]


def now_utc() -> datetime:
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """An id nobody can guess: `cv_`, `tn_`, `ms_`, `cf_` and 96 bits."""
    return f"{kind}_{secrets.token_hex(12)}"


def choose_model(bundle: Bundle, settings: Settings) -> Model:
    """The models that reply for a bundle, tried in order; the offline model is the last, or the only one."""
    offline = OfflineModel(bundle)
    if settings.chosen_model == "offline":
        return offline
    return FallbackModel([*(build_claude_model(model_id, settings) for model_id in settings.chat_models), offline])


def choose_fast_model(settings: Settings) -> Model | None:
    """The model for what has to be quick and cheap; None where there is no key: rules stand in for it."""
    return None if settings.chosen_model == "offline" else build_claude_model(settings.fast_model, settings)


def choose_judge_model(settings: Settings) -> Model | None:
    """The model that judges replies in evaluations; None where there is no key: nothing stands in for it."""
    return None if settings.chosen_model == "offline" else build_claude_model(settings.judge_model, settings)


def choose_judge_batches(settings: Settings) -> Batches | None:
    """The same judge, asked many things at once for half the price; None where there is no key."""
    if settings.chosen_model == "offline":
        return None
    from firstline.model.claude_batches import build_batches  # noqa: PLC0415  # as firstline.model.claude

    assert settings.anthropic_api_key is not None
    return build_batches(
        settings.judge_model,
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        connect_seconds=settings.connect_seconds,
    )


def build_claude_model(model_id: str, settings: Settings) -> Model:
    from firstline.model.claude import build_claude  # noqa: PLC0415  # takes 1-2 s, and only Claude needs it

    assert settings.anthropic_api_key is not None
    return build_claude(
        model_id,
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        idle_seconds=settings.idle_seconds,
        plain=settings.plain_requests,
    )


def with_patience(bundle: Bundle, settings: Settings) -> Bundle:
    """The bundle, its turns as long as the settings say; its revision is that of its files all the same."""
    if settings.turn_seconds is None:
        return bundle
    return replace(bundle, limits=bundle.limits.model_copy(update={"seconds": settings.turn_seconds}))


def build_engine(
    bundle: Bundle,
    toolset: Toolset,
    *,
    model: Model,
    folder: Path,
    now: Callable[[], datetime] = now_utc,
    make_id: Callable[[str], str] = new_id,
) -> Engine:
    """The engine of one bundle, with the rules and adapters that this version has."""
    return Engine(
        bundle=bundle,
        static=build_static(bundle),
        model=model,
        router=Router(bundle),
        retriever=LexicalRetriever(
            build_passages(bundle.articles), fallback=bundle.locale, tags=collect_tags(bundle.articles)
        ),
        toolset=toolset,
        input_guardrails=(Injection(),),
        output_guardrails=(Grounding(), Links(bundle.links), Competitors(bundle.competitors)),
        folder=folder,
        now=now,
        new_id=make_id,
    )


def build_known(bundle: Bundle) -> Known:
    """What scorers know of a business: what claims may rest on, and the rule that holds figures against it."""
    return read_known(bundle, build_static(bundle))


def read_known(bundle: Bundle, static: Static) -> Known:
    """The same, where what the model is always given is there already."""
    return Known(bundle, partial(evidence_of, bundle, static), Grounding())


def _known_of(engine: Engine) -> Known:
    return read_known(engine.bundle, engine.static)


def choose_desk(settings: Settings, now: Callable[[], datetime] = now_utc) -> Desk:
    """Where hand-offs go besides the inbox. Raises ConfigError for a secret or an address that cannot be read."""
    if settings.desk == "inbox":
        return Inbox()
    if settings.desk == "email":
        assert settings.smtp_url is not None and settings.mail_from is not None
        return Email(_read("FIRSTLINE_SMTP_URL", read_relay, settings.smtp_url), settings.mail_from, settings.mail_to)
    assert settings.desk_url is not None and settings.desk_secret is not None
    fetch = GuardedFetch(
        https_only=settings.production and not settings.desk_private,
        allow_private=settings.desk_private or not settings.production,
    )
    if settings.desk == "webhook":
        return Webhook(settings.desk_url, desk_secret(settings), fetch, now)
    assert settings.desk_account is not None and settings.desk_inbox is not None and settings.desk_token is not None
    token = settings.desk_token.get_secret_value()
    return Chatwoot(settings.desk_url, settings.desk_account, settings.desk_inbox, token, fetch, now)


def desk_secret(settings: Settings) -> bytes:
    """The key by which a desk is believed; empty when there is none. Raises ConfigError."""
    if settings.desk_secret is None:
        return b""
    if settings.desk == "chatwoot":
        return settings.desk_secret.get_secret_value().encode()
    return _read("FIRSTLINE_DESK_SECRET", read_secret, settings.desk_secret)


def _read(name: str, read: Callable[[str], Made], written: SecretStr) -> Made:
    try:
        return read(written.get_secret_value())
    except ValueError as error:
        raise ConfigError(Problem(f"{name}: {error}", "correct it in the environment or in .env")) from None


@dataclass
class Service:
    """Everything that runs. `start` takes up what an earlier process left; `close` loses nothing."""

    settings: Settings
    engines: Engines
    store: SqlStore
    records: SqlRecords
    staff: SqlStaff
    archive: SqlArchive
    dispatcher: LocalDispatcher
    ledger: Ledger
    indexer: Indexer
    timekeeper: Timekeeper
    moods: MoodJudge
    deliveries: SqlDeliveries
    courier: Courier
    desk_secret: bytes = b""
    fast_model: Model | None = None
    held: ExitStack = field(default_factory=ExitStack)

    async def start(self) -> int:
        """Submit every unfinished conversation; how many there were."""
        self.indexer.start(self.ledger)
        self.timekeeper.start()
        self.courier.start(self.ledger)
        self.engines.start()
        unfinished = await self.store.unfinished()
        for conversation_id in unfinished:
            await self.dispatcher.submit(conversation_id)
        if unfinished:
            _log.info("taken_up", conversations=len(unfinished))
        return len(unfinished)

    async def close(self) -> None:
        await self.timekeeper.close()
        await self.dispatcher.close()
        await self.moods.close()
        await self.courier.close()
        await self.indexer.close()
        await self.engines.close()
        if self.fast_model is not None:
            await self.fast_model.aclose()
        self.staff.close()
        self.store.close()
        self.held.close()


def build_service(
    settings: Settings,
    bundle_paths: Sequence[Path],
    *,
    draft: bool = False,
    model_for: ChooseModel = choose_model,
    now: Callable[[], datetime] = now_utc,
) -> Service:
    """The service, not yet started; it serves what is published of each bundle, else its folder as it is. `draft`:
    the folders in any case. Raises ConfigError: settings, bundles, folder, store.
    """
    with ExitStack() as opening:
        held = opening.enter_context(ExitStack())
        held.enter_context(_locked(settings.data))

        def open_engine(path: Path) -> Engine:
            bundle, toolset = open_bundle(path, data=settings.data / "bundles")
            held.callback(toolset.close)
            bundle = with_patience(bundle, settings)
            return build_engine(bundle, toolset, model=model_for(bundle, settings), folder=toolset.rows, now=now)

        named = _name_bundles(bundle_paths)
        as_they_are = draft or not has_store(settings.store_url)  # and no store is made for a bundle that is broken
        opened = {name: open_engine(path) for name, path in named.items()} if as_they_are else {}
        store = open_store(settings.store_url)
        opening.callback(store.close)
        engines = Engines(
            publications=open_publications(store),
            open_kept=lambda name, revision: open_engine(find_revision(settings.data, name, revision)),
        )
        for name, path in named.items():
            if draft or not engines.serve_published(name):
                engines.serve(opened.get(name) or open_engine(path), follow=not draft)
        fast = choose_fast_model(settings)
        service = assemble_service(settings, engines, store, held=held, now=now, fast_model=fast)
        opening.pop_all()
    return service


def _name_bundles(paths: Sequence[Path]) -> dict[str, Path]:
    """The bundles by name, which is their folder's. Raises ConfigError when two have the same."""
    named: dict[str, Path] = {}
    for path in paths:
        if named.setdefault(path.resolve().name, path) is not path:
            raise ConfigError(Problem(f"two bundles are named {path.resolve().name}", "serve one of them", path))
    return named


def assemble_service(
    settings: Settings,
    engines: Engines,
    store: SqlStore,
    *,
    held: ExitStack,
    now: Callable[[], datetime] = now_utc,
    retry_seconds: float = RETRY_SECONDS,
    fast_model: Model | None = None,
) -> Service:
    """The service around engines and a store that are open. `held` is closed with it."""
    known = engines.view(_known_of)
    records = open_records(store)

    async def own(conversation: Conversation) -> Known:
        return _known_of(await engines.began_with(conversation))

    async def work(conversation_id: ConversationId, stop: asyncio.Event) -> None:
        await worker(conversation_id, stop)

    def publish(conversation_id: ConversationId, signals: tuple[Signal, ...]) -> None:
        dispatcher.publish(conversation_id, signals)
        indexer.note(conversation_id, signals)
        moods.note(conversation_id, signals)
        courier.note(conversation_id, signals)

    def link_to(conversation_id: ConversationId) -> str | None:
        return f"{settings.public_url.rstrip('/')}/inbox?c={conversation_id}" if settings.public_url else None

    deliveries = open_deliveries(store)
    courier = Courier(choose_desk(settings, now), deliveries, now, link_to=link_to)
    dispatcher = LocalDispatcher(work, retry_seconds=retry_seconds)
    archive = SqlArchive(store.engine, store.reader)
    indexer = Indexer(records, known, dispatcher.publish, now, archive=archive, own=own)
    ledger = Ledger(store, publish, alone=True)
    worker = Worker(engines, ledger, dispatcher.publish)
    timekeeper = Timekeeper(records, ledger, engines.view(lambda engine: engine.bundle), now, new_id)
    moods = MoodJudge({} if fast_model is None else dict.fromkeys(engines, fast_model), ledger, now)
    return Service(
        settings=settings,
        engines=engines,
        store=store,
        records=records,
        staff=SqlStaff(store.engine, store.reader),
        archive=archive,
        dispatcher=dispatcher,
        ledger=ledger,
        indexer=indexer,
        timekeeper=timekeeper,
        moods=moods,
        deliveries=deliveries,
        courier=courier,
        desk_secret=desk_secret(settings),
        fast_model=fast_model,
        held=held,
    )


def _locked(folder: Path) -> IO[bytes]:
    try:
        return lock_folder(folder)
    except OSError as error:
        raise ConfigError(
            Problem(
                what=f"nothing can be written there: {error.strerror}",
                remedy="give a folder that can be written in FIRSTLINE_DATA",
                path=folder,
            )
        ) from None
