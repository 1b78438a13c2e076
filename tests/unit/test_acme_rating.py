"""The price of a quote in the reference bundle: what it depends on, and that customers read the same."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.acme import BUNDLE, TODAY, load_module

rating: Any = load_module("rating")
catalogue: Any = load_module("catalogue")

vehicles = st.sampled_from([(each.make, each.model) for each in catalogue.VEHICLES] + [("Saab", "9-3")])
years = st.integers(1950, 2027)
mileages = st.integers(0, 150_000)
ages = st.integers(16, 110)


def price(
    make: str = "Nissan", model: str = "Leaf", year: int = 2023, mileage: int = 12_000, driver_age: int = 34
) -> Decimal:
    return rating.rate(rating.Risk(make, model, year, mileage, driver_age), on=TODAY).monthly_usd


@given(vehicles, years, mileages, ages)
def test_a_price_is_positive_whole_cents_at_least_the_minimum_and_always_the_same(
    vehicle: tuple[str, str], year: int, mileage: int, driver_age: int
) -> None:
    first = price(*vehicle, year, mileage, driver_age)
    assert first >= rating.MINIMUM_USD > 0
    assert first == first.quantize(Decimal("0.01"))
    assert price(*vehicle, year, mileage, driver_age) == first


@given(vehicles, years, st.tuples(mileages, mileages), ages)
def test_more_miles_never_cost_less(
    vehicle: tuple[str, str], year: int, pair: tuple[int, int], driver_age: int
) -> None:
    fewer, more = sorted(pair)
    assert price(*vehicle, year, fewer, driver_age) <= price(*vehicle, year, more, driver_age)


@given(vehicles, years, mileages, st.tuples(st.integers(16, 64), st.integers(16, 64)))
def test_up_to_64_an_older_driver_never_costs_more(
    vehicle: tuple[str, str], year: int, mileage: int, pair: tuple[int, int]
) -> None:
    younger, older = sorted(pair)
    assert price(*vehicle, year, mileage, older) <= price(*vehicle, year, mileage, younger)


@given(vehicles, years, mileages, st.tuples(st.integers(30, 110), st.integers(30, 110)))
def test_from_30_on_an_older_driver_never_costs_less(
    vehicle: tuple[str, str], year: int, mileage: int, pair: tuple[int, int]
) -> None:
    younger, older = sorted(pair)
    assert price(*vehicle, year, mileage, younger) <= price(*vehicle, year, mileage, older)


@given(vehicles, st.tuples(years, years), mileages, ages)
def test_an_older_car_never_costs_more(
    vehicle: tuple[str, str], pair: tuple[int, int], mileage: int, driver_age: int
) -> None:
    older, newer = sorted(pair)
    assert price(*vehicle, older, mileage, driver_age) <= price(*vehicle, newer, mileage, driver_age)


def test_the_factors_multiply_to_the_price_of_the_worked_example() -> None:
    assert price() == Decimal("87.96")
    assert price(mileage=7_000) == Decimal("73.57")


def test_a_small_price_is_lifted_to_the_minimum() -> None:
    assert price("Vespa", "Primavera", 2001, 1_000, 45) == Decimal("20.00")


@pytest.mark.parametrize(
    ("make", "model"),
    [
        ("Nissan", "Leaf"),
        ("nissan", "LEAF"),
        ("日产", "聆风"),
        ("Nissan", "Nissan Leaf"),
        ("尼桑", "日产聆风"),
    ],
)
def test_a_vehicle_is_known_however_it_is_written(make: str, model: str) -> None:
    known = rating.normalise(rating.Risk(make, model, 2023, 12_000, 34), on=TODAY)
    assert (known.make, known.model) == ("Nissan", "Leaf")
    assert price(make, model) == price()


def test_an_unknown_model_is_rated_as_standard_and_not_as_electric() -> None:
    premium = rating.rate(rating.Risk("Saab", "9-3", 2010, 9_000, 40), on=TODAY)
    assert (premium.kind, premium.electric) == ("standard", False)
    assert rating.rate(rating.Risk("Nissan", "Murano EV", 2020, 9_000, 40), on=TODAY).electric is False


def test_a_short_name_of_one_maker_is_not_taken_for_anothers() -> None:
    assert rating.rate(rating.Risk("Infiniti", "Q5", 2020, 9_000, 40), on=TODAY).kind == "standard"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"year": 2031}, "2031"),
        ({"year": 2028}, "2027"),
        ({"year": 1899}, "1950"),
        ({"mileage": -5}, "-5"),
        ({"mileage": 400_000}, "400000"),
        ({"driver_age": 12}, "16"),
        ({"driver_age": 15}, "16"),
        ({"driver_age": 140}, "140"),
        ({"make": "Toyota"}, "Nissan"),
        ({"model": "\u200b"}, ""),
        ({"make": "what do you mean?"}, ""),
        ({"model": "x" * 41}, ""),
    ],
)
def test_impossible_input_is_rejected_with_a_reason_in_both_languages(changes: dict[str, Any], names: str) -> None:
    with pytest.raises(rating.ImpossibleInput) as rejected:
        price(**changes)
    english, chinese = rejected.value.texts["en"], rejected.value.texts["zh"]
    assert names in english
    assert names in chinese
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]", english)


def test_the_next_model_year_and_a_driver_of_16_are_possible() -> None:
    assert price(year=2027, driver_age=16) > price()


@given(st.text(max_size=60), st.text(max_size=60), st.integers(), st.integers(), st.integers())
@settings(max_examples=200)
def test_any_input_gives_a_price_or_a_reason(make: str, model: str, year: int, mileage: int, driver_age: int) -> None:
    try:
        assert price(make, model, year, mileage, driver_age) >= rating.MINIMUM_USD
    except rating.ImpossibleInput as rejected:
        assert rejected.texts["en"]
        assert rejected.texts["zh"]


def test_the_catalogue_names_each_vehicle_once_and_says_how_it_is_written() -> None:
    models = [each.model for each in catalogue.VEHICLES]
    spellings = [word for each in catalogue.VEHICLES for word in each.written]
    assert len(models) >= 60
    assert len(set(models)) == len(models)
    assert len(set(spellings)) == len(spellings)
    assert all(word == word.lower() for word in spellings)
    assert {each.make for each in catalogue.VEHICLES} == set(catalogue.MAKES)


def test_the_facts_electric_cars_are_known_as_electric() -> None:
    insured = [
        ("Tesla", "Model 3"), ("Tesla", "Model Y"), ("Tesla", "Model S"), ("Tesla", "Model X"),
        ("Rivian", "R1T"), ("Rivian", "R1S"), ("Nissan", "Leaf"), ("Chevrolet", "Bolt"), ("Ford", "Mustang Mach-E"),
        ("Hyundai", "Ioniq 5"), ("Kia", "EV6"), ("Volkswagen", "ID.4"), ("BMW", "i4"), ("Polestar", "2"),
    ]  # fmt: skip
    assert all(catalogue.find_vehicle(make, model).electric for make, model in insured)


def read_tables(locale: str) -> list[list[list[str]]]:
    """The article's tables, each as rows of cells, without the heading row."""
    text = (BUNDLE / "knowledge" / locale / "quotes" / "how-your-price-is-worked-out.md").read_text("utf-8")
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]] for block in blocks
    ]


def first_number(cell: str) -> int:
    """Where the band begins; "Under 5,000" begins at 0."""
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", cell)]
    return 0 if re.match(r"Under|少于", cell) else numbers[0]


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_article_holds_exactly_the_factors(locale: str) -> None:
    bases, car_ages, miles, driver_ages, rules = read_tables(locale)
    assert [Decimal(row[-1].removeprefix("$")) for row in bases] == list(rating.BASE_USD.values())
    assert [(first_number(cell), Decimal(factor)) for cell, factor in car_ages] == list(rating.CAR_AGE_YEARS)
    assert [(first_number(cell), Decimal(factor)) for cell, factor in miles] == list(rating.MILES_A_YEAR)
    youngest = [(max(16, start), factor) for start, factor in rating.DRIVER_AGE_YEARS]
    assert [(first_number(cell), Decimal(factor)) for cell, factor in driver_ages] == youngest
    assert [row[-1] for row in rules] == [str(rating.EV_SURCHARGE), f"${rating.MINIMUM_USD}"]


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_bands_of_the_article_leave_no_gap(locale: str) -> None:
    for table in read_tables(locale)[1:4]:
        starts = [first_number(row[0]) for row in table]
        ends = [int(re.findall(r"\d[\d,]*", row[0])[-1].replace(",", "")) for row in table[:-1]]
        below = 0 if re.match(r"Under|少于", table[0][0]) else 1
        assert [ends[0] + below, *(end + 1 for end in ends[1:])] == starts[1:]


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_examples_of_the_article_are_in_the_class_that_it_says(locale: str) -> None:
    for (kind, base), row in zip(rating.BASE_USD.items(), read_tables(locale)[0], strict=True):
        for example in re.split(r", |、", row[1]):
            name = catalogue.fold_name(example)
            found = [
                each
                for each in catalogue.VEHICLES
                for make in (each.make, *catalogue.MAKES[each.make])
                for model in (each.model, *each.written)
                if name == catalogue.fold_name(make + model)
            ]
            assert {each.kind for each in found} == {kind}, (example, base)
