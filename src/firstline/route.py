"""Which playbook fits a message: likeness to the bundle's examples, and what the conversation is about.

Pure, standard library only, well under a millisecond a message. It may say that it does not know (`playbook`
None): then the turn goes on with general instructions and every tool. A `decline` playbook is chosen only
where it is nearest and neither the knowledge nor the other playbooks speak of the subject.
"""

import math
import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firstline.bundle import Bundle, Playbook
from firstline.language import common_words, count_edits, detect_locale, simplify
from firstline.tools import Slot
from firstline.types import Locale, PlaybookId
from firstline.wishes import wants_human

MESSAGE_CHARS = 1000
"""A message is judged by its beginning."""

SURE_TIMES_CHANCE = 1.9
SURE_AT_LATEST = 0.6
SURE_TO_DECLINE = 0.42
"""Below these probabilities no playbook is chosen; chance is one playbook in all. Source of all weights here:
docs/route.md.
"""

KNOWLEDGE_GAIN = 0.8
STRANGE_GAIN = 1.0
ID_GAIN = 3.0
VALUE_GAIN = 1.5
ANSWER_GAIN = 5.0
FOLLOW_UP_GAIN = 2.2
STAY_GAIN = 0.7
PERSON_GAIN = 9.0
"""What a sign adds to a playbook's logit."""

DOUBT = 0.6
"""How much of what speaks for staying is lost when the message is surely about something else."""

FOREIGN = 0.3
"""What is left of the likeness to utterances that are all in other languages: names, mostly."""

LONG_ENOUGH = 5
"""Shorter words are not mended: too many are one letter apart."""

EPOCHS = 6
RATE = 0.5
NEGLIGIBLE = 0.02
"""How the classifier learns: passes over the examples, first step, and errors too small to learn from."""

_UNSPACED = re.compile("[\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_WORD = re.compile(r"#+|[^\W\d_]+(?:'[^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_CLAUSE = re.compile(r"[,.;:]|\bor\b")
_TURN_AWAY = re.compile(
    r"\b(?:never mind|nevermind|instead|first|before (?:that|we|i)|by the way|forget it)\b"
    r"|(?:^|[,.;!?]\s*)actually\b"
    r"|算了|先|不弄了|还是|顺便|对了"
)
_NO_PERSON = re.compile(
    r"\b(?:no|don't|do not|not|without|rather not)\b[^,.;!?]{0,24}\b(?:human|person|agent|people|colleague)\b"
    r"|(?:不用|不要|不必|别|无需|不想|不需要)[^，。,.！？!?]{0,6}(?:人工|真人|客服|同事)"
)
"""No person is wanted, as far as rules can tell: "I don't need an agent, just the number"."""

_FOLLOW_UP = re.compile(
    r"^(?:and|or|but|also|what about|how about|what if|why|then|so|ok(?:ay)?|instead|sorry|actually)\b"
    r"|^(?:那|还有|如果|要是|换成|为什么|也|里面)|(?:呢|一样吗)[?？]?$"
)


@dataclass(frozen=True)
class Route:
    """`score` is the probability of the nearest playbook, chosen or not; `runner_up` the one after it."""

    playbook: PlaybookId | None
    locale: Locale
    wants_human: bool
    score: float
    runner_up: PlaybookId | None


class Router:
    """Built once from a bundle; it has no state of any conversation."""

    def __init__(self, bundle: Bundle) -> None:
        self._playbooks = bundle.playbooks
        self._locales = bundle.locales
        self._spoken = {locale for one in bundle.playbooks.values() for locale in one.utterances}
        self._signs = _Signs(bundle)
        examples = tuple(_collect_examples(bundle))
        self._classifier = _Classifier(tuple(bundle.playbooks), examples)
        self._spelling = _Spelling(_normalise(text) for _, text in _list_utterances(bundle))
        self._knowledge = _Vocabulary(f"{one.title}\n{one.body}" for one in bundle.articles)
        declined = {one.id for one in bundle.playbooks.values() if one.kind == "decline"}
        spoken = (text for playbook, text, _ in examples if playbook not in declined)
        self._business = _Vocabulary([*spoken, *self._signs.values])

    def choose(self, text: str, *, last_playbook: PlaybookId | None, last_locale: Locale, asked: bool) -> Route:
        """The playbook for the customer's unanswered messages.

        last_playbook: of the turn before. asked: the assistant's last message ended with a question.
        """
        text = text[:MESSAGE_CHARS]
        locale = detect_locale(text, known=self._locales, last=last_locale)
        person = wants_human(text)
        last = self._playbooks.get(last_playbook) if last_playbook else None
        message = self._spelling.mend(_normalise(self._signs.strip_ids(text)))
        answering = asked and last is not None and last.kind == "act" and not _TURN_AWAY.search(message)
        logits = self._weigh_subject(message, locale, answering=answering)
        for playbook, gain in self._signs.find(text, answering=answering).items():
            logits[playbook] += gain
        if last:
            logits[last.id] += _weigh_context(message, last, _soften(logits), answering=answering)
        shunned = not person and _NO_PERSON.search(text.casefold()) is not None
        wordless = not any(map(str.isalnum, text)) and any(unicodedata.category(sign) == "So" for sign in text)
        for one in self._playbooks.values():
            logits[one.id] += PERSON_GAIN if person and one.kind == "hand_off" else 0.0
            logits[one.id] -= PERSON_GAIN if shunned and one.kind == "hand_off" else 0.0
            logits[one.id] += PERSON_GAIN if wordless and one.kind == "greet" else 0.0
        scores = _soften(logits)
        ranked = sorted(scores, key=scores.__getitem__, reverse=True)
        if not ranked:
            return Route(None, locale, person, 0.0, None)
        score = scores[ranked[0]]
        needed = min(SURE_AT_LATEST, SURE_TIMES_CHANCE / len(ranked))
        if self._playbooks[ranked[0]].kind == "decline":
            needed = max(needed, SURE_TO_DECLINE)
        return Route(
            playbook=ranked[0] if score >= needed else None,
            locale=locale,
            wants_human=person,
            score=round(score, 4),
            runner_up=ranked[1] if len(ranked) > 1 else None,
        )

    def _weigh_subject(self, message: str, locale: Locale, *, answering: bool) -> dict[PlaybookId, float]:
        """What the message alone says, as logits. In an answer to a question only its subjects can say that it is
        none: not its numbers and small words, and not that it is strange, as names are.
        """
        subjects = _find_subjects(message)
        logits = self._classifier.weigh(_keep_subjects(message) if answering else message)
        if locale not in self._spoken:
            logits = {playbook: FOREIGN * logit for playbook, logit in logits.items()}
        known = self._knowledge.cover(subjects)
        strange = 0.0 if answering else 1.0 - max(known, self._business.cover(subjects))
        for one in self._playbooks.values():
            if one.kind == "answer":
                logits[one.id] += KNOWLEDGE_GAIN * known
            elif one.kind == "decline" and locale in one.utterances:
                logits[one.id] += STRANGE_GAIN * strange * min(1.0, len(subjects) / 2) - KNOWLEDGE_GAIN * known
        return logits


def _weigh_context(message: str, last: Playbook, subject: Mapping[PlaybookId, float], *, answering: bool) -> float:
    """What speaks for going on with the last playbook: an answer to a question, or a follow-up."""
    if last.kind in {"greet", "decline"} or _TURN_AWAY.search(message):
        return 0.0
    elsewhere = max((score for playbook, score in subject.items() if playbook != last.id), default=0.0)
    room = max(0.0, 1.0 - max(0.0, _count_words(message) - 4) / 12) * (1.0 - DOUBT * elsewhere)
    if answering:
        return ANSWER_GAIN * room
    return (FOLLOW_UP_GAIN if _FOLLOW_UP.search(message) else STAY_GAIN) * room


def _collect_examples(bundle: Bundle) -> Iterator[tuple[PlaybookId, str, float]]:
    """(playbook, text, weight): all that the bundle shows of how its customers write, and what it says of them."""
    yield from ((playbook, text, 1.0) for playbook, text in _list_utterances(bundle))
    for one in bundle.playbooks.values():
        yield from ((one.id, title, 1.0) for title in one.title.values())
        yield from ((one.id, _keep_subjects(clause), 0.5) for clause in _CLAUSE.split(one.when))
    for example in bundle.examples:
        first = next((line.text for line in example.lines if line.who == "customer"), "")
        yield example.playbook, first, 1.0
    for starter in bundle.starters:
        yield from ((starter.playbook, text, 1.0) for text in starter.text.values())


def _list_utterances(bundle: Bundle) -> Iterator[tuple[PlaybookId, str]]:
    for one in bundle.playbooks.values():
        for texts in one.utterances.values():
            yield from ((one.id, text) for text in texts)


def _normalise(text: str) -> str:
    clean = simplify(unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))
    return " ".join(_NUMBER.sub(" # ", clean).split())


def _split_words(message: str) -> list[str]:
    return _WORD.findall(_UNSPACED.sub(" ", message))


def _extract(message: str) -> dict[str, float]:
    """Feature -> weight: words, neighbours, pieces of four letters (they forgive typos and endings); of unspaced
    scripts characters and pairs.
    """
    features: dict[str, float] = {}
    for run in _UNSPACED.findall(message):
        features.update((letter, 1.0) for letter in run)
        features.update((run[at : at + 2], 1.0) for at in range(len(run) - 1))
    words = _split_words(message)
    if words:
        pairs = zip(["^", *words], [*words, "$"], strict=True)
        features.update((f"{first} {second}", 0.7) for first, second in pairs)
    for word in words:
        features[f"{word} "] = 1.0
        features.update((f"~{piece}", 0.4) for piece in _cut_pieces(f"_{word}_"))
    return features


def _cut_pieces(word: str) -> Iterator[str]:
    return (word[at : at + 4] for at in range(len(word) - 3))


def _count_words(message: str) -> float:
    return len(_split_words(message)) + sum(map(len, _UNSPACED.findall(message))) / 2


def _soften(logits: Mapping[PlaybookId, float]) -> dict[PlaybookId, float]:
    """Probabilities (softmax)."""
    highest = max(logits.values(), default=0.0)
    powers = {playbook: math.exp(logit - highest) for playbook, logit in logits.items()}
    total = sum(powers.values())
    return {playbook: power / total for playbook, power in powers.items()}


class _Classifier:
    """Multinomial logistic regression over TF-IDF features, fitted by AdaGrad; the same bundle, the same weights."""

    def __init__(self, playbooks: Sequence[PlaybookId], examples: Sequence[tuple[PlaybookId, str, float]]) -> None:
        self._playbooks = playbooks
        extracted = [_extract(_normalise(text)) for _, text, _ in examples]
        frequency = Counter(feature for features in extracted for feature in features)
        self._rarity = {
            feature: math.log((len(examples) + 1) / (count + 0.5)) for feature, count in frequency.items()
        }
        self._rarest = max(self._rarity.values(), default=1.0)
        numbers = {playbook: number for number, playbook in enumerate(playbooks)}
        self._weights: dict[str, list[float]] = {feature: [0.0] * len(playbooks) for feature in frequency}
        cases = [
            (numbers[playbook], self._scale(features), weight)
            for (playbook, _, weight), features in zip(examples, extracted, strict=True)
        ]
        self._fit(cases)

    def weigh(self, message: str) -> dict[PlaybookId, float]:
        return dict(zip(self._playbooks, self._sum(self._scale(_extract(message))), strict=True))

    def _scale(self, features: Mapping[str, float]) -> dict[str, float]:
        """TF-IDF of length 1; a feature that no example has counts in the length: it is a reason to doubt."""
        scaled = {name: weight * self._rarity.get(name, self._rarest) for name, weight in features.items()}
        length = math.sqrt(sum(weight * weight for weight in scaled.values())) or 1.0
        return {name: weight / length for name, weight in scaled.items() if name in self._rarity}

    def _sum(self, features: Mapping[str, float]) -> list[float]:
        sums = [0.0] * len(self._playbooks)
        for name, weight in features.items():
            for number, learned in enumerate(self._weights[name]):
                sums[number] += weight * learned
        return sums

    def _fit(self, cases: list[tuple[int, dict[str, float], float]]) -> None:
        squares = {feature: [1e-6] * len(self._playbooks) for feature in self._weights}
        order = random.Random(0)  # noqa: S311
        for _ in range(EPOCHS):
            order.shuffle(cases)
            for right, features, importance in cases:
                sums = self._sum(features)
                highest = max(sums)
                powers = [math.exp(one - highest) for one in sums]
                total = sum(powers)
                errors = [importance * power / total for power in powers]
                errors[right] -= importance
                worth = [(number, error) for number, error in enumerate(errors) if abs(error) > NEGLIGIBLE]
                for name, weight in features.items():
                    _learn(self._weights[name], squares[name], weight, worth)


def _learn(learned: list[float], squares: list[float], weight: float, errors: list[tuple[int, float]]) -> None:
    for number, error in errors:
        slope = error * weight
        squares[number] += slope * slope
        learned[number] -= RATE * slope / math.sqrt(squares[number])


class _Vocabulary:
    """What some texts speak about."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._known = {subject for text in texts for subject in _find_subjects(_normalise(text))}

    def cover(self, subjects: Sequence[str]) -> float:
        """The share (0 to 1) of a message's subjects that are known; 0 when it has none."""
        return sum(subject in self._known for subject in subjects) / len(subjects) if subjects else 0.0


_COMMON = common_words("en") | common_words("zh")
_FILLER = re.compile("|".join(sorted(filter(_UNSPACED.fullmatch, _COMMON), key=len, reverse=True)))


def _keep_subjects(message: str) -> str:
    """The message without numbers and the words that every message has."""
    words = (word for word in _split_words(message) if word not in _COMMON and word[0] != "#")
    parts = (part for run in _UNSPACED.findall(message) for part in _FILLER.split(run))
    return " ".join([*words, *parts])


def _find_subjects(message: str) -> list[str]:
    """The beginnings of the words, and the pairs of characters, that may say what a message is about."""
    subjects: list[str] = []
    for word in _keep_subjects(message).split():
        if _UNSPACED.match(word):
            subjects.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            subjects.append(word[:6])
    return subjects


class _Spelling:
    """The words of the examples, for a customer who writes `qoute`."""

    def __init__(self, messages: Iterable[str]) -> None:
        self._words = {word for message in messages for word in _split_words(message)}
        self._of_initial: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._words):
            if len(word) >= LONG_ENOUGH and word.isascii():
                self._of_initial[word[0]].append(word)

    def mend(self, message: str) -> str:
        return _WORD.sub(lambda found: self._mend_word(found[0]), message)

    def _mend_word(self, word: str) -> str:
        if len(word) < LONG_ENOUGH or word in self._words or not word.isascii():
            return word
        alike = (known for known in self._of_initial.get(word[0], ()) if count_edits(word, known, most=1) <= 1)
        # An ending is no mistake: `shares` is not `share`.
        return next((known for known in alike if not word.startswith(known) and not known.startswith(word)), word)


class _Signs:
    """Ids and values that a playbook's tools take: an order number, the name of a product."""

    def __init__(self, bundle: Bundle) -> None:
        self._patterns: dict[re.Pattern[str], set[PlaybookId]] = defaultdict(set)
        self._values: dict[str, set[PlaybookId]] = defaultdict(set)
        self._of_word: dict[str, list[str]] = defaultdict(list)
        for playbook, slot in _list_slots(bundle):
            if slot.pattern:
                self._patterns[re.compile(slot.pattern, re.IGNORECASE)].add(playbook)
            for value in slot.values:
                self._values[_normalise(value)].add(playbook)
        for value in self._values:  # a value of words can only be there when its first word is
            self._of_word[value.partition(" ")[0] if value.isascii() else ""].append(value)

    def find(self, text: str, *, answering: bool) -> dict[PlaybookId, float]:
        """How much each playbook gains; a sign of several playbooks is divided among them. In an answer to a question
        a mere number is no id.
        """
        gains: defaultdict[PlaybookId, float] = defaultdict(float)
        for pattern, playbooks in self._patterns.items():
            found = pattern.search(text)
            if found and not (answering and not any(map(str.isalpha, found[0]))):
                for playbook in playbooks:
                    gains[playbook] += ID_GAIN / len(playbooks)
        words = f" {_normalise(text)} "
        likely = [value for word in {"", *words.split()} for value in self._of_word.get(word, ())]
        for value in likely:
            playbooks = self._values[value]
            if (f" {value} " in words) if value.isascii() else (value in words):
                for playbook in playbooks:
                    gains[playbook] = max(gains[playbook], VALUE_GAIN / len(playbooks))
        return gains

    def strip_ids(self, text: str) -> str:
        """The text without its ids: their letters say nothing."""
        for pattern in self._patterns:
            text = pattern.sub(" ", text)
        return text

    @property
    def values(self) -> Iterable[str]:
        return self._values


def _list_slots(bundle: Bundle) -> Iterator[tuple[PlaybookId, Slot]]:
    for one in bundle.playbooks.values():
        for tool in (bundle.tools[name] for name in one.tools if name in bundle.tools):
            yield from ((one.id, slot) for slot in tool.declaration.slots.values())
