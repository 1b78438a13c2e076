"""The table of a hand-off: every move written out by hand, and never two who may speak for the business."""

from typing import get_args

import pytest

from firstline.states import SPEAKERS, TABLE, Move, may_speak, next_status
from firstline.types import Status

STATUSES: tuple[Status, ...] = get_args(Status)
MOVES: tuple[Move, ...] = get_args(Move)
WRITTEN = """
            request  accept      requeue  unclaimed  return  close   reopen  take_up
open        waiting  with_human  -        -          -       closed  -       -
waiting     -        with_human  -        waiting    open    closed  -       -
with_human  -        -           waiting  -          open    closed  -       -
closed      -        -           -        -          -       closed  open    with_human
"""


def test_the_table_is_the_one_that_is_written_here() -> None:
    head, *rows = (line.split() for line in WRITTEN.strip().splitlines())
    written = {
        (row[0], move): None if to == "-" else to for row in rows for move, to in zip(head, row[1:], strict=True)
    }

    assert written == {(status, move): next_status(status, move) for status in STATUSES for move in MOVES}


def test_whatever_the_status_the_assistant_and_a_human_agent_never_both_speak() -> None:
    assert not [status for status in STATUSES if {"assistant", "human_agent"} <= SPEAKERS[status]]
    assert not any(may_speak(status, "system") for status in STATUSES)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_leads_to_the_end_and_from_every_one_the_assistant_can_get_it_back(status: Status) -> None:
    def reach(begin: Status) -> set[Status]:
        found = {begin}
        while more := {to for each in found for to in TABLE[each].values()} - found:
            found |= more
        return found

    assert reach(status) == set(STATUSES)


def test_nobody_but_a_person_of_the_business_or_the_customer_ends_waiting() -> None:
    assert {move for move, to in TABLE["waiting"].items() if to != "waiting"} == {"accept", "return", "close"}
