"""What a human agent is given with a hand-off, made from the log: nothing in it was written by a model. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firstline.bundle import Bundle
from firstline.conversation import Conversation
from firstline.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfirmationDecided,
    ConfirmationRequested,
    Event,
    MessagePosted,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    messages_by,
)
from firstline.sentiment import rate_turns
from firstline.types import ActionDone, CardRow, Citation, Package, choose_text

QUOTE_CHARS = 240


def build_package(conversation: Conversation, bundle: Bundle, now: datetime) -> Package:
    """The conversation so far, for somebody who takes it over. Texts are the customer's own, shortened."""
    events = [logged.event for logged in conversation.log]
    written = [message.text for message in messages_by("customer", events)]
    moods = rate_turns(written, conversation.locale) if written else None
    return Package(
        summary=_summarise(events),
        intent=_intent(events, bundle),
        slots=_collect_slots(events),
        sources=_collect_sources(events),
        actions=_collect_actions(events),
        mood_start=moods[0] if moods else None,
        mood=moods[1] if moods else None,
        locale=conversation.locale,
    )


def _summarise(events: Sequence[Event]) -> str:
    """What the customer wrote first and last, and what the assistant answered last: in their own words."""
    asked = [message.text for message in messages_by("customer", events)]
    answered = [message.text for message in messages_by("assistant", events)]
    lines = [f"— {_shorten(text)}" for text in dict.fromkeys([*asked[:1], *asked[-2:]])]
    if answered:
        lines.append(f"↳ {_shorten(answered[-1])}")
    return "\n".join(lines)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTE_CHARS else line[: QUOTE_CHARS - 1].rstrip() + "…"


def _intent(events: Sequence[Event], bundle: Bundle) -> str | None:
    """The title of the last playbook that was about a matter; asking for a person is none."""
    chosen = [event.playbook for event in events if isinstance(event, RouteChosen) and event.playbook]
    playbooks = [bundle.playbooks[each] for each in reversed(chosen) if each in bundle.playbooks]
    matters = [playbook for playbook in playbooks if playbook.kind in ("answer", "act")]
    found = next(iter([*matters, *playbooks]), None)
    return choose_text(found.title, bundle.locale) if found else None


def _collect_slots(events: Iterable[Event]) -> tuple[CardRow, ...]:
    slots: dict[str, CardRow] = {}
    for event in events:
        if isinstance(event, ConfirmationRequested):
            named = {name: row.label for name, row in zip(event.arguments, event.rows, strict=False)}
        elif isinstance(event, ToolCalled):
            named = {name: name.replace("_", " ").capitalize() for name in event.arguments}
        else:
            continue
        for name, value in event.arguments.items():
            known = slots.get(name)
            slots[name] = CardRow(label=known.label if known else named.get(name, name), value=str(value))
    return tuple(slots.values())


def _collect_sources(events: Iterable[Event]) -> tuple[Citation, ...]:
    cited = [each for event in events if isinstance(event, MessagePosted) for each in event.message.citations]
    return tuple({each.url: each for each in cited}.values())


def _collect_actions(events: Iterable[Event]) -> tuple[ActionDone, ...]:
    """Every action that changes something, each once: done, in doubt, refused by somebody, or waiting for a yes."""
    actions: dict[str, ActionDone] = {}
    asked_in: dict[str, str] = {}
    """The key in `actions` of a confirmation, an approval or a call: an action keeps its place from yes to yes."""

    def become(id_: str, outcome: str) -> None:
        if id_ in asked_in:
            key = asked_in[id_]
            actions[key] = actions[key].model_copy(update={"outcome": outcome})

    for event in events:
        match event:
            case ConfirmationRequested(confirmation_id=id_):
                asked_in[id_] = id_
                actions[id_] = ActionDone(label=event.label, outcome="waiting", arguments=event.arguments)
            case ApprovalRequested(approval_id=id_, confirmation_id=first):
                asked_in[id_] = asked_in.get(first, first)
            case ConfirmationDecided(confirmation_id=id_, decision="decline"):
                become(id_, "declined")
            case ApprovalDecided(approval_id=id_, decision="decline"):
                become(id_, "denied")
            case ApprovalDecided(approval_id=id_, decision="expire"):
                become(id_, "expired")
            case ToolCalled(effect="write" | "money", call_id=id_):
                key = asked_in.setdefault(id_, id_)
                actions[key] = ActionDone(label=event.label, outcome="running", arguments=event.arguments)
            case ToolReturned(call_id=id_, outcome=outcome):
                become(id_, outcome)
            case _:
                pass
    return tuple(actions.values())
