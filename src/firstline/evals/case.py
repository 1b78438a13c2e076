"""A case: one conversation to try, and what is expected of it; and how a human agent's correction becomes one.

The shape is `docs/evaluation.md`'s: closed, so that a misspelt expectation is an error and not silence.
"""

from typing import Annotated, Literal

import yaml
from pydantic import Field

from firstline.conversation import Conversation
from firstline.errors import RequestError
from firstline.events import CorrectionPosted, MessagePosted, RouteChosen
from firstline.types import Json, Locale, MessageId, PlaybookId, Value


class Scripted(Value):
    """A customer who writes these messages, one after the other, whatever is replied."""

    kind: Literal["scripted"] = "scripted"
    turns: Annotated[tuple[str, ...], Field(min_length=1)]
    signed_in_as: str | None = None


class Expected(Value):
    """What the last reply is held against. `should_say`: the gist that a judge looks for, in a person's own words."""

    should_say: str | None = None
    must_say: tuple[str, ...] = ()
    must_not_say: tuple[str, ...] = ()
    playbook: PlaybookId | None = None


class Case(Value):
    """One case of a dataset."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,120}$")]
    tags: tuple[str, ...] = ()
    locale: Locale
    customer: Scripted
    expect: Expected


def build_case(conversation: Conversation, correction: CorrectionPosted) -> Case:
    """The conversation up to the reply that was corrected, and what it should have said instead.

    Raises: RequestError 404 when the message is not one of the assistant's in this conversation.
    """
    turns: list[str] = []
    for logged in conversation.log:
        event = logged.event
        if not isinstance(event, MessagePosted):
            continue
        if event.message.message_id == correction.message_id and event.message.author == "assistant":
            return _build(conversation, correction, tuple(turns), event)
        if event.message.author == "customer":
            turns.append(event.message.text)
    raise RequestError(404, "not_found", "There is no such reply of the assistant in this conversation.")


def _build(
    conversation: Conversation, correction: CorrectionPosted, turns: tuple[str, ...], reply: MessagePosted
) -> Case:
    log = [logged.event for logged in conversation.log]
    route = next((e for e in log if isinstance(e, RouteChosen) and e.turn_id == reply.turn_id), None)
    return Case(
        id=f"correction-{correction.message_id}".lower().replace("_", "-"),
        tags=("correction",),
        locale=route.locale if route else conversation.locale,
        customer=Scripted(turns=turns),
        expect=Expected(should_say=correction.should_say, must_not_say=(reply.message.text,)),
    )


def write_case(case: Case) -> str:
    """The case as YAML, ready for a bundle's `evals/`."""
    body: Json = case.model_dump(exclude_defaults=True, mode="json")
    return yaml.safe_dump([body], allow_unicode=True, sort_keys=False, width=110)


def find_reply(conversation: Conversation, message_id: str) -> MessageId | None:
    """The id, when it is a reply of the assistant's."""
    return next(
        (
            logged.event.message.message_id
            for logged in conversation.log
            if isinstance(logged.event, MessagePosted)
            and logged.event.message.author == "assistant"
            and logged.event.message.message_id == message_id
        ),
        None,
    )
