"""Which orders of concepts are a wish for a person: a few rules, the same for all languages.

They read the letters of `firstline.wishes.lexer`; `x` is a word that means nothing here. Only this package imports
them.
"""

import re
from collections.abc import Sequence

_TOGETHER: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern), letters)
    for pattern, letters in (
        (r"E[^T|]*T|T[^E|]*E|^[HPp]LT", "A"),  # "is anybody there on Sunday?"
        (r"T", ""),
        (r"pU?N[BW]*B|[Pp]x{0,2}UNB", "H"),  # "somebody who isn't a bot"
        (r"r+[ePpH]+|[Pp]r+|pUr+|Hr+", "H"),  # "a real person", "somebody who breathes"
        (r"r", "x"),
        (r"e+[Pp]|[Pp]e+", "P"),  # "somebody else"
        (r"e", "x"),
        (r"O[HPp]+", "x"),  # "my boss"
        (r"pD?P|PP+", "P"),
        (r"H[HPp]+", "H"),
        (
            r"N(?:[WSQLDKR]|x(?=D)){0,4}(?<=[WSDQR])B(?!x)|BD?S+W?N"  # "I don't want a bot"
            r"|R[WSQDLNE]{0,3}x?[WSQD]{0,2}B(?!xx)",  # "tired of this bot"
            "!",
        ),
    )
)
"""What belongs together is one letter before the rules read it. `!` is a wish by itself."""

_ASKED = "(?:^|[WQELUK]x{0,3})"
_NOBODY_IN_A_STORY = "(?!U(?![KSQWLr]))"

_WISH = re.compile(
    "|".join(
        [
            "!",
            # to speak to somebody, in either order of the words
            rf"{_ASKED}[WQK]*S+x{{0,2}}H|SDH|H[xQL]?S[xL]?[WQ]|[WQE]x{{0,2}}HS|HSL?$",
            rf"{_ASKED}[WQ]*S+(?:x{{0,2}}|x{{0,4}}D)[Pp](?:[QLKSC]|{_NOBODY_IN_A_STORY})",
            r"[WQE]x{0,2}(?:PQ?x?S|pQ?x?S(?!x))|[Pp]x?S[xL]?[WQ]+$|^[Pp]SL?$",
            r"[WQE]x{0,2}D[HPp]x?S|^D[HPp][xL]?SL?K?$|[WQ]L?D[HPp][Ux]{0,4}S[QL]*$",
            r"UE?Q+x{0,2}S+(?:$|U|L)|^U[QW]*SL*$",
            # to be passed on
            r"[XZ][QLWK]*x{0,2}H|[XZ][QLWK]*P|XD?xD?P|X[QLWK]*p|Z[QWE]*p[KSQLW]*$|H[QW]*[XZ]|P[QW]*X",
            r"^[QWL]*X[QLK]*$|[WQ]X[QLK]*$",
            # to want somebody, or somebody who helps
            r"W+[QLK]?x?H(?!xx)|H[WQ]*W$|HL?[WQ]+$",
            r"W+Q?[Pp]U?[QWE]{0,2}x?(?:K(?!x)|S|C|L|X)|Wx?[Pp]Ux?K|W+P[QL]*$|WpKQ*$|WWp[QL]*$|[WQ]Wp[QL]*$|Wp[QL]+$|^W+p$|PWK$",
            r"QH[^xA]?K|QL?Px?K|QH[QL]*$|H[QWL]?K[QKL]*$",
            # to be called
            r"^[HPp]L?x?[QW]?C|[WQ]L?[HPp]L?x?[QW]?C|[WQ]x?[HPp].?.?C|[WQ]x?C(?!x)|^C(?!x)",
            # whether somebody is there
            r"Ex?H(?!x)|E[Pp][UQWL]*[SKCL](?!xx)|[Pp][KWQ]*p?E[QL]*$|[Pp]LE|HE",
            # somebody, and nothing else
            r"HL$|^[QWL]{0,2}H+[QLKW]*$|^Q+P[QL]*$|^P[QL]+$",
        ]
    )
)
_QUICK = frozenset("HPpXZCBU")
"""One of these is in every wish."""

_STORY = re.compile(r"A|Y(?!.*[LXZ])")
_DENIED_BEFORE = re.compile(r"N.{0,5}$")
_DENIED_AFTER = re.compile(r".?N(?!D?B)")


def is_wish(letters: str) -> bool:
    if _QUICK.isdisjoint(letters):
        return False
    both = (letters,) if "J" not in letters else (letters.replace("J", "S"), letters.replace("J", "K"))
    return any(_is_wish(clause) for each in both for clause in each.split("|"))


def _is_wish(letters: str) -> bool:
    if _QUICK.isdisjoint(letters):
        return False
    for together, instead in _TOGETHER:
        letters = together.sub(instead, letters)
    return _STORY.search(letters) is None and any(map(_wishes, {letters, letters.replace("D", "")}))


def _wishes(letters: str) -> bool:
    return any(wish[0] == "!" or not _is_denied(letters, wish) for wish in _WISH.finditer(letters))


def _is_denied(letters: str, wish: re.Match[str]) -> bool:
    return (
        "N" in wish[0]
        or _DENIED_BEFORE.search(letters, 0, wish.start()) is not None
        or _DENIED_AFTER.match(letters, wish.end()) is not None
    )
