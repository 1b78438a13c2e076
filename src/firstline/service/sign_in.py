"""Who of the business calls: sign-in by name and password, the session's cookie, and what each role may reach.

Every other staff route names the role that it needs, `caller: AsHumanAgent`; nothing else lets anybody in.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from firstline.config import Settings
from firstline.errors import RequestError
from firstline.service.bodies import Body, Text
from firstline.service.identity import hash_token, issue_token
from firstline.service.limits import Buckets, TooMany
from firstline.staff import (
    DEMO_NAME,
    LONGEST_PASSWORD,
    Actor,
    AuditAction,
    Caller,
    Refused,
    Role,
    StaffMember,
    StaffRegister,
    StaffSession,
    may,
)
from firstline.types import ConversationId, Json, StaffId

COOKIE = "firstline_staff"
AUDIT_PAGE, LONGEST_AUDIT_PAGE = 100, 500

DEMO = Actor(name="demo")


class LockedOut(TooMany):
    """Too many failures for this name; whether anybody has it is not said."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(retry_after_seconds)
        self.code = "locked_out"
        minutes = -(-self.retry_after_seconds // 60)
        self.message = f"Too many failed sign-ins for this name. Try again in {minutes} min, or ask an administrator."


@dataclass(frozen=True)
class StaffDoor:
    """What the routes of the inbox are guarded with; the application keeps it as `state.staff_door`."""

    register: StaffRegister
    settings: Settings
    now: Callable[[], datetime]
    attempts: Buckets
    """Sign-ins for each address, whatever the name: slow enough for guessing, wide enough for an office."""

    async def find(self, token_sha256: str, *, seen: bool = True) -> Caller | None:
        """Who holds a session that is in force. Nobody of the demo in production mode."""
        caller = await self.register.find_session(token_sha256, at=self.now(), seen=seen)
        return None if caller and caller.member.is_demo and self.settings.production else caller

    async def note(
        self, caller: Caller, action: AuditAction, *, conversation_id: ConversationId | None = None, **detail: object
    ) -> None:
        """Put into the audit log what the caller has done. `detail` holds ids and words of ours, never a message."""
        by = caller.member.actor
        await self.register.note(action, by=by, at=self.now(), conversation_id=conversation_id, detail=detail)


async def door_of(request: Request) -> StaffDoor:
    door: StaffDoor = request.app.state.staff_door
    return door


Door = Annotated[StaffDoor, Depends(door_of)]


async def from_this_site(request: Request) -> None:
    """Lets through what was sent by a page of ours. Raises RequestError 403.

    A browser tells where a request comes from; a program that signs in by itself sets `Origin` likewise.
    """
    if request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("origin")
    if origin is None:
        ours = request.headers.get("sec-fetch-site") in ("same-origin", "none")
    else:
        scheme, _, host = origin.lower().partition("://")
        safe = ("https",) if request.url.scheme == "https" else ("http", "https")  # a proxy may have taken it off
        ours = scheme in safe and host == request.headers.get("host", "").lower()
    if not ours:
        raise RequestError(403, "foreign_origin", "This came from another site. Open the inbox at its own address.")


def signed_in(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, when signed in with `role` or a higher one, and on a page of ours when it writes.

    The dependency raises RequestError: 401 `not_signed_in`, 403 `not_allowed`, 403 `foreign_origin`.
    """

    async def prove(request: Request) -> Caller:
        await from_this_site(request)
        door = await door_of(request)
        token = request.cookies.get(COOKIE)
        if token is None and "authorization" in request.headers:
            raise RequestError(403, "not_allowed", "A customer's token opens nothing here.")
        caller = await door.find(hash_token(token)) if token else None
        if caller is None:
            raise RequestError(401, "not_signed_in", "You are not signed in, or no longer. Sign in again.")
        if not may(caller.member.role, role):
            raise RequestError(403, "not_allowed", "Your role does not allow this. Ask an administrator.")
        return caller

    return prove


AsViewer = Annotated[Caller, Depends(signed_in("viewer"))]
AsHumanAgent = Annotated[Caller, Depends(signed_in("human_agent"))]
AsAdmin = Annotated[Caller, Depends(signed_in("admin"))]


async def still_signed_in(door: StaffDoor, session: StaffSession) -> bool:
    """Whether an open stream of this session may go on: not after sign-out, disabling, a new password, or its time.

    Asking keeps no session alive: a page that nobody touches signs out by itself. Raises StoreUnavailable.
    """
    return await door.find(session.token_sha256, seen=False) is not None


# Routes -------------------------------------------------------------------------------------------------------------


class LoginBody(Body):
    name: Annotated[Text, Field(max_length=200)]
    password: Annotated[Text, Field(max_length=LONGEST_PASSWORD, repr=False)]


class DemoStaffBody(Body):
    role: Role


router = APIRouter(prefix="/v1/staff", tags=["staff"])
demo_router = APIRouter()


@router.post("/login", dependencies=[Depends(from_this_site)])
async def login(body: LoginBody, request: Request, response: Response, door: Door) -> Json:
    """Sign in. The session is a new one each time, and an old one of this browser ends."""
    address = _address(request)
    door.attempts.take(address)
    token, token_sha256 = issue_token()
    now = door.now()
    found = await door.register.sign_in(body.name, body.password, token_sha256=token_sha256, address=address, at=now)
    if isinstance(found, Refused):
        if found.retry_at is not None:
            raise LockedOut((found.retry_at - now).total_seconds())
        raise RequestError(401, "bad_sign_in", "The name or the password is not right. Try again.")
    await _change_cookie(request, response, door, token)
    return view_member(found.member)


@router.post("/logout", status_code=204, dependencies=[Depends(from_this_site)])
async def logout(request: Request, door: Door) -> Response:
    """Sign out; this browser's session ends everywhere, its open streams too."""
    response = Response(status_code=204)
    await _change_cookie(request, response, door, None)
    return response


@router.get("/me")
async def read_me(caller: AsViewer) -> Json:
    """Who is signed in."""
    return view_member(caller.member)


@router.get("/audit")
async def read_audit(
    caller: AsAdmin,
    door: Door,
    before: Annotated[int | None, Query(ge=1)] = None,
    conversation: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_AUDIT_PAGE)] = AUDIT_PAGE,
) -> Json:
    """Who did what, the latest first; `next_before` leads to older entries."""
    chosen = ConversationId(conversation) if conversation else None
    entries = await door.register.read_audit(limit=limit, before=before, conversation_id=chosen)
    older = entries[-1].number if len(entries) == limit else None
    return {"entries": [entry.model_dump(mode="json") for entry in entries], "next_before": older}


@demo_router.post("/demo/staff", include_in_schema=False, dependencies=[Depends(from_this_site)])
async def demo_sign_in(body: DemoStaffBody, request: Request, response: Response, door: Door) -> Json:
    """Sign in as somebody of the demo's desk, without an account. Not in production."""
    if door.settings.production:
        raise RequestError(404, "not_found", "There is no demo here.")
    address = _address(request)
    door.attempts.take(address)
    member = await _demo_member(door, body.role)
    token, token_sha256 = issue_token()
    session = await door.register.open_session(
        member.staff_id, token_sha256=token_sha256, address=address, at=door.now()
    )
    if session is None:
        raise RequestError(404, "not_found", "This demo account is disabled.")
    await _change_cookie(request, response, door, token)
    return view_member(member)


def view_member(member: StaffMember) -> Json:
    """A member as the inbox sees its own."""
    return member.model_dump(include={"staff_id", "name", "display_name", "role", "picture"})


async def _demo_member(door: StaffDoor, role: Role) -> StaffMember:
    name = f"{DEMO_NAME}{role}"
    found = await door.register.find_name(name)
    if found is not None:
        return found
    member = StaffMember(
        staff_id=StaffId(f"st_{name}"), name=name, display_name="Demo desk", role=role, created_at=door.now()
    )
    # Nobody is told the password: the account opens here only.
    await door.register.add(member, password=secrets.token_urlsafe(32), by=DEMO, at=door.now())
    return member


async def _change_cookie(request: Request, response: Response, door: StaffDoor, token: str | None) -> None:
    """Set the browser's session, or take it away; the one that it had is over."""
    if old := request.cookies.get(COOKIE):
        await door.register.end_session(hash_token(old), at=door.now())
    secure = request.url.scheme == "https" or door.settings.production
    if token is None:
        response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="strict")
    else:
        response.set_cookie(COOKIE, token, path="/", secure=secure, httponly=True, samesite="strict")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
