"""What would happen to a message, without answering it: language, verdicts, route, passages, tools in reach."""

from dataclasses import dataclass

from firstline.engine import Engine
from firstline.guardrails import Evidence, Screening
from firstline.history import tools_in_reach
from firstline.prepare import find_passages
from firstline.types import Json, Locale, Passage, PlaybookId, Verdict


@dataclass(frozen=True)
class Explanation:
    """As the first message of a conversation would be treated."""

    text: str
    locale: Locale
    verdicts: tuple[Verdict, ...]
    wants_human: bool
    playbook: PlaybookId | None
    score: float
    runner_up: PlaybookId | None
    passages: tuple[Passage, ...]
    tools: tuple[str, ...]

    def to_json(self) -> Json:
        return {
            "text": self.text,
            "locale": self.locale,
            "verdicts": [verdict.model_dump() for verdict in self.verdicts],
            "wants_human": self.wants_human,
            "playbook": self.playbook,
            "score": round(self.score, 3),
            "runner_up": self.runner_up,
            "passages": [
                {"passage_id": each.passage_id, "title": each.title, "url": each.url, "score": round(each.score, 3)}
                for each in self.passages
            ],
            "tools": list(self.tools),
        }


async def explain(engine: Engine, text: str) -> Explanation:
    """The treatment of `text` by the same parts that a turn uses."""
    screening = Screening(stage="input", text=text, locale=engine.bundle.locale, evidence=Evidence(()))
    verdicts = tuple(guardrail.check(screening) for guardrail in engine.input_guardrails)
    route = engine.router.choose(text, last_playbook=None, last_locale=engine.bundle.locale, asked=False)
    passages = await find_passages(engine.retriever, text, route.locale)
    blocked = any(verdict.decision == "block" for verdict in verdicts)
    return Explanation(
        text=text,
        locale=route.locale,
        verdicts=verdicts,
        wants_human=route.wants_human,
        playbook=route.playbook,
        score=route.score,
        runner_up=route.runner_up,
        passages=passages,
        tools=tools_in_reach(engine.bundle, route.playbook, blocked=blocked),
    )
