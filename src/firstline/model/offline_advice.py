"""What the knowledge says to do in an emergency: whom to call, and what to keep away from.

Pure; imported by `firstline.model.offline` only.
"""

from collections.abc import Iterable

from firstline.bundle import Article
from firstline.model.offline_dialogue import Found, Source
from firstline.model.offline_quotes import Piece, read_pieces
from firstline.model.offline_words import (
    find_terms,
    has_han,
    hear_lists,
    hears,
    likeness,
    searchable,
    split_sentences,
)
from firstline.types import Citation, Locale


def choose_advice(articles: Iterable[Article], text: str, *, locale: Locale) -> str:
    """The words that name the emergency number and speak most of what the customer told; "" without any."""
    advices = [advice for one in articles if one.locale == locale for advice in _read_emergencies(one)]
    told = find_terms(text)
    hurt = find_terms(" ".join(map(str, hear_lists("hurt"))))
    return max(advices, key=lambda advice: (_count(told, advice), _count(hurt, advice)), default="")


def _count(terms: Iterable[str], advice: str) -> float:
    words = searchable(advice)
    return sum(likeness(term, words) for term in terms)


def _read_emergencies(article: Article) -> list[str]:
    whole = Source(Citation(title=article.title, url=article.url, quote=article.body), 0, 0)
    pieces = read_pieces(Found(article.title, (whole,)))
    return [_cut(piece) for piece in pieces if piece.kind != "row" and hears("emergency", piece.text)]


def _cut(piece: Piece) -> str:
    """A list item as it stands; of a paragraph what leads to the number, since then it speaks of other things."""
    sentences = split_sentences(piece.text)
    last = max(at for at, sentence in enumerate(sentences) if hears("emergency", sentence))
    kept = sentences if piece.kind == "item" else sentences[max(0, last - 1) : last + 1]
    return ("" if has_han(piece.text) else " ").join(kept)
