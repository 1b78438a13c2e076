"""A running workshop for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.client import Customer
from tests.support.shop import Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


@pytest.fixture
async def customer(shop: Shop) -> Customer:
    """Somebody who has just opened a conversation."""
    return await shop.client.start()
