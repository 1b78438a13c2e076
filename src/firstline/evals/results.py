"""Folders of runs: where a new one goes, how one is taken up, which was the last, and the files that people read."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

from firstline.errors import ConfigError, Problem
from firstline.evals.compare import Comparison, compare
from firstline.evals.page import write_page
from firstline.evals.run import TRIALS
from firstline.evals.sheet import RUN, SUMMARY, Origin, Sheet, read_origin, read_sheet, write_origin, write_sheet
from firstline.evals.written import write_junit, write_markdown

PAGE, MARKDOWN, JUNIT = "report.html", "report.md", "junit.xml"


def choose_folder(data: Path, bundle: str, revision: str, now: datetime) -> Path:
    """A folder that is not there yet, for a new run; their names sort by time."""
    name = f"{now:%Y%m%dT%H%M%SZ}-{revision[:8]}"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(folder for each in names if not (folder := runs_of(data, bundle) / each).exists())


def runs_of(data: Path, bundle: str) -> Path:
    return data / "evals" / bundle


def take_up(folder: Path, origin: Origin, *, resume: bool) -> Origin:
    """The run that goes into this folder: a new one, or the one that is there, to be gone on with.

    Raises: ConfigError when something else is there: other files, or a run of another bundle, revision or model.
    """
    if not (folder / RUN).exists() and folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(Problem("something else is in this folder", "give another one with --out", folder))
    if (folder / RUN).exists():
        before = read_origin(folder)
        if not resume:
            _set_aside(folder)
        elif (what := _differs(before, origin)) is not None:
            raise ConfigError(
                Problem(f"a run of another {what} is in this folder", "give another --out, or --no-resume", folder)
            )
        else:
            return origin.model_copy(update={"began_at": before.began_at})
    return origin


def begin(folder: Path, origin: Origin) -> None:
    """Write down what is to be run. The run has no summary until it ends."""
    (folder / SUMMARY).unlink(missing_ok=True)
    write_origin(origin, folder)


def _differs(before: Origin, now: Origin) -> str | None:
    return next(
        (name for name in ("bundle", "revision", "model") if getattr(before, name) != getattr(now, name)), None
    )


def _set_aside(folder: Path) -> None:
    """What was paid for is not thrown away: the trials stay there under another name."""
    if (folder / TRIALS).exists():
        kept = len(list(folder.glob(f"*{TRIALS}")))
        (folder / TRIALS).rename(folder / f"before-{kept}-{TRIALS}")


def publish(sheet: Sheet, folder: Path, against: Comparison | None = None) -> None:
    """Write everything that is made of the trials, for programs and for people; beside the last run in that place,
    where no other is given.
    """
    write_sheet(sheet, folder)
    against = against or beside_last(sheet, earlier_runs(sheet.origin, [folder.resolve().parent]))
    for name, text in (
        (PAGE, write_page(sheet, against)),
        (MARKDOWN, write_markdown(sheet, against)),
        (JUNIT, write_junit(sheet)),
    ):
        (folder / name).write_text(text, encoding="utf-8")


def earlier_runs(origin: Origin, places: Iterable[Path]) -> list[Path]:
    """The folders, in these places, of the same bundle's finished runs that began before this one; the last first."""
    found: dict[datetime, Path] = {}
    for folder in {run.parent.resolve() for place in places for run in place.glob(f"*/{RUN}")}:
        try:
            other = read_origin(folder)
        except ConfigError:
            continue
        if other.bundle == origin.bundle and other.began_at < origin.began_at and (folder / SUMMARY).exists():
            found[other.began_at] = folder
    return [found[moment] for moment in sorted(found, reverse=True)]


def read_sheets(folders: Iterable[Path]) -> Iterator[Sheet]:
    """Those that can be read, one by one: they are large."""
    for folder in folders:
        try:
            yield read_sheet(folder)
        except ConfigError:
            continue


def beside_last(sheet: Sheet, folders: Iterable[Path]) -> Comparison | None:
    """The run beside the first of these that has conversations in common with it."""
    compared = (compare(each, sheet) for each in read_sheets(folders))
    return next((each for each in compared if each.pairs), None)
