"""What the routes work with, and the proof that a caller may touch a conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from firstline.config import Settings
from firstline.conversation import Conversation
from firstline.dispatch import Dispatcher
from firstline.engine import Engine
from firstline.engines import Engines
from firstline.errors import RequestError
from firstline.events import Event
from firstline.handoff import Decision, Refused
from firstline.ledger import Ledger
from firstline.service.identity import check_token
from firstline.service.limits import Buckets
from firstline.store import Records
from firstline.types import ConversationId


@dataclass(frozen=True)
class Reception:
    """What the routes work with."""

    settings: Settings
    engines: Engines
    ledger: Ledger
    dispatcher: Dispatcher
    message_buckets: Buckets
    conversation_buckets: Buckets
    records: Records

    @property
    def offline(self) -> dict[str, bool]:
        return {name: engine.model.offline for name, engine in self.engines.items()}

    def engine(self, name: str | None) -> Engine:
        """The leading engine of a served bundle, the first one for None. Raises RequestError 404.

        What people do (hours, waiting times, canned answers) goes by it in every conversation; what the assistant
        says goes by the conversation's own (`engine_of`).
        """
        return self.engines[self._served(name)]

    async def engine_of(self, conversation: Conversation) -> Engine:
        """The engine of the revision that a conversation began with. Raises RequestError 404."""
        self._served(conversation.bundle)
        return await self.engines.of(conversation)

    def choose_engine(self, name: str | None, conversation_id: ConversationId, shown: str | None) -> Engine:
        """The engine of a new conversation. Raises RequestError 404."""
        return self.engines.choose(self._served(name), conversation_id, shown=shown)

    async def engine_shown(self, name: str | None, revision: str | None) -> Engine:
        """What a page shows before there is a conversation: without a `revision` what a new one may well get.

        Raises: RequestError 404.
        """
        name = self._served(name)
        if revision is not None:
            return await self.engines.once_published(name, revision)
        return self.engines.choose(name, ConversationId(self.new_id("cv")))

    def _served(self, name: str | None) -> str:
        if name is None:
            return next(iter(self.engines))
        if name not in self.engines:
            raise RequestError(404, "unknown_bundle", "There is no such bundle here.")
        return name

    def now(self) -> datetime:
        return self.engine(None).now()

    def new_id(self, kind: str) -> str:
        return self.engine(None).new_id(kind)


async def reception_of(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


Served = Annotated[Reception, Depends(reception_of)]


async def proven(conversation_id: str, request: Request, reception: Served) -> Conversation:
    """The conversation whose token the caller holds. Raises RequestError: 401 without any, 404 for a wrong one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RequestError(401, "no_token", "Send the conversation's token: Authorization: Bearer …")
    conversation = await reception.ledger.load(ConversationId(conversation_id))
    check_token(conversation, token.strip(), reception.now())
    return conversation


Proven = Annotated[Conversation, Depends(proven)]


def allowed(decision: Decision) -> tuple[Event, ...]:
    """The facts of a decision. Raises RequestError: 409 with the reason when it was refused."""
    if isinstance(decision, Refused):
        raise RequestError(409, decision.code, decision.text)
    return decision


def refuse_unknown(conversation: Conversation) -> None:
    """Raises RequestError 404 for a conversation that was erased meanwhile."""
    if conversation.started is None:
        raise RequestError(404, "not_found", "There is no such conversation. Start a new one.")


def refuse_closed(conversation: Conversation) -> None:
    """Raises RequestError: 404 when it was erased, 409 when it is closed."""
    refuse_unknown(conversation)
    if conversation.status == "closed":
        raise RequestError(409, "closed", "This conversation is closed. Reopen it, or start a new one.")
