"""The time machine: what customers wrote in past conversations, answered by a changed bundle, before it is published.

Tools answer with the results that were recorded; a call that was never made then has none, and it is told which. Old
and new are scored by the same scorers (`firstline.scores`); what flips is listed by criterion, with the
conversation behind it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from firstline.conversation import Conversation, fold, new_conversation
from firstline.engine import Engine
from firstline.errors import ToolFailed, ToolRejected
from firstline.evals.player import FollowScript, run_trial
from firstline.events import (
    ConfirmationDecided,
    Event,
    HandoffAccepted,
    HandoffRequested,
    Logged,
    MessagePosted,
    RouteChosen,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    messages_by,
)
from firstline.scores import PAIRS, Scores, score_conversation
from firstline.scoring.case import Case, Turn
from firstline.tools import Tool, ToolContext, ToolOutput
from firstline.types import ConversationId, Json, Usd
from firstline.wire import build_known


@dataclass(frozen=True)
class Flip:
    """One criterion of one conversation that was good and is not any more, or the other way round."""

    conversation_id: ConversationId
    criterion: str
    better: bool
    before: str
    after: str


@dataclass(frozen=True)
class Replayed:
    """One conversation, before and after. `unrecorded`: tool calls that had no recorded result."""

    conversation_id: ConversationId
    before: Scores
    after: Scores
    flips: tuple[Flip, ...]
    routes_changed: int
    unrecorded: tuple[str, ...]
    cost_before_usd: Usd
    cost_after_usd: Usd
    error: str | None = None


async def replay_conversation(
    engine: Engine, log: Sequence[Logged], conversation_id: ConversationId
) -> Replayed | None:
    """Play the customer's side of a past conversation again; None when nothing of it can be played."""
    past = fold(log, onto=new_conversation(conversation_id))
    case = case_of(past)
    if case is None:
        return None
    recorded = RecordedToolset(engine.bundle.tools, past)
    fresh = replace(engine, toolset=recorded)
    trial = await run_trial(fresh, case, number=1, seed=1, customer=FollowScript())
    again = fold(trial.log, onto=new_conversation(conversation_id))
    until, known = _until_person(past), build_known(engine.bundle)
    before, after = score_conversation(until, known), score_conversation(again, known)
    return Replayed(
        conversation_id=conversation_id,
        before=before,
        after=after,
        flips=tuple(find_flips(until, again, before, after)),
        routes_changed=_count_changed(_routes(until), _routes(again)),
        unrecorded=tuple(recorded.unrecorded),
        cost_before_usd=_cost(until),
        cost_after_usd=_cost(again),
        error=trial.error,
    )


def case_of(past: Conversation) -> Case | None:
    """What the customer did, as the script of a case: up to where a person took over."""
    turns: list[Turn] = []
    for event in _events(_until_person(past)):
        if isinstance(event, MessagePosted) and event.message.author == "customer" and event.message.text.strip():
            turns.append(Turn(say=event.message.text))
        elif isinstance(event, ConfirmationDecided):
            turns.append(Turn(press=event.decision))
    started = past.started
    if started is None or not any(turn.say for turn in turns):
        return None
    identity = past.identity
    return Case(
        id="replayed",
        locale=started.locale,
        signed_in_as=identity.customer_id if identity else None,
        customer_name=identity.name if identity else "",
        now=started.at,
        turns=tuple(turns),
    )


def find_flips(past: Conversation, again: Conversation, before: Scores, after: Scores) -> Iterator[Flip]:
    """The criteria on which the two differ in the verdict: all good before and not after, or the other way round."""
    said = tuple("\n".join(m.text for m in messages_by("assistant", _events(each))) for each in (past, again))
    for name in PAIRS.values():
        was, now = (_is_good(scores, name) for scores in (before, after))
        if was is not None and now is not None and was != now:
            yield Flip(past.conversation_id, name, now, said[0], said[1])
    if bool(before.withheld) != bool(after.withheld):
        yield Flip(past.conversation_id, "withheld", not after.withheld, said[0], said[1])


def _is_good(scores: Scores, name: str) -> bool | None:
    """Whether every observation was good; None without any."""
    n, ok = getattr(scores, f"{name}_n"), getattr(scores, f"{name}_ok")
    return None if not n else n == ok


def sum_flips(replayed: Sequence[Replayed]) -> Mapping[str, tuple[int, int]]:
    """By criterion: how many conversations became better, and how many worse."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for flip in (flip for each in replayed for flip in each.flips):
        counts[flip.criterion][0 if flip.better else 1] += 1
    return {name: (better, worse) for name, (better, worse) in counts.items()}


class RecordedToolset:
    """Tools that answer what they answered then. `unrecorded`: what was asked for and never had been."""

    def __init__(self, tools: Mapping[str, Tool], past: Conversation) -> None:
        self._tools = tools
        self._results: dict[str, list[ToolReturned]] = defaultdict(list)
        calls = {each.call_id: each for each in _events(past) if isinstance(each, ToolCalled)}
        for event in _events(past):
            if isinstance(event, ToolReturned) and event.call_id in calls:
                self._results[_key(event.tool, calls[event.call_id].arguments)].append(event)
        self.unrecorded: list[str] = []

    def tools(self) -> Mapping[str, Tool]:
        return self._tools

    async def call(self, name: str, arguments: Json, context: ToolContext) -> ToolOutput:
        found = self._results.get(_key(name, arguments))
        if not found:
            self.unrecorded.append(name)
            raise ToolFailed("there is no recorded result for this call; say that it does not work right now")
        returned = found.pop(0) if len(found) > 1 else found[0]
        match returned.outcome:
            case "ok":
                return ToolOutput(returned.result, returned.card)
            case "rejected":
                raise ToolRejected(_why(returned.result))
            case _:
                raise ToolFailed("the tool broke; do not call it again for this request")


def _why(result: object) -> str:
    return str(cast("Json", result).get("error", "")) if isinstance(result, dict) else ""


def _key(name: str, arguments: Json) -> str:
    return f"{name} {sorted(arguments.items())!r}"


def _events(conversation: Conversation) -> list[Event]:
    return [logged.event for logged in conversation.log]


def _until_person(past: Conversation) -> Conversation:
    """The part of it that the assistant answered for, the request for a person included."""
    log: list[Logged] = []
    asked = False
    for logged in past.log:
        if isinstance(logged.event, HandoffAccepted) or (asked and isinstance(logged.event, MessagePosted)):
            break
        log.append(logged)
        asked = asked or (isinstance(logged.event, TurnEnded) and logged.event.outcome == "handed_off")
        asked = asked or (isinstance(logged.event, HandoffRequested) and logged.event.turn_id is None)
    return fold(log, onto=new_conversation(past.conversation_id))


def _routes(conversation: Conversation) -> list[str | None]:
    return [event.playbook for event in _events(conversation) if isinstance(event, RouteChosen)]


def _count_changed(before: Sequence[str | None], after: Sequence[str | None]) -> int:
    return sum(one != other for one, other in zip(before, after, strict=False)) + abs(len(before) - len(after))


def _cost(conversation: Conversation) -> float:
    return sum(event.cost_usd for event in _events(conversation) if isinstance(event, TurnEnded))
