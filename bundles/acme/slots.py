"""How the offline model finds the tools' arguments in what a customer writes, and asks for what is missing.

Data; imported by `tools` only.
"""

from firstline.tools import Slot

from .catalogue import MAKE_OF_MODEL, MAKE_WORDS, MODEL_WORDS
from .states import INSURED_STATES, OTHER_STATES, STATE_WORDS

# No \b: between a Chinese character and a letter there is none.
_ALONE = r"(?<![A-Za-z0-9]){}(?!\d)"
POLICY_PATTERN = _ALONE.format(r"[Aa][Cc][- ]?\d{6}")
INVOICE_PATTERN = _ALONE.format(r"[Ii][Nn][Vv][- ]?\d{5}")
CLAIM_PATTERN = _ALONE.format(r"[Cc][Ll][- ]?\d{5}")
# Five digits before a word are a house number, but not behind a state's two letters.
_FIVE = r"(?<!\d)\d{5}(?:-\d{4})?(?!\d)"
ZIP_PATTERN = rf"(?:(?-i:(?<=[ ,][A-Z][A-Z] )){_FIVE}|{_FIVE}(?!\s+[A-Za-z]))"
# Two letters such as "in" or "or" are a state for sure only before a ZIP code.
_LETTERS = "|".join((*INSURED_STATES, *OTHER_STATES))
STATE_PATTERN = rf"(?<![A-Za-z])(?:(?:{_LETTERS})(?=,?\s+{_FIVE}(?!\s+[A-Za-z]))|(?-i:{_LETTERS})(?=,?\s+{_FIVE}))"

QUOTE_SLOTS = {
    "make": Slot(
        label={"en": "Make", "zh": "品牌"},
        ask={
            "en": "Which make is the vehicle, for example Nissan or Toyota?",
            "zh": "请问车辆是什么品牌？例如日产或丰田。",
        },
        values=MAKE_WORDS,
        free=True,
    ),
    "model": Slot(
        label={"en": "Model", "zh": "车型"},
        ask={
            "en": "And which model is it, for example Leaf or Camry?",
            "zh": "请问是哪一款车型？例如聆风或凯美瑞。",
        },
        values=MODEL_WORDS,
        implies={model: {"make": make} for model, make in MAKE_OF_MODEL.items()},
        free=True,
    ),
    "year": Slot(
        label={"en": "Model year", "zh": "年款"},
        ask={"en": "Which model year is it?", "zh": "请问是哪一年款？"},
        words=("model year", "year model", "年份", "年款", "年产", "年的", "款", "年"),
    ),
    "mileage": Slot(
        label={"en": "Miles a year", "zh": "每年英里数"},
        ask={
            "en": "About how many miles will it be driven in a year? An estimate is fine.",
            "zh": "请问每年大约行驶多少英里？估计的数字就可以。",
        },
        words=("miles a year", "miles per year", "miles", "mile", "mi", "mileage", "英里", "里程", "迈"),
    ),
    "driver_age": Slot(
        label={"en": "Age of the youngest driver", "zh": "最年轻驾驶人年龄"},
        ask={
            "en": "How old is the youngest person who will drive it?",
            "zh": "请问会驾驶这辆车的人中，最年轻的多大年龄？",
        },
        words=(
            "years old",
            "year old",
            "year-old",
            "yo",
            "y/o",
            "age",
            "aged",
            "turned",
            "周岁",
            "岁",
            "年龄",
        ),
    ),
}

POLICY_SLOT = Slot(
    label={"en": "Policy number", "zh": "保单号"},
    ask={
        "en": "Which policy is it about? The policy number begins with AC-.",
        "zh": "请问是哪一份保单？保单号以 AC- 开头。",
    },
    pattern=POLICY_PATTERN,
)

INVOICE_SLOT = Slot(
    label={"en": "Invoice number", "zh": "账单号"},
    ask={
        "en": "Which invoice is it about? The invoice number begins with INV-.",
        "zh": "请问是哪一张账单？账单号以 INV- 开头。",
    },
    pattern=INVOICE_PATTERN,
)

CLAIM_SLOT = Slot(
    label={"en": "Claim number", "zh": "理赔编号"},
    ask={
        "en": "Which claim is it about? The claim number begins with CL-.",
        "zh": "请问是哪一笔理赔？理赔编号以 CL- 开头。",
    },
    pattern=CLAIM_PATTERN,
)

CLAIM_KIND_WORDS = {
    "collision": (
        "collision, accident, crash, crashed, rear-ended, rear ended, hit my car, ran into, scraped, "
        "fender bender, bumped, someone hit, hit my, hit a tree, hit a pole, hit a wall, hit a guardrail, "
        "hit a curb, hit the, hit by, backed into, slid into, smashed into, collided, hit and run, hit-and-run, "
        "碰撞, 车祸, 追尾, 撞车, 撞了, 撞到, 撞上, 撞倒, 被撞, 剐蹭, 刮擦, 剐了, 蹭了, 刮了, 交通事故"
    ),
    "theft": ("theft, stolen, stole, robbed, break-in, broken into, 被偷, 盗窃, 偷了, 被盗, 失窃"),
    "weather": (
        "weather, hail, storm, flood, flooded, hurricane, tornado, lightning, snow, tree fell, branch fell, wind, "
        "天气, 冰雹, 暴风, 暴雨, 洪水, 水淹, 台风, 飓风, 雷击, 雪灾, 大风, 树倒, 树枝掉, 被淹"
    ),
    "vandalism": (
        "vandalism, vandalized, vandalised, keyed, slashed, graffiti, scratched on purpose, "
        "恶意破坏, 划车, 被划, 划了, 划花, 砸车, 砸了, 扎胎"
    ),
    "glass": ("glass, windshield, windscreen, cracked window, stone chip, 玻璃, 挡风玻璃, 前挡, 车窗"),
    "fire": ("fire, burned, burnt, burning, 起火, 着火, 火灾, 自燃, 烧了"),
    "animal": ("animal, deer, moose, raccoon, marten, 动物, 撞到鹿, 野鹿, 老鼠咬"),
    "other": ("something else, other, none of these, 其他, 别的"),
}

CLAIM_KINDS = {
    "collision": {"en": "collision", "zh": "碰撞"},
    "theft": {"en": "theft", "zh": "盗窃"},
    "weather": {"en": "weather", "zh": "天气"},
    "vandalism": {"en": "vandalism", "zh": "恶意破坏"},
    "glass": {"en": "glass", "zh": "玻璃"},
    "fire": {"en": "fire", "zh": "火灾"},
    "animal": {"en": "animal", "zh": "动物"},
    "other": {"en": "something else", "zh": "其他"},
}

OPEN_CLAIM_SLOTS = {
    "policy_number": POLICY_SLOT,
    "kind": Slot(
        label={"en": "Kind of damage", "zh": "损失类别"},
        ask={
            "en": "What was it: collision, theft, weather, vandalism, glass, fire, animal or something else?",
            "zh": "请问属于哪一类：碰撞、盗窃、天气、恶意破坏、玻璃、火灾、动物，还是其他？",
        },
        values={word: kind for kind, words in CLAIM_KIND_WORDS.items() for word in words.split(", ")},
        names=CLAIM_KINDS,
    ),
    "happened_on": Slot(
        label={"en": "Day it happened", "zh": "发生日期"},
        ask={
            "en": "On which day did it happen? Year, month and day, please.",
            "zh": "请问是哪一天发生的？请写明年月日。",
        },
        words=("happened on", "发生在", "发生于"),
    ),
    "description": Slot(
        label={"en": "What happened", "zh": "经过"},
        ask={
            "en": "Please tell me in a few sentences what happened, and where.",
            "zh": "请用几句话说明事情的经过和地点。",
        },
        free=True,
        story=True,
    ),
}

ADDRESS_SLOTS = {
    "street": Slot(
        label={"en": "Street", "zh": "街道"},
        ask={
            "en": "What is the new street address, with the house number and any apartment?",
            "zh": "请问新的街道地址是什么？请包括门牌号和公寓号。",
        },
        free=True,
    ),
    "city": Slot(
        label={"en": "City", "zh": "城市"}, ask={"en": "Which city is it in?", "zh": "请问在哪个城市？"}, free=True
    ),
    "state": Slot(
        label={"en": "State", "zh": "州"},
        ask={"en": "Which state is it in, for example OH or Ohio?", "zh": "请问在哪个州？例如 OH 或俄亥俄。"},
        values=STATE_WORDS,
        pattern=STATE_PATTERN,
        free=True,
    ),
    "zip": Slot(
        label={"en": "ZIP code", "zh": "邮政编码"},
        ask={"en": "And the ZIP code, with five digits?", "zh": "请问五位数的邮政编码是多少？"},
        words=("zip", "zip code", "邮编", "邮政编码"),
        pattern=ZIP_PATTERN,
    ),
}

CANCEL_SLOTS = {
    "policy_number": POLICY_SLOT,
    "last_day": Slot(
        label={"en": "Last day of cover", "zh": "保障最后一天"},
        ask={
            "en": "Which day should be the last one with cover? Year, month and day, please.",
            "zh": "请问保障的最后一天是哪一天？请写明年月日。",
        },
        words=("last day", "until", "end on", "effective", "截止", "最后一天"),
    ),
}

REFUND_SLOTS = {
    "invoice_number": INVOICE_SLOT,
    "amount_usd": Slot(
        label={"en": "Refund in US dollars", "zh": "退款金额（美元）"},
        ask={"en": "How many dollars should be refunded?", "zh": "请问要退多少美元？"},
        words=("$", "usd", "dollars", "dollar", "bucks", "美元", "美金", "块", "元"),
    ),
}
