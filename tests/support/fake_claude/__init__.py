"""A fake of the Messages API, for tests and for trying the product without a key."""

from tests.support.fake_claude.answers import FromModel, Scripted
from tests.support.fake_claude.batches import Lost, Torn
from tests.support.fake_claude.rules import Refused, check_body
from tests.support.fake_claude.script import Call, Drop, Odd, Refuse, Reply, Say, Think, load_script, say
from tests.support.fake_claude.server import FakeClaude, Request

__all__ = [
    "Call", "Drop", "FakeClaude", "FromModel", "Lost", "Odd", "Refuse", "Refused", "Reply", "Request", "Say",
    "Scripted", "Think", "Torn", "check_body", "load_script", "say",
]  # fmt: skip
