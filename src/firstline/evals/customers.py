"""Who plays the customer: the script of a case; or a simulated one, by rules offline, by the fast model with a key.

A simulated customer gives out what is known bit by bit, when asked. What the simulator itself does wrong (it says
nothing, it speaks as the assistant) ends the trial as broken: that says nothing of the assistant.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from firstline.bundle import Bundle
from firstline.evals.player import Customer, FollowScript, Player
from firstline.events import Event, HandoffRequested, ToolReturned, messages_by
from firstline.model import Model, ModelRequest, Replied, Turned
from firstline.scoring.case import Case, Simulated
from firstline.scoring.scorers import fold_text
from firstline.types import TurnId, Usd

PATIENCE = 2
"""How often a customer asks again when nothing comes of it."""

DONE = "<done>"
PROMPT = "customer.md"

_THANKS = {"en": "Thanks, that is all.", "zh": "谢谢，没有别的了。"}
_DOES_NOT_KNOW = {"en": "I don't know that, sorry.", "zh": "这个我不清楚。"}
_AGAIN = {"en": "Sorry, what I would like is this: {goal}", "zh": "不好意思，我想要的是：{goal}"}
_QUESTION = re.compile(r"[?？]")


class SimulatorBroke(Exception):
    """The simulated customer did what no customer of this case would do."""


def choose_customer(case: Case, bundle: Bundle, fast: Model | None) -> Customer:
    """Who plays the case."""
    if case.simulated is None:
        return FollowScript()
    words = find_words(case.simulated, bundle, case.locale)
    if fast is None:
        return Simulator(case.simulated, by_rules(case.simulated, words, case.locale))
    return Simulator(case.simulated, by_model(case.simulated, fast, case.locale))


Answer = Callable[[str, Sequence[str], "Told"], Awaitable[str]]
"""The customer's next message, to a reply, after the messages so far; `DONE` when there is nothing more to say."""


class Told:
    """What the customer has given out, how often nothing came of it, and what it cost to play."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.in_vain = 0
        self.cost_usd: Usd = 0.0


class Simulator:
    """Plays until the goal is reached, a person is asked for, patience ends, or the turns are used up."""

    def __init__(self, played: Simulated, answer: Answer) -> None:
        self._played = played
        self._answer = answer

    async def __call__(self, player: Player) -> None:
        written: list[str] = [self._played.opening]
        events = await player.say(self._played.opening)
        told = Told()
        while len(player.acts) < self._played.max_turns and not _is_over(events):
            if any(each.state_at(player.clock()) == "pending" for each in player.conversation.confirmations.values()):
                events = await player.press("confirm" if self._played.confirms else "decline")
                continue
            if self._reached(player):
                break
            said = "\n".join(message.text for message in messages_by("assistant", events))
            try:
                text = await self._answer(said, written, told)
            finally:
                player.customer_usd = told.cost_usd
            if text == DONE:
                break
            written.append(text)
            events = await player.say(text)
        await player.press("end")

    def _reached(self, player: Player) -> bool:
        wanted = self._played.wants_tool
        happened = [logged.event for logged in player.conversation.log]
        return any(isinstance(e, ToolReturned) and e.tool == wanted and e.outcome == "ok" for e in happened)


def _is_over(events: Sequence[Event]) -> bool:
    return any(isinstance(event, HandoffRequested) for event in events)


# By rules ---------------------------------------------------------------------------------------------------------


def find_words(played: Simulated, bundle: Bundle, locale: str) -> Mapping[str, tuple[str, ...]]:
    """What in a reply asks for each thing that the customer knows: the tools' own questions, the name's words."""
    found: dict[str, tuple[str, ...]] = {}
    slots = {name: slot for tool in bundle.tools.values() for name, slot in tool.declaration.slots.items()}
    for name in (*played.knows, *played.does_not_know):
        slot = slots.get(name)
        asks = [slot.ask.get(locale, ""), *slot.words] if slot else []
        found[name] = tuple(fold_text(each) for each in (*asks, name.replace("_", " ")) if each)
    return found


def by_rules(played: Simulated, words: Mapping[str, tuple[str, ...]], locale: str) -> Answer:
    """A customer who answers what is asked, says when it is not known, asks again twice, and then gives up."""

    async def answer(said: str, written: Sequence[str], told: Told) -> str:
        asked = _find_asked(said, words)
        fresh = [name for name in asked if name in played.knows and name not in told.names]
        if fresh:
            told.names |= set(fresh)
            told.in_vain = 0
            return ", ".join(str(played.knows[name]) for name in fresh)
        if any(name in played.does_not_know for name in asked):
            told.in_vain += 1
            return _choose(_DOES_NOT_KNOW, locale) if told.in_vain <= PATIENCE else DONE
        told.in_vain += 1
        if told.in_vain > PATIENCE:
            return DONE
        if played.wants_tool is None:
            return _choose(_THANKS, locale) if told.in_vain == 1 else DONE
        left = [str(value) for name, value in played.knows.items() if name not in told.names]
        told.names |= set(played.knows)
        return ", ".join(left) if left else _choose(_AGAIN, locale).format(goal=played.goal)

    return answer


def _find_asked(said: str, words: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Which things a reply asks for: their words stand in one of its questions, or it is the tool's own question."""
    plain = fold_text(said)
    questions = [fold_text(part) for part in _split_questions(said)]
    return [
        name
        for name, asks in words.items()
        if any((ask in plain and len(ask) > 12) or any(ask in question for question in questions) for ask in asks)
    ]


def _split_questions(said: str) -> list[str]:
    parts = re.split(r"(?<=[.!?。！？\n])", said)
    return [part for part in parts if _QUESTION.search(part)]


def _choose(texts: Mapping[str, str], locale: str) -> str:
    return texts.get(locale.split("-", maxsplit=1)[0], texts["en"])


# By the fast model ------------------------------------------------------------------------------------------------


def by_model(played: Simulated, model: Model, locale: str) -> Answer:
    """A customer played by a model from the case's persona, goal and knowledge."""

    async def answer(said: str, written: Sequence[str], told: Told) -> str:
        brief = {
            "persona": played.persona,
            "goal": played.goal,
            "knows": dict(played.knows),
            "does_not_know": list(played.does_not_know),
            "language": locale,
            "you_wrote_so_far": list(written),
            "the_assistant_just_wrote": said,
        }
        text, cost_usd = await _ask(model, json.dumps(brief, ensure_ascii=False))
        told.cost_usd += cost_usd
        if not text:
            raise SimulatorBroke("the simulated customer said nothing")
        if re.match(r"(?i)\s*(?:assistant|bot|助理)\s*[:：]", text):
            raise SimulatorBroke("the simulated customer spoke as the assistant")
        return DONE if DONE in text else text[:2000]

    return answer


async def _ask(model: Model, brief: str) -> tuple[str, Usd]:
    request = ModelRequest(
        turn_id=TurnId("customer"),
        system=_prompt(),
        messages=(Turned("user", ({"type": "text", "text": brief},)),),
        tools=(),
        static_messages=0,
        max_tokens=1024,
        alone=True,
    )
    async for piece in model.stream(request):
        if isinstance(piece, Replied):
            texts = (str(block.get("text", "")) for block in piece.reply.blocks if block.get("type") == "text")
            return "".join(texts).strip(), piece.reply.cost_usd
    return "", 0.0


@cache
def _prompt() -> str:
    return (files("firstline") / "evals" / "prompts" / PROMPT).read_text(encoding="utf-8")
