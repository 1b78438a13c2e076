"""E-mail: one for a hand-off and one for a contact, safe headers, and what a mail server's refusals mean."""

import smtplib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.desk import Delivered, Rejected, TryLater
from firstline.desk.email import Email, Relay, build_mail, judge_failure, read_relay
from firstline.events import ContactLeft, HandoffRequested
from tests.support.fake_desk import AT, PACKAGE, REQUESTED, TELLINGS, make_tls, tell
from tests.support.fake_smtp import FakeSmtp

pytestmark = pytest.mark.anyio

SENDER, TEAM = "Firstline <desk@spoke.example>", ("one@spoke.example", "two@spoke.example")


def plain(server: FakeSmtp) -> Email:
    return Email(Relay("127.0.0.1", server.port, "none"), SENDER, TEAM)


# Messages -----------------------------------------------------------------------------------------------------------


async def test_a_handoff_arrives_as_plain_text_with_summary_and_link() -> None:
    async with FakeSmtp() as server:
        outcome = await plain(server).deliver(REQUESTED)

    (mail,) = server.mails
    message = mail.message
    assert (mail.sender, mail.recipients) == ("desk@spoke.example", list(TEAM))
    assert message["Subject"] == "[workshop] A person is asked for: Repairs"
    assert message["To"] == "one@spoke.example, two@spoke.example"
    assert message["Message-ID"] == "<cv_a.7@spoke.example>" and outcome == Delivered("<cv_a.7@spoke.example>")
    text = message.get_content()
    assert message.get_content_type() == "text/plain"
    for part in ("Kim", "My chain slips", "Wheels: 2", "Cancelling the repair: unknown", "inbox?c=cv_a"):
        assert part in text


async def test_a_contact_is_a_mail_in_the_same_thread_that_can_be_answered() -> None:
    left = tell(ContactLeft(at=AT, contact="kim@customer.example"), seq=9, thread="<cv_a.7@spoke.example>")
    async with FakeSmtp() as server:
        outcome = await plain(server).deliver(left)

    message = server.mails[0].message
    assert message["Reply-To"] == "kim@customer.example" and message["In-Reply-To"] == "<cv_a.7@spoke.example>"
    assert "kim@customer.example" in message.get_content() and outcome == Delivered("<cv_a.7@spoke.example>")


async def test_nothing_else_is_mailed() -> None:
    async with FakeSmtp() as server:
        for telling in TELLINGS:
            await plain(server).deliver(telling)

    assert len(server.mails) == 2


async def test_all_languages_and_single_dots_arrive_as_they_were_written() -> None:
    event = ContactLeft(at=AT, contact="+1 212 555 0100", comment="您好\n.\n..\nمرحبا 🙂")
    async with FakeSmtp() as server:
        await plain(server).deliver(tell(event))

    assert "您好\n.\n..\nمرحبا 🙂" in server.mails[0].message.get_content().replace("\r\n", "\n")


HOSTILE = "x\r\nBcc: everybody@else.example\r\n\r\n<script>\x00\x85\u2028"


async def test_no_text_can_write_a_header() -> None:
    package = PACKAGE.model_copy(update={"intent": HOSTILE})
    telling = tell(HandoffRequested(at=AT, reason="asked", package=package), customer_name=HOSTILE, bundle="workshop")
    async with FakeSmtp() as server:
        assert isinstance(await plain(server).deliver(telling), Delivered)

    (mail,) = server.mails
    assert mail.message["Bcc"] is None and mail.recipients == list(TEAM)
    assert mail.message["Subject"].strip().startswith("[workshop] A person is asked for: x Bcc: everybody@else")


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_is_written_the_headers_are_ours(intent: str, contact: str) -> None:
    ours = {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Firstline-Delivery", "Reply-To",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    package = PACKAGE.model_copy(update={"intent": intent})
    events = (HandoffRequested(at=AT, reason="asked", package=package), ContactLeft(at=AT, contact=contact))
    for event in events:
        assert set(build_mail(tell(event), SENDER, TEAM).keys()) <= ours


@pytest.mark.parametrize(
    "contact",
    ["+1 212 555 0100", "a@b.example, c@d.example", "a@b.example\nBcc: c@d.example", "Kim <a@b.example>", "@"],
)
def test_only_one_plain_address_can_be_answered_to(contact: str) -> None:
    assert build_mail(tell(ContactLeft(at=AT, contact=contact)), SENDER, TEAM)["Reply-To"] is None


# The server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refuse", "outcome"),
    [
        ({"MAIL": "451 later"}, TryLater("smtp_451")),
        ({"MAIL": "553 no such sender"}, Rejected("smtp_553")),
        ({"DATA": "452 full"}, TryLater("smtp_452")),
        ({"END": "554 never"}, Rejected("smtp_554")),
        ({"RCPT": "450 busy"}, TryLater("smtp_recipients")),
        ({"RCPT": "550 nobody"}, Rejected("smtp_recipients")),
        ({"EHLO": "421 not now", "HELO": "421 not now"}, TryLater("smtp_421")),
    ],
)
async def test_4xx_is_tried_later_and_5xx_is_for_good(refuse: dict[str, str], outcome: Any) -> None:
    async with FakeSmtp(refuse=refuse) as server:
        assert await plain(server).deliver(REQUESTED) == outcome


async def test_a_password_goes_over_tls_only(tmp_path: Path) -> None:
    theirs, ours = make_tls(tmp_path, "localhost")
    relay = Relay("localhost", 0, "starttls", "desk", "word")
    async with FakeSmtp(starttls=theirs, login=True) as server:
        desk = Email(Relay("localhost", server.port, "starttls", "desk", "word"), SENDER, TEAM, tls=ours)
        assert isinstance(await desk.deliver(REQUESTED), Delivered)

    assert server.secured and server.commands.index("AUTH") > server.commands.index("STARTTLS")
    assert "word" not in repr(relay)


async def test_a_server_without_tls_gets_nothing_that_was_meant_for_one_with_it() -> None:
    async with FakeSmtp() as server:
        desk = Email(Relay("127.0.0.1", server.port, "starttls", "desk", "word"), SENDER, TEAM)
        assert await desk.deliver(REQUESTED) == Rejected("smtp_not_supported")

    assert server.mails == [] and "AUTH" not in server.commands


def test_a_wrong_password_is_an_operators_to_mend_and_loses_nothing() -> None:
    assert judge_failure(smtplib.SMTPAuthenticationError(535, b"no")) == TryLater("smtp_login")


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example", Relay("mail.example", 587, "starttls")),
        ("smtp://de%40sk:w%2Ford@mail.example:2525", Relay("mail.example", 2525, "starttls", "de@sk", "w/ord")),
        ("smtps://mail.example", Relay("mail.example", 465, "tls")),
        ("smtp://relay.internal?tls=off", Relay("relay.internal", 25, "none")),
    ],
)
def test_a_relay_is_read_from_its_url(url: str, relay: Relay) -> None:
    assert read_relay(url) == relay


@pytest.mark.parametrize("url", ["mail.example:25", "http://mail.example", "smtp://", "smtp://a:word@b?tls=off", ""])
def test_what_is_no_relay_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|TLS") as raised:
        read_relay(url)
    assert "word" not in str(raised.value).replace("password", "")
