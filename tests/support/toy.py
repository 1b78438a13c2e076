"""A bicycle workshop: a small bundle as a value, with one tool of every effect."""

from datetime import date, time
from pathlib import Path
from typing import Any

from firstline.bundle import Article, Assistant, Bundle, Contact, Hours, Limits, Playbook, Span
from firstline.tools import Approval, Declaration, Effect, Requires, Tool
from firstline.types import PlaybookId

NINE_TO_FIVE = (Span(opens=time(9), closes=time(17)),)


def make_tool(
    name: str,
    properties: dict[str, Any],
    *,
    effect: Effect = "read",
    requires: Requires = "verified",
    approval_above: Approval | None = None,
) -> Tool:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    declaration = Declaration(
        effect=effect,
        requires=requires,
        timeout_seconds=1.0,
        label={"en": f"Doing {name}", "zh": f"正在{name}"},
        approval_above=approval_above,
    )
    return Tool(name, f"Does {name}.", schema, declaration)


TOOLS = {
    tool.name: tool
    for tool in (
        make_tool("get_price", {"wheels": {"type": "integer", "minimum": 1}}, requires="anonymous"),
        make_tool("find_repairs", {}),
        make_tool("cancel_repair", {"repair": {"type": "string"}}, effect="write"),
        make_tool(
            "pay_back",
            {"amount_usd": {"type": "number"}},
            effect="money",
            approval_above=Approval("amount_usd", 100),
        ),
    )
}


def _playbook(id_: str, kind: Any, utterances: tuple[str, ...], tools: tuple[str, ...] = ()) -> Playbook:
    return Playbook(
        id=PlaybookId(id_),
        title={"en": id_},
        kind=kind,
        when=f"The customer wants {id_}.",
        utterances={"en": utterances},
        tools=tools,
        suggestions={"en": ("And a tandem?",)},
        say={"en": f"Let us talk about {id_}."},
        instructions=f"Help with {id_}.",
    )


def make_bundle(**limits: Any) -> Bundle:
    playbooks = (
        _playbook("hello", "greet", ("hello", "hi there", "good morning")),
        _playbook("advice", "answer", ("how do I oil a chain", "which tyre pressure is right")),
        _playbook(
            "prices", "act", ("what does a repair cost", "price for two wheels", "how much is it"), ("get_price",)
        ),
        _playbook(
            "repairs",
            "act",
            ("cancel my repair", "where is my repair", "give me my money back"),
            ("find_repairs", "cancel_repair", "pay_back"),
        ),
        _playbook("elsewhere", "decline", ("write a poem", "a recipe for soup", "who wins the election")),
        _playbook("upset", "hand_off", ("this is a scandal", "I am very angry with you")),
    )
    return Bundle(
        name="workshop",
        folder=Path("unused"),
        revision="r1",
        business={"en": "Spoke", "zh": "辐条"},
        locales=("en", "zh"),
        assistant=Assistant(name="Ada", title={"en": "AI assistant of Spoke"}),
        accent="#0f766e",
        contact=Contact(phone="+1 212 555 0100", email="help@spoke.example"),
        hours=Hours(
            timezone="America/New_York",
            weekly=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), NINE_TO_FIVE),
            holidays=frozenset({date(2026, 11, 26)}),
        ),
        welcome={"en": "Hello, I am Ada.", "zh": "您好，我是 Ada。"},
        starters=(),
        fallback={
            "en": "I cannot say that for certain. A person can help.",
            "zh": "我无法确定，可以请工作人员帮忙。",
        },
        unknown={"en": "I do not know that.", "zh": "我不知道。"},
        acknowledgement="Understood.",
        competitors=("Pedalix",),
        links=("spoke.example",),
        limits=Limits(**limits),
        demo_customers=(),
        identity="You are Ada of the bicycle workshop Spoke.",
        context=("Spoke repairs bicycles since 1999. A chain costs $25.",),
        policy="Be kind. A repair takes 3 days.",
        playbooks={playbook.id: playbook for playbook in playbooks},
        examples=(),
        articles=(
            Article(
                slug="chain/oil",
                locale="en",
                title="Oiling a chain",
                url="/help/workshop/en/chain/oil",
                body="Oil the chain every 200 miles.\n\nUse 2 drops for each link.",
            ),
        ),
        tools=TOOLS,
    )
