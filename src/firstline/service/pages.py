"""The pages and what they need: chat, widget, the knowledge as readable articles, words, the demo's sign-in."""

import re
from html import escape, unescape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, ConfigDict

from firstline.bundle import Bundle
from firstline.errors import RequestError
from firstline.language import right_to_left
from firstline.markup import render_html
from firstline.phrases import load_phrases
from firstline.retrieval.passages import anchor_of
from firstline.service.identity import sign_identity
from firstline.service.reception import Served
from firstline.types import Json, Locale, choose_text

WEB = Path(__file__).parent.parent / "web"
UI_LOCALES = ("en", "zh", "ar")

router = APIRouter()
templates = Jinja2Templates(WEB / "templates")


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def chat_page(
    request: Request, reception: Served, bundle: str | None = None, locale: str | None = None
) -> Response:
    """The chat, as a page of its own."""
    return show_page(
        request,
        "chat.html",
        reception.engine(bundle).bundle,
        pick_locale(request, reception.engine(bundle).bundle, locale),
    )


@router.get("/embed", response_class=HTMLResponse, include_in_schema=False)
async def embed_page(request: Request, reception: Served, bundle: str | None = None) -> Response:
    """A page of a make-believe company, with the widget on it."""
    chosen = reception.engine(bundle).bundle
    return show_page(request, "embed.html", chosen, pick_locale(request, chosen, None))


@router.get("/widget.js", include_in_schema=False)
async def widget() -> Response:
    """What a company puts on its pages."""
    return FileResponse(
        WEB / "static" / "widget.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )


@router.get("/help/{name}/{locale}/{slug:path}", response_class=HTMLResponse, include_in_schema=False)
async def article_page(request: Request, name: str, locale: Locale, slug: str, reception: Served) -> Response:
    """One article of the knowledge: where citations lead."""
    reception.engine(name)
    for bundle in (engine.bundle for engine in reception.engines.live(name)):
        article = next((each for each in bundle.articles if (each.locale, each.slug) == (locale, slug)), None)
        if article is not None:
            body = _add_anchors(render_html(article.body))
            return show_page(
                request, "article.html", bundle, locale, title=article.title, updated=article.updated, body_html=body
            )
    raise RequestError(404, "not_found", "There is no such article.")


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def api_page(request: Request, reception: Served) -> Response:
    """The API, read from its own description; no script, nothing from elsewhere."""
    schema = request.app.openapi()
    return show_page(request, "api.html", reception.engine(None).bundle, "en", schema=schema)


@router.get("/v1/bundles/{name}", tags=["customer"])
async def read_bundle(
    name: str,
    reception: Served,
    locale: Annotated[str | None, Query(max_length=35)] = None,
    revision: Annotated[str | None, Query(max_length=80)] = None,
) -> Json:
    """What a page must know of a business before a conversation starts; `default` is the first that is served.

    A page hands the `revision` on when it starts the conversation: so what it has shown is what speaks then.
    """
    engine = await reception.engine_shown(None if name == "default" else name, revision)
    bundle = engine.bundle
    wanted = (locale or bundle.locale).lower().split("-")[0]
    shown = wanted if wanted in {*bundle.locales, *UI_LOCALES} else bundle.locale
    title, welcome = choose_text(bundle.assistant.title, shown), choose_text(bundle.welcome, shown)
    demo = () if reception.settings.production else bundle.demo_customers
    return {
        "bundle": bundle.name,
        "revision": bundle.revision,
        "business": choose_text(bundle.business, shown),
        "assistant": {"name": bundle.assistant.name, "title": title, "picture": bundle.assistant.picture},
        "accent": bundle.accent,
        "locale": shown,
        "locales": list(bundle.locales),
        "direction": "rtl" if right_to_left(shown) else "ltr",
        "welcome": welcome,
        "starters": [choose_text(starter.text, shown) for starter in bundle.starters],
        "contact": bundle.contact.model_dump(),
        "wait_minutes": bundle.handoff.wait_minutes,
        "message_chars": bundle.limits.message_chars,
        "offline": engine.model.offline,
        "demo_customers": [
            {"id": each.id, "name": each.name, "note": choose_text(each.note, shown)} for each in demo
        ],
        "words": load_phrases("ui", shown),
    }


class DemoBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    customer_id: str
    bundle: str | None = None


@router.post("/demo/identity", include_in_schema=False)
async def demo_identity(body: DemoBody, reception: Served) -> Json:
    """A demo customer's signed identity, as a company's own site would give it. Not in production."""
    bundle = reception.engine(body.bundle).bundle
    found = next((each for each in bundle.demo_customers if each.id == body.customer_id), None)
    if found is None or reception.settings.production:
        raise RequestError(404, "not_found", "There is no such demo customer.")
    secret, audience = reception.settings.identity_secret.get_secret_value(), reception.settings.identity_audience
    return {"identity": sign_identity(found.id, found.name, secret=secret, audience=audience, now=reception.now())}


def _add_anchors(html: str) -> str:
    """Headings that citations can lead to."""

    def add(match: re.Match[str]) -> str:
        anchor = anchor_of(unescape(re.sub(r"<[^>]+>", "", match[2])))
        return f'<h{match[1]} id="{escape(anchor)}">{match[2]}</h{match[1]}>'

    return re.sub(r"<h([1-6])>(.*?)</h\1>", add, html, flags=re.DOTALL)


def pick_locale(request: Request, bundle: Bundle, wanted: str | None) -> Locale:
    """The page's language: the one asked for, else the browser's first that we have, else the bundle's."""
    header = request.headers.get("accept-language", "")
    asked = [wanted or "", *(part.split(";")[0].strip() for part in header.split(","))]
    known = {*bundle.locales, *UI_LOCALES}
    bare = (each.lower().split("-")[0] for each in asked)
    return next((each for each in bare if each in known), bundle.locale)


def show_page(request: Request, name: str, bundle: Bundle, locale: Locale, **values: object) -> Response:
    """A page from its template, with what every page is given."""
    context: dict[str, object] = {
        "bundle": bundle.name,
        "business": choose_text(bundle.business, locale),
        "assistant": bundle.assistant.name,
        "title": choose_text(bundle.assistant.title, locale),
        "accent": bundle.accent,
        "locale": locale,
        "direction": "rtl" if right_to_left(locale) else "ltr",
        "words": load_phrases("ui", locale),
        **values,
    }
    return templates.TemplateResponse(request, name, context)
