"""A bicycle workshop with everything that the offline model can meet, as values: no file, no engine.

One tool with numbers, known makes and free text; a listing, an id, a write with a date, a choice and a yes or no.
"""

from datetime import date, time
from pathlib import Path
from typing import Any

from firstline.bundle import Article, Assistant, Bundle, Contact, Hours, Limits, Playbook, PlaybookKind, Span
from firstline.errors import ToolFailed, ToolRejected
from firstline.tools import Declaration, Effect, Requires, Slot, Tool
from firstline.types import Json, LocalText, Passage, PlaybookId

PRICE_SLOTS = {
    "make": Slot(
        ask={"en": "Which make is the bicycle?", "zh": "请问自行车是什么品牌？"},
        values={"gazelle": "Gazelle", "羚羊": "Gazelle", "brompton": "Brompton", "小布": "Brompton"},
        free=True,
    ),
    "model": Slot(
        ask={"en": "And which model is it?", "zh": "请问是哪一款？"},
        values={"orange c7": "Orange C7", "橙子": "Orange C7", "c line": "C Line", "arroyo": "Arroyo"},
        implies={
            "Orange C7": {"make": "Gazelle"},
            "Arroyo": {"make": "Gazelle"},
            "C Line": {"make": "Brompton"},
        },
        free=True,
    ),
    "year": Slot(ask={"en": "From which year is it?", "zh": "请问是哪一年的？"}, words=("year", "年款", "年")),
    "distance": Slot(
        ask={"en": "How many kilometres do you ride a year?", "zh": "请问每年骑多少公里？"},
        words=("km", "kilometres", "kilometers", "公里"),
    ),
    "rider_age": Slot(ask={"en": "How old is the rider?", "zh": "请问骑车人多大年龄？"}, words=("years old", "岁")),
}
REPAIR_SLOT = Slot(ask={"en": "Which repair is it about?", "zh": "请问是哪一项维修？"}, pattern=r"R-?\d{4}")
VISIT_SLOTS = {
    "repair": REPAIR_SLOT,
    "day": Slot(ask={"en": "On which day would you like to come?", "zh": "请问您哪天来？"}),
    "time": Slot(
        ask={"en": "Morning or afternoon?", "zh": "上午还是下午？"}, values={"上午": "morning", "下午": "afternoon"}
    ),
    "electric": Slot(ask={"en": "Is it an electric bicycle?", "zh": "是电动自行车吗？"}),
    "reason": Slot(ask={"en": "What should be looked at?", "zh": "请问要检查什么？"}, free=True),
}


def make_tool(
    name: str,
    description: str,
    properties: Json,
    *,
    label: LocalText,
    say: LocalText | None = None,
    slots: dict[str, Slot] | None = None,
    effect: Effect = "read",
    requires: Requires = "verified",
) -> Tool:
    """A tool all of whose properties are required."""
    schema: Json = {"type": "object", "properties": properties, "required": list(properties)}
    declaration = Declaration(effect, requires, 1.0, label, say, slots or {})
    return Tool(name, description, {**schema, "additionalProperties": False}, declaration)


TOOLS = {
    tool.name: tool
    for tool in (
        make_tool(
            "get_price",
            "Return what a yearly service of one bicycle costs. Use it when the customer wants a price.",
            {
                "make": {"type": "string", "description": "The maker."},
                "model": {"type": "string", "description": "The model without the maker."},
                "year": {"type": "integer", "minimum": 1950, "maximum": 2100, "description": "Year it was built."},
                "distance": {"type": "integer", "description": "Kilometres ridden in a year."},
                "rider_age": {"type": "integer", "description": "Age of the rider in years."},
            },
            label={"en": "Working out the price", "zh": "正在计算价格"},
            say={
                "en": "A year of service for your {{ year }} {{ model }} costs **${{ price_usd }}**.",
                "zh": "您的 {{ year }} 年 {{ model }} 一年保养费为 **${{ price_usd }}**。",
            },
            slots=PRICE_SLOTS,
            requires="anonymous",
        ),
        make_tool(
            "find_repairs",
            "Return all repairs of the signed-in customer. Use it when the number is not known.",
            {},
            label={"en": "Looking for your repairs", "zh": "正在查找您的维修"},
            say={
                "en": "{% for each in repairs %}- {{ each.repair }}: {{ each.bicycle }}\n{% endfor %}",
                "zh": "{% for each in repairs %}- {{ each.repair }}：{{ each.bicycle }}\n{% endfor %}",
            },
        ),
        make_tool(
            "get_repair",
            "Return how far one repair has come.",
            {"repair": {"type": "string", "description": "The repair's number."}},
            label={"en": "Looking at the progress of your repair", "zh": "正在查看维修进度"},
            say={"en": "Repair {{ repair }} is {{ status }}.", "zh": "维修 {{ repair }}：{{ status }}。"},
            slots={"repair": REPAIR_SLOT},
        ),
        make_tool(
            "book_visit",
            "Book a visit to the workshop.",
            {
                "repair": {"type": "string", "description": "The repair's number."},
                "day": {"type": "string", "format": "date", "description": "The day of the visit, from today on."},
                "time": {"type": "string", "enum": ["morning", "afternoon"]},
                "electric": {"type": "boolean", "description": "Whether it has a motor."},
                "reason": {"type": "string", "description": "What should be looked at."},
            },
            label={"en": "Book a visit", "zh": "预约到店"},
            slots=VISIT_SLOTS,
            effect="write",
        ),
    )
}


def _playbook(id_: str, kind: PlaybookKind, say: LocalText | None, tools: tuple[str, ...] = ()) -> Playbook:
    return Playbook(
        id=PlaybookId(id_),
        title={"en": id_},
        kind=kind,
        when=f"The customer wants {id_}.",
        utterances={"en": (id_,)},
        tools=tools,
        say=say,
        instructions=f"Help with {id_}.",
    )


PLAYBOOKS = (
    _playbook("hello", "greet", {"en": "Nice to see you, I am Ada.", "zh": "很高兴见到您，我是 Ada。"}),
    _playbook("advice", "answer", None),
    _playbook("price", "act", {"en": "Happy to work that out.", "zh": "很乐意为您计算。"}, ("get_price",)),
    _playbook(
        "repairs",
        "act",
        {"en": "Let us look after your bicycle.", "zh": "我来帮您安排。"},
        ("find_repairs", "get_repair", "book_visit"),
    ),
    _playbook("elsewhere", "decline", {"en": "I only know about bicycles.", "zh": "我只懂自行车。"}),
    _playbook("upset", "hand_off", {"en": "I am sorry. A colleague can help.", "zh": "很抱歉，同事可以帮您。"}),
)

CHAIN = Passage(
    passage_id="en/chain#1",
    title="How do I oil a chain?",
    url="/help/chain",
    text="Wipe the chain first. Put one drop of oil on each link, and turn the pedals for a minute. "
    "Do it every 200 kilometres.\n\n- Use bicycle oil.\n- Never use kitchen oil.",
)
RUST = Passage(
    passage_id="en/rust#2",
    title="Does the guarantee cover rust? — What the guarantee does not pay",
    url="/help/rust#not",
    text="The guarantee does not pay for:\n\n- rust on the chain,\n- worn tyres,\n- lost bells.",
)
TYRES = Passage(
    passage_id="en/tyres#1",
    title="Tyre pressure — Pressures",
    url="/help/tyres#pressures",
    text="| Tyre | Pressure | Check |\n|---|---|---|\n| Road | 7 bar | weekly |\n| Mountain | 2 bar | monthly |",
)
STEPS = Passage(
    passage_id="en/pickup#1",
    title="Picking up your bicycle — Step by step",
    url="/help/pickup#steps",
    text="1. Wait for our message. It comes by e-mail.\n2. Bring the message with you.\n3. Pay and ride home.",
)
CHAIN_ZH = Passage(
    passage_id="zh/chain#1",
    title="链条怎么上油？",
    url="/help/zh/chain",
    text="先擦干净链条。每节滴一滴油，再转动踏板一分钟。每骑行 200 公里上一次油。",
)
PASSAGES = (CHAIN, RUST, TYRES, STEPS)


def search(text: str, locale: str) -> tuple[Passage, ...]:
    """All that there is: choosing is the model's business."""
    return (CHAIN_ZH,) if locale == "zh" else PASSAGES


def call(name: str, arguments: Json) -> Json:
    """The workshop's back end. The price is worked out from every argument, so that no other text can hold it."""
    if name == "get_price":
        return _price(arguments)
    if name == "find_repairs":
        repairs = [
            {"repair": "R-1001", "bicycle": "2022 Gazelle Arroyo", "due": "2026-12-01"},
            {"repair": "R-1002", "bicycle": "2020 Brompton C Line", "due": "2026-12-31"},
        ]
        return {"repairs": repairs}
    if name == "get_repair" and arguments["repair"] == "R-9999":
        raise ToolFailed("the tool broke")
    if name == "get_repair":
        return {"repair": arguments["repair"], "status": "ready"}
    return {"visit": "V-1"}


def _price(arguments: Json) -> Json:
    if arguments["rider_age"] < 14:
        raise ToolRejected(f"Riders must be 14 or older, so {arguments['rider_age']} is too young.")
    cents = 4000 + 7 * (2026 - arguments["year"]) + arguments["distance"] // 10 + arguments["rider_age"]
    return {**arguments, "price_usd": f"{cents / 100:.2f}"}


def make_bundle(**changes: Any) -> Bundle:
    """The workshop; `changes` replace fields of the bundle."""
    fields: dict[str, Any] = {
        "name": "workshop",
        "folder": Path("unused"),
        "revision": "r1",
        "business": {"en": "Spoke", "zh": "辐条"},
        "locales": ("en", "zh"),
        "assistant": Assistant(name="Ada", title={"en": "AI assistant of Spoke"}),
        "accent": "#0f766e",
        "contact": Contact(phone="+1 212 555 0100"),
        "hours": Hours(timezone="America/New_York", weekly={"mon": (Span(opens=time(9), closes=time(17)),)}),
        "welcome": {"en": "Hello, I am Ada.", "zh": "您好，我是 Ada。"},
        "starters": (),
        "fallback": {"en": "I could not check that. A person can help.", "zh": "我没能核实，可以请同事帮忙。"},
        "unknown": {"en": "I do not know that.", "zh": "这个我不知道。"},
        "acknowledgement": "Understood.",
        "competitors": (),
        "links": (),
        "limits": Limits(),
        "demo_customers": (),
        "identity": "You are Ada.",
        "context": (),
        "policy": "",
        "playbooks": {playbook.id: playbook for playbook in PLAYBOOKS},
        "examples": (),
        "articles": tuple(_article(passage) for passage in (*PASSAGES, CHAIN_ZH)),
        "tools": TOOLS,
    }
    return Bundle(**{**fields, **changes})


def _article(passage: Passage) -> Article:
    locale, slug = passage.passage_id.split("#")[0].split("/", 1)
    body = passage.text
    return Article(
        slug=slug, locale=locale, title=passage.title, url=passage.url, updated=date(2026, 5, 4), body=body
    )
