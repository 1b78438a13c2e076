"""`firstline publish`, `revisions`, `rollback`: beside a running server, which soon takes up what they write.

Exit codes: 0 done; 1 the bundle has mistakes, or its own rules speak against it; 2 it could not run.
"""

import asyncio
import json
import os
import pwd
import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from firstline.bundle import Bundle
from firstline.bundle.revisions import find_revision, is_whole, keep_revision, place_of
from firstline.config import Settings, load_settings
from firstline.errors import ConfigError, Conflict, Problem
from firstline.evals.dataset import load_cases
from firstline.publish_evidence import gather_evidence
from firstline.publishing import (
    Act,
    Evaluation,
    Evidence,
    Publication,
    Refusal,
    find_refusals,
    list_taken_back,
    list_withdrawn,
    plan_rollback,
    plan_shares,
    settled,
)
from firstline.scoring.case import Case
from firstline.store.publications import SqlPublications
from firstline.store.staff_opening import open_published
from firstline.tools.python import open_bundle
from firstline.types import Json
from firstline.wire import choose_model

out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

SHOWN = 8
"""Characters of a revision that are shown to people."""

Name = Annotated[str, typer.Argument(help="the bundle's name")]
Note = Annotated[str, typer.Option("--note", help="what changed, for whoever reads the list")]
By = Annotated[str | None, typer.Option("--by", help="who does it; the name of this login")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


def publish(
    bundle: Annotated[Path, typer.Argument(help="the bundle's folder")],
    share: Annotated[
        str, typer.Option(help="of new conversations, such as 10%; the others keep what they get")
    ] = "100%",
    note: Note = "",
    despite: Annotated[
        str | None, typer.Option(help="the reason to publish though its rules speak against it")
    ] = None,
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Give customers a bundle as it is now: it is checked, kept, and new conversations get it."""
    given, settings = _read_share(share), load_settings()
    found, cases = _open(bundle, as_json=as_json)
    with _opened(settings) as store:
        history = store.history(found.name)
        shares = plan_shares(history, found.revision, given)
        if history and history[-1].shares == shares:
            keep_revision(bundle, settings.data, found.revision)  # a copy that was damaged is whole again
            _say(f"revision {found.revision} is published already", {"published": False}, as_json=as_json)
            return
        base = next(iter(settled(history)[-1:]), None)
        evidence = gather_evidence(found, cases, model=_model_of(found, settings), data=settings.data, base=base)
        refusals = _ask_rules(found, bundle, evidence, settings)
        planned = Publication(
            bundle=found.name,
            act="published",
            revision=found.revision,
            shares=shares,
            at=datetime.now(UTC),
            by=by or _login(),
            note=note,
            evaluation=evidence.evaluation,
            refused=tuple(each.what for each in refusals),
            despite=despite if refusals else None,
        )
        _describe(planned, history, evidence)
        if refusals and despite is None:
            _refuse(refusals, as_json=as_json)
        _agree(yes=yes)
        keep_revision(bundle, settings.data, found.revision)
        done = _add(store, planned, history)
    told = f"published; a running server takes it up within seconds, `firstline rollback {done.bundle}` goes back"
    _say(told, {"published": True, "publication": done.model_dump(mode="json")}, as_json=as_json)


def revisions(name: Name, as_json: AsJson = False) -> None:
    """List what was published of a bundle, the newest first; and which share of new conversations each gets now."""
    settings, name = load_settings(model="offline"), Path(name).name
    with _opened(settings) as store:
        history, counts = store.history(name), store.count_conversations(name)
    last = {each.revision: each for each in history if each.act == "published"}
    ordered = sorted(last.values(), key=lambda each: -each.number)
    whole = {each for each in last if is_whole(place_of(settings.data, name, each), each)}
    shares: Mapping[str, float] = history[-1].shares if history else {}
    if as_json:
        rows: list[Json] = [
            {
                "revision": each.revision,
                "share": shares.get(each.revision, 0.0),
                "conversations": counts.get(each.revision, 0),
                "whole": each.revision in whole,
            }
            for each in ordered
        ]
        entries = [each.model_dump(mode="json") for each in reversed(history)]
        typer.echo(json.dumps({"bundle": name, "revisions": rows, "history": entries}, ensure_ascii=False))
    elif not ordered:
        err.print(f"nothing of {name} is published; its folder is served as it is", markup=False)
    else:
        out.print(f"{name}: {_tell_plan(history[-1])}", markup=False)
        for each in ordered:
            gets = f"{_tell_share(shares[each.revision])} now, " if each.revision in shares else ""
            out.print(f"\n{each.revision}  {gets}{counts.get(each.revision, 0)} conversations", markup=False)
            _describe_entry(each, whole=each.revision in whole)


def rollback(
    name: Name,
    revision: Annotated[str | None, typer.Argument(help="its first characters; what was published before")] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="also in conversations that have begun with what is taken back")
    ] = False,
    note: Note = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Go back to what was published before, at once and for all new conversations. Nothing is deleted."""
    settings, name = load_settings(model="offline"), Path(name).name
    with _opened(settings) as store:
        history = store.history(name)
        wanted = plan_rollback(history, revision)
        shares = {wanted: 1.0}
        withdrawn = list_taken_back(history, wanted) if everywhere else []
        if history[-1].shares == shares and list_withdrawn(history).issuperset(withdrawn):
            _say(f"all new conversations get {wanted} already", {"rolled_back": False}, as_json=as_json)
            return
        find_revision(settings.data, name, wanted)
        before = next(each for each in reversed(history) if each.revision == wanted)
        act: Act = "rolled_back"
        planned = Publication(
            bundle=name, act=act, revision=wanted, shares=shares, at=datetime.now(UTC), by=by or _login(), note=note,
            evaluation=before.evaluation, refused=before.refused, despite=before.despite,
            withdrawn=tuple(withdrawn),
        )  # fmt: skip
        done = _add(store, planned, history)
    rest = f"so do those of {', '.join(each[:SHOWN] for each in withdrawn)}" if withdrawn else "others keep theirs"
    told = f"{name}: all new conversations get {wanted[:SHOWN]} again, {rest}"
    _say(told, {"rolled_back": True, "publication": done.model_dump(mode="json")}, as_json=as_json)


def _read_share(written: str) -> float:
    """Raises ConfigError for anything but a percentage above 0 and up to 100."""
    try:
        share = float(written.removesuffix("%")) / 100 if written.endswith("%") else 0.0
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ConfigError(Problem(f"`{written}` is no share of conversations", "write it like 10%"))
    return share


def _open(path: Path, *, as_json: bool) -> tuple[Bundle, Sequence[Case]]:
    """The bundle and its cases; where there are mistakes, each is named and the command ends."""
    try:
        with TemporaryDirectory(prefix="firstline-publish-") as rows:
            found, toolset = open_bundle(path, data=Path(rows))
            toolset.close()
            return found, load_cases(found)
    except ConfigError as error:
        _refuse([Refusal(str(each).partition("\n")[0], each.remedy) for each in error.problems], as_json=as_json)


@contextmanager
def _opened(settings: Settings) -> Generator[SqlPublications]:
    store = open_published(settings.store_url)
    try:
        yield store
    finally:
        store.close()


def _model_of(bundle: Bundle, settings: Settings) -> str:
    """The model that would speak."""
    model = choose_model(bundle, settings)
    asyncio.run(model.aclose())
    return model.name


def _ask_rules(bundle: Bundle, path: Path, evidence: Evidence, settings: Settings) -> list[Refusal]:
    run = shlex.join(["firstline", "eval", "run", str(path)])
    base = place_of(settings.data, bundle.name, evidence.base or "")
    seed = evidence.evaluation.seed if evidence.evaluation else 1
    again = ["firstline", "eval", "run", str(base), "--cases", str(path / "evals"), "--seed", str(seed)]
    return find_refusals(bundle.publish, evidence, run=run, run_base=shlex.join(again))


def _describe(planned: Publication, history: Sequence[Publication], evidence: Evidence) -> None:
    """What is going to happen, and on what grounds."""
    others = [each for each in planned.shares if each != planned.revision]
    now = history[-1] if history else None
    err.print(f"{planned.bundle}, revision {planned.revision}", style="bold", markup=False)
    if now is None:
        err.print("  nothing of it was published before", markup=False)
    else:
        err.print(f"  until now  {_tell_plan(now)}", markup=False)
    share = f"{_tell_share(planned.shares[planned.revision])} of" if others else "all"
    rest = f", the others {others[0][:SHOWN]}" if others else ""
    err.print(f"  then       {share} new conversations get it{rest}", markup=False)
    evaluation = evidence.evaluation
    err.print(f"  evaluated  {_tell_evaluation(evaluation)}", markup=False)
    if evaluation is not None:
        cases = "" if evaluation.suite == evidence.suite else ", of other cases than there are now"
        err.print(f"             with {evaluation.model}{cases}: {evaluation.folder}", markup=False)
    if evidence.compared is not None and evidence.base is not None:
        worse = ", ".join(evidence.compared.worse) or "nothing"
        err.print(f"             worse than {evidence.base[:SHOWN]}, beyond chance: {worse}", markup=False)


def _describe_entry(entry: Publication, *, whole: bool) -> None:
    """Who published it, when and on what grounds; `whole`: whether its copy is what was published."""
    out.print(f"  published {entry.at.astimezone():%d %b %Y %H:%M} by {entry.by}", markup=False)
    if not whole:
        out.print("  its copy is damaged", style="red")
    evaluated = f"evaluated then: {_tell_evaluation(entry.evaluation)}"
    for line in filter(None, (entry.note, evaluated, entry.despite and f"despite: {entry.despite}")):
        out.print(f"  {line}", markup=False)


def _tell_plan(now: Publication) -> str:
    """What is in force, since when, and whose doing it is."""
    gets = ", ".join(f"{_tell_share(share)} {revision[:SHOWN]}" for revision, share in now.shares.items())
    act = "rolled back" if now.act == "rolled_back" else "published"
    return f"{gets}; {act} {now.at.astimezone():%d %b %Y %H:%M} by {now.by}"


def _tell_share(share: float) -> str:
    return f"{share * 100:.4g}%"


def _tell_evaluation(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "none"
    failing = [name for name, verdict in evaluation.criteria.items() if verdict == "fail"]
    named = f"; failing: {', '.join(failing)}" if failing else ""
    return f"{evaluation.verdict}, {evaluation.passed} of {evaluation.conversations} conversations in order{named}"


def _refuse(refusals: Sequence[Refusal], *, as_json: bool) -> NoReturn:
    """Say every reason with what settles it, and end with exit code 1."""
    if as_json:
        typer.echo(
            json.dumps({"published": False, "refused": [each.to_json() for each in refusals]}, ensure_ascii=False)
        )
    else:
        for each in refusals:
            out.print(f"✗ {each.what}\n    → {each.remedy}", markup=False)
        err.print("not published", style="red")
    raise typer.Exit(1)


def _agree(*, yes: bool) -> None:
    """Raises: ConfigError when nobody can be asked; typer.Exit 2 when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(Problem("nobody is here to agree", "give --yes"))
    try:
        agreed = typer.confirm("Publish?", err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise typer.Exit(2)


def _add(store: SqlPublications, planned: Publication, history: Sequence[Publication]) -> Publication:
    """Raises ConfigError when somebody else was first."""
    try:
        return store.add(planned, after=history[-1].number if history else 0)
    except Conflict as conflict:
        remedy = f"look at `firstline revisions {planned.bundle}`, then decide again"
        raise ConfigError(Problem(str(conflict), remedy)) from None


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        return f"uid {os.getuid()}"


def _say(told: str, body: Json, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        out.print(f"✓ {told}", markup=False)
