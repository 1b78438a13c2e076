"""What is too grave for a machine alone: danger now; and a death, a lawyer, a fraud, a complaint, money.

Told by rules, since it must hold without a model and in every playbook. A question what would happen, a story that
is over, and "nobody is hurt" are none. Pure; used by the offline model.
"""

import re
import unicodedata

LONGEST_CHARS = 2000

_PERSON = (
    r"(?:(?:my|his|her|their|our|the|a|an|another|other|one|two|three|old|little|young|elderly) ){0,4}"
    r"(?:i|he|she|we|they|someone|somebody|people|person|wife|husband|partner|son|daughter|kids?|child(?:ren)?"
    r"|baby|mother|mom|mum|father|dad|brother|sister|friend|passengers?|driver|rider|man|woman|boy|girl"
    r"|pedestrian|cyclist|guy|lady)"
)
_HURT = (
    r"(?:bleeding|hurt|injured|unconscious|trapped|stuck inside|not breathing|not moving|unresponsive|in shock"
    r"|badly (?:hurt|injured)|seriously (?:hurt|injured))"
)
_KIN = r"(?:father|mother|dad|mom|mum|husband|wife|partner|son|daughter|brother|sister|grand\w+|uncle|aunt|parents?)"
_THING = (
    r"(?:(?:car|truck|van|vehicle|bike|motorcycle|scooter|battery|engine|hood|dash(?:board)?|wheel|charger|wall ?box"
    rf"|cable|socket|house|garage|it|ev|my (?!{_KIN}|friend|neighbou?r|boss)[a-z0-9-]+) ?){{1,2}}"
)
_ENGLISH = (
    rf"\b{_PERSON}(?:'s|'re|'m| is| are| am| got| was| were|)(?: \w+ly| really| still| both| all| also)? {_HURT}\b",
    rf"\b{_PERSON} (?:can't|cannot|isn't|is not|aren't) (?:breathe|breathing|move|moving|get out|waking up)\b",
    rf"\b{_THING}(?:'s| is| are)(?: \w+ly| still| now)? (?:on fire|burning|smoking|in flames|going up in flames)\b",
    r"\b(?:caught|catching|is catching) fire\b(?=.*\b(?:now|help|right|just)\b)",
    r"\b(?:there(?:'s|s| is)|i (?:can )?see|i smell|see(?:ing)?) (?:\w+ )?(?:smoke|flames|fire|gas)\b",
    r"\bsmoke(?:'s|s| is)? (?:coming|pouring|rising)\b|\bhissing\b.*\bsmok|\bsmok\w+\b.*\bhissing\b",
    r"\b(?:we|i)(?:'re|'m| are| am) (?:trapped|drowning|sinking)\b",
)
_CHINESE = (
    r"(?:在|还在|一直|不停|不断)?流血(?:不止)?|(?:昏迷|昏过去|失去意识|没有意识|没意识|晕过去)了?|喘不过气|没有?呼吸",
    r"(?:被困|卡|困)在(?:车|里面|驾驶)|出不来了",
    r"(?:正在?|在|开始|突然|现在|还)[^，。！？,.!?]{0,4}(?:冒(?:着|出)?[黑白浓]?烟|着火|起火|燃烧|自燃)",
    r"(?:冒(?:着|出)?[黑白浓]烟|冒烟了|着火了|起火了|烧起来了)",
    r"(?:我|他|她|人|老婆|妻子|丈夫|老公|孩子|儿子|女儿|乘客|司机|朋友|妈妈?|爸爸?)[^，。！？,.!?没不]{0,6}(?:受伤|重伤|撞伤|伤得|骨折)",
)
_OVER = re.compile(
    r"\b(?:yesterday|last (?:night|week|month|year)|(?:days?|weeks?|months?|years?) ago|was|were|had|on (?:mon|tues"
    r"|wednes|thurs|fri|satur|sun)day|covered|cover|covers|insured|claim(?:ed|s)?|policy)\b"
    r"|昨[天日晚]|前天|上周|上个?月|去年|[天周月年]前|理赔|赔吗|保吗|保不保|赔不赔|承保|保障|保险|月\d+[日号]"
)
_SUPPOSED = re.compile(
    r"\b(?:if|when(?:ever)?|in case|what if|suppose|would|should|does|do you|could)\b"
    r"|如果|要是|假如|万一|的话|会不会|是否"
)
_DENIED = re.compile(
    r"\b(?:no one|nobody|not|isn't|aren't|wasn't|weren't|none|no|without|n't)(?: \w+){0,3} "
    r"(?:hurt|injured|bleeding|trapped|on fire|burning|smoking|injuries|smoke|flames|fire)\b"
    r"|\bhurt by\b|(?:没有?|无|未)(?:人|有人)?(?:受伤|伤亡|着火|起火|冒烟|流血)|人(?:都|也)?没(?:事|受伤)"
)
_MATTERS = (
    rf"\b{_KIN}\b[^.!?]{{0,30}}\b(?:passed away|passed on|died|dies|is dead|is deceased)\b",
    r"\b(?:my|our|a|an) (?:lawyers?|attorneys?|solicitor)\b|\blegal action\b|\b(?:sue|suing) you\b|\bin court\b"
    r"|\bto court\b",
    r"\b(?:regulator|ombudsman|commissioner|consumer protection)\b|\breport (?:you|this) to\b|举报|监管部门|监管局",
    r"\b(?:want|like|need|have|going|wish) to (?:complain|make a complaint|file a complaint)\b|(?:要|想|必须)投诉",
    r"\b(?:fraud(?:ulent(?:ly)?|ster)?|scam(?:med|mer)?|identity theft|staged)\b",
    r"\b(?:can't|cannot|can not|unable to|not able to) (?:afford|pay|make the payment)\b",
    r"\b(?:waive|forgive|(?:take|knock) off|drop|remove)\b[^.!?]{0,24}\bfees?\b|\btake [^.!?]{0,24}\bfees? off\b",
    r"(?:我|他|她|家|老)[^，。！？]{0,4}(?:爸|妈|父亲|母亲|丈夫|老公|妻子|老婆|儿子|女儿|爷爷|奶奶|外公|外婆|哥|姐|弟|妹|人)"
    r"[^，。！？]{0,6}(?:去世|过世|离世|身故|病逝|不在了)",
    r"(?:我的?|找|请|让|有)律师|律师函|(?:起诉|告)你们|法院见|上法庭|打官司",
    r"骗保|诈骗|欺诈|碰瓷|冒用|冒充|伪造",
    r"(?:付|交|缴|还|拿)不[起出上]",
    r"(?:免掉|免除|免了|免去|减免|取消)[^，。！？]{0,6}(?:滞纳金|手续费|罚金)|(?:滞纳金|手续费|罚金)[^，。！？]{0,6}(?:免掉|免除|免了|免去|减免|取消)",
)
_OF_COVER = re.compile(r"\bcover(?:s|ed|age)?\b|\binsure\b|保障|赔吗|保吗|保不保|赔不赔|承保")
_CLAUSE = re.compile(r"(?<=[.!?。！？\n])\s*")


def tells_danger(text: str) -> bool:
    """Whether somebody is hurt, or something burns or smokes, as the customer writes."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).replace("’", "'").casefold()
    return any(map(_is_danger, _CLAUSE.split(plain)))


def needs_person(text: str) -> bool:
    """Whether the customer tells of a death, a lawyer, a fraud, a complaint, or money that only a person lets go."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).replace("’", "'").casefold()
    return any(map(_is_matter, _CLAUSE.split(plain)))


def _is_matter(sentence: str) -> bool:
    if _SUPPOSED.search(sentence) or _OF_COVER.search(sentence):
        return False
    return any(re.search(pattern, sentence) for pattern in _MATTERS)


def _is_danger(sentence: str) -> bool:
    if _OVER.search(sentence) or _SUPPOSED.search(sentence) or _DENIED.search(sentence):
        return False
    return any(re.search(pattern, sentence) for pattern in (*_ENGLISH, *_CHINESE))
