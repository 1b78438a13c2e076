"""The price of a quote: pure, deterministic, in exact decimals.

premium = base of the vehicle class x age of the car x miles a year x driver's age [x EV surcharge], rounded
to cents, never below the minimum. The customer reads the same tables in the article
`quotes/how-your-price-is-worked-out`; a test compares them. No I/O, no clock: the day is given.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from .catalogue import VehicleClass, find_make, find_vehicle

CENT = Decimal("0.01")
MINIMUM_USD = Decimal("20.00")
EV_SURCHARGE = Decimal("1.12")

BASE_USD: dict[VehicleClass, Decimal] = {
    "small": Decimal("68.00"),
    "standard": Decimal("78.00"),
    "suv": Decimal("86.00"),
    "van": Decimal("82.00"),
    "truck": Decimal("92.00"),
    "premium": Decimal("118.00"),
    "sports": Decimal("138.00"),
    "motorcycle": Decimal("42.00"),
    "scooter": Decimal("24.00"),
}

Bands = tuple[tuple[int, Decimal], ...]
"""(from this value on, factor), ascending, the first from 0."""

CAR_AGE_YEARS: Bands = (
    (0, Decimal("1.15")),
    (3, Decimal("1.05")),
    (6, Decimal("0.95")),
    (11, Decimal("0.85")),
    (16, Decimal("0.80")),
)
MILES_A_YEAR: Bands = (
    (0, Decimal("0.85")),
    (5_000, Decimal("0.92")),
    (7_500, Decimal("1.00")),
    (12_000, Decimal("1.10")),
    (15_000, Decimal("1.22")),
    (20_000, Decimal("1.38")),
)
DRIVER_AGE_YEARS: Bands = (
    (0, Decimal("2.40")),
    (18, Decimal("1.95")),
    (21, Decimal("1.50")),
    (25, Decimal("1.18")),
    (30, Decimal("1.00")),
    (65, Decimal("1.10")),
    (75, Decimal("1.30")),
)

OLDEST_MODEL_YEAR = 1950
MOST_MILES_A_YEAR = 150_000
YOUNGEST_DRIVER_YEARS = 16
OLDEST_DRIVER_YEARS = 110
LONGEST_NAME_CHARS = 40
MOST_WORDS_IN_NAME = 5


class ImpossibleInput(ValueError):
    """The vehicle or driver cannot exist, or is not insured; `texts` says so to the customer, by locale."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.texts = {"en": en, "zh": zh}


@dataclass(frozen=True)
class Risk:
    """What a price depends on. `mileage`: miles a year. `driver_age`: the youngest driver's, in years."""

    make: str
    model: str
    year: int
    mileage: int
    driver_age: int


@dataclass(frozen=True)
class Premium:
    """A month's price in US dollars, rounded to cents, and how the vehicle was classed."""

    monthly_usd: Decimal
    kind: VehicleClass
    electric: bool


def rate(risk: Risk, *, on: date) -> Premium:
    """The premium of `risk` as of the day `on`.

    Raises: ImpossibleInput.
    """
    risk = normalise(risk, on=on)
    vehicle = find_vehicle(risk.make, risk.model)
    kind: VehicleClass = "standard" if vehicle is None else vehicle.kind
    electric = vehicle is not None and vehicle.electric
    exact = (
        BASE_USD[kind]
        * choose_factor(CAR_AGE_YEARS, max(0, on.year - risk.year))
        * choose_factor(MILES_A_YEAR, risk.mileage)
        * choose_factor(DRIVER_AGE_YEARS, risk.driver_age)
        * (EV_SURCHARGE if electric else Decimal(1))
    )
    rounded = exact.quantize(CENT, rounding=ROUND_HALF_UP)
    return Premium(max(rounded, MINIMUM_USD), kind, electric)


def choose_factor(bands: Bands, value: int) -> Decimal:
    """The factor of the band that `value` falls into."""
    return next(factor for start, factor in reversed(bands) if value >= start)


def normalise(risk: Risk, *, on: date) -> Risk:
    """The same risk with the catalogue's spelling of maker and model.

    Raises: ImpossibleInput.
    """
    make = _check_name(risk.make, en="make", zh="品牌", like="Nissan", like_zh="日产")
    model = _check_name(risk.model, en="model", zh="车型", like="Leaf", like_zh="聆风")
    known = find_make(make)
    vehicle = find_vehicle(make, model)
    # "Toyota Leaf" is a slip of the customer's or of the model's: asking beats pricing the wrong vehicle.
    if vehicle is not None and known not in (None, vehicle.make):
        raise ImpossibleInput(
            f"The {vehicle.model} is made by {vehicle.make}, not by {known}. Which vehicle is it?",
            f"{vehicle.model} 是 {vehicle.make} 的车型，不是 {known} 的。请问是哪一款车？",
        )
    _check_year(risk.year, on=on)
    _check_mileage(risk.mileage)
    _check_driver_age(risk.driver_age)
    if vehicle is not None:
        make, model = vehicle.make, vehicle.model
    return Risk(known or make, model, risk.year, risk.mileage, risk.driver_age)


def _check_name(text: str, *, en: str, zh: str, like: str, like_zh: str) -> str:
    """The name on one line, without characters that cannot be seen.

    Raises: ImpossibleInput.
    """
    seen = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    name = " ".join(seen.split())
    sentence = len(name.split()) > MOST_WORDS_IN_NAME or any(mark in name for mark in "?？!！<>{}")
    if not any(letter.isalnum() for letter in name) or len(name) > LONGEST_NAME_CHARS or sentence:
        raise ImpossibleInput(
            f"That does not look like the {en} of a vehicle. Could you tell me just the {en}, like {like}?",
            f"这看起来不像车辆的{zh}。请只告诉我{zh}，例如：{like_zh}。",
        )
    return name


def _check_year(year: int, *, on: date) -> None:
    latest = on.year + 1
    if year > latest:
        raise ImpossibleInput(
            f"The model year {year} does not exist yet; the latest is {latest}. Which model year is it?",
            f"{year} 年款还不存在，目前最新的是 {latest} 年款。请问是哪一年款？",
        )
    if year < OLDEST_MODEL_YEAR:
        raise ImpossibleInput(
            f"Online quotes are for model years from {OLDEST_MODEL_YEAR}. Is {year} right? "
            "If so, please call 1-800-123-4567.",
            f"在线报价适用于 {OLDEST_MODEL_YEAR} 年及以后的年款。{year} 年是否正确？"
            "如果无误，请致电 1-800-123-4567。",
        )


def _check_mileage(mileage: int) -> None:
    if mileage < 0:
        raise ImpossibleInput(
            f"The miles driven a year cannot be {mileage}, below zero. About how many are they?",
            f"每年行驶里程不能是负数（{mileage}）。请问每年大约行驶多少英里？",
        )
    if mileage > MOST_MILES_A_YEAR:
        raise ImpossibleInput(
            f"{mileage} miles are more than a private vehicle drives in a year. I need the miles a year, "
            "not the odometer reading. About how many are they?",
            f"{mileage} 英里超过了私人车辆一年可能行驶的里程。"
            "我需要的是每年行驶的英里数，而不是里程表读数。大约是多少？",
        )


def _check_driver_age(driver_age: int) -> None:
    if driver_age < YOUNGEST_DRIVER_YEARS:
        raise ImpossibleInput(
            f"Drivers must be at least {YOUNGEST_DRIVER_YEARS} years old, so I cannot quote for the age of "
            f"{driver_age}. How old is the youngest person who will drive?",
            f"驾驶人须年满 {YOUNGEST_DRIVER_YEARS} 岁，因此无法为 {driver_age} 岁报价。请问最年轻的驾驶人多大年龄？",
        )
    if driver_age > OLDEST_DRIVER_YEARS:
        raise ImpossibleInput(
            f"An age of {driver_age} cannot be right. How old is the youngest person who will drive?",
            f"{driver_age} 岁的年龄不太可能。请问最年轻的驾驶人多大年龄？",
        )
