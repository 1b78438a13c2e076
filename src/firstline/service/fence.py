"""What every request passes first: an id, a size, a deadline; and the headers that every response carries."""

import asyncio
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
UNFRAMED = POLICY.replace("frame-ancestors 'self'", "frame-ancestors 'none'")
"""Of pages that nobody may put into a frame: a click there does something."""

_log = structlog.get_logger()


def error_response(status: int, code: str, message: str, *, retryable: bool, request_id: str) -> JSONResponse:
    """The one shape of an error; nothing in it comes from inside."""
    error = {"code": code, "message": message, "retryable": retryable, "request_id": request_id}
    return JSONResponse({"error": error}, status)


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Fence:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, *, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _add_headers(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        try:
            await self._app(scope, await self._read_body(scope, receive), send_with_headers)
        except _Refused as refused:
            response = error_response(
                refused.status, refused.code, refused.message, retryable=False, request_id=request_id
            )
            await response(scope, receive, send_with_headers)
        except Exception:
            _log.exception("request_broke", path=scope["path"], request_id=request_id)
            if begun:
                raise  # too late to say anything: the connection is torn
            text = "Something broke on our side. Please try again."
            response = error_response(500, "internal", text, retryable=True, request_id=request_id)
            await response(scope, receive, send_with_headers)

    async def _read_body(self, scope: Scope, receive: Receive) -> Receive:
        """The body, whole, small and in time; so nobody holds a place by sending slowly, or fills the memory."""
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return receive
        headers = Headers(scope=scope)
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, "disconnected", "The request ended before its body.")
                    body += message.get("body", b"")
                    if len(body) > BODY_BYTES:
                        raise _Refused(413, "too_large", f"A request body holds at most {BODY_BYTES:,} bytes.")
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise _Refused(408, "too_slow", "The request body did not come in time. Send it again.") from None
        if body and not headers.get("content-type", "").lower().startswith("application/json"):
            raise _Refused(415, "bad_json", "Send JSON, with the header Content-Type: application/json.")
        return _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _add_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", POLICY)
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")
