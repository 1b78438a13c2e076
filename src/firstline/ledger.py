"""Conversations as the store has them: loaded by folding, changed by appending, told to whoever watches.

Whoever writes goes through here, so that nothing is stored and not published, or published and not stored.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from firstline.conversation import Conversation, fold, new_conversation
from firstline.dispatch import Signal
from firstline.errors import Conflict
from firstline.events import Event, Logged
from firstline.store import Store
from firstline.types import ConversationId

CACHED = 2_000
TRIES = 20

Publish = Callable[[ConversationId, tuple[Signal, ...]], None]


class Ledger:
    """The conversations of one process. Folded ones are kept, and brought up to date when asked for.

    `alone`: no other process writes to this store (the folder's lock sees to that), so what is kept is up to date.
    """

    def __init__(self, store: Store, publish: Publish, *, alone: bool) -> None:
        self._store = store
        self._alone = alone
        self._publish = publish
        self._erased: set[ConversationId] = set()
        self._folded: OrderedDict[ConversationId, Conversation] = OrderedDict()

    async def load(self, conversation_id: ConversationId) -> Conversation:
        """The conversation as it is stored now; one without events when it is unknown."""
        known = self._folded.get(conversation_id) or new_conversation(conversation_id)
        if self._alone and known.log:
            return known
        added = await self._store.read(conversation_id, after=known.last_seq)
        conversation = fold(added, onto=known) if added else known
        if conversation.log:
            self._keep(conversation)
        return conversation

    async def append(self, conversation: Conversation, *events: Event) -> Conversation:
        """The conversation with these events. Raises: Conflict, StoreUnavailable."""
        last_seq = await self._store.append(conversation.conversation_id, events, after=conversation.last_seq)
        first = last_seq - len(events) + 1
        logged = tuple(Logged(first + index, event) for index, event in enumerate(events))
        extended = fold(logged, onto=conversation)
        self._keep(extended)
        self._publish(conversation.conversation_id, logged)
        return extended

    async def update(
        self, conversation_id: ConversationId, decide: Callable[[Conversation], Sequence[Event]]
    ) -> Conversation:
        """The conversation after what `decide` makes of its present state; asked again when somebody else was first.

        Raises: whatever `decide` raises, StoreUnavailable.
        """
        for _ in range(TRIES):
            conversation = await self.load(conversation_id)
            events = decide(conversation)
            if not events:
                return conversation
            try:
                return await self.append(conversation, *events)
            except Conflict:
                continue
        raise Conflict("the log moved on at every try")

    async def erase(self, conversation_id: ConversationId) -> None:
        """Remove it for good, from here too."""
        self._erased.add(conversation_id)
        await self._store.erase(conversation_id)
        self._folded.pop(conversation_id, None)

    def _keep(self, conversation: Conversation) -> None:
        if conversation.conversation_id in self._erased:
            return  # an append that was under way when it was erased
        known = self._folded.get(conversation.conversation_id)
        if known is None or known.last_seq <= conversation.last_seq:
            self._folded[conversation.conversation_id] = conversation
        self._folded.move_to_end(conversation.conversation_id)
        if len(self._folded) > CACHED:
            self._folded.popitem(last=False)
