"""What all tests share: the event loop, patience with a busy machine, and the link from proof to promise."""

import pytest
from hypothesis import settings

from tests.promises import PROMISES

settings.register_profile("firstline", deadline=None)
settings.load_profile("firstline")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(id): proves a promise of tests/promises")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mark that names no promise is a mistake, wherever it stands."""
    for item in items:
        for mark in item.iter_markers("promise"):
            if mark.args[:1] not in [(known,) for known in PROMISES]:
                raise pytest.UsageError(f"{item.nodeid}: {mark.args} is no promise; there are {', '.join(PROMISES)}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
