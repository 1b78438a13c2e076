"""Signatures of webhooks: ours by the Standard Webhooks scheme in both directions, and Chatwoot's own coming in.

Source: Standard Webhooks specification 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`); Chatwoot's API
definition of webhooks (`X-Chatwoot-Timestamp`, `X-Chatwoot-Signature`), signed since its versions 4.11.2 (account)
and 4.13.0 (API inbox).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_SECONDS = 300
LONGEST_ID = 200
_PREFIX = "whsec_"


def read_secret(written: str) -> bytes:
    """The key that a secret stands for: base64 behind `whsec_`, else the text itself. Raises ValueError."""
    if not written.startswith(_PREFIX):
        return written.encode()
    try:
        return base64.b64decode(written.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("what stands behind whsec_ is not base64") from None


def sign_webhook(secret: bytes, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a signed request."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_standard(secret, message_id, timestamp, body)}",
    }


def verify_webhook(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """The id of a request that was signed with our secret within the last five minutes; None for any other."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not secret or not 0 < len(message_id) <= LONGEST_ID or not _is_now(timestamp, now):
        return None
    expected = f"v1,{_standard(secret, message_id, timestamp, body)}"
    given = headers.get("webhook-signature", "").split(" ")
    return message_id if any(_same(each, expected) for each in given) else None


def verify_chatwoot(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """An id of a request that Chatwoot signed within the last five minutes; None for any other.

    Chatwoot's own id of the delivery is not signed: an id made from the body keeps a replay under another one out.
    """
    timestamp = headers.get("x-chatwoot-timestamp", "")
    if not secret or not _is_now(timestamp, now):
        return None
    signed = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    same = _same(headers.get("x-chatwoot-signature", ""), f"sha256={signed}")
    return hashlib.sha256(body).hexdigest() if same else None


def _standard(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = hmac.new(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _is_now(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
