"""A run, or two beside each other, in the terminal: the table of criteria, then one line for each conversation."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstline.evals.compare import Change, Comparison, Flip
from firstline.evals.metrics import Figure, Scored
from firstline.evals.sheet import Sheet
from firstline.evals.wording import (
    CHANGES,
    NAMES,
    made_by,
    name_run,
    name_trial,
    say_beside,
    say_cautions,
    say_comparison,
    say_conversations,
    say_flip,
    say_reasons,
    say_remark,
    say_shifts,
    say_verdict,
    say_warnings,
    write_change,
    write_interval,
    write_line,
    write_n,
    write_p,
    write_share,
    write_verdict,
)
from firstline.intervals import Verdict
from firstline.scoring import CRITERIA

MOST_LINES = 40
WIDE, PIPE = 120, 200
"""Characters: from which width on there is room for one more column; how wide a pipe is taken to be."""

COLOURS: dict[Verdict, str] = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
SIGNS: dict[Change, tuple[str, str]] = {"worse": ("▼ ", "red"), "better": ("▲ ", "green"), "unclear": ("", "dim")}


def print_sheet(out: Console, sheet: Sheet, against: Comparison | None = None) -> None:
    """The whole of a run; beside it, where there is one, what the last run of the same bundle came to."""
    out = _widen(out)
    out.print(Text(f"{write_verdict(sheet.verdict)}  ", COLOURS[sheet.verdict]).append(say_verdict(sheet), "bold"))
    out.print(Text(say_conversations(sheet)))
    for caution in say_cautions(sheet):
        out.print(Text(f"! {caution}", "yellow"))
    out.print()
    _print_criteria(out, sheet, against)
    remarks = [f"{NAMES[figure.criterion]}: {say_remark(figure)}" for figure in sheet.figures if say_remark(figure)]
    if remarks:
        out.print()
        out.print(Text("\n".join(remarks), "dim"))
    _print_trials(out, "Something wrong", sheet.failing)
    _print_trials(out, "Broken off", sheet.broken)
    out.print()
    out.print(Text("; ".join(f"{key} {value}" for key, value in made_by(sheet)), "dim"))
    if against is not None:
        out.print(Text(say_beside(against), "dim" if against.of_one_kind else "yellow"))


def _print_criteria(out: Console, sheet: Sheet, against: Comparison | None) -> None:
    """In a narrow terminal, what was before stands below the table."""
    beside = against is not None and out.width >= WIDE
    table = _table(("criterion", "value", "95%", "n", "target", "verdict", *(["last run"] if beside else [])), 4)
    since: list[str] = []
    for figure in sheet.figures:
        difference = against.of(figure.criterion) if against else None
        change = Text(write_change(difference), SIGNS[difference.change][1] if difference else "")
        since += [f"{NAMES[figure.criterion]}: {change}"] if change and not beside else []
        table.add_row(
            NAMES[figure.criterion],
            write_share(figure.value),
            write_interval(figure),
            write_n(figure),
            write_share(figure.target),
            Text(write_verdict(figure.verdict), COLOURS[figure.verdict]),
            *([change] if beside else []),
        )
    out.print(table, soft_wrap=False)
    if since:
        out.print()
        out.print(Text("\n".join(["In the last run:", *since]), "dim"))


def _widen(out: Console) -> Console:
    """A file or a pipe is as wide as need be."""
    if out.is_terminal:
        return out
    return Console(file=out.file, width=PIPE, soft_wrap=True, highlight=False, emoji=False)


def _table(columns: Sequence[str], last_number: int) -> Table:
    """Columns 1 to `last_number` hold figures."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(columns):
        right = 1 <= place <= last_number
        table.add_column(name, justify="right" if right else "left", no_wrap=place != len(columns) - 1)
    return table


def _print_trials(out: Console, title: str, found: Sequence[Scored]) -> None:
    if not found:
        return
    rows = [(name_trial(each), say_reasons(each)) for each in found[:MOST_LINES]]
    _print_rows(out, f"{title} ({len(found):,})", rows, len(found))


def _print_rows(out: Console, title: str, rows: Iterable[tuple[str, str]], total: int) -> None:
    shown = [Text.assemble("  ", (f"{name}  ", "bold"), write_line(why)) for name, why in rows]
    for line in shown:
        line.truncate(out.width, overflow="ellipsis")
    if total > len(shown):
        shown.append(Text(f"  … and {total - len(shown):,} more", "dim"))
    out.print()
    out.print(Text(title, "bold"))
    out.print(Text("\n").join(shown))


# Two runs -----------------------------------------------------------------------------------------------------------


def print_comparison(out: Console, comparison: Comparison) -> None:
    """Both runs by criterion, then what flipped, then time and cost."""
    out = _widen(out)
    out.print(Text(say_comparison(comparison), "bold"))
    out.print(Text(f"A  {name_run(comparison.before)}\nB  {name_run(comparison.after)}", "dim"))
    for warning in say_warnings(comparison):
        out.print(Text(f"! {warning}", "yellow"))
    out.print()
    table = _table(("criterion", "A", "B", "worse", "better", "p", "" ), 5)  # fmt: skip
    for each in (*comparison.differences, comparison.whole):
        sign, colour = SIGNS[each.change]
        table.add_row(
            NAMES[each.criterion] if each.criterion else "Whole conversations",
            write_share(each.before),
            write_share(each.after),
            str(each.worse or "·"),
            str(each.better or "·"),
            write_p(each.p) if each.worse or each.better else "",
            Text(f"{sign}{CHANGES[each.change]}" if each.worse or each.better else "", colour),
        )
    out.print(table, soft_wrap=False)
    _print_flips(out, "Flipped to bad", [each for each in comparison.flips if each.worse])
    _print_flips(out, "Flipped to good", [each for each in comparison.flips if not each.worse])
    out.print()
    for line in say_shifts(comparison):
        out.print(Text(line, "dim"))


def _print_flips(out: Console, title: str, flips: Sequence[Flip]) -> None:
    if flips:
        rows = [(f"{each.case_id} #{each.number}", say_flip(each)) for each in flips[:MOST_LINES]]
        _print_rows(out, f"{title} ({len(flips):,})", rows, len(flips))


def print_changes(out: Console, comparison: Comparison) -> None:
    """What became of a run that was scored again: verdicts that changed, and conversations."""
    out = _widen(out)
    before = {figure.criterion: figure for figure in comparison.before.figures}
    after = {figure.criterion: figure for figure in comparison.after.figures}
    changed = 0
    for criterion in CRITERIA:
        was, is_now = _tell_verdict(before.get(criterion)), _tell_verdict(after.get(criterion))
        if was[0] != is_now[0]:
            changed += 1
            out.print(Text.assemble((NAMES[criterion], "bold"), f"  {' '.join(was)}  →  {' '.join(is_now)}"))
    if not changed:
        out.print(Text("No verdict of a criterion has changed."))
    _print_flips(out, "Bad now", [each for each in comparison.flips if each.worse])
    _print_flips(out, "Good now", [each for each in comparison.flips if not each.worse])


def _tell_verdict(figure: Figure | None) -> tuple[str, str]:
    return (write_verdict(figure.verdict), f"({write_share(figure.value)})") if figure else ("not measured", "")
