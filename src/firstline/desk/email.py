"""A desk that reads e-mail: one message for each hand-off, and one for each contact that a customer leaves."""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from firstline.desk import Delivered, DeskName, Outcome, Rejected, Telling, TryLater
from firstline.desk.words import describe
from firstline.events import ContactLeft, HandoffRequested

SECONDS = 20.0
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
"""What is let into a header of ours; stricter than what the standard allows."""

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Relay:
    """The server that takes our mail."""

    host: str
    port: int
    security: Security
    login: str = ""
    password: str = field(default="", repr=False)


def read_relay(url: str) -> Relay:
    """`smtps://login:password@host:465`, or `smtp://…` with STARTTLS; `?tls=off` for one in one's own network.

    Raises ValueError, without the password in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("an address such as smtp://login:password@host:587 is expected")
    security: Security = "tls" if parts.scheme == "smtps" else "starttls"
    if parse_qs(parts.query).get("tls") == ["off"]:
        security = "none"
    port = parts.port or {"tls": 465, "starttls": 587, "none": 25}[security]
    login, password = unquote(parts.username or ""), unquote(parts.password or "")
    if security == "none" and password:
        raise ValueError("a password is not sent without TLS")
    return Relay(parts.hostname, port, security, login, password)


class Email:
    """`sender` may be `Name <address>`; `recipients` are addresses."""

    name: DeskName = "email"
    told: frozenset[str] = frozenset({"handoff.requested", "contact.left"})

    def __init__(
        self, relay: Relay, sender: str, recipients: Sequence[str], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._relay = relay
        self._sender = sender
        self._recipients = tuple(recipients)
        self._tls = tls

    async def deliver(self, telling: Telling) -> Outcome:
        if telling.event.type not in self.told:
            return Delivered()
        message = build_mail(telling, self._sender, self._recipients)
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            return judge_failure(error)
        return Delivered(telling.thread or str(message["Message-ID"]))

    async def aclose(self) -> None:
        pass

    def _send(self, message: EmailMessage) -> None:
        relay = self._relay
        tls = self._tls or ssl.create_default_context()
        if relay.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, timeout=SECONDS, context=tls)
        else:
            server = smtplib.SMTP(relay.host, relay.port, timeout=SECONDS)
        with server:
            if relay.security == "starttls":
                server.starttls(context=tls)
            if relay.login:
                server.login(relay.login, relay.password)
            server.send_message(message)


def judge_failure(error: smtplib.SMTPException | OSError) -> TryLater | Rejected:
    """A refusal for good (5xx) is one; whatever a moment or an operator can mend is tried again."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return TryLater("smtp_login")
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            codes = [code for code, _ in refused.values()]
            lasting = all(500 <= code < 600 for code in codes)
            return Rejected("smtp_recipients") if lasting else TryLater("smtp_recipients")
        case smtplib.SMTPResponseException(smtp_code=code):
            return Rejected(f"smtp_{code}") if 500 <= code < 600 else TryLater(f"smtp_{code}")
        case smtplib.SMTPNotSupportedError():
            return Rejected("smtp_not_supported")
        case TimeoutError():
            return TryLater("timeout")
        case _:
            return TryLater("connection")


def build_mail(telling: Telling, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The message: the same id at every attempt, and nothing of a customer's in a header but a plain address."""
    event = telling.event
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = f"[{telling.bundle}] {_name_matter(telling)}"
    mail["Date"] = format_datetime(event.at)
    mail["Message-ID"] = _name_message(telling, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Firstline-Delivery"] = telling.delivery_id
    if telling.thread:
        mail["In-Reply-To"] = mail["References"] = telling.thread
    if isinstance(event, ContactLeft) and _ADDRESS.fullmatch(event.contact):
        mail["Reply-To"] = event.contact
    mail.set_content(describe(telling), charset="utf-8", cte="base64")
    return mail


def _name_matter(telling: Telling) -> str:
    event = telling.event
    if isinstance(event, HandoffRequested):
        about = event.package.intent if event.package else None
        return f"A person is asked for: {_one_line(about)}" if about else "A person is asked for"
    return "A customer wants to be reached"


def _one_line(text: str) -> str:
    """Printable characters only: a line break in a header would begin another one."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:120]


def _name_message(telling: Telling, sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2] or "firstline.invalid"
    return f"<{re.sub('[^A-Za-z0-9_-]', '.', telling.delivery_id)}@{domain}>"
