"""Whether a customer asks for a person: in any wording, in many languages, typos included.

Told by rules, since it must hold in one turn, without a model and in every playbook. A question about people
("are you human?", "can a person under 25 get insurance?") is no wish, nor is a story about one. Pure; used by
the router and by whoever needs the same answer.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firstline.language import count_edits
from firstline.types import Locale

LONGEST_CHARS = 2000

_MEANT: Sequence[str] = (
    "advisor", "agent", "anyone", "chatbot", "colleague", "connect", "customer", "employee", "escalate", "human",
    "manager", "operator", "people", "person", "please", "representative", "service", "somebody", "someone",
    "speak", "supervisor", "support", "talking", "transfer",
)  # fmt: skip
"""English words that are understood when misspelt by one letter, the longest by two."""

_OTHER_WORDS: Sequence[str] = (
    "agency", "agenda", "agony", "argent", "connects", "customers", "customs", "humane", "manage", "managed",
    "mangers", "parson", "persona", "persons", "pleas", "prison", "services", "sneak", "speck", "spear", "steak",
    "suppose", "supposed", "supports", "taking", "taxing", "walking",
)  # fmt: skip
"""Words of their own that a misspelling could be taken for."""

_SPELLINGS: Mapping[str, str] = {
    "adviser": "advisor", "advisors": "advisor", "agents": "agent", "bots": "bot", "dont": "don't",
    "gimme": "give me", "humans": "human", "i'd": "i would", "i'm": "i am", "im": "i am", "lemme": "let me",
    "machines": "machine", "managers": "manager", "operators": "operator", "pls": "please", "plz": "please",
    "r": "are", "rep": "representative", "representatives": "representative", "reps": "representative",
    "robots": "robot", "takl": "talk", "tallk": "talk", "tlak": "talk", "u": "you", "ur": "your",
    "wanna": "want to", "wiht": "with", "wnat": "want",
}  # fmt: skip

_FRAGMENTS: Mapping[str, str] = {
    "PERSON": "(?:human being|human|agent|representative|operator|manager|supervisor|advisor|person|people|someone"
    "|somebody|anyone|anybody|employee|colleague|staff(?: member)?|team(?: member)?|specialist|consultant"
    "|customer (?:service|support|care)|support|help ?desk|call cent(?:er|re)|real one)",
    "CONTACT": "(?:human being|human|agent|representative|operator|manager|supervisor|live chat"
    "|customer (?:service|support|care)|(?:real|live|actual|human|living|physical) (?:person|people|agent|human"
    "|advisor|one|support|chat|help|being|representative|operator))",
    "WHOSE": "(?:(?:an?|the|your|any|some|another|one|of|real|live|actual|living|human|different|proper|competent"
    "|qualified|physical|licensed|customer|service|support|claims|sales|senior) ){0,4}",
    "SPEAK": "(?:speak|talk|chat|connect|transfer|escalate|switch|forward|redirect|hand|put|pass|reach|call|contact"
    "|talking|chatting|route|patch)",
    "TOWARDS": "(?: (?:me|us|this|it|directly|over|through|on|up|to|with|by|in|touch|the|phone|now|please"
    "|just)){0,5}",
    "ROBOT": "(?:bot|robot|chatbot|machine|computer|ai|recording|automated system)",
    "POLITE": "(?:please|now|asap|here|help|chat|immediately|thanks|needed|representative|agent|right|on the phone)",
    "MINE": "(?:want|need|get|give|send|prefer|like|request|require|have|find|bring|demand|see)",
}

_ENGLISH: Sequence[str] = (
    r"\bSPEAK TOWARDS WHOSE PERSON\b(?! (?:who|that|whose) (?!can|could|will|understands?|knows?|speaks?))",
    r"\bto WHOSE(?:real|live|actual) (?:human|person)\b|\b(?:can|could) an? (?:real|live|actual) (?:human"
    r"|person)\b",
    r"\b(?:anyone|anybody|someone|somebody) (?:real|human) (?:there|here|available)\b",
    r"\bMINE(?: (?:me|us|in|to have|to get))* WHOSE CONTACT\b(?! (?:\w+ing|error|to (?:pay|drive|sign)))",
    r"\bMINE(?: (?:me|us))* WHOSE(?:someone|somebody|person|employee|advisor)"
    r" (?:(?:who|that|to) (?:\w+ )?(?:help|talk|speak|call me|understand)|on the (?:phone|line)|now|please|instead"
    r"|competent|real)",
    r"\bMINE(?: (?:me|us))* (?:a|another|some other) (?:person|colleague|employee|advisor)$",
    r"\b(?:is there|are there|do you have) WHOSE(?:PERSON (?:there |here )?(?:(?:who|that) )?(?:i|we"
    r"|to) (?:\w+ )?SPEAK|CONTACT)\b",
    r"\bwho (?:can|could|do|may|should) (?:i|we) (?:speak|talk|chat)\b",
    r"\b(?:can|could|would|will|have) (?:WHOSE(?:someone|somebody|person|human|agent|manager|supervisor"
    r"|representative|colleague)|you) (?:please )?(?:call|phone|ring|contact) me\b",
    r"^(?:please )?(?:call|phone|ring) me(?: (?:back|please|now|at|on|about|today|tomorrow|later)\b|$)"
    r"|\bcall ?back please\b|\b(?:want|need|request) a (?:call ?back|phone call)\b",
    r"\b(?:not|no|don't|never|stop|hate|tired of|sick of|done with|enough of) (?:\w+ ){0,6}ROBOT\b",
    r"\bCONTACT(?: \w+)? (?:instead|now|asap|immediately)\b",
    r"^(?:(?:hi|hello|hey|ok|no|yes|just|sorry|please|i|said) )*WHOSE(?:CONTACT|person)(?: POLITE)*$",
)
_NOT_ENGLISH: Sequence[str] = (
    r"\b(?:don't|do not|didn't|not|never|no|without|instead of|won't|doesn't|needn't|nobody) (?:\w+ ){0,4}?"
    r"(?:SPEAK|want|need|get|have|like|reason|calling)(?: \w+){0,5} PERSON\b",
    r"\bno (?:need for |more )?WHOSE PERSON\b",
    r"\bare (?:you|there) (?:\w+ ){0,2}(?:PERSON|ROBOT)\b(?! (?:\w+ )?(?:i|to|who|that)\b)",
    r"\b(?:am i|i was|i have been|were|when i|before i|after i|should i|must i|did i"
    r"|do i (?:have|need|really)) (?:\w+ ){0,3}SPEAK\b",
    r"\b(?:is|was) this (?:a|an|the)\b|\bdo you have (?!WHOSEPERSON (?:i|we|who|to)\b)",
    r"\bi am (?:not )?an? (?:\w+ )?(?:PERSON|ROBOT)\b",
    r"\b(?:how long|how much|how many|what time|what hours|hours|what does|what happens|what if)\b",
    r"\bPERSON (?:is |be |are )?(?:covered|insured|open|included)\b",
)


@dataclass(frozen=True)
class _Wording:
    """How a language asks for a person, accents left out; `*` is any ending, `_` a space.

    `speak` near one of `people` or `contacts` is a wish, `want` only near one of `contacts`, and a contact alone.
    """

    speak: str
    people: str
    want: str
    contacts: str


_WORDINGS: Mapping[Locale, _Wording] = {
    "ar": _Wording(
        "تحدث* اتحدث اتكلم التكلم اكلم التحدث", "شخص* بشر احد", "حولني تحويل وصلني اريد أريد", "موظف* انسان ممثل"
    ),
    "de": _Wording(
        "sprech* reden verbind* telefon* chatten",
        "jemand* person",
        "weiterleit* brauche will mochte geben",
        "mensch* mitarbeiter* berater* kundendienst kundenservice vorgesetzt*",
    ),
    "es": _Wording(
        "habl* comuni* conect* pasame paseme transf* contact* chatear",
        "alguien persona",
        "quiero necesito dame deme",
        "agente humano asesor* representante operador* supervisor* gerente persona_real",
    ),
    "fa": _Wording("صحبت وصل حرف", "یک_نفر آدم انسان", "می‌خواهم", "اپراتور کارشناس پشتیبان"),
    "fr": _Wording(
        "parl* discut* joindre passez transfer* mettez",
        "quelqu'un une_personne",
        "veux voudrais besoin contacter",
        "humain conseill* agent operateur responsable vraie_personne service_client",
    ),
    "he": _Wording("לדבר לשוחח תעביר* תחבר*", "אדם מישהו בן_אדם", "רוצה", "נציג*"),
    "id": _Wording(
        "bicara berbicara hubungkan ngobrol sambungkan", "orang manusia admin cs", "mau butuh", "petugas agen"
    ),
    "it": _Wording(
        "parl* passat* passami metter*",
        "qualcuno una_persona",
        "voglio vorrei serve",
        "operator* umano consulente responsabile persona_reale persona_vera",
    ),
    "nl": _Wording(
        "spreken praten bellen verbind* chatten", "mens iemand persoon collega", "wil", "medewerker echt_mens"
    ),
    "pl": _Wording("rozmaw* porozm* polacz* przelacz*", "czlowiek* kims osob*", "chce prosze", "konsultant* agent*"),
    "pt": _Wording(
        "falar conversar transf* passe",
        "alguem uma_pessoa humano gerente",
        "quero preciso",
        "atendente operador* supervisor pessoa_real pessoa_de_verdade",
    ),
    "ru": _Wording(
        "поговор* говорить соедин* свяж* связать* переключ* перевед*",
        "человек* людьми кем-нибудь сотрудник*",
        "позов* даите нужен хочу",
        "оператор* менеджер* специалист* живои_человек живого_человека",
    ),
    "sv": _Wording(
        "prata tala snakke tale", "manniska medarbetare nagon menneske*", "vill", "handlaggare kundtjanst"
    ),
    "tr": _Wording("gorus* konus* bagla* aktar*", "insan* biri*", "istiyorum", "temsilci* yetkili* operator*"),
    "uk": _Wording("поговор* з'єдна*", "людин*", "покличте даите", "оператор* менеджер*"),
    "vi": _Wording(
        "gap noi_chuyen chat ket_noi chuyen",
        "ai_do con_nguoi",
        "can muon",
        "nhan_vien nguoi_that tu_van_vien tong_dai",
    ),
}

_UNSPACED: Mapping[Locale, _Wording] = {
    "hi": _Wording(
        "बात कनेक्ट se_baat",
        "इंसान व्यक्ति किसी आदमी मैनेजर kisi insaan aadmi manager",
        "चाहिए chahiye",
        "एजेंट प्रतिनिधि agent",
    ),
    "ja": _Wording(
        "話 つな 繋 代わ 替わ 相談 呼ん", "人と 人に 人間と スタッフ", "お願い 希望 出して", "オペレータ 担当者 有人"
    ),
    "ko": _Wording("연결 통화 얘기 이야기 대화 바꿔", "사람 직원", "원해 불러 부탁", "상담원 상담사 담당자 매니저"),
    "th": _Wording("คุย พูด ติดต่อ โอน ขอสาย", "กับคน คนจริง", "ขอ", "เจ้าหน้าที่ พนักงาน แอดมิน"),
    "zh": _Wording(
        "说 聊 谈 談 讲 沟通 对话 联系我 给我打 打给我 回电 给我回",
        "真人 活人 客服 工作人员 员工 经理 领导 和人 跟人 个人 让人",
        "转 轉 接 找 要 换 叫 给我 帮我 有",
        "人工客服 人工服务 真人客服 人工 真人 活人 人类 专员 坐席 经理 主管 负责人"
        " 找个人 叫个人 找客服 叫客服 转客服 接客服 换客服",
    ),
}

_NOT_WISHES = re.compile(
    "你是|您是|我是|不用|不需要|不必|别转|無需|无需|电话是|几点|费|人工智能|什么时候|合同|保单|找人(?!工)"
    "|别人|他人|撞"
    r"|\b(?:no (?:quiero|necesito|hace falta)|ne veux pas|pas besoin|keinen? |nicht |non (?:voglio|serve)"
    r"|nao (?:quero|preciso)|niet |geen |nie |не (?:нужен|надо|хочу))|لا اريد|いりません|不要です|필요 ?없"
)
_ROBOTS = re.compile("不(?:想|要|愿意?)(?:再)?[跟和与同].{0,3}(?:机器|機器|ai)")


_POLITE = (
    "humano|real|por favor|s'il vous plait|svp|bitte|per favore|lutfen|пожалуиста|prosze|alstublieft|tack|من فضلك"
)


def _compile_wording(wording: _Wording, *, spaced: bool) -> str:
    edge, gap = (r"\b", r"[\w' -]{1,24}?") if spaced else ("", ".{0,12}?")

    def any_of(*lists: str) -> str:
        words = (re.escape(word) for found in lists for word in found.split())
        words = (word.replace(r"\*", r"\w*").replace("_", " ") for word in words)
        return f"{edge}(?:{'|'.join(words)}){edge}"

    speak, anybody = any_of(wording.speak), any_of(wording.people, wording.contacts)
    want, contact = any_of(wording.want), any_of(wording.contacts)
    pairs = ((speak, anybody), (anybody, speak), (want, contact), (contact, want))
    alone = rf"^(?:(?:una?|une|uma|einen?|een) )?{contact}(?: (?:{_POLITE})|[呢吗嘛吧请谢です]*)$"
    return "|".join([*(f"{first}{gap}{second}" for first, second in pairs), alone])


def _compile(patterns: Sequence[str]) -> re.Pattern[str]:
    """One pattern of all, with the fragments' names filled in; a fragment brings its own spaces."""
    text = "|".join(f"(?:{pattern})" for pattern in patterns)
    for name, fragment in _FRAGMENTS.items():
        if name in {"WHOSE", "TOWARDS"}:
            text = text.replace(f" {name} ", f"{fragment} " if name == "TOWARDS" else f" {fragment}")
        text = text.replace(name, fragment)
    return re.compile(text)


_ENGLISH_WISH = _compile(_ENGLISH)
_ENGLISH_NOT = _compile(_NOT_ENGLISH)
_OTHER_WISH = re.compile(
    "|".join(
        [_compile_wording(wording, spaced=True) for wording in _WORDINGS.values()]
        + [_compile_wording(wording, spaced=False) for wording in _UNSPACED.values()]
    )
)


_YES_WORDS = """
yes|yeah|yep|yup|sure|ok|okay|alright|please|please do|do it|do that|go ahead|that would be great|that would be good
that would be nice|sounds good|i'd like that|i would like that|i would|yes i do|thanks|thank you|connect me|why not
好|好的|好啊|好吧|可以|行|要|需要|请|麻烦|麻烦了|谢谢|是|是的|嗯|转吧|麻烦转一下
sí|si|vale|claro|por favor|de acuerdo|gracias|oui|d'accord|s'il vous plaît|volontiers|merci|ja|gerne|bitte|danke
sì|va bene|volentieri|per favore|grazie|sim|tak|proszę|evet|lütfen|да|давайте|пожалуйста|так|نعم|حسنا|من فضلك
はい|お願いします|네|부탁드려요|हाँ|có|vâng|iya|ya
"""
_YES = re.compile(
    "(?:(?:"
    + "|".join(sorted(map(re.escape, re.split(r"[|\n]", _YES_WORDS.strip())), key=len, reverse=True))
    + r")(?![^\W\u3400-\u9fff]) ?){1,4}"
)


def wants_human(text: str) -> bool:
    """Whether a sentence of `text` says that its writer wants a person instead of the assistant."""
    clauses = re.split(r"[.!?;,:\n。！？；，、…]+", unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).casefold())
    return any(_wishes(clause) for clause in clauses)


def accepts_offer(text: str) -> bool:
    """Whether a customer who was just offered a person says yes, and nothing else."""
    plain = " ".join(re.sub(r"[^\w\s']", " ", unicodedata.normalize("NFKC", text).casefold()).split())
    return _YES.fullmatch(plain) is not None


def _wishes(clause: str) -> bool:
    english = " ".join(map(_mend, re.findall(r"[\w']+", clause.replace("’", "'"))))
    if _ENGLISH_WISH.search(english) and not _ENGLISH_NOT.search(english):
        return True
    folded = " ".join(_fold(clause).split())
    return bool(_ROBOTS.search(folded) or (_OTHER_WISH.search(folded) and not _NOT_WISHES.search(folded)))


def _mend(word: str) -> str:
    """The word that is meant: a customer in a hurry writes `agnet` and `representitive`."""
    if word in _SPELLINGS or word in _OTHER_WORDS or word in _MEANT or len(word) < 5:
        return _SPELLINGS.get(word, word)
    for meant in _MEANT:
        allowed = 2 if len(meant) >= 10 else 1
        if meant[0] == word[0] and count_edits(word, meant, most=allowed) <= allowed:
            return meant
    return word


def _fold(text: str) -> str:
    """Without accents, as customers often write; letters that are no accents stay."""
    apart = unicodedata.normalize("NFD", text.replace("ł", "l").replace("đ", "d").replace("ı", "i"))
    latin = (letter for letter in apart if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", "".join(latin)).replace("’", "'").replace("-", " ")
