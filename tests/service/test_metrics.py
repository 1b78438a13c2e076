"""What operators count."""

import pytest

from tests.support.shop import Shop

pytestmark = pytest.mark.anyio


async def test_a_turn_is_counted_by_its_outcome_and_nothing_of_the_customer_stands_there(shop: Shop) -> None:
    customer = await shop.client.start()
    await customer.ask("hello from canary-7731")
    told = (await shop.client.request("GET", "/metrics")).text

    counted = [each for each in told.splitlines() if each.startswith('firstline_turns_total{bundle="workshop"')]
    replied = [each for each in counted if 'outcome="replied"' in each]
    assert replied and float(replied[0].split()[-1]) >= 1
    assert "canary-7731" not in told
