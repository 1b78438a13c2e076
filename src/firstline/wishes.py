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

_HAN = r"[\u3400-\u9fff]"

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
    "r": "are", "reel": "real", "rep": "representative", "representatives": "representative",
    "reps": "representative", "robots": "robot", "takl": "talk", "tallk": "talk", "tlak": "talk", "u": "you",
    "ur": "your", "w": "with", "wanna": "want to", "wiht": "with", "wnat": "want",
}  # fmt: skip

_FRAGMENTS: Mapping[str, str] = {
    "PERSON": "(?:human being|human|agent|representative|operator|manager|supervisor|advisor|person|people|someone"
    "|somebody|anyone|anybody|employee|colleague|staff(?: member)?|team(?: member)?|specialist|consultant"
    "|customer (?:service|support|care)|support|help ?desk|call cent(?:er|re)|real one|whoever|boss)",
    "CONTACT": "(?:human being|human|agent|representative|operator|manager|supervisor|boss|live chat"
    "|customer (?:service|support|care)|(?:real|live|actual|human|living|physical) (?:person|people|agent|human"
    "|advisor|one|support|chat|help|being|representative|operator))",
    "WHOSE": "(?:(?:an?|the|your|any|some|another|one|of|real|live|actual|living|human|different|proper|competent"
    "|qualified|physical|licensed|customer|service|support|claims|sales|senior) ){0,4}",
    "SPEAK": "(?:speak|talk|chat|connect|transfer|escalate|switch|forward|redirect|hand|put|pass|reach|call|contact"
    "|talking|chatting|route|patch)",
    "TOWARDS": "(?: (?:me|us|this|it|directly|over|through|on|up|to|with|by|in|touch|the|phone|now|please"
    "|just|2)){0,5}",
    "ROBOT": "(?:bot|robot|chatbot|machine|computer|ai|recording|automated system)",
    "POLITE": "(?:please|now|asap|here|help|chat|immediately|thanks|needed|representative|agent|right|on the phone)",
    "MINE": "(?:want|need|get|give|send|prefer|like|request|require|have|find|bring|demand|see|ask(?:ing)? for)",
}

_ENGLISH: Sequence[str] = (
    r"\bSPEAK TOWARDS WHOSE PERSON\b(?! (?:who|that|whose) (?!can|could|will|understands?|knows?|speaks?|works?"
    r"|actually|really))",
    r"\b(?:be (?:connected|transferred|passed)|direct me) TOWARDS WHOSE PERSON\b",
    r"\bto WHOSE(?:real|live|actual) (?:human|person)\b|\b(?:can|could) an? (?:real|live|actual) (?:human"
    r"|person)\b",
    r"\b(?:anyone|anybody|someone|somebody) (?:real|human) (?:there|here|available)\b",
    r"\bMINE(?: (?:me|us|in|to have|to get))* WHOSE CONTACT\b(?! (?:\w+ing|error|to (?:pay|drive|sign)))",
    r"\bMINE(?: (?:me|us))* WHOSE(?:someone|somebody|person|employee|advisor)"
    r" (?:(?:who|that|to) (?:\w+ )?(?:help|talk|speak|call me|understand)|on the (?:phone|line)"
    r"|[io]n here|now|please|instead|competent|real)",
    r"\bMINE(?: (?:me|us))* (?:a|another|some other) (?:person|colleague|employee|advisor)$",
    r"\bMINE(?: (?:me|us))* (?:someone|somebody) else (?:on(?: here| the (?:line|phone|chat))|in here|please|now"
    r"|to (?:help|talk|speak))\b|\bMINE(?: (?:me|us))* (?:someone|somebody) else$",
    r"\b(?:rather|prefer to|want to|like to|let me|need to|can i|could i) (?:\w+ )?(?:deal|sort|discuss|go over"
    r"|handle|do|settle|finish|continue)(?: (?:this|it|that|things))?(?: out)? with WHOSEPERSON\b"
    r"(?! (?:who|that|whose)\b)",
    r"\b(?:can|could|would|let|have) (?:(?:one|some|any) of your \w+|an? \w+ of yours"
    r"|a member of (?:your )?(?:staff|team)"
    r"|(?:your|a|another) (?:real |live )?(?:human|colleague|staff|team|supervisor|manager|people|real person))"
    r" (?:please )?(?:help|assist|take over|take this|look|step in|deal|sort|join|handle|do this|check|answer)\b",
    r"\b(?:is there|are there|do you have) WHOSE(?:PERSON (?:(?:real|human|else|there|here|available) ){0,2}"
    r"(?:(?:who|that) )?(?:i|we|to) (?:\w+ )?SPEAK|CONTACT)\b",
    r"\bwho (?:can|could|do|may|should) (?:i|we) (?:speak|talk|chat)\b",
    r"\b(?:can|could|would|will|have) (?:WHOSE(?:someone|somebody|person|human|agent|manager|supervisor"
    r"|representative|colleague)(?: of yours)?|you) (?:please )?(?:call|phone|ring|contact) me\b",
    r"^(?:please )?(?:call|phone|ring) me(?: (?:back|please|now|at|on|about|today|tomorrow|later)\b|$)"
    r"|\bcall ?back please\b|\b(?:want|need|request) a (?:call ?back|phone call)\b",
    r"\b(?:not|no|don't|never|stop|hate|tired of|sick of|done with|enough of) (?:\w+ ){0,6}ROBOT\b",
    r"\bCONTACT(?: \w+)? (?:instead|now|asap|immediately)\b",
    r"^(?:(?:hi|hello|hey|ok|no|yes|just|sorry|please|i|said) )*WHOSE(?:CONTACT|person)(?: POLITE)*$",
    r"\bany (?:chance|way) (?:of|for|to (?:get|have|reach)|i (?:can|could) (?:get|have|reach)) WHOSE CONTACT\b",
    r"\b(?:out of|away from) (?:\w+ )?(?:bot|robot|chatbot|automated system)\b",
    r"^(?:(?:please|just|can you|could you|i want (?:you )?to) )*(?:escalate(?: (?:this|it|my \w+))?"
    r"|(?:transfer|connect) me(?: through| over)?)(?: POLITE)*$",
)
_NOT_ENGLISH: Sequence[str] = (
    r"\b(?:don't|do not|didn't|not|never|no|without|instead of|won't|doesn't|needn't|nobody) (?:\w+ ){0,4}?"
    r"(?:SPEAK|want|need|get|have|like|reason|calling)(?: \w+){0,5} PERSON\b",
    r"\bno (?:need for |more )?WHOSE PERSON\b",
    r"\b(?:didn't|did not|never) (?:ask|asked|say|said) (?:\w+ ){0,3}?WHOSEPERSON\b",
    r"\bare (?:you|there) (?:\w+ ){0,2}(?:PERSON|ROBOT)\b(?! (?:\w+ )?(?:i|to|who|that)\b)",
    r"\b(?:am i|i was|i have been|were|when i|before i|after i|should i|must i|did i"
    r"|(?<!who )do i (?:have|need|really)|had to) (?:\w+ ){0,3}SPEAK\b",
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
        "تحدث* اتحدث اتكلم التكلم اكلم التحدث الحديث يتصل_بي يرد_علي",
        "شخص* بشر احد الموظف*",
        "حولني تحويل وصلني اريد احتاج ابغى ابي بدي عايز عطني اعطني",
        "موظف* انسان ممثل بخدمة_العملاء",
    ),
    "de": _Wording(
        "sprech* reden verbind* telefon* chatten zuruckruf* holen_sie_mir hol_mir",
        "jemand* person mit_wem_kann",
        "weiterleit* leite_mich leiten_sie_mich brauche will mochte geben ware_mir_lieber",
        "mensch* mitarbeiter* berater* kundendienst kundenservice vorgesetzt* ansprechpartner",
    ),
    "es": _Wording(
        "habl* comuni* conect* pasame paseme me_pasas me_pasa_con pasarme me_atienda* atenderme me_lo_explique*"
        " me_llame* llamarme transf* contact* chatear",
        "alguien persona empleado*",
        "quiero necesito dame deme hay_algun",
        "agente humano asesor* representante operador* supervisor* gerente persona_real",
    ),
    "fa": _Wording("صحبت وصل حرف", "یک_نفر آدم انسان", "می‌خواهم", "اپراتور کارشناس پشتیبان"),
    "fr": _Wording(
        "parl* discut* joindre passez transfer* mettez m'adresser me_repondre me_rappel*",
        "quelqu'un une_personne",
        "veux voudrais besoin me_faut contacter",
        "humain etre_humain conseill* agent operateur responsable vraie_personne service_client",
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
        "話 つな 繋 代わ 替わ 相談 呼ん",
        "人と 人に 人間と スタッフ",
        "お願い 希望 出して",
        "オペレータ 担当者 有人対応 有人チャット 有人の",
    ),
    "ko": _Wording("연결 통화 얘기 이야기 대화 바꿔", "사람 직원", "원해 불러 부탁", "상담원 상담사 담당자 매니저"),
    "th": _Wording("คุย พูด ติดต่อ โอน ขอสาย", "กับคน คนจริง", "ขอ", "เจ้าหน้าที่ พนักงาน แอดมิน"),
}

_NOT_WISHES = re.compile(
    r"\b(?:no (?:quiero|necesito|hace falta)|(?<!por que )no me (?:transf|pas|comuni|conect)\w*|ne veux pas"
    r"|pas besoin|(?<!pourquoi )ne me (?:passe|mette|transf)\w*|keinen? |nicht |non (?:voglio|serve)"
    r"|nao (?:quero|preciso)|niet |geen |nie |не (?:нужен|надо|хочу)|لا (?:اريد|احتاج|احد)"
    r"|ما (?:اريد|احتاج|ابغى|ابي|بدي)|لم )|いりません|不要です|필요 ?없"
)

_CHINESE_FRAGMENTS: Mapping[str, str] = {
    "HUMAN": "(?:人[工功攻公宫供](?!智能|知能|费|成本|钱|审|核|批|操作|干预|检|湖|降)|(?:真[实的]?|活)人(?![真秀])"
    "|人类|专人"
    r"|\b(?:human|agent|representative|operator|real person)\b)",
    "CLERK": "(?<!我)(?<!我们)(?<!我的)(?<!他)(?<!她)(?<!对方)"
    "(?:客服|坐席|座席|专员|工作人员|服务人员|员工|经理|主管|领导|负责人|老板|上级|上司|同事|顾问|管事的|值班的"
    r"|\b(?:manager|supervisor)\b)(?!的?(?:电话|热线|号码|邮箱|微信)|名下|签字|工资|的车)",
    "SOME": "(?:一?[个位])?(?:(?:能|可以|会|懂|管|负责|有权|明白|靠谱|专业|正常|说得|说了|说话)[^的]{0,5}的?)?"
    "人(?![工家员力民身])|(?:能|可以|懂|管|负责|说了|说话)[^的]{1,5}的",
    "SPEAK": "(?:[说通][个句]?话|说|聊|谈|讲|沟通|对话|交流|反映|联系)(?!.{0,3}[过了](?!算))",
    "DEAL": "(?:来|过来|出来|跟我|和我|给我|帮我|替我|帮忙|处理|解决|负责|跟进|对接|服务|解释|联系|说|谈|聊|讲"
    "|沟通|对话|话|接手|接|弄|办|管|看|问|答|回|打|个?电话|一下|下|我|这个?事|这件事|清楚|行|好|可以|不|吗|吧|啊|呀|呢|谢)",
    "NICE": "(?:请|麻烦|拜托|你们?|您|快|赶紧|马上|立刻|直接|现在|就|先|再|还是|那|能|不|可以?|否|我|要|想|需要|给"
    "|帮|一|下|个|位|的|说|了|吧|啊|呀|呢|谢)",
    "ASK": "(?:让|叫|请|安排|派|麻烦|希望|能不能|能|可以|可否|找)",
}

_CHINESE: Sequence[str] = (
    "(?:转|接|找|要|换|叫|喊|呼|让|请|给我|帮我|联系|连线|安排|麻烦|有没有|有)[^了过投诉]{0,7}?HUMAN|想HUMAN",
    r"\b(?:need|want|get me|give me|talk to|speak (?:to|with)|transfer)(?: me)?(?: to)?(?: an?)? ?"
    "(?:人工|真人|活人|客服)",
    "(?:转|接(?!到)|找|换|叫|喊|呼|给我|帮我|联系|连线|安排|派)[^了过投诉]{0,6}?CLERK",
    "(?:要|有没有|有|让|请)[^了过投诉多几]{0,4}?CLERK(?:DEAL|在)*$",
    "(?:HUMAN|CLERK).{0,2}(?:叫|喊|找|请|换)(?:来|过来|出来|一下)",
    "(?:跟|和|与|同)[^我他她对]{0,5}?(?:HUMAN|CLERK).{0,3}?SPEAK",
    "(?:想|要|让我|能|可以|给我|希望|只|还是|直接|必须).{0,4}(?:跟|和|与|同)一?个?人SPEAK",
    "(?:(?<!我)|(?<=[给帮替]我))(?<!我已经)(?<!我自己)(?:叫|喊|找|派|安排)(?:你们的?)?(?:SOME)DEAL*$",
    "^NICE*换(?:SOME)DEAL*$|给我一?个(?:能|懂|管|会)[^的]{1,6}的?人DEAL*$",
    "(?:(?<!我)|(?<=[给帮替]我))(?:让|请|来)(?:你们的?)?(?:SOME)DEAL+$",
    "ASK.{0,8}(?:给我(?:回|打)个?[一通]?个?电话|打个?电话给我|打给我|给我打|给我回|回我?电话?)",
    "^NICE*(?:给我(?:回|打)个?电话|打给我|打个?电话给我)",
    "不(?:想|要|愿意?|再)?(?:再)?[跟和与同].{0,3}(?:机器|ai|程序|电脑)|(?:不要|不需要|受够|烦透|讨厌|别再?(?:用|让|发)?)"
    "(?:你们)?(?:这个?)?(?:机器人?|ai|自动回复|智能客服)(?:客服|回复|敷衍我?|回我?)*[了吧啊]*$",
    "^NICE*HUMAN(?:台|客服|服务|坐席|专员|同事|在线)*(?:在哪里?儿?|在不在|在吗?|有吗|来|接|转|DEAL)*$",
    "^(?:你们的?)?(?:客服|经理|主管|负责人)(?:在哪里?儿?|呢|出来|来)[啊呀吗呢吧]*$",
    "^(?:客服|经理|主管|专员|坐席|负责人)[谢请吧]*$",
    "有没有人(?:在|来|能)?(?:管|处理|理我|接待|解决)(?:一下|吗|啊|呀|了|我|这事)*$",
    "^NICE*转接(?:一下|下|吧|过去|谢)*$|^NICE*[转接]人DEAL*$|[转接][到给]人(?:那[边里儿]?|DEAL)*$"
    "|(?:要|给我)(?:来)?一?个真[正实]?的?人DEAL*$|来一?个人DEAL*$|换一?个[活真]的DEAL*$",
    r"\b(?:zhuan|zhao|jie|yao|huan|jiao|you)(?: ?(?:yi ?xia|yi ?ge|ge|wei|dao))? ?(?:ren ?gong|zhen ?ren|huo ?ren"
    r"|ke ?fu|jing ?li)\b(?! ?(?:fei|zhi ?neng|dian ?hua))",
    r"^(?:qing )?(?:ren ?gong|zhen ?ren)(?: ?ke ?fu| ?fu ?wu)?(?: (?:xie ?xie|qing|ba|ne))*$",
)
_NOT_CHINESE: Sequence[str] = (
    "(?:(?<!要)(?<!怎么)(?<!什么)(?<!还)(?<!啥)(?<!嘛)不|别|甭|没必要|无需)(?:用|需要?|必|想|要|使|着急?)?"
    "(?:再|先|给我|帮我|跟|和|找|叫|联系|麻烦|要|去|你们|真的|请|任何|让|派|安排)*(?:转|接|HUMAN|CLERK|人(?:说|来|了|吧|$))",
    "(?:没有?|(?<!是)不是)(?:说|想|打算|要求|要|找)过?(?:要|找|转|接|给我|帮我)*(?:HUMAN|CLERK)",
    "(?:你|您|这|我)(?:们|边)?是(?:不是)?(?!.{0,2}(?:想|要|说|让|转|找))",
    "几点|什么时候|何时|几天|多久|多少钱|收费|电话是|合同|什么意思",
    "(?:周[一二三四五六日末天]|星期|节假日|晚上|夜里|凌晨|下班|24小时)[^转找接]*有[^转找接]*[吗么]",
    "(?<![找转接叫给])(?:昨|前天|上次|上回|上周|上个?月|上个?星期|之前|以前|那天|当时|去年|刚刚|刚才|早就).*(?:HUMAN|CLERK|人)"
    "(?!.*(?:现在|今天|还是|请|麻烦|给我转|帮我转|给我接))",
    "(?:要不要|是否|需不需要|用不用|必须|(?:需要|得|要)(?:先|去)?(?:联系|找|打|通知|问|跟)(?!你们).*[吗么]$)",
    "(?:为什么|为啥|干嘛|凭什么)(?!不|没|还)",
    "\\b(?:bu ?yong|bie|bu ?yao|bu ?xiang) ?(?:zhuan|zhao|jie|yao)",
)
_TRADITIONAL = str.maketrans(
    "轉個讓說談講話電給幫請換領導經負責員務機專聯繫誰這嗎們麼時間費過來還問無處對實會聽線連為點幾題傾搵係嘅唔",
    "转个让说谈讲话电给帮请换领导经负责员务机专联系谁这吗们么时间费过来还问无处对实会听线连为点几题谈找是的不",
)
"""The letters of these rules alone, Cantonese ones included."""


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
    alone = rf"^(?:(?:una?|une|uma|einen?|een) )?{contact}(?: (?:{_POLITE})|[です]*)$"
    return "|".join([*(f"{first}{gap}{second}" for first, second in pairs), alone])


def _compile(patterns: Sequence[str], fragments: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern of all, with the fragments' names filled in; a fragment brings its own spaces."""
    text = "|".join(f"(?:{pattern})" for pattern in patterns)
    for name, fragment in fragments.items():
        if name in {"WHOSE", "TOWARDS"}:
            text = text.replace(f" {name} ", f"{fragment} " if name == "TOWARDS" else f" {fragment}")
        text = text.replace(name, fragment)
    return re.compile(text)


_ENGLISH_WISH = _compile(_ENGLISH, _FRAGMENTS)
_ENGLISH_NOT = _compile(_NOT_ENGLISH, _FRAGMENTS)
_CHINESE_WISH = _compile(_CHINESE, _CHINESE_FRAGMENTS)
_CHINESE_NOT = _compile(_NOT_CHINESE, _CHINESE_FRAGMENTS)
_OTHER_WISH = re.compile(
    "|".join(
        [_compile_wording(wording, spaced=True) for wording in _WORDINGS.values()]
        + [_compile_wording(wording, spaced=False) for wording in _UNSPACED.values()]
    )
)


_YES_WORDS = """
yes|yeah|yep|yup|sure|ok|okay|alright|please|please do|do it|do that|go ahead|that would be great|that would be good
that would be nice|sounds good|sounds great|that works|i'd like that|i would like that|i would|yes i do|thanks
thank you|why not|of course|definitely|absolutely|by all means|and|then|now|great|perfect|a lot|so much
好|好的|好啊|好呀|好吧|可以|行|行吧|行啊|要|要的|需要|请|麻烦|麻烦了|麻烦你了|麻烦您了|谢谢|是|是的|对|嗯|没问题|当然
sí|si|vale|claro|por favor|de acuerdo|gracias|oui|d'accord|s'il vous plaît|volontiers|merci|ja|gerne|bitte|danke
sì|va bene|volentieri|per favore|grazie|sim|tak|proszę|evet|lütfen|да|давайте|пожалуйста|так|نعم|حسنا|من فضلك
はい|お願いします|네|부탁드려요|हाँ|có|vâng|iya|ya
"""
_YES_ACTS: Sequence[str] = (
    r"(?:i want you to |you can |you may )?(?:connect|transfer|put)(?: me| us)(?: through| over)?"
    r"(?: to (?:someone|somebody|(?:an?|the|your) (?:human|person|agent|colleague|manager)))?",
    "(?:那|就|你|您|请|麻烦|现在|马上|快|赶紧|帮我|给我|替我|把我)*(?:转接|接通|转|接|联系|安排|叫)"
    "(?:一下|下|过去|过来|给|你们的?|他们|人工|真人|客服|同事|吧|呗|啊|呀|了|个|人)*",
)
"""What is to be done, as a part of a yes: "yes, connect me", 好的，接过去吧."""

_YES = re.compile(
    "(?:(?:"
    + "|".join([*sorted(map(re.escape, re.split(r"[|\n]", _YES_WORDS.strip())), key=len, reverse=True), *_YES_ACTS])
    + r")(?![^\W\u3400-\u9fff]) ?){1,6}"
)


def wants_human(text: str) -> bool:
    """Whether a sentence of `text` says that its writer wants a person instead of the assistant."""
    clauses = re.split(r"[.!?;,:\n。！？；，、…،؛]+", unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).casefold())
    return any(_wishes(clause) for clause in clauses)


def accepts_offer(text: str) -> bool:
    """Whether a customer who was just offered a person says yes, and nothing else."""
    plain = " ".join(re.sub(r"[^\w\s']", " ", unicodedata.normalize("NFKC", text).casefold()).split())
    return _YES.fullmatch(plain) is not None


def _wishes(clause: str) -> bool:
    english = " ".join(map(_mend, re.findall(r"[\w']+", _part(clause).replace("’", "'"))))
    if _ENGLISH_WISH.search(english) and not _ENGLISH_NOT.search(english):
        return True
    folded = " ".join(_fold(clause).split())
    if _OTHER_WISH.search(folded) and not _NOT_WISHES.search(folded):
        return True
    chinese = re.sub(rf"(?<={_HAN}) (?={_HAN})", "", folded.translate(_TRADITIONAL))
    return bool(_CHINESE_WISH.search(chinese) and not _CHINESE_NOT.search(chinese))


def _part(clause: str) -> str:
    """With Latin words told from the Chinese around them, and 一个 as the article that it is for them."""
    if re.search(_HAN, clause) is None:
        return clause
    return re.sub(
        r"[一這这]?[个個位](?=\s*[a-z])", "a ", re.sub(rf"(?<={_HAN})(?=[a-z])|(?<=[a-z])(?={_HAN})", " ", clause)
    )


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
    bare = (letter for letter in apart if not ("\u0300" <= letter <= "\u036f" or "\u064b" <= letter <= "\u0655"))
    return unicodedata.normalize("NFC", "".join(bare)).replace("’", "'").replace("-", " ")
