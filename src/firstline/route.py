"""Which playbook fits a message: similarity to the bundle's example utterances, and what the conversation is in.

Pure, standard library only, well under a millisecond a message. It may say that it does not know (`playbook`
None): then the turn goes on with general instructions and every tool. It never refuses anything by itself: a
`decline` playbook is chosen only where neither the knowledge nor another playbook speaks of the subject.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from firstline.bundle import Bundle, Playbook
from firstline.language import common_words, detect_locale
from firstline.types import Locale, PlaybookId
from firstline.wishes import wants_human

MESSAGE_CHARS = 1000
"""A message is judged by its beginning."""

SURE = 0.24
"""Scores below this are no choice. Source: docs/route.md, as for all weights here."""

SURE_TO_DECLINE = 0.30
NEAREST = 5
WHEN_WEIGHT = 0.15
KNOWLEDGE_WEIGHT = 0.18
VALUE_WEIGHT = 0.12
ID_WEIGHT = 0.30
ANSWER_WEIGHT = 0.45
FOLLOW_UP_WEIGHT = 0.22
STAY_WEIGHT = 0.04

_UNSPACED = re.compile("[\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_WORD = re.compile(r"#+|[^\W\d_]+(?:'[^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_FOLLOW_UP = re.compile(
    r"^(?:and|or|but|also|what about|how about|what if|why|then|so|ok(?:ay)?|instead|sorry|no|actually)\b"
    r"|^(?:那|还有|如果|要是|换成|为什么|也|就|不)|呢[?？]?$"
)


@dataclass(frozen=True)
class Route:
    """`score` is the chosen (or nearest) playbook's, 0 to about 1; `runner_up` the next one's id."""

    playbook: PlaybookId | None
    locale: Locale
    wants_human: bool
    score: float
    runner_up: PlaybookId | None


class Router:
    """Built once from a bundle; has no state of a conversation."""

    def __init__(self, bundle: Bundle) -> None:
        self._playbooks = bundle.playbooks
        self._locales = bundle.locales
        examples = [(one.id, text) for one in bundle.playbooks.values() for text in _utterances_of(one)]
        self._owners = [owner for owner, _ in examples]
        self._utterances = _Similarity([text for _, text in examples])
        self._descriptions = _Similarity([_describe(one) for one in bundle.playbooks.values()])
        self._described = list(bundle.playbooks)
        self._knowledge = _Vocabulary(f"{one.title} {one.body}" for one in bundle.articles)
        self._signs = _Signs(bundle)

    def choose(
        self, text: str, *, last_playbook: PlaybookId | None, last_locale: Locale, asked: bool
    ) -> Route:
        """The playbook for the customer's unanswered messages.

        last_playbook: of the turn before. asked: the assistant's last message ended with a question.
        """
        message = _normalise(text[:MESSAGE_CHARS])
        locale = detect_locale(text[:MESSAGE_CHARS], known=self._locales, last=last_locale)
        person = wants_human(text)
        scores = self._score(text[:MESSAGE_CHARS], message)
        if last_playbook in self._playbooks:
            scores[last_playbook] += self._stickiness(message, self._playbooks[last_playbook], scores, asked=asked)
        if person:
            for one in self._playbooks.values():
                scores[one.id] += 1.0 if one.kind == "hand_off" else 0.0
        ranked = sorted(scores, key=lambda playbook: -scores[playbook])
        best = ranked[0] if ranked else None
        return Route(
            playbook=best if best and self._is_sure(best, scores, message) else None,
            locale=locale,
            wants_human=person,
            score=round(scores[best], 4) if best else 0.0,
            runner_up=ranked[1] if len(ranked) > 1 else None,
        )

    def _score(self, text: str, message: str) -> dict[PlaybookId, float]:
        features = _extract(message)
        nearest: dict[PlaybookId, list[float]] = defaultdict(list)
        for number, similarity in self._utterances.compare(features).items():
            nearest[self._owners[number]].append(similarity)
        scores = {playbook: _blend(nearest[playbook]) for playbook in self._playbooks}
        for number, similarity in self._descriptions.compare(features).items():
            scores[self._described[number]] += WHEN_WEIGHT * similarity
        covered = self._knowledge.cover(message)
        for one in self._playbooks.values():
            if one.kind == "answer":
                scores[one.id] += KNOWLEDGE_WEIGHT * covered
            elif one.kind == "decline":
                scores[one.id] -= KNOWLEDGE_WEIGHT * covered
        for playbook, sign in self._signs.find(text, message).items():
            scores[playbook] += sign
        return scores

    def _stickiness(
        self, message: str, last: Playbook, scores: Mapping[PlaybookId, float], *, asked: bool
    ) -> float:
        """How much speaks for going on with the subject: a short message that says no other subject does."""
        if last.kind in {"greet", "decline"}:
            return 0.0
        length = _count_words(message)
        if length > 12:
            return STAY_WEIGHT
        brevity = 1.0 if length <= 4 else 0.6
        if asked and last.kind == "act":
            return ANSWER_WEIGHT * brevity
        if _FOLLOW_UP.search(message):
            return FOLLOW_UP_WEIGHT * brevity
        return STAY_WEIGHT

    def _is_sure(self, best: PlaybookId, scores: Mapping[PlaybookId, float], message: str) -> bool:
        if self._playbooks[best].kind != "decline":
            return scores[best] >= SURE
        return scores[best] >= SURE_TO_DECLINE


def _utterances_of(playbook: Playbook) -> Iterable[str]:
    return (text for texts in playbook.utterances.values() for text in texts)


def _describe(playbook: Playbook) -> str:
    return " ".join([playbook.when, *playbook.title.values()])


def _blend(similarities: Sequence[float]) -> float:
    """Mostly the nearest utterance, a little whether others are near too."""
    nearest = sorted(similarities, reverse=True)[:NEAREST]
    if not nearest:
        return 0.0
    return 0.7 * nearest[0] + 0.3 * sum(nearest) / NEAREST


def _normalise(text: str) -> str:
    clean = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(_NUMBER.sub(" # ", clean).split())


def _extract(message: str) -> dict[str, float]:
    """Feature -> weight: whole words, pieces of words (they forgive typos), and Chinese characters and pairs."""
    features: Counter[str] = Counter()
    for run in _UNSPACED.findall(message):
        features.update(run)
        features.update(run[at : at + 2] for at in range(len(run) - 1))
    words = _WORD.findall(_UNSPACED.sub(" ", message))
    features.update(f"{word} " for word in words)
    features.update(f"{first} {second} " for first, second in zip(words, words[1:], strict=False))
    weights = {feature: 1.0 + math.log(count) for feature, count in features.items()}
    for word in words:
        padded = f"_{word}_"
        for at in range(len(padded) - 3):
            weights["~" + padded[at : at + 4]] = 0.5
    return weights


def _count_words(message: str) -> float:
    spaced = _WORD.findall(_UNSPACED.sub(" ", message))
    return len(spaced) + sum(map(len, _UNSPACED.findall(message))) / 2


class _Similarity:
    """Texts as TF-IDF vectors of length 1 in an inverted index."""

    def __init__(self, texts: Sequence[str]) -> None:
        vectors = [_extract(_normalise(text)) for text in texts]
        self._count = len(vectors)
        self._frequency = Counter(feature for vector in vectors for feature in vector)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, vector in enumerate(vectors):
            for feature, weight in self._weigh(vector).items():
                self._postings[feature].append((number, weight))

    def compare(self, features: Mapping[str, float]) -> dict[int, float]:
        """Text number -> cosine, for those that share a feature."""
        found: defaultdict[int, float] = defaultdict(float)
        for feature, weight in self._weigh(features).items():
            for number, other in self._postings.get(feature, ()):
                found[number] += weight * other
        return found

    def _weigh(self, features: Mapping[str, float]) -> dict[str, float]:
        weighed = {
            feature: weight * math.log((self._count + 1) / (self._frequency[feature] + 0.5))
            for feature, weight in features.items()
        }
        norm = math.sqrt(sum(weight * weight for weight in weighed.values())) or 1.0
        return {feature: weight / norm for feature, weight in weighed.items()}


class _Vocabulary:
    """What the knowledge speaks about."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._frequency: Counter[str] = Counter()
        self._count = 0
        for text in texts:
            self._count += 1
            self._frequency.update(set(_subjects(_normalise(text))))

    def cover(self, message: str) -> float:
        """The share (0 to 1) of the message's telling words that the knowledge uses, rare words counting more."""
        words = set(_subjects(message))
        weights = {word: math.log((self._count + 1) / (self._frequency[word] + 0.5)) for word in words}
        total = sum(weights.values())
        known = sum(weight for word, weight in weights.items() if self._frequency[word])
        return known / total if total > 0 else 0.0


def _subjects(message: str) -> list[str]:
    words = [word for word in _WORD.findall(_UNSPACED.sub(" ", message)) if word not in _COMMON and word[0] != "#"]
    pairs = [run[at : at + 2] for run in _UNSPACED.findall(message) for at in range(len(run) - 1)]
    return words + [pair for pair in pairs if pair not in _COMMON]


_COMMON = common_words("en") | common_words("zh")


class _Signs:
    """Ids and values that a playbook's tools take: `P-10023`, a make of car."""

    def __init__(self, bundle: Bundle) -> None:
        self._patterns: dict[str, set[PlaybookId]] = defaultdict(set)
        self._values: dict[str, set[PlaybookId]] = defaultdict(set)
        for one in bundle.playbooks.values():
            for tool in (bundle.tools[name] for name in one.tools if name in bundle.tools):
                for slot in tool.declaration.slots.values():
                    if slot.pattern:
                        self._patterns[slot.pattern].add(one.id)
                    for value in slot.values:
                        self._values[_normalise(value)].add(one.id)

    def find(self, text: str, message: str) -> dict[PlaybookId, float]:
        """How much each playbook gains; a sign of several playbooks is divided among them."""
        gains: defaultdict[PlaybookId, float] = defaultdict(float)
        for pattern, playbooks in self._patterns.items():
            if re.search(pattern, text, re.IGNORECASE):
                for playbook in playbooks:
                    gains[playbook] += ID_WEIGHT / len(playbooks)
        for value, playbooks in self._values.items():
            if value in message:
                for playbook in playbooks:
                    gains[playbook] = max(gains[playbook], VALUE_WEIGHT / len(playbooks))
        return gains
