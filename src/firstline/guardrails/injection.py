"""Messages that try to give the assistant new orders, a new role, or to get at its own.

Precision first: a customer who is wrongly declined is a customer lost, and an attack that gets through reaches no
more than any customer may (tools are gated elsewhere). Patterns know well-worn wordings, plain or in a thin disguise.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from typing import Literal

from firstline.facts import read_plain
from firstline.guardrails import Screening
from firstline.types import Verdict

_ORDERS = r"(?:instruction|direction|directive|prompt|rule|guideline|guardrail|restriction|programming|training)s?\b"
_OURS = (
    r"(?: (?:previous|prev|prior|above|earlier|preceding|initial|original|system|developer|your|internal|hidden))+"
)
_NO_RULES = r"(?:no|without|free of)(?: any)? (?:rules|restrictions|limits|limitations|filters|guidelines|censorship)"

_OVERRIDE = (
    r"\b(?:ignore|disregard|forget|override|bypass|discard|circumvent|drop|stop following|do(?: not|n't) follow)\b"
    r"(?: (?:all|any|every|of|the|these|those|and|other|safety|content))*" + _OURS +
    r"(?: (?:all|of|the|safety|content|ethical|company|and|given|system|set))* " + _ORDERS +
    r"(?! (?:from|by|of|in|on|for) (?:the|my|your|an?|that|this) (?!system|developer|prompt))",
    r"\b(?:ignore|disregard|forget)\b.{0,20}\b(?:instructions|rules|prompt)\b (?:given )?(?:above|before this)\b",
    r"\b(?:ignore|disregard|forget) (?:everything|all) (?:that )?you (?:were told|have been told|know|learned)\b",
)  # fmt: skip
_ROLE = (
    r"\byou are (?:now |no longer )(?:in )?an? (?:unrestricted|unfiltered|evil|uncensored|jailbroken|ai|assistant)\b",
    r"\byou are (?:now |no longer )(?:in )?(?:dan|developer mode|bound by|restricted)\b",
    r"\bdo anything now\b",
    r"\bjailbr(?:eak|oken)\b",
    r"\b(?:enter|enable|activate|turn on) (?:the )?(?:developer|god|admin|debug|dan|root|maintenance) mode\b",
    r"\b(?:developer|god|admin|debug|dan|root) mode:? (?:is )?(?:now )?(?:enabled|activated|on)\b",
    r"\b(?:pretend|imagine|act|role-?play|behave|respond|simulate|answer)\b.{0,60}\b" + _NO_RULES + r"\b",
    r"\b(?:pretend|act|role-?play|behave|respond|simulate|answer)\b.{0,60}\b(?:unfiltered|uncensored|unrestricted)\b",
    r"\bfrom now on,? (?:you )?(?:are|act|respond|answer only|speak only|reply only|obey)\b",
    r"\b(?:sudo|admin|developer|root|system) override\b",
    r"\b(?:agree|comply) with (?:anything|everything) (?:i|the customer)\b",
    r"\b(?:i am|i'm|this is) (?:your|the system'?s?) (?:developer|creator|programmer|administrator|system admin)\b",
    r"\bnew (?:system )?(?:instructions|rules|prompt|directive):",
    r"\bno takesies\b",
)
_EXTRACT = (
    r"\b(?:show|print|reveal|repeat|output|tell|give|display|dump|share|leak|recite|write|copy|summari[sz]e"
    r"|translate|paste|send|what(?:'s| is| are| was| were| does)|read)\b.{0,50}\b"
    r"(?:system (?:prompt|message|instructions)|(?:initial|hidden|original|secret|internal|developer) (?:prompt"
    r"|instructions|message|system prompt)|your (?:exact |full |entire |own )*"
    r"(?:prompt|tool schema|function definitions))\b",
    r"\b(?:reveal|print|output|dump|leak|recite|repeat)\b.{0,20}\byour (?:\w+ )?(?:instructions|rules|guidelines)\b"
    r"(?! (?:for|on|about|to|regarding|how))",
    r"\b(?:list|show|print|output|what are)\b.{0,20}\b(?:tools|functions)\b.{0,20}\b(?:you can call|schemas?)\b",
    r"\b(?:print|output|dump|reveal|include|leak)\b.{0,20}\byour (?:configuration|hidden (?:rules|instructions))\b",
    r"\b(?:repeat|print|output|copy)\b.{0,30}\b(?:everything|all|text|words|the lines?)\b.{0,12}\babove\b",
)
_TAGS = (
    r"<[/|]?\|?\s*(?:system|instructions?|im_start|im_end|assistant|turn|tool_result|tool_use|withheld|endoftext|admin)\b"
    r"[^>\n]{0,40}>",
    r"\[/?inst\]|<</?sys>>",
    r"\"role\"\s*:\s*\"(?:system|assistant|developer|tool)\"",
    r"^[ \t#*]*(?:system|developer)(?: (?:message|prompt|note|override))?\**:.{0,80}"
    r"\b(?:you|ignore|override|grant|authori[sz]ed|verified|must|approve|instructions?)\b",
    r"^[ \t]*#{2,} ?(?:system|new instructions?|instruction)s?\b",
)
_CHINESE = (
    r"(?:忽略|无视|忘记|忘掉|忽视|绕过|抛开|不要(?:再)?(?:遵守|遵循)|停止(?:遵守|遵循))掉?"
    r"(?:之前|以上|上面|上述|前面|先前|此前|所有|全部|一切|系统|原来|原有|你|的|任何|那些){1,6}"
    r"(?:指令|指示|提示词?|规则|设定|限制|约束|命令|准则)",
    r"(?:显示|输出|打印|告诉|说出|重复|复述|泄露|公开|展示|翻译|给我看|列出|发给我|透露).{0,14}"
    r"(?:系统(?:提示|指令|消息)|初始(?:指令|提示)|隐藏(?:的)?(?:指令|规则|提示)"
    r"|你的(?:提示词|全部指令|系统设定|内部规则|指令)|system ?prompt)",
    r"(?:系统提示词?|你的提示词|你的系统指令|system ?prompt).{0,10}(?:是什么|发给我|告诉我|内容|给我|原文)",
    r"(?:你现在是|你不再是|扮演|假装|假设你|从现在(?:开始|起)).{0,24}"
    r"(?:没有(?:任何)?(?:限制|规则|约束)|不受(?:任何)?(?:限制|约束|规则)|\bdan\b|无限制|无需遵守|黑客|越狱)",
    r"(?:进入|开启|启用|切换到|激活)(?:管理员|上帝|调试|开发者|越狱|维护)模式",
    r"我是(?:你的)?(?:开发者|创造者|程序员|系统管理员)",
    r"新(?:的)?(?:系统)?(?:指令|规则):",
    r"你(?:就)?是dan(?![a-z])|不要管(?:之前|以上|上面|原来)的?(?:规定|规则|指令|限制)|把上面的(?:内容|文字).{0,4}(?:一字不差|逐字|原样)",
)
_OTHERS = (
    r"\b(?:ignora|olvida|omite) (?:todas )?(?:las|tus) (?:instrucciones|reglas|indicaciones) (?:anteriores|previas)",
    r"\b(?:muéstrame|revela|dime) (?:tu|el) (?:prompt|mensaje) (?:del |de )?sistema",
    r"\b(?:ignore[zr]?|oublie[zr]?) (?:toutes )?(?:les|tes|vos) (?:instructions|consignes|règles) "
    r"(?:précédent|antérieur)es",
    r"\b(?:ignoriere?|vergiss|missachte) (?:bitte )?(?:alle )?(?:deine )?"
    r"(?:vorherigen|bisherigen|obigen|vorigen|früheren) (?:anweisungen|regeln|instruktionen|vorgaben)",
    r"\b(?:zeig|nenne|verrate) mir (?:deinen|den) system-?prompt",
    r"\bignor[ea] (?:todas )?as instruções anteriores",
    r"\bignora (?:tutte )?le istruzioni precedenti",
    r"(?:про)?игнорируй(?:те)? (?:все )?(?:предыдущие|прошлые)",
    r"забудь(?:те)? (?:все )?(?:предыдущие|прошлые) (?:инструкции|указания)",
    r"تجاهل (?:كل |جميع )?التعليمات السابقة",
    r"(?:以前|これまで|上記|前)の(?:全ての|すべての)?(?:指示|命令|ルール).{0,6}(?:無視|忘れ)",
    r"(?:이전|위의?|앞의) (?:모든 )?(?:지시|명령|지침).{0,8}(?:무시|잊)",
    r"पिछले (?:सभी )?निर्देशों को (?:अनदेखा|भूल|नज़रअंदाज़)",
)
_PATTERNS = tuple(
    (what, re.compile("|".join(wordings), re.IGNORECASE | re.MULTILINE))
    for what, wordings in (
        ("orders to ignore instructions", _OVERRIDE),
        ("a change of role", _ROLE),
        ("asking for the instructions", _EXTRACT),
        ("forged tags", _TAGS),
        ("orders, in Chinese", _CHINESE),
        ("orders, in another language", _OTHERS),
    )
)
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
_TAG_RUN = re.compile("[\U000e0000-\U000e007f]{3,}")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_LETTER_RUN = re.compile(r"\b(?:\w[ .\-*]){5,}\w\b")
_LEET = str.maketrans("013457@$!", "oieastasi")
_LOOKALIKE = str.maketrans("асеорхуіѕԁԛһ", "aceopxyisdqh")


class Injection:
    """Blocks a customer's message that is written for the model rather than for the company."""

    name = "injection"
    when_broken: Literal["pass", "block"] = "pass"

    def check(self, screening: Screening) -> Verdict:
        reason = _find_orders(screening.text) if screening.stage == "input" else None
        return Verdict(guardrail=self.name, decision="block" if reason else "pass", reason=reason or "")


def _find_orders(text: str) -> str | None:
    """What the text tries, and in which disguise; None when it tries nothing that is known."""
    if _TAG_RUN.search(_FLAG.sub("", text)):
        return "text hidden in tag characters"
    for disguise, read in _unmask(text):
        tried = next((what for what, pattern in _PATTERNS if pattern.search(read)), None)
        if tried is not None:
            return f"{tried}{disguise}"
    return None


def _unmask(text: str) -> Iterator[tuple[str, str]]:
    """The text as it reads, and what it reads as without a disguise."""
    raw = text.replace("\r", "\n")
    yield "", raw
    plain = re.sub(r"[ \t]+", " ", read_plain(text).replace("’", "'"))
    yield "", plain
    if _LETTER_RUN.search(plain):
        yield ", spaced out", re.sub(r"  +", " ", _close_letters(text))
    if not plain.isascii():
        yield ", in look-alike letters", plain.casefold().translate(_LOOKALIKE)
    leet = plain.translate(_LEET)
    if leet != plain:
        yield ", in leet", leet
    yield ", in rot13", codecs.encode(plain, "rot13")
    for blob in _BLOB.findall(text):
        try:
            decoded = base64.b64decode(
                blob + "=" * (-len(blob) % 4), altchars=b"-_" if re.search("[-_]", blob) else None
            )
            yield ", in base64", decoded.decode()
        except (binascii.Error, ValueError):
            continue


def _close_letters(text: str) -> str:
    """«i g n o r e   a l l» -> «ignore all»: single letters close up, wider gaps part the words."""
    wide = re.sub(r"(?<=\w)(?: {2,}|\t| [|/] )(?=\w)", "\n", text)
    return re.sub(r"\b(?:\w[ .\-*])+\w\b", lambda run: re.sub(r"[ .\-*]", "", run[0]), wide).replace("\n", " ")
