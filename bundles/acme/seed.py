"""`setup`: the seeded customers of `people` as a database on disk, made once. Imported by `tools` only."""

import json
import os
import sqlite3
import tempfile
from calendar import monthrange
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from .backend import FILE_NAME, SCHEMA, SCHEMA_VERSION, choose_term, to_cents
from .catalogue import TWO_WHEELERS, find_vehicle
from .people import EPOCH, INVOICED_MONTHS, ClaimSeed, CustomerSeed, PolicySeed, seeded_customers
from .rating import CENT, Risk, rate

MOST_DISCOUNT_PERCENT = 25


def setup(folder: Path) -> None:
    """The seeded database stands in `folder`; one that is there already is left alone.

    Raises: RuntimeError when the one that is there was made by another version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / FILE_NAME
    if not final.exists():
        handle, name = tempfile.mkstemp(prefix=".acme-", suffix=".sqlite3", dir=folder)
        os.close(handle)
        try:
            _build(Path(name))
            _publish(Path(name), final)
        finally:
            Path(name).unlink(missing_ok=True)
    _check_version(final)


def _publish(built: Path, final: Path) -> None:
    """`final` is `built`, unless another process was first.

    A link refuses to replace; a rename would throw away what a customer did in the other process's file.
    """
    try:
        final.hardlink_to(built)
    except FileExistsError:
        return
    except OSError:
        # A file system without links: the gap between the look and the rename is the best there is.
        if not final.exists():
            built.rename(final)


def _check_version(final: Path) -> None:
    records = sqlite3.connect(final)
    found = records.execute("PRAGMA user_version").fetchone()[0]
    records.close()
    if found != SCHEMA_VERSION:
        raise RuntimeError(f"{final} has schema {found}, not {SCHEMA_VERSION}: move it away to have it built anew")


def _build(path: Path) -> None:
    records = sqlite3.connect(path)
    try:
        records.executescript(SCHEMA)
        for customer in seeded_customers():
            _insert_customer(records, customer)
        records.commit()
        records.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # Kept in the file; set last, so that the file stands alone when it is published.
        records.execute("PRAGMA journal_mode = WAL")
    finally:
        records.close()


def _insert_customer(records: sqlite3.Connection, customer: CustomerSeed) -> None:
    account = customer.name.lower().replace(" ", ".")
    records.execute(
        "INSERT INTO customers VALUES (?, ?, ?, ?, ?)",
        (
            customer.customer_id,
            customer.name,
            customer.name_zh,
            f"{account}.{customer.customer_id[2:]}@mail.example",
            customer.born_on.isoformat(),
        ),
    )
    records.execute(
        "INSERT INTO addresses (customer_id, street, city, state, zip, valid_from) VALUES (?, ?, ?, ?, ?, ?)",
        (customer.customer_id, customer.street, *customer.place, "2023-01-01"),
    )
    for policy in customer.policies:
        _insert_policy(records, customer, policy)


def _insert_policy(records: sqlite3.Connection, customer: CustomerSeed, policy: PolicySeed) -> None:
    vehicle = find_vehicle(policy.make, policy.model)
    if vehicle is None:
        raise ValueError(f"{policy.make} {policy.model} is not in the catalogue")
    vehicle_id = records.execute(
        "INSERT INTO vehicles (customer_id, make, model, year, kind, electric, mileage) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING vehicle_id",
        (
            customer.customer_id, policy.make, policy.model, policy.year, vehicle.kind, vehicle.electric,
            policy.mileage,
        ),
    ).fetchone()[0]  # fmt: skip
    line = "two_wheeler" if vehicle.kind in TWO_WHEELERS else "ev" if vehicle.electric else "auto"
    discounts = _discounts(customer, policy)
    premium_cents = _premium_cents(customer, policy, sum(discounts.values()))
    covers = {
        "liability": policy.liability,
        "collision_deductible_usd": 500,
        "comprehensive_deductible_usd": 250,
        "discounts_percent": discounts,
    }
    records.execute(
        "INSERT INTO policies VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
        (
            policy.policy_number, customer.customer_id, vehicle_id, line, policy.started_on.isoformat(),
            premium_cents, policy.payment, policy.autopay, json.dumps(covers),
        ),
    )  # fmt: skip
    _insert_invoices(records, policy, premium_cents)
    for claim in policy.claims:
        _insert_claim(records, policy.policy_number, claim)


def _premium_cents(customer: CustomerSeed, policy: PolicySeed, discounts_percent: int) -> int:
    """A month's premium at the epoch, as a quote would have given it, less the discounts."""
    born_on = customer.born_on
    had_birthday = (born_on.month, born_on.day) <= (EPOCH.month, EPOCH.day)
    driver_age = max(16, EPOCH.year - born_on.year - (not had_birthday))
    premium = rate(Risk(policy.make, policy.model, policy.year, policy.mileage, driver_age), on=EPOCH)
    share = Decimal(100 - min(MOST_DISCOUNT_PERCENT, discounts_percent)) / 100
    return to_cents((premium.monthly_usd * share).quantize(CENT))


def _discounts(customer: CustomerSeed, policy: PolicySeed) -> dict[str, int]:
    """Percent by name, as the article on discounts lists them."""
    offered = {
        "multi-vehicle": (10, len(customer.policies) > 1),
        "pay in full": (5, policy.payment == "yearly"),
        "autopay": (3, policy.autopay),
    }
    return {name: percent for name, (percent, given) in offered.items() if given}


def _insert_invoices(records: sqlite3.Connection, policy: PolicySeed, premium_cents: int) -> None:
    if policy.payment == "yearly":
        spans = [choose_term(policy.started_on, EPOCH)]
        amount_cents = 12 * premium_cents
    else:
        months = [month for month in INVOICED_MONTHS if month >= policy.started_on]
        spans = [(month, month.replace(day=monthrange(month.year, month.month)[1])) for month in months]
        amount_cents = premium_cents
    for number, (due_on, covers_to) in zip(policy.invoice_numbers, spans, strict=False):
        paid_cents = 0 if due_on in policy.unpaid else amount_cents + policy.overpaid_cents.get(due_on, 0)
        paid_on = due_on.isoformat() if paid_cents else None
        due = due_on.isoformat()
        records.execute(
            "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                policy.policy_number,
                due,
                covers_to.isoformat(),
                due,
                amount_cents,
                paid_cents,
                paid_on,
            ),
        )


def _insert_claim(records: sqlite3.Connection, policy_number: str, claim: ClaimSeed) -> None:
    reported_on = claim.happened_on + timedelta(days=1)
    records.execute(
        "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            claim.claim_number, policy_number, claim.kind, claim.happened_on.isoformat(),
            reported_on.isoformat(), claim.status, claim.paid_cents, claim.description,
        ),
    )  # fmt: skip
