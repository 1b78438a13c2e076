"""The chat in a terminal: the same service, without HTTP, in a folder that is gone afterwards.

Lines are read between the turns, on the main thread, so that the terminal's own keys work and nothing is left
waiting for input when the chat ends. Nobody has an inbox to it: a person who is asked for does not come.
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
    ContactLeft,
    ConversationClosed,
    ConversationReopened,
    ConversationStarted,
    CustomerIdentified,
    Event,
    HandoffAccepted,
    HandoffOffered,
    HandoffReturned,
    Logged,
    MessagePosted,
    ReplyGrew,
    ReplyWithdrawn,
    StatusShown,
    SurveyAnswered,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.handoff import Decision as Move
from firstline.handoff import Refused, go_on, leave_contact
from firstline.phrases import load_phrases
from firstline.service.bodies import check_contact
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
CONTACT = "/contact"

Decide = Callable[[Conversation], Sequence[Event]]
Decision = Literal["confirm", "decline"]

SCORES = ("1", "2", "3", "4", "5")

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
        runner.run(chat.take(text))
        while chat.asked:
            chat.show_confirmation(chat.asked[0])
            while (decision := _DECISIONS.get(input("y/n > ").strip().lower())) is None:
                chat.show("Please answer y or n.", "dim")
            runner.run(chat.decide(chat.asked.pop(0), decision))
    if question := runner.run(chat.close()):
        runner.run(chat.rate(input(question).strip()))


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

    async def take(self, line: str) -> None:
        """Do what the line says: a command, or a message."""
        command, _, rest = line.partition(" ")
        if line == GO_ON:
            await self._move(lambda now_is: go_on(now_is, self._engine.now(), new_id))
        elif command == CONTACT:
            await self._leave_contact(rest)
        else:
            await self.say(line)

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

    async def close(self) -> str:
        """End the conversation. The question how it was, in its language; nothing when nothing was said."""
        conversation = await self._service.ledger.load(self._id)
        if not messages_by("customer", (logged.event for logged in conversation.log)):
            return ""
        closed = ConversationClosed(at=self._engine.now(), by="customer")
        conversation = await self._service.ledger.update(self._id, lambda _: [closed])
        self._catch_up(conversation)
        words = load_phrases("ui", conversation.locale)
        ends = f"1 = {words['ui.score_worst']}, 5 = {words['ui.score_best']}"
        return f"{words['ui.survey_question']} ({ends}) > "

    async def rate(self, answer: str) -> None:
        """Keep a score of 1 to 5; anything else is no answer."""
        if answer not in SCORES:
            return
        answered = SurveyAnswered(at=self._engine.now(), score=int(answer))
        conversation = await self._service.ledger.update(self._id, lambda _: [answered])
        self.show(load_phrases("ui", conversation.locale)["ui.thanks"])

    async def _leave_contact(self, written: str) -> None:
        try:
            contact = check_contact(written)
        except ValueError:
            self.show(f"Write an e-mail address or a phone number after {CONTACT}.", "red")
            return
        await self._move(lambda now_is: leave_contact(now_is, contact, "", self._engine.now()))

    async def _move(self, decide: Callable[[Conversation], Move]) -> None:
        """Make a move of the hand-off; why not, when it cannot be made."""

        def decide_now(conversation: Conversation) -> Sequence[Event]:
            decided = decide(conversation)
            if isinstance(decided, Refused):
                self.show(decided.text, "red")
                return ()
            return decided

        await self._turn(decide_now)

    async def _turn(self, decide: Decide) -> None:
        conversation = await self._service.ledger.update(self._id, decide)
        turn_id = conversation.next_turn
        if turn_id is not None:
            self._reply = ""
            await self._service.dispatcher.submit(self._id)
            while not await self._watch(turn_id):
                pass
            conversation = await self._service.ledger.load(self._id)
        self._catch_up(conversation)
        if conversation.status == "waiting":
            self.asked.clear()
            told = f"{GO_ON} goes on with the assistant, {CONTACT} and an address leaves a contact."
            self.show(f"A person would answer from here on. {told}", "dim")

    def _catch_up(self, conversation: Conversation) -> None:
        for logged in conversation.log[self._seen :]:
            self._show(logged, None)

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

    def _show(self, signal: Signal, turn_id: TurnId | None) -> bool:
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
            case MessagePosted(message=message) if message.author == "human_agent":
                self.show(f"{message.author_name}: {message.text}")
            case MessagePosted(message=message) if message.author == "system":
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
                self._show_move(event)

    def _show_move(self, event: Event) -> None:
        """Who has the conversation from here on. What else can happen to it comes with a line in words."""
        match event:
            case HandoffAccepted(human_agent=who):
                self.show(f"― {who.name} joined ―", "dim")
            case ConversationReopened(human_agent=who) if who is not None:
                self.show(f"― {who.name} joined ―", "dim")
            case HandoffReturned() | ConversationReopened():
                self.show(f"{self._engine.bundle.assistant.name} is back.", "dim")
            case ContactLeft(contact=contact):
                self.show(f"We have {contact} and will get back to you.", "dim")
            case ConversationClosed():
                self.show("The conversation is closed.", "dim")
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
