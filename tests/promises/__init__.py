"""What the product promises, and the tests that prove it.

Files here are named after their promise (`test_p7_history_is_valid.py`), and each test in them bears its mark; a test
elsewhere proves one when it carries `@pytest.mark.promise("P7")`. So `pytest -m promise` runs all proofs.
`tests/test_architecture.py` holds both directions: no proof without a promise, no kept promise without a proof.
"""

import re
from pathlib import Path

PROMISES = {
    "P1": "A message answered with 2xx is never lost: kill -9, restart, disconnect.",
    "P2": "One client_message_id: one message, one turn, for ever.",
    "P3": (
        "Every accepted turn ends in exactly one state (completed, failed with a code, cancelled, handed off) within "
        "its deadline, or is resumed or closed at the next start."
    ),
    "P4": (
        "Reload or reconnect at any moment shows exactly what is stored; replay after Last-Event-ID has no gap and "
        "no duplicate; where history is gone, `reset` says so."
    ),
    "P5": (
        "An action with side effects runs at most once for each confirmed intent; where a crash leaves its outcome "
        "unknown, a human looks: it is not tried again."
    ),
    "P6": (
        "No byte of a customer's data is reachable with another's credential or none: not by route, tool, stream, "
        "inbox, cache or model."
    ),
    "P7": "The stored history is always valid for the Messages API: every tool use has its result, nothing empty.",
    "P8": (
        "Trouble upstream yields a plain message in the customer's language, a retryable flag and a way to a human: "
        "never a stack trace, a key or silence."
    ),
    "P9": "Spending passes its limit by at most the call in flight.",
    "P10": (
        "Erasure removes text, events, index rows, caches, logged payloads; a pseudonymous tombstone and an audit "
        "row remain."
    ),
    "P11": "No text reaches a customer before its checks passed; a price shown equals the tool's result.",
    "P12": (
        "Never do the assistant and a human agent both speak; a hand-off is never silent, never loops, is never lost."
    ),
}


def promises_in_name(path: Path) -> set[str]:
    """The promise that a file is named after; none for a file elsewhere or otherwise named."""
    found = re.match(r"test_(p\d+)_", path.name) if path.parent == Path(__file__).parent else None
    return {found[1].upper()} if found else set()
