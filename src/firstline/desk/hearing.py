"""What a desk's people did, and what comes of it for the conversation. Pure.

They act under `firstline.handoff` like everybody, with one difference: colleagues of one desk act for each other,
because who of them has a conversation is that desk's own business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, assert_never, cast

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.desk import DeskName
from firstline.handoff import Decision, NewId, Refused, accept, reply, resolve, return_to_assistant
from firstline.types import HumanAgent, StaffId

Deed = Literal["accept", "reply", "return", "resolve"]

_DEEDS_BY_STANDING: Mapping[str, Deed] = {"resolved": "resolve", "pending": "return"}


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of a desk's people, by the desk's own id."""

    id: str
    name: str
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One deed. `arrival_id` is the same when it is told again. `since`: when the desk says that it was done.

    `indirect`: the desk tells what happened there instead of asking for something. Writing an answer then takes the
    conversation, and tidying up leaves alone what the assistant has.
    """

    desk: DeskName
    arrival_id: str
    deed: Deed
    colleague: Colleague
    text: str = ""
    indirect: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class FromChatwoot:
    """A deed in a Chatwoot conversation; `thread` is its id there."""

    thread: str
    heard: Heard


def decide(conversation: Conversation, heard: Heard, bundle: Bundle, now: datetime, new_id: NewId) -> Decision:
    """The facts that the deed makes of the conversation as it is, none when it is already so, or why not."""
    if _is_stale(conversation, heard):
        return ()
    human_agent = _name_agent(conversation, heard)
    match heard.deed:
        case "accept":
            return accept(conversation, bundle, human_agent, now)
        case "reply":
            return _reply(conversation, heard, bundle, human_agent, now, new_id)
        case "return":
            return return_to_assistant(conversation, human_agent, now, new_id)
        case "resolve":
            is_theirs = conversation.status != "open" or conversation.contact is not None
            return resolve(conversation, human_agent, now) if is_theirs or not heard.indirect else ()
        case _:
            assert_never(heard.deed)


def _is_stale(conversation: Conversation, heard: Heard) -> bool:
    """A desk also tells what we ourselves had told it. By then the customer may have asked for a person again."""
    request = conversation.request
    return heard.since is not None and request is not None and heard.since < request.at


def _name_agent(conversation: Conversation, heard: Heard) -> HumanAgent:
    prefix, who = f"{heard.desk}:", heard.colleague
    holder = conversation.human_agent
    staff_id = StaffId(f"{prefix}{who.id}")
    if holder is not None and holder.staff_id.startswith(prefix):
        staff_id = holder.staff_id
    return HumanAgent(staff_id=staff_id, name=who.name, picture=who.picture)


def _reply(
    conversation: Conversation, heard: Heard, bundle: Bundle, human_agent: HumanAgent, now: datetime, new_id: NewId
) -> Decision:
    client_id = f"{heard.desk}:{heard.arrival_id}"
    if client_id in conversation.replied:
        return ()
    accepted = accept(conversation, bundle, human_agent, now) if heard.indirect else ()
    if isinstance(accepted, Refused):
        return accepted
    replied = reply(conversation.extended(*accepted), human_agent, heard.text, client_id, now, new_id)
    return replied if isinstance(replied, Refused) else (*accepted, *replied)


def read_chatwoot(event: Mapping[str, object], arrival_id: str) -> FromChatwoot | None:
    """What somebody did in Chatwoot; None for everything else that it tells, our own messages among them.

    Raises ValueError when it is not what Chatwoot sends.
    """
    match event.get("event"):
        case "message_created":
            return _read_message(event)
        case "conversation_status_changed":
            return _read_standing(event, arrival_id)
        case _:
            return None


def _read_message(event: Mapping[str, object]) -> FromChatwoot | None:
    """A message of a person to the customer: no private note, no bot's, nothing of the customer's own."""
    sender = _fields(event.get("sender") or {})
    if event.get("message_type") not in ("outgoing", 1) or event.get("private") or sender.get("type") != "user":
        return None
    thread = _number(_fields(event.get("conversation")).get("id"))
    heard = Heard(
        desk="chatwoot",
        arrival_id=_number(event.get("id")),
        deed="reply",
        colleague=_colleague(sender),
        text=str(event.get("content") or ""),
        indirect=True,
    )
    return FromChatwoot(thread, heard)


def _read_standing(event: Mapping[str, object], arrival_id: str) -> FromChatwoot | None:
    deed = _DEEDS_BY_STANDING.get(str(event.get("status")))
    if deed is None:
        return None
    assignee = _fields(event.get("meta") or {}).get("assignee")
    updated = event.get("updated_at")
    since = datetime.fromtimestamp(updated, UTC) if isinstance(updated, int | float) and updated > 0 else None
    colleague = _colleague(_fields(assignee)) if assignee else Colleague("anybody", "Chatwoot")
    heard = Heard("chatwoot", arrival_id, deed, colleague, indirect=True, since=since)
    return FromChatwoot(_number(event.get("id")), heard)


def _colleague(fields: Mapping[str, object]) -> Colleague:
    name = fields.get("available_name") or fields.get("name")
    return Colleague(_number(fields.get("id")), str(name or "Chatwoot")[:80])


def _fields(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return cast("Mapping[str, object]", value)


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        raise ValueError("a number was expected")
    return str(value)
