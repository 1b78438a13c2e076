"""Who asks: the conversation's token, and the customer's identity as the company's own site signs it."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

import jwt

from firstline.conversation import Conversation
from firstline.errors import RequestError
from firstline.types import CustomerId, Identity

TOKEN_BYTES = 24
LONGEST_IDENTITY = timedelta(hours=24)


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
    """The customer in a JWT (HS256) signed by the company's site: `sub`, `exp`, `aud`, optionally `name`.

    Raises: RequestError 401; `token_expired` when only its time is over, so that the site can send a fresh one.
    """
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=audience,
            options={"require": ["sub", "exp", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise RequestError(401, "token_expired", "The identity token has expired. Ask for a fresh one.") from None
    except (jwt.InvalidTokenError, ValueError):
        raise RequestError(401, "bad_identity", "The identity token is not valid.") from None
    expires_at = datetime.fromtimestamp(claims["exp"], tz=UTC)
    if expires_at - now > LONGEST_IDENTITY:
        raise RequestError(401, "bad_identity", "The identity token must expire within 24 hours.")
    subject, name = claims["sub"], claims.get("name", "")
    if not isinstance(subject, str) or not subject or not isinstance(name, str):
        raise RequestError(401, "bad_identity", "The identity token must name its subject.")
    return Identity(customer_id=CustomerId(subject), name=name[:200], expires_at=expires_at)


def sign_identity(customer_id: str, name: str, *, secret: str, audience: str, now: datetime) -> str:
    """A JWT as a company's site would sign it; for the demo, the command line and tests. Good for one hour."""
    claims = {"sub": customer_id, "name": name, "aud": audience, "exp": now + timedelta(hours=1)}
    return jwt.encode(claims, secret, algorithm="HS256")
