"""What the assistant can do. Each function is a tool: its signature and docstring are what the model sees.

These two keep a few rows in a small database, so that the example runs. Yours will call your own systems.
"""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Literal

from firstline.tools import Card, CardRow, Slot, ToolContext, ToolOutput, ToolRejected, tool

DATABASE = "workshop.db"


def setup(folder: Path) -> None:
    """Called once at start, perhaps by two processes: create what is needed and not there yet."""
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS repair (ticket TEXT PRIMARY KEY, bike TEXT, status TEXT, price TEXT)"
        )
        database.execute(
            "CREATE TABLE IF NOT EXISTS booking"
            " (number INTEGER PRIMARY KEY, key TEXT UNIQUE, day TEXT NOT NULL, work TEXT NOT NULL)"
        )
        database.executemany(
            "INSERT OR IGNORE INTO repair VALUES (?, ?, ?, ?)",
            [
                ("R-1001", "blue trekking bike", "ready", "64.00 GBP"),
                ("R-1002", "red cargo bike", "waiting for a part", None),
            ],
        )


@tool(
    effect="read",  # looks only
    requires="anonymous",  # the ticket number is enough; "verified" if only a signed-in customer may
    timeout_seconds=5,
    label={"en": "Looking up your repair"},
    say={"en": "Your {{ bike }} is **{{ status }}**.{% if price %} The repair comes to {{ price }}.{% endif %}"},
    slots={"ticket": Slot(ask={"en": "What is the ticket number on your receipt?"}, pattern=r"\b[Rr]-?\d{4}\b")},
)
def get_repair_status(context: ToolContext, *, ticket: str) -> ToolOutput:
    """Return how far a repair is and, when known, its price. Use it when a customer asks about a bike here.

    Args:
        ticket: The number on the receipt, such as R-1001.
    """
    number = "R-" + ticket.strip().upper().removeprefix("R").removeprefix("-")
    with closing(sqlite3.connect(context.folder / DATABASE)) as database:
        row = database.execute("SELECT bike, status, price FROM repair WHERE ticket = ?", (number,)).fetchone()
    if row is None:
        raise ToolRejected(f"There is no repair with the ticket {number}.")
    bike, status, price = row
    rows = (CardRow(label="Bike", value=bike), CardRow(label="Status", value=status))
    card = Card(title=f"Repair {number}", amount=price, rows=rows, actions=("When are you open?",))
    return ToolOutput({"ticket": number, "bike": bike, "status": status, "price": price}, card)


@tool(
    effect="write",  # changes something: the customer confirms with a button before it is called
    requires="anonymous",
    timeout_seconds=5,
    label={"en": "Booking a day for your bike"},
    say={"en": "Your bike is booked in for {{ day }} ({{ work }}). The booking number is {{ booking }}."},
    slots={
        "day": Slot(ask={"en": "On which day would you like to bring it in?"}, pattern=r"\b\d{4}-\d{2}-\d{2}\b"),
        "work": Slot(
            ask={"en": "What shall we do: a service, a repair, or a look at it?"},
            values={"service": "service", "repair": "repair", "look": "look", "estimate": "look"},
        ),
    },
)
def book_drop_off(context: ToolContext, *, day: date, work: Literal["service", "repair", "look"]) -> ToolOutput:
    """Book a day on which the customer brings a bike in. Use it once the day and the work are known.

    Args:
        day: The day, not in the past, as 2026-12-01.
        work: What is to be done; `look` is a free estimate.
    """
    if day < context.now.date():
        raise ToolRejected(f"{day:%d %B %Y} is in the past.")
    with closing(sqlite3.connect(context.folder / DATABASE)) as database, database:
        # The same key again is the same booking: a repeated call after a crash books nothing twice.
        database.execute(
            "INSERT OR IGNORE INTO booking (key, day, work) VALUES (?, ?, ?)",
            (context.idempotency_key, day.isoformat(), work),
        )
        (number,) = database.execute(
            "SELECT number FROM booking WHERE key = ?", (context.idempotency_key,)
        ).fetchone()
    rows = (CardRow(label="Day", value=f"{day:%A, %d %B %Y}"), CardRow(label="Work", value=work))
    return ToolOutput(
        {"booking": f"B-{number}", "day": day, "work": work}, Card(title=f"Booking B-{number}", rows=rows)
    )
