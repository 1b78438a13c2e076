"""The inbox that comes with Firstline, as a desk: it reads the log itself, so nothing has to be told to it."""

from firstline.desk import Delivered, DeskName, Outcome, Telling


class Inbox:
    name: DeskName = "inbox"
    told: frozenset[str] = frozenset()

    async def deliver(self, telling: Telling) -> Outcome:
        return Delivered()

    async def aclose(self) -> None:
        pass
