"""A mail server on a local port, as far as `smtplib` talks to one: it keeps what it takes, and can refuse."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=default)
        assert isinstance(found, EmailMessage)
        return found


class FakeSmtp:
    """`async with` it: it listens at `port`. `refuse`: what it says instead, as `451 later` to `DATA`."""

    def __init__(
        self, *, refuse: Mapping[str, str] | None = None, starttls: ssl.SSLContext | None = None, login: bool = False
    ) -> None:
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self.refuse = dict(refuse or {})
        self.secured = False
        self.port = 0
        self._starttls = starttls
        self._login = login
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FakeSmtp":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail = Mail("", [], b"")
        writer.write(b"220 fake ready\r\n")
        while line := await reader.readline():
            command = line.decode("ascii").strip()
            verb = command.split(" ")[0].upper()
            self.commands.append(command if verb != "AUTH" else "AUTH")
            if verb in self.refuse:
                writer.write(f"{self.refuse[verb]}\r\n".encode())
            elif verb in ("EHLO", "HELO"):
                writer.write(self._greet())
            elif verb == "STARTTLS" and self._starttls:
                writer.write(b"220 go ahead\r\n")
                await writer.start_tls(self._starttls)
                self.secured = True
            elif verb == "AUTH":
                writer.write(b"235 come in\r\n")
            elif verb == "MAIL":
                mail = Mail(command.partition(":")[2].split(" ")[0].strip("<>"), [], b"")
                writer.write(b"250 ok\r\n")
            elif verb == "RCPT":
                mail.recipients.append(command.partition(":")[2].strip("<>"))
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                written = await reader.readuntil(b"\r\n.\r\n")
                mail.raw = written.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
                self.mails.append(mail)
                writer.write(self.refuse.get("END", "250 taken").encode() + b"\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    def _greet(self) -> bytes:
        extra = ["STARTTLS"] if self._starttls and not self.secured else []
        extra += ["AUTH PLAIN"] if self._login else []
        lines = ["fake", *extra]
        return "".join(f"250{'-' if each is not lines[-1] else ' '}{each}\r\n" for each in lines).encode()
