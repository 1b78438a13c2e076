"""The application: routes, the one shape of errors, what starts with it and ends with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from firstline import __version__
from firstline.errors import FirstlineError, RequestError, StoreError
from firstline.service import chat, desk_in, pages, person, report, sign_in, staff, staff_pages, staff_stream
from firstline.service.fence import Fence, error_response
from firstline.service.invalid import tell_invalid
from firstline.service.limits import Buckets, TooMany
from firstline.service.reception import Reception
from firstline.wire import Service

SIGN_INS_PER_MINUTE = 30
"""For each address: an office behind one may sign in together."""

_log = structlog.get_logger()


def build_app(service: Service) -> FastAPI:
    """The ASGI application of a service; it starts and closes it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        await service.start()
        yield
        await service.close()

    app = FastAPI(
        title="Firstline",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.reception = Reception(
        settings=service.settings,
        engines=service.engines,
        ledger=service.ledger,
        dispatcher=service.dispatcher,
        message_buckets=Buckets(service.settings.messages_per_minute),
        conversation_buckets=Buckets(service.settings.conversations_per_minute),
        records=service.records,
    )
    app.state.staff_door = sign_in.StaffDoor(
        register=service.staff,
        settings=service.settings,
        now=app.state.reception.now,
        attempts=Buckets(SIGN_INS_PER_MINUTE),
    )
    app.state.archive = service.archive
    app.state.desk_door = desk_in.DeskDoor(service.settings.desk, service.desk_secret, service.deliveries)
    app.state.service = service
    app.include_router(chat.router)
    app.include_router(person.router)
    for router in (
        desk_in.router,
        sign_in.router,
        sign_in.demo_router,
        staff.router,
        report.router,
        staff_stream.router,
        staff_pages.router,
    ):
        app.include_router(router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=pages.WEB / "static"), name="static")
    app.add_api_route("/healthz", _healthz, tags=["operations"])
    app.add_api_route("/readyz", _readyz, tags=["operations"])
    app.add_api_route("/metrics", _metrics, tags=["operations"])
    app.add_exception_handler(RequestError, _on_request_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(FirstlineError, _on_our_error)
    app.add_middleware(Fence)
    origins = service.settings.allowed_origins
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    return app


async def _healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok", "version": __version__}


async def _readyz(request: Request) -> JSONResponse:
    """The store can be read and the bundles are loaded; which model speaks, and which revisions new conversations
    get. `problems`: by bundle, a publication that could not be opened; what was served before goes on.
    """
    service: Service = request.app.state.service
    try:
        await service.store.unfinished()
    except StoreError:
        return JSONResponse({"status": "store_unavailable"}, 503)
    models = {name: engine.model.name for name, engine in service.engines.items()}
    revisions = {name: service.engines.shares(name) for name in service.engines}
    ready = {"status": "ready", "models": models, "revisions": revisions, "busy": service.dispatcher.busy}
    return JSONResponse({**ready, "problems": service.engines.problems})


async def _metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _answer(request: Request, status: int, code: str, message: str, *, retryable: bool = False) -> JSONResponse:
    return error_response(status, code, message, retryable=retryable, request_id=request.state.request_id)


async def _on_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    response = _answer(request, error.status, error.code, error.message, retryable=error.retryable)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid" or first["loc"] == ("body",):
        return _answer(request, 400, "bad_json", "The body is not a JSON object. Send valid JSON.")
    return _answer(request, 422, "invalid", tell_invalid(first, first["loc"][1:]))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {400: "bad_json", 404: "not_found", 405: "method_not_allowed"}
    message = HTTPStatus(error.status_code).phrase
    response = _answer(request, error.status_code, codes.get(error.status_code, "http_error"), f"{message}.")
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _on_our_error(request: Request, error: Exception) -> Response:
    """The store is full, read-only or locked: nothing was accepted, and it may work again in a moment."""
    _log.error("request_failed", error=type(error).__name__, reason=str(error))
    text = "We cannot take this right now; nothing was stored. Please try again in a moment."
    response = _answer(request, 503, "store_unavailable", text, retryable=True)
    response.headers["Retry-After"] = "5"
    return response
