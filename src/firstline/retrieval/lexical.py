"""Retrieval by words, in memory: one tantivy index for each language, built at start from the bundle's
passages.

Latin and other alphabets are stemmed where tantivy has a stemmer; Chinese, Japanese and Korean are cut
into single characters and pairs. A customer's misspelt or compound word is replaced by the nearest words
of the knowledge. The query is only ever a set of terms, never a query language: no text of a customer can
be a syntax error.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tantivy import Document, Filter, Index, Occur, Query, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from firstline.language import bare_locale, common_words, count_edits, simplify
from firstline.types import Locale, Passage

STEMMERS: Mapping[Locale, str] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian",
    "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip

FLOOR = 0.12
"""A passage that covers less of a query's weight is no answer to it. Source: docs/retrieval.md."""

AS_MUCH = 0.8
WEIGHTS: Mapping[str, float] = {"text": 1.0, "title": 0.25, "page": 0.2}
"""`text` holds the title too, and `page` the whole article: a section profits from its surroundings."""

QUERY_CHARS = 1000
PASSAGES_OF_A_PAGE = 2
CANDIDATES = 50

_UNSPACED = re.compile(
    "[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)


class LexicalRetriever:
    """Implements `Retriever`. `score` is the share of the query, weighted by how rare its words are, that
    the best passages cover (0 to 1), falling with the rank: callers may ask for a minimum.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        fallback: Locale | None = None,
        tags: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`fallback` is the bundle's first language; without it, that of the first passage. `tags` are
        words that find a page though its text does not have them (see
        `firstline.retrieval.passages.collect_tags`).
        """
        of_locale: dict[Locale, list[Passage]] = {}
        for passage in passages:
            of_locale.setdefault(_locale_of(passage), []).append(passage)
        self._shelves = {locale: _Shelf(locale, found, tags or {}) for locale, found in of_locale.items()}
        self._fallback = fallback or next(iter(of_locale), "")

    async def search(self, query: str, *, locale: Locale, limit: int) -> Sequence[Passage]:
        return self.find(query, locale=locale, limit=limit)

    def find(self, query: str, *, locale: Locale, limit: int) -> tuple[Passage, ...]:
        """What `search` gives; well under a millisecond, so that no thread is needed."""
        shelf = self._shelves.get(bare_locale(locale)) or self._shelves.get(self._fallback)
        return shelf.find(query[:QUERY_CHARS], limit) if shelf and limit > 0 else ()


@dataclass(frozen=True)
class _Wanted:
    """One word of a query: the index terms that stand for it, how surely (0 to 1), and how rare they are."""

    terms: tuple[str, ...]
    surety: float
    rarity: float


class _Shelf:
    """The passages of one language with their index."""

    def __init__(self, locale: Locale, passages: Sequence[Passage], tags: Mapping[str, Sequence[str]]) -> None:
        self._passages = tuple(passages)
        self._frequencies: Counter[str] = Counter()
        self._pages = tuple(passage.passage_id.partition("#")[0] for passage in passages)
        self._terms = _Terms(locale)
        builder = SchemaBuilder()
        for name in WEIGHTS:
            builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        builder.add_text_field("spelling", tokenizer_name="whitespace", index_option="basic")
        builder.add_integer_field("number", fast=True)
        self._schema = builder.build()
        index = Index(self._schema)
        writer = index.writer(heap_size=15_000_000, num_threads=1)
        for document in self._write_documents(tags):
            writer.add_document(document)
        writer.commit()
        index.reload()
        self._searcher = index.searcher()

    def find(self, query: str, limit: int) -> tuple[Passage, ...]:
        wanted = [self._look_up(term, word) for term, word in self._terms.of_query(query).items()]
        total = sum(word.rarity for word in wanted)
        if not any(word.terms for word in wanted):
            return ()
        relevance = self._rank(
            (term, name, weight * word.surety)
            for word in wanted
            for term in word.terms
            for name, weight in WEIGHTS.items()
        )
        covered = self._cover(wanted)
        found = [number for number in relevance if covered.get(number, 0.0) / total >= FLOOR]
        chosen = self._begin_with_opening(self._spread(found), covered)[:limit]
        best = max((covered[number] / total for number in chosen), default=0.0)
        top = max((relevance.get(number, 0.0) for number in chosen), default=1.0)
        relevance |= dict.fromkeys(chosen[:1], top)
        return tuple(
            self._passages[number].model_copy(update={"score": round(min(best, 1.0) * relevance[number] / top, 4)})
            for number in chosen
        )

    def _write_documents(self, tags: Mapping[str, Sequence[str]]) -> Iterable[Document]:
        """One document for each passage; a page's first passage, its opening, carries the tags."""
        titles = [self._terms.of_text(passage.title) for passage in self._passages]
        texts = [[*title, *self._terms.of_text(one.text)] for title, one in zip(titles, self._passages, strict=True)]
        whole: dict[str, list[str]] = {}
        for page, text in zip(self._pages, texts, strict=True):
            if page not in whole:
                text.extend(self._terms.of_text(" ".join(tags.get(page, ()))))
            whole.setdefault(page, []).extend(text)
        self._frequencies = Counter(term for text in texts for term in set(text))
        for number, page in enumerate(self._pages):
            terms = {"title": titles[number], "text": texts[number], "page": whole[page]}
            terms["spelling"] = self._terms.spell(self._passages[number].text)
            yield Document(number=number, **{name: " ".join(found) for name, found in terms.items()})

    def _rank(self, weighted: Iterable[tuple[str, str, float]]) -> dict[int, float]:
        """Passage number -> BM25 summed over the weighted (term, field)s, best first."""
        parts = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, term), weight))
            for term, name, weight in weighted
        ]
        return self._run(Query.boolean_query(parts), CANDIDATES)

    def _cover(self, wanted: Sequence[_Wanted]) -> dict[int, float]:
        """Passage number -> the weight of the query's words that stand in it."""
        parts: list[tuple[Occur, Query]] = []
        for word in wanted:
            terms = [(Occur.Should, Query.term_query(self._schema, "text", term)) for term in word.terms]
            if terms:
                weight = word.rarity * word.surety
                parts.append((Occur.Should, Query.const_score_query(Query.boolean_query(terms), weight)))
        return self._run(Query.boolean_query(parts), 4 * CANDIDATES)

    def _run(self, query: Query, limit: int) -> dict[int, float]:
        hits = self._searcher.search(query, limit, count=False).hits
        numbers = self._searcher.fast_field_values("number", [address for _, address in hits])
        return {int(number or 0): float(score) for number, (score, _) in zip(numbers, hits, strict=True)}

    def _spread(self, numbers: Sequence[int]) -> list[int]:
        """The same order without a page's third passage and later ones: they would push other pages out."""
        seen: Counter[str] = Counter()
        kept: list[int] = []
        for number in numbers:
            seen[self._pages[number]] += 1
            if seen[self._pages[number]] <= PASSAGES_OF_A_PAGE:
                kept.append(number)
        return kept

    def _begin_with_opening(self, numbers: list[int], covered: Mapping[int, float]) -> list[int]:
        """The best page's opening first, where it speaks of the question as much as its section does.

        It answers the page's title in plain words; a section that merely repeats the words is of less help.
        """
        if not numbers:
            return numbers
        opening = self._pages.index(self._pages[numbers[0]])
        if covered.get(opening, 0.0) < AS_MUCH * covered[numbers[0]]:
            return numbers
        return [opening, *(number for number in numbers if number != opening)]

    def _look_up(self, term: str, word: str) -> _Wanted:
        terms, surety = self._resolve(term, word)
        frequency = max(map(self._frequency, terms), default=0)
        count = len(self._passages)
        return _Wanted(terms, surety, math.log(1 + (count - frequency + 0.5) / (frequency + 0.5)))

    def _frequency(self, term: str) -> int:
        """In how many passages the term stands; kept here, for a query asks it dozens of times."""
        return self._frequencies[term]

    def _resolve(self, term: str, word: str) -> tuple[tuple[str, ...], float]:
        """The term itself when the knowledge has it; else the two words it is made of, its likely
        spelling, a word that begins like it, or the known word at its end or beginning.
        """
        if self._frequency(term):
            return (term,), 1.0
        if len(word) < 5 or not word.isalpha() or _UNSPACED.match(word):
            return (), 0.0
        for cut in range(3, len(word) - 2):
            halves = self._terms.of_text(f"{word[:cut]} {word[cut:]}")
            if all(map(self._frequency, halves)):
                return tuple(halves), 0.8
        known_words = self._searcher.terms_with_prefix("spelling", word[:2])
        likely = {known: rate_likeness(word, known) for known, _ in known_words}
        best = max(likely.values(), default=0.0)
        if best:
            meant = sorted(known for known, likeness in likely.items() if likeness == best)[:3]
            return tuple(dict.fromkeys(self._terms.of_text(" ".join(meant)))), best
        for cut in range(1, len(word) - 4):
            for part in self._terms.of_text(f"{word[cut:]} {word[:-cut]}"):
                if self._frequency(part):
                    return (part,), 0.6
        return (), 0.0


class _Terms:
    """How one language's text becomes index terms."""

    def __init__(self, locale: Locale) -> None:
        self._plain = _build_analyzer().build()
        stemmer = STEMMERS.get(locale)
        self._stemmed = _build_analyzer().filter(Filter.stemmer(stemmer)).build() if stemmer else self._plain
        common = common_words(locale)
        self._common = frozenset(term for word in common for term in self._plain.analyze(word))
        unspaced = sorted((word for word in common if _UNSPACED.fullmatch(word)), key=len, reverse=True)
        self._filler = re.compile("|".join(map(re.escape, unspaced)) or r"(?!)")

    def of_text(self, text: str) -> list[str]:
        clean = simplify(unicodedata.normalize("NFKC", text))
        return self._words(clean) + [term for run in _UNSPACED.findall(clean) for term in _characters(run)]

    def of_query(self, query: str) -> dict[str, str]:
        """Term -> as it was written; without the words that every message has."""
        clean = simplify(unicodedata.normalize("NFKC", query))
        spaced = _UNSPACED.sub(" ", clean)
        words = zip(self._stemmed.analyze(spaced), self._plain.analyze(spaced), strict=True)
        terms = {term: word for term, word in words if word not in self._common}
        for run in _UNSPACED.findall(clean):
            for part in self._filler.split(run):
                terms.update((term, term) for term in _characters(part))
        return terms

    def spell(self, text: str) -> list[str]:
        """The words of `text` as they are written, each once."""
        return list(dict.fromkeys(self._plain.analyze(_UNSPACED.sub(" ", text))))

    def _words(self, text: str) -> list[str]:
        return self._stemmed.analyze(_UNSPACED.sub(" ", text))


def _build_analyzer() -> TextAnalyzerBuilder:
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(40)).filter(Filter.lowercase())
    return builder.filter(Filter.ascii_fold())


def _locale_of(passage: Passage) -> Locale:
    return passage.passage_id.partition("/")[0]


def _characters(run: str) -> list[str]:
    """Single characters and pairs: pairs tell words apart, characters find words that are written
    otherwise.
    """
    return [*run, *(run[at : at + 2] for at in range(len(run) - 1))]


def rate_likeness(term: str, known: str) -> float:
    """How surely `known` is meant by the unknown word `term`: 0 when it is another word."""
    if len(known) < 4 or abs(len(term) - len(known)) > 4:
        return 0.0
    allowed = 2 if len(term) >= 8 else 1
    edits = count_edits(term, known, most=allowed)
    if edits <= allowed:
        return 0.8 / edits
    differ = (at for at, (one, other) in enumerate(zip(term, known, strict=False)) if one != other)
    common = next(differ, min(len(term), len(known)))
    return 0.7 if common >= 4 and common >= 0.66 * max(len(term), len(known)) else 0.0
