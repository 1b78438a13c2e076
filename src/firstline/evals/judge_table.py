"""How a judge did on the gold sets, and what it said of a run, in the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstline.evals.judge import Asked, Judgement, Question
from firstline.evals.questions import JudgedFigure
from firstline.evals.reliability import Gold, list_mistakes, read_gold, try_judge
from firstline.evals.wording import count, write_interval, write_line, write_n, write_share, write_verdict
from firstline.intervals import Interval
from firstline.judges import TRUSTED, Reliability, gates
from firstline.report.written import write_range

MOST_LINES = 60
REPLY_CHARS = 160
COLUMNS = ("question", "", "n", "unread", "sensitivity", "specificity", "kappa")
"""With their cells they fit into 80 characters."""

LEGEND = f"""\
sensitivity: of the good replies so many were called good; specificity: of the bad ones so many bad
✓ trusted: both are {TRUSTED:.0%} or more, and next to nothing was unreadable"""

# judge-check --------------------------------------------------------------------------------------------------------


def print_check(
    out: Console, tried: Mapping[Question, Reliability | None], judged: Mapping[str, Judgement], model_id: str
) -> None:
    """How the judge did, by question and language; then what it got wrong."""
    trusted = all(map(gates, tried.values()))
    word = "trusted" if trusted else "not trusted: what it says decides nothing"
    out.print(Text.assemble((f"{model_id} ", "bold"), (word, "green" if trusted else "red")))
    out.print()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("question", "") else "right", no_wrap=True)
    for question, reliability in tried.items():
        if reliability is not None:
            sign, colour = ("✓", "green") if reliability.trusted else ("✗", "red")
            table.add_row(Text(f"{sign} {question}", colour), "all", *_write(reliability))
        for locale in sorted({gold.locale for gold in read_gold(question)}):
            table.add_row("", locale, *_write(try_judge(question, judged, locale=locale)), style="dim")
    out.print(table)
    out.print()
    out.print(Text(LEGEND, "dim"))
    for question in tried:
        _print_mistakes(out, question, list_mistakes(question, judged))


def _write(reliability: Reliability) -> tuple[str, ...]:
    return (
        str(reliability.n),
        str(reliability.unreadable or "·"),
        _write_share(reliability.sensitivity, reliability.good, reliability.sensitivity_interval),
        _write_share(reliability.specificity, reliability.bad, reliability.specificity_interval),
        f"{reliability.kappa:.2f}",
    )


def _write_share(share: float, n: int, interval: Interval) -> str:
    return f"{write_share(share)} [{write_range(interval.low, interval.high, 'share')}]" if n else ""


def _print_mistakes(out: Console, question: Question, wrong: Sequence[tuple[Gold, Judgement]]) -> None:
    if not wrong:
        return
    out.print()
    out.print(Text(f"Wrong about {question} ({len(wrong)})", "bold"))
    for gold, judged in wrong:
        said = "called good" if judged.ok else "called bad"
        out.print(Text(f"  line {gold.line}, {said}: {judged.why or 'no reason given'}"))
        out.print(Text(f"    gold: {write_line(gold.note)}", "dim"))
        out.print(Text(f"    reply: {write_line(str(gold.asked.material['reply']), most=REPLY_CHARS)}", "dim"))


# judge --------------------------------------------------------------------------------------------------------------


def print_judged(
    out: Console,
    figures: Sequence[JudgedFigure],
    asked: Sequence[Asked],
    judged: Mapping[str, Judgement],
    model_id: str,
) -> None:
    """The figures, as judged and as corrected; then every turn that was judged bad."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("question", "judged", "corrected", "95%", "n", "target", "verdict"):
        table.add_column(name, justify="left" if name in ("question", "verdict") else "right", no_wrap=True)
    for each in figures:
        shown = each.corrected or each.figure
        table.add_row(
            each.question,
            write_share(each.figure.value),
            write_share(shown.value) if each.corrected else "",
            write_interval(shown),
            write_n(each.figure),
            write_share(shown.target),
            write_verdict(shown.verdict) if each.gates else "decides nothing",
        )
    out.print(table)
    unread = sum(each.unreadable for each in figures)
    if unread:
        out.print(Text(f"{count(unread, 'answer', 'answers')} could not be read, and count nowhere", "yellow"))
    untried = [each.question for each in figures if each.corrected is None]
    weak = [each.question for each in figures if each.corrected is not None and not each.gates]
    if untried:
        command = "firstline eval judge-check"
        out.print(Text(f"{model_id} was not tried on {' and '.join(untried)}: `{command}`", "yellow"))
    if weak:
        out.print(Text(f"{model_id} is not trusted on {' and '.join(weak)}", "yellow"))
    _print_bad(out, asked, judged)


def _print_bad(out: Console, asked: Sequence[Asked], judged: Mapping[str, Judgement]) -> None:
    found = ((one, judged.get(one.key)) for one in asked)
    bad = [(one, each) for one, each in found if each is not None and each.ok is False]
    if not bad:
        return
    out.print()
    out.print(Text(count(len(bad), "turn judged bad", "turns judged bad"), "bold"))
    for one, each in bad[:MOST_LINES]:
        act = "" if one.act is None else f", act {one.act + 1}"
        out.print(Text.assemble((f"  {one.trial}{act}  ", "bold"), f"{one.question}: {write_line(each.why)}"))
    if len(bad) > MOST_LINES:
        out.print(Text(f"  … and {len(bad) - MOST_LINES:,} more", "dim"))
