"""A function's signature and docstring are its schema; arguments that do not fit are told why."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from firstline.errors import ConfigError, ToolRejected
from firstline.tools import Approval, Slot, Tool, ToolContext, tool
from firstline.tools.schema import build_tool, validate_arguments

LABEL = {"en": "Working"}


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Topping(BaseModel):
    title: str
    grams: int = 5


class Chain(BaseModel):
    next: "Chain | None" = None


@tool(effect="read", requires="anonymous", label=LABEL)
def bake(
    context: ToolContext,
    *,
    bread: str,
    year: Annotated[int, Field(ge=1950, le=2100)],
    kind: Literal["rye", "wheat"] = "rye",
    size: Size = Size.SMALL,
    day: date | None = None,
    price: Decimal = Decimal("1.50"),
    weight: float = 1.0,
    sliced: bool = False,
    copy: str = "shadows a method of the model",
    toppings: list[Topping] = [],  # noqa: B006 - the model copies it
) -> dict[str, Any]:
    """Return a loaf. Use it when a customer is hungry.

    A loaf is not a cake.

    Args:
        bread: What it is made of.
        year: The year of the recipe.
        kind: The flour.
        size: How large.
        day: When it is wanted,
            by the customer's calendar.
        price: In pounds.
        weight: In kilograms.
        sliced: Whether to slice it.
        copy: How many.
        toppings: What is on it.

    Returns:
        Not for the model.
    """
    return {}


BAKE = build_tool(bake)
REQUIRED = {"bread": "spelt", "year": 2020}


def test_the_description_is_the_docstring_without_its_sections() -> None:
    assert BAKE.name == "bake"
    assert BAKE.description == "Return a loaf. Use it when a customer is hungry.\n\nA loaf is not a cake."


def test_the_schema_is_closed_flat_and_says_what_is_required() -> None:
    schema = BAKE.input_schema
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["bread", "year"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"])[:4] == ["bread", "year", "kind", "size"]
    assert "$defs" not in str(schema)
    assert "$ref" not in str(schema)
    assert schema["properties"]["year"] == {
        "description": "The year of the recipe.",
        "maximum": 2100,
        "minimum": 1950,
        "type": "integer",
    }
    assert schema["properties"]["kind"]["enum"] == ["rye", "wheat"]
    assert schema["properties"]["kind"]["default"] == "rye"
    assert schema["properties"]["size"]["enum"] == ["small", "large"]
    assert schema["properties"]["day"]["description"] == "When it is wanted,\nby the customer's calendar."


def test_titles_go_but_a_property_called_title_stays() -> None:
    topping = BAKE.input_schema["properties"]["toppings"]["items"]
    assert list(topping["properties"]) == ["title", "grams"]
    assert topping["additionalProperties"] is False
    assert "title" not in topping["properties"]["title"]
    assert "title" not in BAKE.input_schema


def test_the_schema_is_the_same_every_time_byte_for_byte() -> None:
    assert str(build_tool(bake)) == str(BAKE)


def test_a_tool_without_arguments_takes_none() -> None:
    @tool(effect="read", label=LABEL)
    def ping(context: ToolContext) -> None:
        """Return nothing."""

    schema = build_tool(ping).input_schema
    assert schema == {"additionalProperties": False, "properties": {}, "required": [], "type": "object"}
    assert validate_arguments(build_tool(ping), {}) == {}
    with pytest.raises(ToolRejected, match="there is no `x`"):
        validate_arguments(build_tool(ping), {"x": 1})


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "not given: `bread`, `year`"),
        ({"bread": "a"}, "not given: `year`"),
        ({**REQUIRED, "colour": 1}, "there is no `colour`; there is `bread`, `year`, `kind`"),
        ({**REQUIRED, "year": "2020"}, "`year` must be a whole number"),
        ({**REQUIRED, "year": 2020.5}, "`year` must be a whole number"),
        ({**REQUIRED, "year": True}, "`year` must be a whole number"),
        ({**REQUIRED, "year": None}, "`year` must be a whole number"),
        ({**REQUIRED, "year": 1949}, "`year` must have a value of at least 1950"),
        ({**REQUIRED, "year": float("inf")}, "`year` must be a finite number"),
        ({**REQUIRED, "weight": float("nan")}, "`weight` must be a finite number"),
        ({**REQUIRED, "bread": 7}, "`bread` must be text"),
        ({**REQUIRED, "kind": "oat"}, "`kind` must be one of 'rye', 'wheat'"),
        ({**REQUIRED, "size": "SMALL"}, "`size` must be one of 'small', 'large'"),
        ({**REQUIRED, "sliced": "true"}, "`sliced` must be true or false"),
        ({**REQUIRED, "sliced": 1}, "`sliced` must be true or false"),
        ({**REQUIRED, "day": "2026-02-30"}, "`day` must have the form of a date or `day` must be null"),
        ({**REQUIRED, "toppings": {}}, "`toppings` must be a list"),
        ({**REQUIRED, "toppings": [{"grams": 1}]}, "not given in `toppings[0]`: `title`"),
        ({**REQUIRED, "toppings": [{"title": "a", "x": 1}]}, "no `x` in `toppings[0]`; there is `title`, `grams`"),
        ({**REQUIRED, "toppings": [{"title": "a", "grams": "1"}]}, "`toppings[0].grams` must be a whole number"),
        ({"year": "x", "bread": 1}, "`bread` must be text; `year` must be a whole number"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_told_which_and_why(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ToolRejected) as caught:
        validate_arguments(BAKE, arguments)
    assert why in str(caught.value)


def test_each_mistake_is_told_once() -> None:
    with pytest.raises(ToolRejected) as caught:
        validate_arguments(BAKE, {})
    assert str(caught.value) == "not given: `bread`, `year`"


def test_a_long_or_strange_argument_is_not_repeated_at_length() -> None:
    with pytest.raises(ToolRejected) as caught:
        validate_arguments(BAKE, {**REQUIRED, "x" * 10_000: 1, "bread": ["y" * 10_000]})
    assert len(str(caught.value)) < 400


def test_a_whole_float_is_a_whole_number_where_one_is_wanted() -> None:
    read = validate_arguments(
        BAKE, {**REQUIRED, "year": 2020.0, "weight": 2.0, "toppings": [{"title": "a", "grams": 3.0}]}
    )
    assert (read["year"], type(read["year"])) == (2020, int)
    assert type(read["weight"]) is float
    assert type(read["toppings"][0]["grams"]) is int


def test_arguments_that_fit_come_back_as_they_are() -> None:
    given_arguments = {**REQUIRED, "day": "2026-02-28", "size": "large", "price": "2.10"}
    assert validate_arguments(BAKE, given_arguments) == given_arguments


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(arguments=st.dictionaries(st.sampled_from([*BAKE.input_schema["properties"], "x"]), json_values, max_size=6))
def test_any_arguments_are_accepted_or_rejected_with_a_reason(arguments: dict[str, Any]) -> None:
    try:
        read = validate_arguments(BAKE, arguments)
    except ToolRejected as error:
        assert str(error)
    else:
        assert read == arguments


Declare = Callable[..., Tool]


def build(function: Callable[..., Any], **declaration: Any) -> Tool:
    return build_tool(tool(**{"effect": "read", "label": LABEL, **declaration})(function))


def without_context(*, a: str) -> None:
    """Return.

    Args:
        a: A.
    """


def by_position(context: ToolContext, a: str) -> None:
    """Return.

    Args:
        a: A.
    """


def anything(context: ToolContext, **more: str) -> None:
    """Return.

    Args:
        more: A.
    """


def untyped(context: ToolContext, *, a) -> None:  # type: ignore[no-untyped-def]
    """Return.

    Args:
        a: A.
    """


def undocumented(context: ToolContext, *, a: str) -> None: ...


def half_documented(context: ToolContext, *, amount: str) -> None:
    """Return.

    Args:
        amuont: A.
    """


def misnamed(context: ToolContext, *, a: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Return.

    Args:
        a: A.
    """


def recursive(context: ToolContext, *, a: Chain) -> None:
    """Return.

    Args:
        a: A.
    """


def opaque(context: ToolContext, *, a: Callable[[], None]) -> None:
    """Return.

    Args:
        a: A.
    """


def CamelCase(context: ToolContext) -> None:
    """Return."""


def fine(context: ToolContext, *, amount: float) -> None:
    """Return.

    Args:
        amount: A.
    """


@pytest.mark.parametrize(
    ("function", "declaration", "what"),
    [
        (without_context, {}, "`without_context` does not take the context first"),
        (by_position, {}, "takes `a` by position"),
        (anything, {}, "takes `more` by position, or takes just anything"),
        (untyped, {}, "does not say the type of `a`"),
        (undocumented, {}, "`undocumented` has no docstring"),
        (undocumented, {}, "does not say what `a` is"),
        (half_documented, {}, "describes `amuont`, which it does not take\n    → did you mean `amount`?"),
        (misnamed, {}, "has a type that cannot be read: name 'Nowhere' is not defined"),
        (recursive, {}, "has a type that contains itself"),
        (opaque, {}, "has a type or default that cannot be described as JSON"),
        (CamelCase, {}, "is no name for a tool"),
        (fine, {"effect": "raed"}, "has the effect 'raed'\n    → did you mean `read`?"),
        (fine, {"requires": "admin"}, "requires 'admin'"),
        (fine, {"timeout_seconds": 0}, "has a timeout of 0 seconds"),
        (fine, {"timeout_seconds": float("nan")}, "has a timeout of nan seconds"),
        (fine, {"label": "Working"}, "has a `label` that is no mapping"),
        (fine, {"slots": {"amont": Slot(ask=LABEL)}}, "has a slot `amont`, which it does not take"),
        (fine, {"slots": {"amount": Slot(ask=LABEL, pattern="(")}}, "whose pattern is no regular expression"),
        (fine, {"slots": {"amount": Slot(ask=LABEL, implies={1: {"b": 2}})}}, "implies `b`, which it does not take"),
        (fine, {"slots": {"amount": Slot(ask="How much?")}}, "whose `ask` is no mapping"),  # type: ignore[arg-type]
        (fine, {"effect": "money", "approval_above": Approval("usd", 9)}, "needs approval by `usd`"),
        (fine, {"effect": "write", "approval_above": Approval("amount", 9)}, "has not the effect money"),
    ],
)  # fmt: skip
def test_a_breach_of_the_rules_is_named_at_the_functions_line(
    function: Callable[..., Any], declaration: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build(function, **declaration)
    assert what in str(caught.value)
    assert {problem.line for problem in caught.value.problems} == {function.__code__.co_firstlineno}
    assert {str(problem.path) for problem in caught.value.problems} == {__file__}


@pytest.mark.parametrize(
    "name",
    ["customer_id", "customer", "customerId", "account_holder", "account_id", "user_id", "client", "member_id"],
)
def test_no_tool_takes_a_customer_id_by_any_name(name: str) -> None:
    scope: dict[str, Any] = {"ToolContext": ToolContext}
    exec(f"def look(context: ToolContext, *, {name}: str) -> None:\n  'Return.\\n\\nArgs:\\n  {name}: Who.'", scope)
    with pytest.raises(ConfigError, match="no tool takes a customer id") as caught:
        build(scope["look"])
    assert "context.customer_id" in caught.value.problems[0].remedy


@pytest.mark.parametrize("name", ["policy_number", "invoice_number", "username_hint", "remember"])
def test_other_names_are_not_taken_for_a_customer_id(name: str) -> None:
    scope: dict[str, Any] = {"ToolContext": ToolContext}
    exec(f"def look(context: ToolContext, *, {name}: str) -> None:\n  'Return.\\n\\nArgs:\\n  {name}: Who.'", scope)
    assert build(scope["look"]).name == "look"


def test_a_function_that_was_not_declared_is_no_tool() -> None:
    def plain(context: ToolContext) -> None:
        """Return."""

    with pytest.raises(ConfigError, match="`plain` is no tool"):
        build_tool(plain)


def test_a_declared_function_stays_as_it_is() -> None:
    assert bake(None, bread="a", year=2020) == {}  # type: ignore[arg-type]
