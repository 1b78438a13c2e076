"""What a human agent sees of a conversation: everything, the assistant's checks, sources and tool calls included.

Customers see `firstline.service.views`. Text of customers is shown with what is unseen in it taken out, and a mark
that something was: nobody can hide a line for the assistant, or for whoever reads along.
"""

from collections.abc import Mapping
from datetime import datetime

from firstline.bundle import Bundle
from firstline.conversation import Approval, Conversation
from firstline.events import SurveyAnswered
from firstline.handoff import check_holder
from firstline.language import right_to_left
from firstline.model.note import fence
from firstline.service.staff_entries import view_entries
from firstline.service.views import view_time
from firstline.staff import StaffMember, may
from firstline.store import QueueRow
from firstline.types import Json, Level, Package, choose_text

MOODS: Mapping[Level, str] = {
    -2: "very_negative",
    -1: "negative",
    0: "neutral",
    1: "positive",
    2: "very_positive",
}


def view_row(row: QueueRow) -> Json:
    """A conversation as the queue lists it."""
    return {
        "conversation_id": row.conversation_id,
        "bundle": row.bundle,
        "locale": row.locale,
        "playbook": row.playbook,
        "status": row.status,
        "started_at": view_time(row.started_at),
        "last_at": view_time(row.last_at),
        "waiting_since": view_time(row.waiting_since) if row.waiting_since else None,
        "held_by": row.held_by,
        "holder_name": row.holder_name,
        "reason": row.reason,
        "ticket": row.ticket,
        "unclaimed": row.unclaimed,
        "approvals": row.approvals,
        "unread": row.unread,
        "customer_name": fence(row.customer_name, limit=200),
        "subject": fence(row.subject, limit=200),
        "mood": None if row.mood is None else MOODS[row.mood],
        "survey": row.survey,
        "rung": row.rung,
    }


def view_detail(conversation: Conversation, bundle: Bundle, member: StaffMember, now: datetime) -> Json:
    """The whole conversation, and what this member may do with it."""
    return {**view_head(conversation, bundle, member, now), "entries": view_entries(conversation, bundle, now)}


def view_head(conversation: Conversation, bundle: Bundle, member: StaffMember, now: datetime) -> Json:
    """Everything but the transcript."""
    identity, request, holder = conversation.identity, conversation.request, conversation.human_agent
    package = _last_package(conversation)
    locale = conversation.locale
    return {
        "conversation_id": conversation.conversation_id,
        "bundle": bundle.name,
        "business": choose_text(bundle.business, bundle.locale),
        "assistant": bundle.assistant.name,
        "status": conversation.status,
        "status_since": view_time(conversation.status_since) if conversation.status_since else None,
        "locale": locale,
        "direction": "rtl" if right_to_left(locale) else "ltr",
        "human_agent": holder.model_dump() if holder else None,
        "customer": {
            "name": fence(identity.name, limit=200) if identity else "",
            "signed_in": conversation.identity_at(now) is not None,
        },
        "contact": _view_contact(conversation),
        "ticket": conversation.ticket,
        "in_doubt": [{"label": call.label, "at": view_time(call.at)} for call in conversation.in_doubt],
        "package": view_package(package) if package else None,
        "reason": request.reason if request else None,
        "back_at": view_time(request.back_at) if request and request.back_at else None,
        "unclaimed": conversation.unclaimed,
        "survey": _view_survey(conversation),
        "approvals": [view_approval(each, now) for each in conversation.approvals.values()],
        "canned": [
            {"title": choose_text(each.title, locale), "text": choose_text(each.text, locale)}
            for each in bundle.canned_answers
        ],
        "may": _view_may(conversation, member),
        "last_seq": conversation.last_seq,
    }


def view_package(package: Package) -> Json:
    shown = package.model_dump(mode="json")
    for name in ("mood_start", "mood"):
        level: Level | None = getattr(package, name)
        shown[name] = None if level is None else MOODS[level]
    shown["summary"] = fence(package.summary, limit=4000)
    shown["slots"] = [{**slot, "value": fence(slot["value"], limit=1000)} for slot in shown["slots"]]
    return shown


def view_approval(approval: Approval, now: datetime) -> Json:
    """The exact action, and what has become of it."""
    requested, decided = approval.requested, approval.decided
    return {
        "approval_id": requested.approval_id,
        "tool": requested.tool,
        "label": requested.label,
        "arguments": requested.arguments,
        "rows": [row.model_dump() for row in requested.rows],
        "limit_usd": requested.limit_usd,
        "requested_at": view_time(requested.at),
        "expires_at": view_time(requested.expires_at),
        "state": approval.state_at(now),
        "by": decided.human_agent.name if decided and decided.human_agent else None,
    }


def _last_package(conversation: Conversation) -> Package | None:
    packages = [getattr(logged.event, "package", None) for logged in conversation.log]
    return next((package for package in reversed(packages) if isinstance(package, Package)), None)


def _view_contact(conversation: Conversation) -> Json | None:
    left = conversation.contact
    if left is None:
        return None
    return {
        "contact": fence(left.contact, limit=200),
        "comment": fence(left.comment, limit=2000),
        "at": view_time(left.at),
    }


def _view_survey(conversation: Conversation) -> Json | None:
    answered = [logged.event for logged in conversation.log if isinstance(logged.event, SurveyAnswered)]
    if not answered:
        return None
    return {"score": answered[-1].score, "comment": fence(answered[-1].comment, limit=2000)}


def _view_may(conversation: Conversation, member: StaffMember) -> Json:
    """What this member may do now; the buttons follow it, and the routes decide again."""
    works = may(member.role, "human_agent")
    holds = check_holder(conversation, member.human_agent) is None
    status = conversation.status
    return {
        "accept": works and status in ("open", "waiting"),
        "reply": works and holds,
        "note": works,
        "return": works and (holds or status == "waiting"),
        "release": works and holds,
        "resolve": works and (holds or status in ("open", "waiting") or conversation.ticket),
        "reopen": works and status == "closed",
        "correct": works,
        "approve": works,
        "draft": works and holds,
    }
