"""The pages of the people who work here: the inbox, behind its sign-in, and the words of both."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from firstline.language import right_to_left
from firstline.phrases import load_phrases
from firstline.service.fence import UNFRAMED
from firstline.service.identity import hash_token
from firstline.service.pages import pick_locale, show_page
from firstline.service.reception import Served
from firstline.service.sign_in import COOKIE, Door
from firstline.types import Json

router = APIRouter()


@router.get("/inbox", response_class=HTMLResponse, include_in_schema=False)
async def inbox_page(request: Request, reception: Served, door: Door) -> Response:
    """Where human agents work; the sign-in for whoever is not signed in."""
    bundle = reception.engine(None).bundle
    chosen = pick_locale(request, bundle, None)  # `locale` is a filter of the list here
    token = request.cookies.get(COOKIE)
    known = await door.find(hash_token(token)) if token else None
    name = "inbox.html" if known is not None else "sign_in.html"
    words = load_phrases("desk", chosen)
    response = show_page(request, name, bundle, chosen, desk=words, demo=not reception.settings.production)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = UNFRAMED
    return response


@router.get("/v1/staff/words", tags=["staff"])
async def read_words(
    request: Request, reception: Served, locale: Annotated[str | None, Query(max_length=35)] = None
) -> Json:
    """The words of the inbox in a language; they are no secret."""
    chosen = pick_locale(request, reception.engine(None).bundle, locale)
    direction = "rtl" if right_to_left(chosen) else "ltr"
    return {"locale": chosen, "direction": direction, "words": load_phrases("desk", chosen)}
