"""A human agent's correction, "the assistant should have said …", as an evaluation case."""

import re
from collections.abc import Sequence

import yaml

from firstline.conversation import Conversation
from firstline.errors import RequestError
from firstline.events import ConfirmationDecided, CorrectionPosted, MessagePosted, RouteChosen, messages_by
from firstline.scoring.case import Case, Turn, TurnExpected
from firstline.types import Json, MessageId

_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def build_case(conversation: Conversation, correction: CorrectionPosted) -> Case:
    """What the customer did up to the reply that was corrected, and what it should have said instead.

    Raises: RequestError 404 when the message is not one of the assistant's in this conversation.
    """
    done: list[Turn] = []
    for logged in conversation.log:
        event = logged.event
        if isinstance(event, ConfirmationDecided):
            done.append(Turn(press=event.decision))
        if not isinstance(event, MessagePosted):
            continue
        if event.message.message_id == correction.message_id and event.message.author == "assistant":
            return _build(conversation, correction, done, event)
        if event.message.author == "customer":
            done.append(Turn(say=_quote(event.message.text)))
    raise RequestError(404, "not_found", "There is no such reply of the assistant in this conversation.")


def _build(
    conversation: Conversation, correction: CorrectionPosted, done: Sequence[Turn], reply: MessagePosted
) -> Case:
    log = [logged.event for logged in conversation.log]
    route = next((each for each in log if isinstance(each, RouteChosen) and each.turn_id == reply.turn_id), None)
    wrong = _quote(reply.message.text).replace("|", "｜")  # one text, not alternatives
    expected = TurnExpected(should_say=_quote(correction.should_say), must_not_say=(wrong,))
    identity = conversation.identity
    return Case(
        id=f"correction-{correction.message_id}".lower().replace("_", "-"),
        tags=("correction",),
        locale=route.locale if route else conversation.locale,
        signed_in_as=identity.customer_id if identity else None,
        turns=(*done[:-1], *(last.model_copy(update={"expect": expected}) for last in done[-1:])),
    )


def _quote(text: str) -> str:
    """What was said, without places for parameters: with full-width braces it reads, and compares, the same."""
    return _PLACE.sub(r"｛\1｝", text)


def write_case(case: Case) -> str:
    """The case as YAML, ready for a bundle's `evals/`."""
    body: Json = case.model_dump(exclude_defaults=True, mode="json")
    return yaml.safe_dump([body], allow_unicode=True, sort_keys=False, width=110)


def find_reply(conversation: Conversation, message_id: str) -> MessageId | None:
    """The id, when it is a reply of the assistant's."""
    replies = messages_by("assistant", (logged.event for logged in conversation.log))
    return next((reply.message_id for reply in replies if reply.message_id == message_id), None)
