"""The hand-off in the terminal: the moves are shown, a contact is taken, a person is named; and the end."""

import io
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from firstline import terminal
from firstline.config import Settings
from firstline.events import ContactLeft, Event, SurveyAnswered
from firstline.handoff import Decision, accept, reply, return_to_assistant
from firstline.model import ModelRequest, Piece
from firstline.terminal import run_chat
from firstline.types import HumanAgent, StaffId
from firstline.wire import Service, build_service
from tests.support.mechanic import Mechanic
from tests.support.shop import WORKSHOP

DESK = HumanAgent(staff_id=StaffId("st_1"), name="Desk One")
SURVEY = "How well were you helped?"


class Watched(Mechanic):
    """A model of a service that a test looks into: `facts` are what the log held at the end."""

    service: Service
    facts: tuple[Event, ...] = ()

    def read(self) -> None:
        conversations = self.service.ledger._folded.values()
        self.facts = tuple(logged.event for each in conversations for logged in each.log)

    async def move(self, decide: Callable[..., Decision], *given: Any) -> None:
        (conversation_id,) = self.service.ledger._folded

        def decide_now(now_is: Any) -> tuple[Event, ...]:
            decided = decide(now_is, *given)
            assert isinstance(decided, tuple)
            return decided

        await self.service.ledger.update(conversation_id, decide_now)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, Watched]]:
    """Say lines to the workshop's assistant; what the terminal shows, and the model that was asked."""

    def chat(*lines: str, model: Watched | None = None) -> tuple[str, Watched]:
        watched = model or Watched()

        def build(*given: Any, **how: Any) -> Service:
            watched.service = build_service(*given, **how)
            return watched.service

        monkeypatch.setattr(terminal, "build_service", build)
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        settings = Settings(_env_file=None, model="offline")  # pyright: ignore[reportCallIssue]
        run_chat(WORKSHOP, settings, model_for=lambda *_: watched)
        watched.read()
        return capsys.readouterr().out, watched

    return chat


def test_what_was_written_while_waiting_is_answered_as_soon_as_the_assistant_is_back(chat: Any):
    shown, _ = chat("talk to a human", "my chain is dry", "/resume")

    assert shown.index("/contact and an address leaves a contact.") < shown.index("Ada is back.")
    assert shown.index("Ada is back.") < shown.index("You wrote: my chain is dry.")


def test_a_contact_is_taken_while_a_person_is_awaited(chat: Any):
    shown, model = chat("talk to a human", "/contact me@example.com")

    assert "We have me@example.com and will get back to you." in shown
    assert [fact.contact for fact in model.facts if isinstance(fact, ContactLeft)] == ["me@example.com"]


@pytest.mark.parametrize("line", ["/contact", "/contact nonsense"])
def test_what_is_no_contact_is_not_taken(chat: Any, line: str):
    shown, model = chat("talk to a human", line)

    assert "Write an e-mail address or a phone number after /contact." in shown
    assert not any(isinstance(fact, ContactLeft) for fact in model.facts)


def test_a_contact_without_a_wish_for_a_person_is_refused_in_words(chat: Any):
    shown, _ = chat("/contact me@example.com")

    assert "Ask for a person first." in shown


class TakenOver(Watched):
    """While it is asked, a person takes the conversation, writes, and gives it back."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        engine = next(iter(self.service.engines.values()))
        at = datetime.now(UTC)
        await self.move(accept, engine.bundle, DESK, at)
        await self.move(reply, DESK, "I have your chain here.", "c1", at, engine.new_id)
        await self.move(return_to_assistant, DESK, at, engine.new_id)
        async for piece in super().stream(request):
            yield piece


def test_a_person_joins_writes_under_their_name_and_gives_back(chat: Any):
    shown, _ = chat("hello", model=TakenOver())

    assert shown.index("― Desk One joined ―") < shown.index("Desk One: I have your chain here.")
    assert shown.index("Desk One: I have your chain here.") < shown.index("Ada is back.")


def test_the_end_asks_how_it_was_and_keeps_the_score(chat: Any):
    shown, model = chat("hello", "", "4")

    assert shown.index("The conversation is closed.") < shown.index(f"{SURVEY} (1 = Badly, 5 = Very well)")
    assert "Thank you." in shown
    assert [fact.score for fact in model.facts if isinstance(fact, SurveyAnswered)] == [4]


def test_the_end_asks_in_the_language_that_was_spoken(chat: Any):
    shown, _ = chat("链条怎么上油？", "", "5")

    assert "这次的帮助您满意吗？" in shown and SURVEY not in shown


def test_no_answer_is_an_answer_at_the_end(chat: Any):
    shown, model = chat("hello", "", "never mind")

    assert SURVEY in shown and "Thank you." not in shown
    assert not any(isinstance(fact, SurveyAnswered) for fact in model.facts)


def test_whoever_said_nothing_is_asked_nothing(chat: Any):
    shown, _ = chat("", "5")

    assert SURVEY not in shown and "closed" not in shown
