"""The report's part of `/v1/staff`, and its page: the same figures as JSON, as CSV, and made to be read and printed."""

import json
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
from firstline.service.fence import UNFRAMED
from firstline.service.identity import hash_token
from firstline.service.pages import pick_locale, show_page
from firstline.service.reception import Reception, Served
from firstline.service.report_page import show_filters, show_report
from firstline.service.sign_in import COOKIE, AsViewer, Door
from firstline.types import Locale

NAMES = ("from", "to", "bundle", "revision", "locale", "playbook")
LANGUAGES = ("en", "zh")

router = APIRouter()


async def archive_of(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


Archived = Annotated[Archive, Depends(archive_of)]
Word = Annotated[str, Query(max_length=100)]


@router.get("/v1/staff/report", tags=["staff"])
async def read_report(
    request: Request,
    caller: AsViewer,
    reception: Served,
    archive: Archived,
    first: Annotated[Word, Query(alias="from")] = "",
    last: Annotated[Word, Query(alias="to")] = "",
    bundle: Word = "",
    revision: Word = "",
    locale: Word = "",
    playbook: Word = "",
    how: Annotated[Word, Query(alias="format")] = "json",
) -> Response:
    """The figures of a period, by default the last 30 days; `format=csv` for a spreadsheet."""
    if how not in ("json", "csv"):
        raise RequestError(422, "invalid", "format: json or csv is expected.")
    asked = dict(zip(NAMES, (first, last, bundle, revision, locale, playbook), strict=True))
    scope = _read_scope(reception, asked)
    report = await _build(reception, archive, scope, "en")
    if how == "json":
        return JSONResponse(view_report(report))
    name = "-".join(("report", scope.bundle or "all", scope.first.isoformat(), scope.last.isoformat()))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(write_csv(report), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/report", response_class=HTMLResponse, include_in_schema=False)
async def report_page(request: Request, reception: Served, archive: Archived, door: Door) -> Response:
    """The report to read and to print; the sign-in for whoever is not signed in."""
    asked = {name: request.query_params.get(name, "")[:100] for name in NAMES}
    bundle = reception.engine(None).bundle
    locale = pick_locale(request, bundle, request.query_params.get("lang"))
    token = request.cookies.get(COOKIE)
    if token is None or await door.find(hash_token(token)) is None:
        desk = load_phrases("desk", locale)
        response = show_page(request, "sign_in.html", bundle, locale, desk=desk, demo=not reception.settings.production)
    else:
        locale = locale if locale in LANGUAGES else "en"
        response = await _show_page(request, reception, archive, asked, locale)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = UNFRAMED
    return response


async def _show_page(
    request: Request, reception: Reception, archive: Archive, asked: dict[str, str], locale: Locale
) -> Response:
    try:
        scope = _read_scope(reception, asked)
    except RequestError as error:
        bundle = _bundles(reception, None)[0]
        filters = show_filters(asked, None, _bundles(reception, None), locale, today=reception.now().date())
        response = show_page(
            request, "report.html", bundle, locale, page={"filters": filters, "problem": error.message}
        )
        response.status_code = error.status
        return response
    report = await _build(reception, archive, scope, locale)
    bundles = _bundles(reception, scope.bundle)
    page = show_report(report, asked, bundles, _bundles(reception, None), locale)
    return show_page(request, "report.html", bundles[0], locale, page=page)
