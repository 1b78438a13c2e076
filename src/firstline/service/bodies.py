"""What callers send: the shape of each body, closed and strict, and what is never let in."""

import json
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from firstline.errors import RequestError
from firstline.types import Json

CLIENT_ID = r"^[A-Za-z0-9._:-]{1,128}$"
CLIENT_BYTES = 2_000


def check_whole(text: str) -> str:
    """`text`, when it is made of whole characters: half of one can be neither stored nor sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half a character") from None
    return text


def check_client(client: Json) -> Json:
    """What a page tells of itself: small and flat."""
    try:
        small = len(json.dumps(client, ensure_ascii=False, allow_nan=False).encode()) <= CLIENT_BYTES
    except (ValueError, RecursionError):
        small = False
    if not small or any(isinstance(value, dict | list) for value in client.values()):
        raise ValueError(f"a flat object of at most {CLIENT_BYTES} bytes is expected")
    return client


def check_contact(contact: str) -> str:
    """`contact`, when it looks like an e-mail address or a phone number."""
    plain = " ".join(contact.split())
    digits = sum(char.isdigit() for char in plain)
    is_phone = 6 <= digits <= 18 and not re.search(r"[^\d\s()+./x-]", plain)
    if not is_phone and not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]{2,}", plain):
        raise ValueError("an e-mail address or a phone number is expected")
    return plain


Text = Annotated[str, AfterValidator(check_whole)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StartBody(Body):
    bundle: str | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    revision: Annotated[str, Field(max_length=80)] | None = None
    """Whose welcome the customer was shown."""
    identity: str | None = None
    client: Annotated[dict[str, Any], AfterValidator(check_client)] = Field(default_factory=dict)


class MessageBody(Body):
    client_message_id: Annotated[str, Field(pattern=CLIENT_ID)]
    text: Text


class IdentifyBody(Body):
    identity: str


class DecisionBody(Body):
    decision: Literal["confirm", "decline"]


class ContactBody(Body):
    """How to be reached: an e-mail address or a phone number, as the customer wrote it."""

    contact: Annotated[Text, Field(max_length=200), AfterValidator(check_contact)]
    comment: Annotated[Text, Field(max_length=2000)] = ""


class ReplyBody(Body):
    """What a human agent writes, to the customer or as a note."""

    client_message_id: Annotated[str, Field(pattern=CLIENT_ID)]
    text: Text


class ApprovalBody(Body):
    decision: Literal["approve", "decline"]


class CorrectionBody(Body):
    message_id: str
    should_say: Annotated[Text, Field(min_length=1, max_length=8000)]


class SurveyBody(Body):
    score: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[Text, Field(max_length=2000)] = ""


def check_text(text: str, limit: int) -> str:
    """`text`, when somebody can read something in it and it is not too long. Raises RequestError 413, 422."""
    if len(text) > limit or len(text.encode()) > 4 * limit:
        raise RequestError(413, "message_too_long", f"A message holds at most {limit:,} characters.")
    if not any(unicodedata.category(char)[0] in "LNPS" for char in text):
        raise RequestError(422, "empty_message", "The message has no text.")
    return text
