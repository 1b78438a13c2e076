"""From what was counted to the report. Pure: the same tallies give the same report."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from firstline.bundle import Bundle
from firstline.intervals import quantile
from firstline.report import Group, Handling, Tallies, Tally, Unanswered, add_tallies
from firstline.report.criteria import build_criteria
from firstline.report.scope import Scope
from firstline.report.values import Figure, Line, Question, Report
from firstline.retrieval.passages import build_passages
from firstline.types import ConversationId, Locale, PlaybookId, choose_text

MOST_LINES, MOST_QUESTIONS, MOST_CITED = 20, 15, 10
UNSURE = "unsure"
"""The key of turns for which no playbook was certain."""

CAUSES: Mapping[str, str] = {
    "asked": "customer",
    "no_answer": "assistant",
    "tool_failed": "assistant",
    "budget": "assistant",
    "failed": "assistant",
    "verdict": "assistant",
    "policy": "policy",
    "sentiment": "mood",
    "taken_over": "human_agent",
}
"""Who or what caused a hand-off, by its reason."""


def build_report(
    scope: Scope, tallies: Tallies, bundles: Sequence[Bundle], *, locale: Locale, made_at: datetime
) -> Report:
    """The report of a scope. `bundles`: those it can be about; the first one's targets are the targets."""
    whole = tallies.whole
    questions = _gather_questions(tallies.questions)
    reasons = sorted(tallies.reasons.items(), key=lambda item: (-item[1], item[0]))
    handed_off = sum(tallies.reasons.values())
    return Report(
        scope=scope,
        made_at=made_at,
        ended=whole.ended,
        going=whole.going,
        empty=whole.empty,
        criteria=build_criteria(scope, tallies, bundles[0].criteria),
        ladder=_build_ladder(scope, whole),
        grades=[
            Figure(str(grade), tallies.grades.get(grade, 0), n=whole.surveys, link=scope.link(survey=str(grade)))
            for grade in (5, 4, 3, 2, 1)
        ],
        causes=_sum_causes(scope, tallies.reasons),
        handoffs=[_describe_reason(scope, reason, count, handed_off) for reason, count in reasons],
        waiting=Figure("waiting", tallies.waiting, link="/inbox?shelf=waiting" if tallies.waiting else None),
        waiting_since=tallies.waiting_since,
        waited=_measure_wait(tallies.handling),
        tables=_build_tables(scope, tallies.groups, bundles, locale),
        questions=questions[:MOST_QUESTIONS],
        more_questions=len(questions[MOST_QUESTIONS:]),
        cited=_describe_cited(scope, tallies.sources, bundles),
        unused=_find_unused(scope, tallies.sources, bundles),
        cost=_build_cost(whole),
        paths=_read_paths(tallies.paths),
    )


def _build_ladder(scope: Scope, whole: Tally) -> tuple[Figure, ...]:
    """Each rung within the one above; then what is not resolved, by what became of it."""

    def rung(key: str, count: int, link: str | None = None) -> Figure:
        return Figure(key, count, n=whole.ended, link=link if count else None)

    returned = whole.contained - whole.assumed_resolved
    return (
        rung("contained", whole.contained, scope.link(rung="contained")),
        rung("assumed_resolved", whole.assumed_resolved, scope.link(rung="contained", metric="returned:ok")),
        rung("confirmed", whole.confirmed, scope.link(metric="confirmed:ok")),
        rung("returned", returned, scope.link(rung="contained", metric="returned")),
        rung("abandoned", whole.abandoned, scope.link(rung="abandoned")),
        rung("handed_off", whole.handed_off, scope.link(rung="handed_off")),
    )


def _sum_causes(scope: Scope, reasons: Mapping[str, int]) -> list[Figure]:
    counted: Counter[str] = Counter()
    those: defaultdict[str, list[str]] = defaultdict(list)
    for reason, count in sorted(reasons.items()):
        cause = CAUSES.get(reason, reason)
        counted[cause] += count
        those[cause].append(reason)
    total = sum(counted.values())
    return [
        Figure(cause, count, n=total, link=scope.link(reason=",".join(those[cause])))
        for cause, count in counted.most_common()
    ]


def _describe_reason(scope: Scope, reason: str, count: int, total: int) -> Line:
    link = scope.link(reason=reason)
    figures = (Figure("count", count, link=link), Figure("share", count / total, "share", n=total))
    return Line(reason, "", figures, link, note=CAUSES.get(reason, ""))


def _measure_wait(handling: Sequence[Handling]) -> Figure:
    waited = sorted(seconds for each in handling for seconds in each.waited)
    return Figure("waited", quantile(waited, 0.5), "seconds", n=len(waited))


# Tables -------------------------------------------------------------------------------------------------------------


def _build_tables(
    scope: Scope, groups: Mapping[Group, Tally], bundles: Sequence[Bundle], locale: Locale
) -> dict[str, Sequence[Line]]:
    current = {bundle.revision for bundle in bundles}
    tables: dict[str, Sequence[Line]] = {}
    for name in ("playbook", "locale", "revision", "bundle"):
        parts: defaultdict[str | None, list[Tally]] = defaultdict(list)
        for group, tally in groups.items():
            if tally.total > tally.empty:
                parts[getattr(group, name)].append(tally)
        lines = [
            Line(
                key=key or UNSURE,
                name=_name_part(name, key, bundles, locale),
                figures=_describe_part(scope, {name: key} if key else None, add_tallies(tallies)),
                link=scope.link(**{name: key}) if key else None,
                note="current" if name == "revision" and key in current else "",
            )
            for key, tallies in parts.items()
        ]
        lines.sort(key=lambda line: (-(line.figures[0].value or 0), line.key))
        if name != "bundle" or len(lines) > 1:
            tables[name] = lines[:MOST_LINES]
    return tables


def _describe_part(scope: Scope, part: Mapping[str, str] | None, tally: Tally) -> tuple[Figure, ...]:
    """`part`: the filter that lists it, None where there is none."""
    ended, answered = tally.ended, tally.total - tally.empty
    counts = {"contained": tally.contained, "abandoned": tally.abandoned, "handed_off": tally.handed_off}

    def show(rung: str, count: int) -> Figure:
        link = scope.link(**part, rung=rung) if part and count else None
        return Figure(rung, count / ended if ended else None, "share", n=ended, link=link)

    return (
        Figure("ended", ended),
        *(show(rung, count) for rung, count in counts.items()),
        Figure("csat", tally.survey_sum / tally.surveys if tally.surveys else None, "grade", n=tally.surveys),
        Figure("cost", tally.cost_usd / answered if answered else None, "usd", n=answered),
    )


def _name_part(table: str, key: str | None, bundles: Sequence[Bundle], locale: Locale) -> str:
    """A playbook's title, a business's name; revisions and languages are their own names."""
    if key is None:
        return ""
    for bundle in bundles:
        playbook = bundle.playbooks.get(PlaybookId(key)) if table == "playbook" else None
        if playbook is not None:
            return choose_text(playbook.title, locale)
        if table == "bundle" and bundle.name == key:
            return choose_text(bundle.business, locale)
    return key


# Knowledge ----------------------------------------------------------------------------------------------------------


def _gather_questions(asked: Sequence[Unanswered]) -> list[Question]:
    """Questions of the same words are one; the one asked last comes first."""
    forms = {text: normal_form(text) for text in {each.text for each in asked}}
    same: defaultdict[str, list[Unanswered]] = defaultdict(list)
    for each in asked:
        same[forms[each.text]].append(each)
    gathered = [_gather(each) for each in same.values()]
    return sorted(gathered, key=lambda question: question.last_at, reverse=True)


def _gather(asked: Sequence[Unanswered]) -> Question:
    last = max(asked, key=lambda each: each.at)
    conversation_id: ConversationId = last.conversation_id
    return Question(last.text, len(asked), last.at, conversation_id, link=f"/inbox?c={conversation_id}")


class _Plain(dict[int, str | int]):
    """For `str.translate`: marks, spaces and control characters become spaces; each character is looked up once."""

    def __missing__(self, code: int) -> str | int:
        self[code] = " " if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_PLAIN = _Plain()


def normal_form(text: str) -> str:
    """Words without case, marks and needless spaces: by this, two questions are the same."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN).split())


def _describe_cited(scope: Scope, sources: Mapping[str, int], bundles: Sequence[Bundle]) -> list[Figure]:
    """Those cited in the most conversations, by the titles that customers saw."""
    most = sorted(sources.items(), key=lambda item: (-item[1], item[0]))[:MOST_CITED]
    pages = {url.partition("#")[0] for url, _ in most}
    articles = [article for bundle in bundles for article in bundle.articles if article.url in pages]
    titles = {passage.url: passage.title for passage in build_passages(articles)}
    return [Figure(url, count, name=titles.get(url, url), link=scope.link(source=url)) for url, count in most]


def _find_unused(scope: Scope, cited: Mapping[str, int], bundles: Sequence[Bundle]) -> list[tuple[str, str]]:
    """Articles that nothing in this scope cited; those of another language only where none was chosen."""
    used = {url.partition("#")[0] for url in cited}
    chosen = [bundle for bundle in bundles if scope.bundle in (None, bundle.name)]
    return sorted(
        (article.title, article.url)
        for bundle in chosen
        for article in bundle.articles
        if article.url not in used and scope.locale in (None, article.locale)
    )


# Cost and paths -----------------------------------------------------------------------------------------------------


def _build_cost(whole: Tally) -> tuple[Figure, ...]:
    answered, resolved = whole.total - whole.empty, whole.assumed_resolved
    return (
        Figure("per_conversation", whole.cost_usd / answered if answered else None, "usd", n=answered),
        Figure("per_resolved", whole.cost_usd / resolved if resolved else None, "usd", n=resolved),
        Figure("total", whole.cost_usd, "usd"),
        Figure("tokens_per_conversation", whole.tokens / answered if answered else None, n=answered),
        Figure("tokens", whole.tokens),
    )


def _read_paths(paths: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    """Steps and end of those in which something was asked."""
    counted: Counter[tuple[str, ...]] = Counter()
    for path, count in paths.items():
        steps = tuple(path.split(">"))
        if steps[-1] != "end:empty":
            counted[steps] += count
    return dict(counted)
