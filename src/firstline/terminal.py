"""The chat in a terminal: the same service, without HTTP, in a folder that is gone afterwards.

Lines are read between the turns, on the main thread, so that the terminal's own keys work and nothing is left
waiting for input when the chat ends.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from rich.console import Console

from firstline.bundle import Bundle
from firstline.config import Settings
from firstline.conversation import Conversation, answering_turn
from firstline.dispatch import Signal
from firstline.engine import Engine
from firstline.errors import ConfigError, Problem
from firstline.events import (
    ConfirmationDecided,
    ConfirmationRequested,
    ConversationStarted,
    CustomerIdentified,
    Event,
    HandoffOffered,
    HandoffReturned,
    Logged,
    MessagePosted,
    ReplyGrew,
    ReplyWithdrawn,
    StatusShown,
    ToolReturned,
    TurnEnded,
)
from firstline.types import (
    Card,
    ConversationId,
    CustomerId,
    Identity,
    Message,
    MessageId,
    TurnId,
    choose_text,
)
from firstline.wire import ChooseModel, Service, build_service, choose_model, new_id

LONGEST_SILENCE_SECONDS = 120.0
GO_ON = "/resume"

Decide = Callable[[Conversation], Sequence[Event]]
Decision = Literal["confirm", "decline"]

_DECISIONS: dict[str, Decision] = {
    **dict.fromkeys(("y", "yes", "是", "确认"), "confirm"),
    **dict.fromkeys(("n", "no", "否", "取消"), "decline"),
}


def run_chat(
    bundle: Path,
    settings: Settings,
    *,
    locale: str | None = None,
    customer_id: str | None = None,
    model_for: ChooseModel = choose_model,
) -> None:
    """Talk until the customer leaves: end of input, Ctrl-C or an empty line. Raises ConfigError."""
    with suppress(AttributeError):  # a test's stand-in for the input cannot be set up
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # pyright: ignore
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="firstline-chat-")))
        runner = held.enter_context(asyncio.Runner())
        alone = settings.model_copy(update={"data": folder, "store": None})
        service = build_service(alone, [bundle], model_for=model_for)
        held.callback(lambda: runner.run(service.close()))
        chat = _Chat(service, locale)
        try:
            runner.run(chat.start(customer_id))
            _talk(chat, runner)
        except (KeyboardInterrupt, EOFError):
            chat.show("")


def _talk(chat: "_Chat", runner: asyncio.Runner) -> None:
    """Lines in, replies out. Raises: EOFError, KeyboardInterrupt."""
    while text := input("> ").strip():
        runner.run(chat.go_on() if text == GO_ON else chat.say(text))
        while chat.asked:
            chat.show_confirmation(chat.asked[0])
            while (decision := _DECISIONS.get(input("y/n > ").strip().lower())) is None:
                chat.show("Please answer y or n.", "dim")
            runner.run(chat.decide(chat.asked.pop(0), decision))


class _Chat:
    """One conversation. `asked`: confirmations that wait for the customer."""

    def __init__(self, service: Service, locale: str | None) -> None:
        self._service = service
        self._engine: Engine = next(iter(service.engines.values()))
        self._locale = _choose_locale(self._engine.bundle, locale)
        self._id = ConversationId(new_id("cv"))
        self._seen = 0
        self._reply = ""
        self._within_line = False
        self._status = ""
        self._out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
        self.asked: list[ConfirmationRequested] = []

    async def start(self, customer_id: str | None) -> None:
        """The conversation's first facts, and the welcome."""
        bundle, now = self._engine.bundle, self._engine.now()
        tomorrow = now + timedelta(days=1)
        facts: list[Event] = [
            ConversationStarted(
                at=now,
                bundle=bundle.name,
                revision=bundle.revision,
                locale=self._locale,
                token_sha256="",
                expires_at=tomorrow,
            )
        ]
        if customer_id:
            name = next((each.name for each in bundle.demo_customers if each.id == customer_id), "")
            identity = Identity(customer_id=CustomerId(customer_id), name=name, expires_at=tomorrow)
            facts.append(CustomerIdentified(at=now, identity=identity))
            self.show(f"Signed in as {name or customer_id}.", "dim")
        self._seen = (await self._service.ledger.update(self._id, lambda _: facts)).last_seq
        self.show(f"{bundle.assistant.name}: {choose_text(bundle.welcome, self._locale)}")
        if self._engine.model.offline:
            self.show("The offline model answers: it quotes the bundle, it is no AI.", "yellow")
        self.show("Ctrl-D or an empty line leaves.", "dim")

    async def say(self, text: str) -> None:
        """Post a message, and show what comes of it."""

        def decide(conversation: Conversation) -> Sequence[Event]:
            at = self._engine.now()
            message = Message(message_id=MessageId(new_id("ms")), author="customer", text=text, at=at)
            turn_id = answering_turn(conversation, TurnId(new_id("tn")))
            return [MessagePosted(at=at, turn_id=turn_id, message=message)]

        limit = self._engine.bundle.limits.message_chars
        if len(text) > limit:
            self.show(f"That was not sent: a message holds at most {limit:,} characters.", "red")
            return
        await self._turn(decide)

    async def decide(self, asked: ConfirmationRequested, decision: Decision) -> None:
        """Press the button, and show what comes of it."""

        def decide(conversation: Conversation) -> Sequence[Event]:
            turn_id = answering_turn(conversation, TurnId(new_id("tn")))
            at, confirmation_id = self._engine.now(), asked.confirmation_id
            return [ConfirmationDecided(at=at, turn_id=turn_id, confirmation_id=confirmation_id, decision=decision)]

        await self._turn(decide)

    async def go_on(self) -> None:
        """Back to the assistant, while nobody has come."""

        def decide(conversation: Conversation) -> Sequence[Event]:
            return [HandoffReturned(at=self._engine.now(), by="customer")] if conversation.status != "open" else []

        await self._service.ledger.update(self._id, decide)
        self.show(f"{self._engine.bundle.assistant.name} is back.", "dim")

    async def _turn(self, decide: Decide) -> None:
        conversation = await self._service.ledger.update(self._id, decide)
        turn_id = conversation.next_turn
        if turn_id is not None:
            self._reply = ""
            await self._service.dispatcher.submit(self._id)
            while not await self._watch(turn_id):
                pass
            conversation = await self._service.ledger.load(self._id)
        if conversation.status != "open":
            self.asked.clear()
            self.show(f"A person would answer from here on. {GO_ON} goes on with the assistant.", "dim")

    async def _watch(self, turn_id: TurnId) -> bool:
        """Show the turn until it ends; False when it was faster than we are: then once more, from the log."""
        async with self._service.dispatcher.subscribe(self._id) as watch:
            signals: Sequence[Signal] | str = (await self._service.ledger.load(self._id)).log[self._seen :]
            while not isinstance(signals, str):
                ended = [self._show(signal, turn_id) for signal in signals]
                if any(ended):
                    return True
                signals = await watch.next(within_seconds=LONGEST_SILENCE_SECONDS)
            if signals == "quiet":
                self.show(f"Nothing came for {LONGEST_SILENCE_SECONDS:.0f} seconds.", "red")
            return signals == "quiet"

    def _show(self, signal: Signal, turn_id: TurnId) -> bool:
        """Show a signal once; whether the turn has ended with it."""
        match signal:
            case Logged(seq=seq, event=event):
                if seq > self._seen:
                    self._seen = seq
                    self._show_fact(event)
                    return isinstance(event, TurnEnded) and event.turn_id == turn_id
            case StatusShown(text=text):
                if text != self._status:
                    self.show(text, "dim")
                self._status = text
            case ReplyGrew(shown=shown) | ReplyWithdrawn(shown=shown):
                self._show_reply(shown)
            case _:
                pass
        return False

    def _show_reply(self, shown: str) -> None:
        """What is new of the reply; all of it, after a mark, when something was taken back."""
        if not shown.startswith(self._reply):
            self.show("― again ―", "dim")
            self._reply = ""
        added = shown[len(self._reply) :]
        self._out.print(added.lstrip("\n") if not self._within_line else added, end="")
        self._within_line = self._within_line or bool(added.strip())
        self._reply = shown

    def _show_fact(self, event: Event) -> None:
        match event:
            case MessagePosted(message=message) if message.author == "assistant":
                self._show_reply(message.text)
                for number, citation in enumerate(message.citations, start=1):
                    self.show(f"  [{number}] {citation.title} · {citation.url}", "dim")
            case MessagePosted(message=message) if message.author != "customer":
                self.show(message.text)
            case ToolReturned(card=card) if card is not None:
                self._show_card(card)
            case ConfirmationRequested():
                self.asked.append(event)
            case HandoffOffered():
                self.show("A person can take over: ask for one.", "dim")
            case TurnEnded():
                self._status = ""
                self.show("")
            case _:
                pass

    def _show_card(self, card: Card) -> None:
        self.show("  ".join(filter(None, (card.title, card.amount))), "bold")
        for row in card.rows:
            self.show(f"  {row.label}: {row.value}", "dim")
        if card.note:
            self.show(f"  {card.note}", "dim")

    def show_confirmation(self, asked: ConfirmationRequested) -> None:
        """The one exact action that would be done."""
        self.show(asked.label, "bold")
        for row in asked.rows:
            self.show(f"  {row.label}: {row.value}")

    def show(self, text: str, style: str | None = None) -> None:
        """A line of its own."""
        if self._within_line:
            self._out.print()
            self._within_line = False
        self._out.print(text, style=style)


def _choose_locale(bundle: Bundle, wanted: str | None) -> str:
    """Raises ConfigError when the bundle does not speak it."""
    if wanted is None:
        return bundle.locale
    if wanted not in bundle.locales:
        spoken = ", ".join(bundle.locales)
        raise ConfigError(Problem(f"{bundle.name} does not speak `{wanted}`", f"give --locale one of {spoken}"))
    return wanted
