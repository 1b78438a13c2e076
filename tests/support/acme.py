"""The reference bundle's own modules and customers, for the tests of its back end."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from firstline.tools import ToolContext
from firstline.types import CustomerId

BUNDLE = Path(__file__).parents[2] / "bundles" / "acme"
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
TODAY = NOW.date()
LEAF: dict[str, Any] = {"make": "Nissan", "model": "Leaf", "year": 2023, "mileage": 12_000, "driver_age": 34}
NEW_HOME = {"street": "12 Elm Street", "city": "Columbus", "state": "OH", "zip": "43215"}


def load_module(name: str) -> ModuleType:
    """A module of the bundle, whose folder is a package for the length of the test run."""
    package = "acme_under_test"
    if package not in sys.modules:
        spec = spec_from_loader(package, loader=None, is_package=True)
        assert spec is not None
        spec.submodule_search_locations = [str(BUNDLE)]
        sys.modules[package] = module_from_spec(spec)
    return import_module(f"{package}.{name}")


def sign_in(folder: Path, customer_id: str) -> ToolContext:
    """What a tool knows while this customer is signed in, on freshly seeded records."""
    tools: Any = load_module("tools")
    tools.setup(folder)
    return ToolContext(CustomerId(customer_id), idempotency_key="k-1", now=NOW, locale="en", folder=folder)


def as_customer(context: ToolContext, customer_id: str) -> ToolContext:
    """The same moment and folder, with somebody else signed in."""
    return replace(context, customer_id=CustomerId(customer_id))


def count_rows(context: ToolContext, table: str) -> int:
    backend: Any = load_module("backend")
    with backend.open_records(context.folder) as records:
        return records.execute(f"SELECT COUNT(*) AS n FROM {table}").fetchone()["n"]
