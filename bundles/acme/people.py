"""Two hundred invented customers, always the same ones.

Everything is dated relative to `EPOCH`, not to the day of the first run, so that tests, examples and
evaluation cases can name numbers. Three customers are written by hand because the demo signs in as them; a
seeded generator makes the others. Imported by `seed` only.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Literal

from .catalogue import VEHICLES

EPOCH = date(2026, 11, 1)
CUSTOMERS = 200
FIRST_CUSTOMER = 1001
INVOICED_MONTHS = tuple(date(2026, month, 1) for month in (8, 9, 10, 11))

ClaimStatus = Literal["received", "under review", "approved", "paid", "declined"]

GIVEN_NAMES = (
    "Aisha", "Amelia", "Ana", "Andre", "Anh", "Beatriz", "Brian", "Carlos", "Chloe", "Daniel",
    "Deborah", "Dmitri", "Elena", "Ethan", "Fatima", "Gabriel", "Grace", "Hannah", "Hiro", "Imani",
    "Isaac", "Jasmine", "Jorge", "Julia", "Kevin", "Kofi", "Laila", "Liam", "Lucia", "Marcus", "Mei",
    "Nadia", "Noah", "Olga", "Omar", "Patricia", "Priya", "Quentin", "Rosa", "Samuel", "Sofia", "Tariq",
    "Theresa", "Uma", "Victor", "Wendy", "Yusuf", "Zoe",
)  # fmt: skip
FAMILY_NAMES = (
    "Abebe", "Anderson", "Baker", "Bianchi", "Campbell", "Castillo", "Chen", "Cohen", "Diaz", "Dubois",
    "Edwards", "Eriksen", "Fernandez", "Fischer", "Garcia", "Hassan", "Hughes", "Ivanova", "Jackson",
    "Kim", "Kowalski", "Lopez", "Mbeki", "Mitchell", "Nguyen", "Novak", "O'Brien", "Okoye", "Park",
    "Patel", "Quinn", "Reyes", "Robinson", "Sato", "Schmidt", "Singh", "Taylor", "Tran", "Vasquez",
    "Walker", "Wang", "Williams", "Young",
)  # fmt: skip
STREETS = (
    "Alder Lane", "Birch Street", "Cedar Avenue", "Chestnut Court", "Elm Street", "Garden Way",
    "Harbor Road", "Hickory Drive", "Lakeview Terrace", "Maple Avenue", "Mill Road", "Oak Hill Drive",
    "Orchard Street", "Park Place", "Pine Ridge Road", "River Street", "Spring Lane",
    "Sunset Boulevard", "Walnut Street",
)  # fmt: skip
PLACES = (
    ("Phoenix", "AZ", "85004"), ("Little Rock", "AR", "72201"), ("Sacramento", "CA", "95814"),
    ("San Diego", "CA", "92101"), ("Boulder", "CO", "80302"), ("Hartford", "CT", "06103"),
    ("Washington", "DC", "20009"), ("Tampa", "FL", "33602"), ("Savannah", "GA", "31401"),
    ("Boise", "ID", "83702"), ("Chicago", "IL", "60607"), ("Indianapolis", "IN", "46204"),
    ("Des Moines", "IA", "50309"), ("Louisville", "KY", "40202"), ("Portland", "ME", "04101"),
    ("Boston", "MA", "02116"), ("Ann Arbor", "MI", "48104"), ("Minneapolis", "MN", "55401"),
    ("Omaha", "NE", "68102"), ("Albany", "NY", "12207"), ("Raleigh", "NC", "27601"),
    ("Columbus", "OH", "43215"), ("Eugene", "OR", "97401"), ("Pittsburgh", "PA", "15222"),
    ("Austin", "TX", "78701"), ("Salt Lake City", "UT", "84101"), ("Richmond", "VA", "23220"),
    ("Spokane", "WA", "99201"), ("Madison", "WI", "53703"),
)  # fmt: skip
INCIDENTS = (
    ("collision", "Rear-ended at a traffic light; the bumper and the tailgate are dented."),
    ("collision", "Scraped a concrete pillar while parking; two doors are damaged."),
    ("theft", "Broken into overnight; a bag and the catalytic converter are gone."),
    ("weather", "Hail dented the roof and the hood."),
    ("vandalism", "Both mirrors were kicked off in a parking lot."),
    ("glass", "A stone cracked the windshield on the interstate."),
    ("fire", "A cable fire under the hood; put out at the roadside."),
    ("animal", "Hit a deer at dusk; the left headlight and fender are broken."),
)
STATUSES: tuple[ClaimStatus, ...] = (
    "received", "under review", "under review", "approved", "paid", "paid", "paid", "declined",
)  # fmt: skip


@dataclass(frozen=True)
class ClaimSeed:
    """A claim as it stands at the epoch."""

    claim_number: str
    kind: str
    happened_on: date
    status: ClaimStatus
    description: str
    paid_cents: int | None = None


@dataclass(frozen=True)
class PolicySeed:
    """A policy with its vehicle. `overpaid_cents` and `unpaid` are by the first day of the invoiced month."""

    policy_number: str
    make: str
    model: str
    year: int
    mileage: int
    started_on: date
    payment: Literal["monthly", "yearly"] = "monthly"
    autopay: bool = False
    liability: str = "standard"
    invoice_numbers: tuple[str, ...] = ()
    overpaid_cents: dict[date, int] = field(default_factory=dict[date, int])
    unpaid: frozenset[date] = frozenset()
    claims: tuple[ClaimSeed, ...] = ()


@dataclass(frozen=True)
class CustomerSeed:
    """A customer with everything that is theirs."""

    customer_id: str
    name: str
    born_on: date
    street: str
    place: tuple[str, str, str]
    policies: tuple[PolicySeed, ...]
    name_zh: str | None = None


@dataclass(frozen=True)
class Numbers:
    """Where the next numbers come from while customers are generated."""

    policies: Iterator[int]
    invoices: Iterator[int]
    claims: Iterator[int]


MARIA = CustomerSeed(
    customer_id="C-1001",
    name="Maria Alvarez",
    born_on=date(1988, 4, 12),
    street="418 Juniper Street",
    place=("Denver", "CO", "80203"),
    policies=(
        PolicySeed(
            "AC-204817", "Nissan", "Leaf", 2023, 9_000, date(2025, 3, 1), autopay=True,
            invoice_numbers=("INV-58110", "INV-58210", "INV-58310", "INV-58410"),
            claims=(
                ClaimSeed(
                    "CL-10042", "collision", date(2026, 10, 19), "under review",
                    "A van rolled back into the parked car; the front bumper and the camera are broken.",
                ),
            ),
        ),
        PolicySeed(
            "AC-204818", "Toyota", "RAV4", 2019, 11_000, date(2024, 6, 1), autopay=True,
            invoice_numbers=("INV-58111", "INV-58211", "INV-58311", "INV-58411"),
        ),
    ),
)  # fmt: skip

JAMES = CustomerSeed(
    customer_id="C-1002",
    name="James Okafor",
    born_on=date(1979, 9, 30),
    street="27 Peachtree Court",
    place=("Atlanta", "GA", "30309"),
    policies=(
        PolicySeed(
            "AC-205133", "Honda", "Civic", 2020, 13_500, date(2023, 5, 1), liability="high",
            invoice_numbers=("INV-58113", "INV-58213", "INV-58313", "INV-58413"),
            overpaid_cents={date(2026, 9, 1): 48_00, date(2026, 10, 1): 240_00},
        ),
    ),
)  # fmt: skip

LI_WEI = CustomerSeed(
    customer_id="C-1003",
    name="Li Wei",
    name_zh="李伟",
    born_on=date(1994, 2, 8),
    street="905 Mercer Avenue, Apt 6",
    place=("Seattle", "WA", "98109"),
    policies=(
        PolicySeed(
            "AC-206041", "Yamaha", "MT-07", 2021, 4_200, date(2025, 8, 1),
            invoice_numbers=("INV-58114", "INV-58214", "INV-58314", "INV-58414"),
            unpaid=frozenset({EPOCH}),
        ),
    ),
)  # fmt: skip


def seeded_customers() -> Iterator[CustomerSeed]:
    """All customers in the order of their ids, the same at every call."""
    yield from (MARIA, JAMES, LI_WEI)
    chance = random.Random(EPOCH.toordinal())  # noqa: S311  # invented people, no secrets
    numbers = Numbers(count(210_000), count(60_001), count(10_100))
    for number in range(FIRST_CUSTOMER + 3, FIRST_CUSTOMER + CUSTOMERS):
        age_years = min(82, 17 + int(chance.gammavariate(3.0, 9.0)))
        policies = tuple(_generate_policy(chance, numbers) for _ in range(chance.choices((1, 2, 3), (70, 25, 5))[0]))
        yield CustomerSeed(
            customer_id=f"C-{number}",
            name=f"{chance.choice(GIVEN_NAMES)} {chance.choice(FAMILY_NAMES)}",
            born_on=EPOCH - timedelta(days=age_years * 366 + chance.randrange(360)),
            street=f"{chance.randrange(10, 4_000)} {chance.choice(STREETS)}",
            place=chance.choice(PLACES),
            policies=policies,
        )


def _generate_policy(chance: random.Random, numbers: Numbers) -> PolicySeed:
    vehicle = chance.choice(VEHICLES)
    started_on = date(chance.randrange(2023, 2027), chance.randrange(1, 11), 1)
    monthly = chance.random() < 0.8
    autopay = monthly and chance.random() < 0.5
    return PolicySeed(
        policy_number=f"AC-{next(numbers.policies)}",
        make=vehicle.make,
        model=vehicle.model,
        year=chance.randrange(2021 if vehicle.electric else 2012, started_on.year + 1),
        mileage=chance.randrange(25, 220) * 100,
        started_on=started_on,
        payment="monthly" if monthly else "yearly",
        autopay=autopay,
        liability=chance.choice(("basic", "standard", "standard", "high")),
        invoice_numbers=tuple(f"INV-{next(numbers.invoices)}" for _ in INVOICED_MONTHS),
        overpaid_cents={INVOICED_MONTHS[1]: chance.randrange(5, 90) * 100} if chance.random() < 0.05 else {},
        unpaid=frozenset({EPOCH}) if not autopay and chance.random() < 0.1 else frozenset(),
        claims=(_generate_claim(chance, numbers),) if chance.random() < 0.2 else (),
    )


def _generate_claim(chance: random.Random, numbers: Numbers) -> ClaimSeed:
    kind, description = chance.choice(INCIDENTS)
    status = chance.choice(STATUSES)
    return ClaimSeed(
        claim_number=f"CL-{next(numbers.claims)}",
        kind=kind,
        happened_on=EPOCH - timedelta(days=chance.randrange(4, 28)),
        status=status,
        description=description,
        paid_cents=chance.randrange(400_00, 6_000_00) if status == "paid" else None,
    )
