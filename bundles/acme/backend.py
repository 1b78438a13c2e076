"""The business's records in one SQLite file: the schema, connections, and acting once per idempotency key.

One connection for each call, in WAL mode, and short transactions: many processes may read while one writes.
Money is stored in whole cents, days as ISO dates. Rows are only reachable by the customer's own id.
"""

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
FILE_NAME = "acme.sqlite3"
WAIT_SECONDS = 3.0

Row = dict[str, Any]
Result = dict[str, Any]

SCHEMA = """
CREATE TABLE customers (
    customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, name_zh TEXT, email TEXT NOT NULL, born_on TEXT NOT NULL
);
CREATE TABLE addresses (
    address_id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers,
    street TEXT NOT NULL, city TEXT NOT NULL, state TEXT NOT NULL, zip TEXT NOT NULL, valid_from TEXT NOT NULL
);
CREATE INDEX addresses_of_customer ON addresses (customer_id, address_id);
CREATE TABLE vehicles (
    vehicle_id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers,
    make TEXT NOT NULL, model TEXT NOT NULL, year INTEGER NOT NULL, kind TEXT NOT NULL,
    electric INTEGER NOT NULL, mileage INTEGER NOT NULL
);
CREATE TABLE policies (
    policy_number TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers,
    vehicle_id INTEGER NOT NULL REFERENCES vehicles, line TEXT NOT NULL, started_on TEXT NOT NULL,
    cancelled_on TEXT, premium_cents INTEGER NOT NULL, payment TEXT NOT NULL, autopay INTEGER NOT NULL,
    covers TEXT NOT NULL
);
CREATE INDEX policies_of_customer ON policies (customer_id);
CREATE TABLE invoices (
    invoice_number TEXT PRIMARY KEY, policy_number TEXT NOT NULL REFERENCES policies,
    covers_from TEXT NOT NULL, covers_to TEXT NOT NULL, due_on TEXT NOT NULL,
    amount_cents INTEGER NOT NULL, paid_cents INTEGER NOT NULL, paid_on TEXT
);
CREATE INDEX invoices_of_policy ON invoices (policy_number, due_on);
CREATE TABLE claims (
    claim_number TEXT PRIMARY KEY, policy_number TEXT NOT NULL REFERENCES policies, kind TEXT NOT NULL,
    happened_on TEXT NOT NULL, reported_on TEXT NOT NULL, status TEXT NOT NULL, paid_cents INTEGER,
    description TEXT NOT NULL
);
CREATE INDEX claims_of_policy ON claims (policy_number);
CREATE TABLE quotes (
    quote_id INTEGER PRIMARY KEY, quote_number TEXT NOT NULL UNIQUE, customer_id TEXT,
    make TEXT NOT NULL, model TEXT NOT NULL, year INTEGER NOT NULL, mileage INTEGER NOT NULL,
    driver_age INTEGER NOT NULL, premium_cents INTEGER NOT NULL, valid_until TEXT NOT NULL
);
CREATE TABLE refunds (
    refund_number TEXT PRIMARY KEY, invoice_number TEXT NOT NULL REFERENCES invoices,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0), paid_on TEXT NOT NULL
);
CREATE INDEX refunds_of_invoice ON refunds (invoice_number);
CREATE TABLE actions (
    idempotency_key TEXT NOT NULL UNIQUE, tool TEXT NOT NULL, customer_id TEXT, arguments TEXT NOT NULL,
    result TEXT NOT NULL, acted_at TEXT NOT NULL
);
"""


@contextmanager
def open_records(folder: Path, *, write: bool = False) -> Generator[sqlite3.Connection]:
    """A connection within one transaction: committed at the end, rolled back when the block raises.

    write: takes the write lock at once, so that what was read is still true when it is acted on.
    Raises: sqlite3.OperationalError when `setup` has not run.
    """
    address = f"{(folder / FILE_NAME).resolve().as_uri()}?mode=rw"
    records = sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
    try:
        records.row_factory = _as_dict
        records.execute("PRAGMA foreign_keys = ON")
        records.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        yield records
        records.execute("COMMIT")
    finally:
        # A transaction that is still open here is rolled back by closing.
        records.close()


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def act_once(
    folder: Path,
    act: Callable[[sqlite3.Connection], Result],
    *,
    key: str,
    tool: str,
    customer_id: str | None,
    arguments: dict[str, Any],
    acted_at: str,
) -> Result:
    """The result of `act`, or of the earlier call with the same key, which is then not repeated.

    The action and its record are one transaction: neither stands without the other.
    Raises: RuntimeError when the key was used for another action; what `act` raises: then nothing is kept.
    """
    written = json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    with open_records(folder, write=True) as records:
        earlier = records.execute("SELECT * FROM actions WHERE idempotency_key = ?", (key,)).fetchone()
        if earlier is not None:
            if (earlier["tool"], earlier["customer_id"], earlier["arguments"]) != (
                tool,
                customer_id,
                written,
            ):
                raise RuntimeError(f"this idempotency key already stands for another {earlier['tool']}")
            repeated: Result = json.loads(earlier["result"])
            return repeated
        result = act(records)
        records.execute(
            "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?)",
            (key, tool, customer_id, written, json.dumps(result, ensure_ascii=False), acted_at),
        )
        return result


def select_policies(records: sqlite3.Connection, customer_id: str) -> list[Row]:
    """The customer's policies with their vehicles, in the order of their numbers."""
    return records.execute(
        "SELECT * FROM policies JOIN vehicles USING (vehicle_id) WHERE policies.customer_id = ? "
        "ORDER BY policy_number",
        (customer_id,),
    ).fetchall()


def select_policy(records: sqlite3.Connection, customer_id: str, policy_number: str) -> Row | None:
    """The policy, if it is this customer's."""
    own = select_policies(records, customer_id)
    return next((row for row in own if row["policy_number"] == policy_number), None)


def select_invoices(records: sqlite3.Connection, customer_id: str) -> list[Row]:
    """The customer's invoices, newest first, each with what has been refunded in `refunded_cents`."""
    return records.execute(
        "SELECT invoices.*, (SELECT COALESCE(SUM(refunds.amount_cents), 0) FROM refunds "
        "WHERE refunds.invoice_number = invoices.invoice_number) AS refunded_cents "
        "FROM invoices JOIN policies USING (policy_number) WHERE customer_id = ? "
        "ORDER BY due_on DESC, invoice_number",
        (customer_id,),
    ).fetchall()


def select_claims(records: sqlite3.Connection, customer_id: str) -> list[Row]:
    """The customer's claims, newest first, each with its vehicle."""
    return records.execute(
        "SELECT claims.*, make, model, year FROM claims JOIN policies USING (policy_number) "
        "JOIN vehicles USING (vehicle_id) WHERE policies.customer_id = ? "
        "ORDER BY happened_on DESC, claim_number",
        (customer_id,),
    ).fetchall()


def select_customer(records: sqlite3.Connection, customer_id: str) -> Row | None:
    """The customer with the address that is valid now, or None."""
    return records.execute(
        "SELECT * FROM customers JOIN addresses USING (customer_id) WHERE customer_id = ? "
        "ORDER BY address_id DESC LIMIT 1",
        (customer_id,),
    ).fetchone()


def insert_quote(records: sqlite3.Connection, quote: Result, *, customer_id: str | None) -> Result:
    """The quote, now kept; `customer_id` is None for a visitor."""
    records.execute(
        "INSERT INTO quotes (quote_number, customer_id, make, model, year, mileage, driver_age, premium_cents, "
        "valid_until) VALUES (:quote_number, :customer_id, :make, :model, :year, :mileage, :driver_age, "
        ":premium_cents, :valid_until)",
        quote | {"customer_id": customer_id, "premium_cents": to_cents(Decimal(quote["monthly_premium_usd"]))},
    )
    return quote


def next_number(records: sqlite3.Connection, table: str, prefix: str) -> str:
    """The number after the highest of the table, such as CL-10201 after CL-10200.

    Only within a write transaction, and only for the tables below: their numbers are all equally long.
    """
    column, first = {
        "claims": ("claim_number", 10_001),
        "quotes": ("quote_number", 300_001),
        "refunds": ("refund_number", 70_001),
    }[table]
    highest = records.execute(f"SELECT MAX({column}) AS highest FROM {table}").fetchone()["highest"]  # noqa: S608
    number = first if highest is None else int(highest.removeprefix(prefix)) + 1
    return f"{prefix}{number}"


def to_cents(amount_usd: Decimal) -> int:
    """The amount in whole cents; it must have no more than two decimals."""
    return int((amount_usd * 100).to_integral_exact())


def to_usd(cents: int) -> str:
    """The amount in US dollars with two decimals, such as "96.40"."""
    return f"{Decimal(cents) / 100:.2f}"


def choose_term(started_on: date, today: date) -> tuple[date, date]:
    """First and last day of the 12-month term that holds `today`; a term renews itself.

    A policy that has not begun yet is in its first term.
    """
    begin = started_on
    while (following := _one_year_after(started_on, begin.year + 1)) <= today:
        begin = following
    end = _one_year_after(started_on, begin.year + 1)
    return begin, date.fromordinal(end.toordinal() - 1)


def _one_year_after(started_on: date, year: int) -> date:
    """The policy's anniversary in `year`; the 29th of February moves to the 28th."""
    day = 28 if (started_on.month, started_on.day) == (2, 29) else started_on.day
    return started_on.replace(year=year, day=day)
