"""The one composition root: settings and bundles in, a running service out. Names become implementations here."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeVar

import structlog
from pydantic import SecretStr

from firstline.bundle import Bundle
from firstline.config import Settings
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
from firstline.errors import ConfigError, Problem
from firstline.guardrails.competitors import Competitors
from firstline.guardrails.grounding import Grounding
from firstline.guardrails.injection import Injection
from firstline.guardrails.links import Links
from firstline.indexer import Indexer
from firstline.ledger import Ledger
from firstline.model import Model
from firstline.model.fallback import FallbackModel
from firstline.model.offline import OfflineModel
from firstline.mood import MoodJudge
from firstline.prompt import build_static
from firstline.retrieval.lexical import LexicalRetriever
from firstline.retrieval.passages import build_passages, collect_tags
from firstline.route import Router
from firstline.store.deliveries import SqlDeliveries
from firstline.store.opening import lock_folder, open_deliveries, open_records, open_store
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
    return FallbackModel([*(_build_claude(model_id, settings) for model_id in settings.chat_models), offline])


def choose_fast_model(settings: Settings) -> Model | None:
    """The model for what has to be quick and cheap; None where there is no key: rules stand in for it."""
    return None if settings.chosen_model == "offline" else _build_claude(settings.fast_model, settings)


def choose_judge_model(settings: Settings) -> Model | None:
    """The model that judges replies in evaluations; None where there is no key: nothing stands in for it."""
    return None if settings.chosen_model == "offline" else _build_claude(settings.judge_model, settings)


def _build_claude(model_id: str, settings: Settings) -> Model:
    from firstline.model.claude import build_claude  # noqa: PLC0415  # takes 1-2 s, and only Claude needs it

    assert settings.anthropic_api_key is not None
    return build_claude(
        model_id,
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        idle_seconds=settings.idle_seconds,
    )


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
    engines: dict[str, Engine]
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
        for model in (*(engine.model for engine in self.engines.values()), self.fast_model):
            if model is not None:
                await model.aclose()
        self.staff.close()
        self.store.close()
        self.held.close()


def build_service(
    settings: Settings,
    bundle_paths: Sequence[Path],
    *,
    model_for: ChooseModel = choose_model,
    now: Callable[[], datetime] = now_utc,
) -> Service:
    """The service, not yet started. Raises ConfigError: settings, bundles, folder, store."""
    engines: dict[str, Engine] = {}
    with ExitStack() as held:
        held.enter_context(_locked(settings.data))
        for path in bundle_paths:
            bundle, toolset = open_bundle(path, data=settings.data / "bundles")
            held.callback(toolset.close)
            if bundle.name in engines:
                raise ConfigError(Problem(f"two bundles are named {bundle.name}", "serve one of them", path))
            model = model_for(bundle, settings)
            engines[bundle.name] = build_engine(bundle, toolset, model=model, folder=toolset.rows, now=now)
        store = open_store(settings.store_url)
        kept = held.pop_all()
    fast = choose_fast_model(settings)
    return assemble_service(settings, engines, store, held=kept, now=now, fast_model=fast)


def assemble_service(
    settings: Settings,
    engines: dict[str, Engine],
    store: SqlStore,
    *,
    held: ExitStack,
    now: Callable[[], datetime] = now_utc,
    retry_seconds: float = RETRY_SECONDS,
    fast_model: Model | None = None,
) -> Service:
    """The service around engines and a store that are open. `held` is closed with it."""
    bundles = {name: engine.bundle for name, engine in engines.items()}
    records = open_records(store)

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
    indexer = Indexer(records, bundles, dispatcher.publish, now)
    ledger = Ledger(store, publish, alone=True)
    worker = Worker(engines, ledger, dispatcher.publish)
    timekeeper = Timekeeper(records, ledger, bundles, now, new_id)
    moods = MoodJudge({} if fast_model is None else dict.fromkeys(engines, fast_model), ledger, now)
    return Service(
        settings=settings,
        engines=engines,
        store=store,
        records=records,
        staff=SqlStaff(store.engine, store.reader),
        archive=SqlArchive(store.reader),
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
