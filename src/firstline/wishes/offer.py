"""Whether a customer takes the person who was just offered. Only this package imports it."""

import re
import unicodedata
from collections.abc import Sequence

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


def accepts_offer(text: str) -> bool:
    """Whether a customer who was just offered a person says yes, and nothing else."""
    plain = " ".join(re.sub(r"[^\w\s']", " ", unicodedata.normalize("NFKC", text).casefold()).split())
    return _YES.fullmatch(plain) is not None
