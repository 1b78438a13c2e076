"""What the runs of `firstline eval` say of a revision that is to be published."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from firstline.bundle import Bundle
from firstline.errors import ConfigError
from firstline.evals.compare import compare
from firstline.evals.results import runs_of
from firstline.evals.run import hash_suite
from firstline.evals.sheet import RUN, SUMMARY, Origin, Sheet, read_origin, read_sheet
from firstline.publishing import Compared, Evaluation, Evidence
from firstline.scoring.case import Case

Found = tuple[Path, Origin]


def gather_evidence(bundle: Bundle, cases: Sequence[Case], *, model: str, data: Path, base: str | None) -> Evidence:
    """The newest finished run of this revision, one of today's cases and model before others; beside it the newest
    one of `base`, the revision that is in force, over the same cases and seed.
    """
    suite, base = hash_suite(cases), base if base != bundle.revision else None
    runs = list(_finished(runs_of(data, bundle.name)))
    own = [each for each in runs if each[1].revision == bundle.revision]
    own.sort(key=lambda each: (each[1].suite == suite and each[1].model == model, each[1].began_at), reverse=True)
    found = next(_read(own), None)
    if found is None:
        return Evidence(None, suite, model, base)
    folder, sheet = found
    compared = _compare(sheet, [each for each in runs if each[1].revision == base])
    return Evidence(_tell(folder, sheet), suite, model, base, compared)


def _finished(place: Path) -> Iterator[Found]:
    for file in place.glob(f"*/{RUN}"):
        try:
            origin = read_origin(file.parent)
        except ConfigError:
            continue
        if (file.parent / SUMMARY).exists():
            yield file.parent, origin


def _read(found: Sequence[Found]) -> Iterator[tuple[Path, Sheet]]:
    """Those that can be read, one by one: they are large."""
    for folder, _ in found:
        try:
            yield folder, read_sheet(folder)
        except ConfigError:
            continue


def _tell(folder: Path, sheet: Sheet) -> Evaluation:
    return Evaluation(
        folder=str(folder),
        suite=sheet.origin.suite,
        model=sheet.origin.model,
        seed=sheet.origin.seed,
        conversations=len(sheet.scored),
        passed=len(sheet.passed),
        broken=len(sheet.broken),
        verdict=sheet.verdict,
        criteria={figure.criterion: figure.verdict for figure in sheet.figures},
    )


def _compare(sheet: Sheet, others: Sequence[Found]) -> Compared | None:
    origin = sheet.origin
    alike = [each for each in others if (each[1].suite, each[1].seed) == (origin.suite, origin.seed)]
    alike.sort(key=lambda each: each[1].began_at, reverse=True)
    for folder, other in _read(alike):
        comparison = compare(other, sheet)
        if comparison.pairs:
            return Compared(str(folder), tuple(str(each.criterion) for each in comparison.worse))
    return None
