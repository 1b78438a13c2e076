"""The chat in a terminal: the same service, without HTTP, in a folder that is gone afterwards."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.prompt import Confirm

from firstline.config import Settings
from firstline.conversation import Conversation, answering_turn
from firstline.dispatch import Signal, Watch
from firstline.engine import Engine
from firstline.events import (
    ConfirmationDecided,
    ConfirmationRequested,
    ConversationStarted,
    Event,
    HandoffOffered,
    Logged,
    MessagePosted,
    ReplyGrew,
    ReplyWithdrawn,
    StatusShown,
    ToolReturned,
    TurnEnded,
)
from firstline.types import ConversationId, Message, MessageId, TurnId, choose_text
from firstline.wire import Service, build_service, new_id

LONGEST_SILENCE_SECONDS = 120.0

Decide = Callable[[Conversation], Sequence[Event]]

out = Console()


async def run_chat(bundle: Path, settings: Settings, *, locale: str | None) -> None:
    """Talk until the customer leaves (Ctrl-D, or an empty line)."""
    with TemporaryDirectory() as folder:
        service = build_service(settings.model_copy(update={"data": Path(folder), "store": None}), [bundle])
        try:
            await _Chat(service, locale or next(iter(service.engines.values())).bundle.locale).run()
        finally:
            await service.close()


class _Chat:
    def __init__(self, service: Service, locale: str) -> None:
        self._service = service
        self._engine: Engine = next(iter(service.engines.values()))
        self._id = ConversationId(new_id("cv"))
        self._locale = locale
        self._asked: list[ConfirmationRequested] = []

    async def run(self) -> None:
        bundle, engine = self._engine.bundle, self._engine
        out.print(f"[bold]{bundle.assistant.name}[/bold]  {choose_text(bundle.welcome, self._locale)}")
        if engine.model.offline:
            out.print("[yellow]The offline model answers: it quotes the bundle, it is no AI.[/yellow]")
        out.print("[dim]Ctrl-D or an empty line leaves.[/dim]")
        now = engine.now()
        started = ConversationStarted(
            at=now,
            bundle=bundle.name,
            revision=bundle.revision,
            locale=self._locale,
            token_sha256="",
            expires_at=now + timedelta(days=1),
        )
        await self._service.ledger.update(self._id, lambda _: [started])
        while (text := await asyncio.to_thread(_read_line)) is not None:
            await self._turn(lambda conversation, said=text: self._post(conversation, said))
            while self._asked:
                await self._decide(self._asked.pop(0))

    async def _turn(self, decide: Decide) -> None:
        async with self._service.dispatcher.subscribe(self._id) as watch:
            await self._service.ledger.update(self._id, decide)
            await self._service.dispatcher.submit(self._id)
            await self._watch(watch)

    async def _watch(self, watch: Watch) -> None:
        while True:
            signals = await watch.next(within_seconds=LONGEST_SILENCE_SECONDS)
            if isinstance(signals, str):
                out.print("[red]Nothing came.[/red]")
                return
            for signal in signals:
                self._show(signal)
                if isinstance(signal, Logged) and isinstance(signal.event, TurnEnded):
                    out.print()
                    return

    def _show(self, signal: Signal) -> None:
        match signal:
            case StatusShown(text=text):
                out.print(f"[dim]{text}[/dim]")
            case ReplyGrew(text=text):
                out.print(text, end="", markup=False, highlight=False)
            case ReplyWithdrawn(shown=shown):
                out.print(f"\n[dim]― again ―[/dim]\n{shown}", end="")
            case _:
                self._show_fact(signal.event)

    def _show_fact(self, event: Event) -> None:
        match event:
            case MessagePosted(message=message) if message.author == "assistant":
                out.print()
                for number, citation in enumerate(message.citations, start=1):
                    out.print(f"[dim]  [{number}] {citation.title} · {citation.url}[/dim]", highlight=False)
            case MessagePosted(message=message) if message.author != "customer":
                out.print(message.text, markup=False)
            case ToolReturned(card=card) if card is not None:
                out.print(f"\n[bold]{card.title}  {card.amount or ''}[/bold]")
                for row in card.rows:
                    out.print(f"[dim]  {row.label}: {row.value}[/dim]")
            case ConfirmationRequested():
                self._asked.append(event)
            case HandoffOffered():
                out.print("[dim]A person can take over: ask for one.[/dim]")
            case _:
                pass

    async def _decide(self, asked: ConfirmationRequested) -> None:
        listed = ", ".join(f"{name} = {value}" for name, value in asked.arguments.items())
        yes = await asyncio.to_thread(Confirm.ask, f"{asked.label}: {listed}")

        def decide(conversation: Conversation) -> Sequence[Event]:
            return [
                ConfirmationDecided(
                    at=self._engine.now(),
                    turn_id=answering_turn(conversation, TurnId(new_id("tn"))),
                    confirmation_id=asked.confirmation_id,
                    decision="confirm" if yes else "decline",
                )
            ]

        await self._turn(decide)

    def _post(self, conversation: Conversation, text: str) -> Sequence[Event]:
        at = self._engine.now()
        message = Message(message_id=MessageId(new_id("ms")), author="customer", text=text, at=at)
        turn_id = answering_turn(conversation, TurnId(new_id("tn")))
        return [MessagePosted(at=at, turn_id=turn_id, message=message)]


def _read_line() -> str | None:
    sys.stdout.write("> ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() or None
