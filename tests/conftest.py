"""What all tests share: the event loop, patience with a busy machine, and the link from proof to promise."""

import pytest
from hypothesis import settings

from tests.promises import PROMISES, promises_in_name

settings.register_profile("firstline", deadline=None)
settings.load_profile("firstline")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(id): proves a promise of tests/promises")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Proofs bear the mark of the promise that their file is named after; a mark that names none is a mistake."""
    for item in items:
        for promise in promises_in_name(item.path):
            item.add_marker(pytest.mark.promise(promise))
        for mark in item.iter_markers("promise"):
            if mark.args[:1] not in [(known,) for known in PROMISES]:
                raise pytest.UsageError(f"{item.nodeid}: {mark.args} is no promise; there are {', '.join(PROMISES)}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
