"""The report's part of `/v1/staff`, and its page: the same figures as JSON, as CSV, and to be read and printed."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from firstline.bundle import Bundle
from firstline.errors import RequestError
from firstline.phrases import load_phrases
from firstline.report import Archive
from firstline.report.build import build_report
from firstline.report.scope import BadScope, Scope, read_scope
from firstline.report.sheet import view_report, write_csv
from firstline.report.values import Report
from firstline.report.written import Words
from firstline.service.fence import UNFRAMED
from firstline.service.identity import hash_token
from firstline.service.pages import pick_locale, show_page
from firstline.service.reception import Reception, Served
from firstline.service.report_form import Shown, show_filters
from firstline.service.report_page import show_report
from firstline.service.sign_in import COOKIE, AsViewer, Door
from firstline.types import Locale

LANGUAGES = ("en", "zh")
LONGEST = 100

router = APIRouter()


async def archive_of(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


async def asked_of(
    first: Annotated[str, Query(alias="from", max_length=LONGEST)] = "",
    last: Annotated[str, Query(alias="to", max_length=LONGEST)] = "",
    bundle: Annotated[str, Query(max_length=LONGEST)] = "",
    revision: Annotated[str, Query(max_length=LONGEST)] = "",
    locale: Annotated[str, Query(max_length=LONGEST)] = "",
    playbook: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Mapping[str, str]:
    """What an address asks for, unread; an empty field of a form asks for nothing."""
    return {
        "from": first,
        "to": last,
        "bundle": bundle.strip(),
        "revision": revision,
        "locale": locale,
        "playbook": playbook,
    }


Archived = Annotated[Archive, Depends(archive_of)]
Asked = Annotated[Mapping[str, str], Depends(asked_of)]


@router.get("/v1/staff/report", tags=["staff"])
async def read_report(
    caller: AsViewer,
    asked: Asked,
    reception: Served,
    archive: Archived,
    door: Door,
    how: Annotated[str, Query(alias="format", max_length=LONGEST)] = "json",
) -> Response:
    """The figures of a period, by default the last 30 days; `format=csv` for a spreadsheet."""
    if how not in ("json", "csv"):
        raise RequestError(422, "invalid", "format: json or csv is expected.")
    scope = _choose_scope(reception, asked, "en")
    report = await _make(reception, archive, scope, "en")
    if how == "json":
        return JSONResponse(await asyncio.to_thread(view_report, report))
    await door.note(caller, "exported", what="report")
    file = f"report-{scope.bundle or 'all'}-{scope.first}-{scope.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(write_csv(report), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/report", response_class=HTMLResponse, include_in_schema=False)
async def report_page(
    request: Request, asked: Asked, reception: Served, archive: Archived, door: Door, lang: str | None = None
) -> Response:
    """The report to read and to print; the sign-in for whoever is not signed in."""
    bundle = reception.engine(None).bundle
    locale = pick_locale(request, bundle, lang)
    token = request.cookies.get(COOKIE)
    if token is None or await door.find(hash_token(token)) is None:
        words, demo = load_phrases("desk", locale), not reception.settings.production
        response = show_page(request, "sign_in.html", bundle, locale, desk=words, demo=demo)
    else:
        response = await _show(request, asked, reception, archive, locale if locale in LANGUAGES else "en", lang)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = UNFRAMED
    return response


async def _show(
    request: Request,
    asked: Mapping[str, str],
    reception: Reception,
    archive: Archive,
    locale: Locale,
    lang: str | None,
) -> Response:
    """The page; or the form with what is wrong in it."""
    served = _find_bundles(reception, None)
    words, today = load_phrases("report", locale), _today(reception, served[0])
    chosen = lang if lang in LANGUAGES else ""
    try:
        scope = _choose_scope(reception, asked, locale)
    except RequestError as error:
        form = show_filters(asked, served, {}, locale, today=today, lang=chosen)
        page: Shown = {"form": form, "problem": error.message}
        response = show_page(request, "report.html", served[0], locale, report=words, page=page)
        response.status_code = error.status
        return response
    made = await _make(reception, archive, scope, locale)
    bundles = _find_bundles(reception, scope.bundle)
    form = show_filters({**asked, **scope.query}, served, made.tables, locale, today=today, lang=chosen)
    page = {"form": form, **await asyncio.to_thread(show_report, made, bundles, locale)}
    return show_page(request, "report.html", bundles[0], locale, report=words, page=page)


def _find_bundles(reception: Reception, name: str | None) -> Sequence[Bundle]:
    """Of the one that was chosen, else of all, each revision that new conversations get, the leading one first; the
    first one's targets and days hold for the report.
    """
    names = [reception.engine(name).bundle.name] if name is not None else list(reception.engines)
    return [engine.bundle for each in names for engine in reception.engines.live(each)]


def _choose_scope(reception: Reception, asked: Mapping[str, str], locale: Locale) -> Scope:
    """Raises RequestError: 422 that says what is wrong, 404 for a bundle that is not served."""
    bundle = _find_bundles(reception, asked["bundle"] or None)[0]
    try:
        return read_scope(asked, zone=bundle.hours.timezone, today=_today(reception, bundle))
    except BadScope as error:
        told = Words(locale)(f"problem.{error.key}", **error.values)
        raise RequestError(422, "invalid", told) from None


async def _make(reception: Reception, archive: Archive, scope: Scope, locale: Locale) -> Report:
    """In other threads: whoever talks to a customer meanwhile does not wait."""
    tallies = await archive.tally(scope)
    bundles = _find_bundles(reception, scope.bundle)
    return await asyncio.to_thread(build_report, scope, tallies, bundles, locale=locale, made_at=reception.now())


def _today(reception: Reception, bundle: Bundle) -> date:
    return reception.now().astimezone(bundle.hours.zone).date()
