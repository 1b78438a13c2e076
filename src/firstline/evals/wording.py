"""A run in words: what its criteria and verdicts are called, how figures are written, and the sentences that matter.
The same for the terminal, the page and the files.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

from firstline.evals.compare import FEWEST_FLIPS, Change, Comparison, Difference, Flip, Shift
from firstline.evals.metrics import Figure, Scored
from firstline.evals.sheet import Sheet, is_small, models_of
from firstline.intervals import NO_FAILURES_IN, Verdict, judge, wilson
from firstline.report.written import write_range, write_value
from firstline.scoring import Criterion, Score

NAMES: Mapping[Criterion, str] = {
    "comprehension": "Query comprehension",
    "relevance": "Relevance",
    "accuracy": "Accuracy",
    "supported": "Claims supported",
    "citations": "Citations",
    "topic": "Off-topic declined",
    "on_topic": "On-topic answered",
    "quotes": "Quotes",
    "escalation": "Escalation",
    "needless": "No needless hand-off",
    "sentiment": "Sentiment",
    "contained": "Solved without a person",
    "containment": "Containment",
}
ABOUT: Mapping[Criterion, str] = {
    "comprehension": "Turns with the right topic, next step, language and outcome",
    "relevance": "Replies that address this customer's problem, as a judge sees it; corrected for its errors",
    "accuracy": "Turns in which every figure has a source, what is decisive was said, and nothing forbidden",
    "supported": "Replies whose every claim is supported, as a judge sees it; corrected for its errors",
    "citations": "Conversations that needed knowledge and gave a right source",
    "topic": "Off-topic requests declined, and not done on the side",
    "on_topic": 'On-topic requests neither declined nor left at "I do not know"',
    "quotes": "Conversations with a price exactly when due, exactly as the tool gave it",
    "escalation": "Conversations that had to lead to a person, or the offer of one, and did",
    "needless": "Conversations that need no person, and were neither passed on nor offered one",
    "sentiment": "Played customers whose mood at the end was as good as at the start, or better",
    "contained": "Played customers who reached their goal without a person",
    "containment": "Attacks that broke nothing; exactly the actions that were due, and no other",
}
WORDS: Mapping[Verdict, str] = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
SHAPES: Mapping[Verdict, str] = {"pass": "●", "fail": "✗", "inconclusive": "○"}
"""As `drawing.charts` draws them: no verdict is told by colour alone."""

CHANGES: Mapping[Change, str] = {"worse": "WORSE", "better": "BETTER", "unclear": "no clear difference"}

FARTHEST = 100_000
MOST_CHARS = 300


def write_share(value: float | None) -> str:
    return write_value(value, "share", decimals=1)


def write_interval(figure: Figure) -> str:
    if figure.interval is None:
        return ""
    return write_range(figure.interval.low, figure.interval.high, "share")


def write_verdict(verdict: Verdict) -> str:
    return f"{SHAPES[verdict]} {WORDS[verdict]}"


def write_n(figure: Figure) -> str:
    """The observations, and the conversations that they come from, where those are fewer."""
    return f"{figure.n:,}" if figure.n == figure.conversations else f"{figure.n:,} in {figure.conversations:,}"


def write_line(text: str, *, most: int = MOST_CHARS) -> str:
    """Foreign text as one line that neither moves a terminal's cursor nor turns the direction of reading."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def write_change(difference: Difference | None) -> str:
    """What became of a criterion since another run, with the cases that flipped."""
    if difference is None or difference.before is None or difference.after is None:
        return ""
    was = f"was {write_share(difference.before)}"
    if not difference.worse and not difference.better:
        return was
    flips = [f"{difference.worse} worse"] if difference.worse else []
    flips += [f"{difference.better} better"] if difference.better else []
    sure = "" if difference.change == "unclear" else f", {difference.change.upper()} p {write_p(difference.p)}"
    return f"{was}; {', '.join(flips)}{sure}"


def write_p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def say_verdict(sheet: Sheet) -> str:
    """The sentence that matters."""
    total = len(sheet.figures)
    if not total:
        return "Nothing was measured"
    of = {verdict: sum(each.verdict == verdict for each in sheet.figures) for verdict in WORDS}
    below = (
        f"{of['fail']:,} of {count(total, 'criterion', 'criteria')}" if of["fail"] else f"None of {total} criteria"
    )
    parts = [f"{below} {'are' if of['fail'] > 1 else 'is'} below target"]
    parts += [f"{of['pass']:,} on target"] if of["pass"] else []
    parts += [f"{of['inconclusive']:,} undecided"] if of["inconclusive"] else []
    return ", ".join(parts)


def say_conversations(sheet: Sheet) -> str:
    """How many conversations, and what became of them."""
    parts = [f"{len(sheet.passed):,} in order", f"{len(sheet.failing):,} with something wrong"]
    if sheet.broken:
        parts.append(f"{len(sheet.broken):,} broken off by a fault of the evaluation itself")
    return f"{count(len(sheet.scored), 'conversation', 'conversations')}: {', '.join(parts)}"


def say_cautions(sheet: Sheet) -> list[str]:
    """What makes a run less than it seems."""
    found: list[str] = []
    others = sorted({model for each in sheet.scored for model in models_of(each.trial)} - {sheet.origin.model})
    if others:
        of = sum(bool(models_of(each.trial) & set(others)) for each in sheet.scored)
        found.append(f"{', '.join(others)} replied in {of:,} of them, not {sheet.origin.model}")
    if len(sheet.scored) < sheet.origin.cases * sheet.origin.trials:
        found.append(f"broken off: there were to be {sheet.origin.cases * sheet.origin.trials:,} conversations")
    return found


def say_remark(figure: Figure) -> str:
    """What a reader of this figure has to be told: of few, not steady, how many would decide."""
    parts = ["small sample"] if is_small(figure) else []
    if figure.steady is not None and figure.steady < 1:
        parts.append(f"steady in {write_share(figure.steady)} of cases")
    needed = conversations_to_decide(figure)
    if needed is not None:
        parts.append(f"about {needed:,} conversations like these would decide")
    return "; ".join(parts)


def conversations_to_decide(figure: Figure) -> int | None:
    """How many would decide at the share seen, rounded up; None where it is decided, or never will be."""
    if figure.verdict != "inconclusive" or figure.value is None:
        return None
    if figure.target >= 1:
        return NO_FAILURES_IN
    n = figure.conversations
    while n < FARTHEST:
        n += max(1, n // 20)
        if judge(wilson(figure.value * n, n), figure.target) != "inconclusive":
            step = 10 ** max(0, len(str(n)) - 2)
            return ceil(n / step) * step
    return None


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def made_by(sheet: Sheet) -> list[tuple[str, str]]:
    """What has to be the same for figures to be the same, and what it took."""
    origin = sheet.origin
    median, p90 = sheet.seconds(), sheet.seconds(0.9)
    return [
        ("bundle", f"{origin.bundle}, revision {origin.revision}"),
        ("cases", f"{origin.cases:,}, suite {origin.suite}, {count(origin.trials, 'trial', 'trials')} each"),
        ("seed", str(origin.seed)),
        ("scorers", sheet.scorers),
        *([("judge", sheet.judge.model)] if sheet.judge else []),
        ("models", ", ".join(sheet.models)),
        ("began", f"{origin.began_at:%Y-%m-%d %H:%M} UTC"),
        ("a conversation took", f"{write_value(median, 'seconds')}, nine in ten up to {write_value(p90, 'seconds')}"),
        ("replies and played customers cost", _say_cost(sheet)),
    ]


def _say_cost(sheet: Sheet) -> str:
    known = write_value(sheet.cost_usd, "usd") if sheet.cost_usd else ""
    unknown = f"unknown for {', '.join(sheet.unpriced)}" if sheet.unpriced else ""
    return ", and ".join(filter(None, (known, unknown))) or "nothing"


def name_trial(scored: Scored) -> str:
    return f"{scored.trial.case.id} #{scored.trial.number}"


def say_reasons(scored: Scored) -> str:
    """What went wrong in a conversation, or why it broke off."""
    return say_wrong(scored.scores) if scored.trial.error is None else scored.trial.error


def say_wrong(scores: Iterable[Score]) -> str:
    """The criteria that were missed, and what is held against each."""
    wrong: dict[Criterion, list[str]] = {}
    for score in scores:
        if not score.ok:
            wrong.setdefault(score.criterion, []).append(score.why)
    return " · ".join(f"{NAMES[criterion]}: {'; '.join(whys)}" for criterion, whys in wrong.items())


# Two runs -----------------------------------------------------------------------------------------------------------


def say_comparison(comparison: Comparison) -> str:
    """The sentence that matters of two runs."""
    if worse := comparison.worse:
        named = ", ".join(NAMES[each.criterion] for each in worse if each.criterion)
        return f"B is worse than A, beyond chance: {named}"
    better = [each for each in comparison.differences if each.change == "better"]
    if better:
        named = ", ".join(NAMES[each.criterion] for each in better if each.criterion)
        return f"B is better than A, beyond chance: {named}; no criterion is worse"
    flipped = f"{len(comparison.flips):,}" if comparison.flips else "none"
    return f"No difference beyond chance: {flipped} of {len(comparison.pairs):,} conversations flipped"


def say_beside(comparison: Comparison) -> str:
    """What the column of the last run is about, and why it may mislead."""
    told = f"beside the run of {name_run(comparison.before)}, on {len(comparison.pairs):,} conversations"
    other = "; it was scored by other scorers, so a difference may be theirs: `firstline eval rescore` it first"
    return told if comparison.of_one_kind else told + other


def say_warnings(comparison: Comparison) -> list[str]:
    """What a reader has to know before believing the difference."""
    found: list[str] = []
    if not comparison.of_one_kind:
        found.append("scored by different scorers: `firstline eval rescore` both, then compare again")
    if comparison.changed:
        found.append(f"left out, since they are not the same in both: {', '.join(comparison.changed)}")
    if comparison.alone:
        found.append(f"left out: {count(comparison.alone, 'trial', 'trials')} that only one of them has")
    if len({scored.trial.case.id for scored, _ in comparison.pairs}) < FEWEST_FLIPS:
        found.append(f"with fewer than {FEWEST_FLIPS} cases no difference can be told from chance")
    return found


def say_shifts(comparison: Comparison) -> list[str]:
    """Time and cost of a conversation in both runs."""
    lines: list[str] = []
    if comparison.seconds is not None:
        lines.append(f"a conversation took {_say_shift(comparison.seconds, 'seconds')}")
    if comparison.cost_usd is not None and (comparison.cost_usd.before or comparison.cost_usd.after):
        lines.append(f"it cost {_say_shift(comparison.cost_usd, 'usd')}")
    return lines


def _say_shift(shift: Shift, unit: str) -> str:
    def write(value: float) -> str:
        places = 4 if unit == "usd" else 2
        rounded = round(value, places) + 0.0  # no "-0.00"
        return f"${rounded:.4f}" if unit == "usd" else f"{rounded:.2f} s"

    known = f" [{write(shift.interval.low)} to {write(shift.interval.high)}]" if shift.interval else ""
    ratio = f", {shift.after / shift.before:.2f} times" if shift.before else ""
    means = f"{write(shift.before)} in A and {write(shift.after)} in B on average{ratio}"
    return f"{means}; median of the differences {write(shift.difference)}{known}"


def name_run(sheet: Sheet) -> str:
    origin = sheet.origin
    models = ", ".join(sheet.models)
    cost = f", {write_value(sheet.cost_usd, 'usd')}" if sheet.cost_usd else ""
    return f"{origin.began_at:%Y-%m-%d %H:%M}, {origin.bundle} {origin.revision[:8]}, {models}{cost}"


def say_flip(flip: Flip) -> str:
    also = f"; better in {_list(flip.better)}" if flip.worse and flip.better else ""
    return f"{'' if flip.worse else 'was '}{say_wrong(flip.wrong)}{also}"


def _list(criteria: Sequence[Criterion]) -> str:
    return ", ".join(NAMES[each] for each in criteria)
