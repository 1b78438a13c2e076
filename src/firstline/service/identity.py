"""Who asks: the conversation's token, and the customer's identity as the company's own site signs it."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

import jwt
from jwt.types import Options

from firstline.conversation import Conversation
from firstline.errors import RequestError
from firstline.types import CustomerId, Identity

TOKEN_BYTES = 24
LONGEST_IDENTITY = timedelta(hours=24)

# Times are held against our own clock, below; everything else is the library's.
_OPTIONS: Options = {
    "require": ["sub", "exp", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False,
}  # fmt: skip


def issue_token() -> tuple[str, str]:
    """A new token of 192 bits, and the hash of it that is stored."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hash_token(token)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def check_token(conversation: Conversation, token: str, now: datetime) -> None:
    """Raises RequestError: 404 for an unknown conversation and a foreign one alike, 401 for an expired token."""
    started = conversation.started
    known = started.token_sha256 if started else hash_token("no such conversation")
    same = hmac.compare_digest(known, hash_token(token))
    if started is None or not same:
        raise RequestError(404, "not_found", "There is no such conversation. Start a new one.")
    if now >= started.expires_at:
        raise RequestError(401, "token_expired", "This conversation's token has expired. Start a new one.")


def read_identity(token: str, *, secret: str, audience: str, now: datetime) -> Identity:
    """The customer in a JWT (HS256) signed by the company's site: `sub`, `exp`, `aud`, optionally `name`, `nbf`.

    Raises: RequestError 401; `token_expired` when only its time is over, so that the site can send a fresh one.
    """
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience=audience, options=_OPTIONS)
        identity = Identity(
            customer_id=CustomerId(_text(claims["sub"])),
            name=_text(claims.get("name") or " ").strip()[:200],
            expires_at=_moment(claims["exp"]),
        )
        begins_at = _moment(claims.get("nbf", 0))
    except (jwt.InvalidTokenError, ValueError, OverflowError, OSError):
        raise RequestError(401, "bad_identity", "The identity token is not valid.") from None
    if not identity.valid_at(now):
        raise RequestError(401, "token_expired", "The identity token has expired. Ask for a fresh one.")
    if begins_at > now or identity.expires_at - now > LONGEST_IDENTITY:
        raise RequestError(401, "bad_identity", "The identity token must hold now, and expire within 24 hours.")
    return identity


def _text(claim: object) -> str:
    if not isinstance(claim, str) or not claim:
        raise ValueError("a text was expected")
    claim.encode()  # half a character is no text
    return claim


def _moment(claim: object) -> datetime:
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise ValueError("a time was expected")  # whatever is wrong with a claim, the token is bad
    return datetime.fromtimestamp(claim, tz=UTC)


def sign_identity(customer_id: str, name: str, *, secret: str, audience: str, now: datetime) -> str:
    """A JWT as a company's site would sign it; for the demo, the command line and tests. Good for one hour."""
    claims = {"sub": customer_id, "name": name, "aud": audience, "exp": now + timedelta(hours=1)}
    return jwt.encode(claims, secret, algorithm="HS256")
