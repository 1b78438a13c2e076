"""The English words that a customer in a hurry means: `agnet`, `representitive`. Only this package imports it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from firstline.language import count_edits

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
    "any1": "anyone", "cant": "can't", "didnt": "didn't", "dnt": "don't", "doesnt": "doesn't",
    "gimme": "give me", "hooman": "human", "isnt": "isn't", "ppl": "people", "speack": "speak", "speek": "speak",
    "spek": "speak", "spk": "speak", "some1": "someone", "sum1": "someone",
    "talkin": "talking", "thru": "through", "tryna": "trying to", "wont": "won't", "cannot": "can't",
    "humans": "human", "i'd": "i would", "i'm": "i am", "im": "i am", "lemme": "let me",
    "machines": "machine", "managers": "manager", "operators": "operator", "pls": "please", "plz": "please",
    "r": "are", "reel": "real", "rep": "representative", "representatives": "representative",
    "reps": "representative", "robots": "robot", "takl": "talk", "tallk": "talk", "tlak": "talk", "u": "you",
    "ur": "your", "w": "with", "wanna": "want to", "wiht": "with", "wnat": "want",
}  # fmt: skip


def mend(text: str) -> str:
    return " ".join(map(_mend, text.split()))


@lru_cache(maxsize=4096)
def _mend(word: str) -> str:
    """The word that is meant: a customer in a hurry writes `agnet` and `representitive`."""
    if word in _SPELLINGS or word in _OTHER_WORDS or word in _MEANT or len(word) < 5:
        return _SPELLINGS.get(word, word)
    for meant in _MEANT:
        allowed = 2 if len(meant) >= 10 else 1
        if meant[0] == word[0] and count_edits(word, meant, most=allowed) <= allowed:
            return meant
    return word
