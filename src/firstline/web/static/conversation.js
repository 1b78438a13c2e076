/**
 * The conversation as a value: fold(snapshot, events) -> state, state -> the items of the page.
 * Pure: no network, no DOM, no clock. snapshot(n) + events(> n) gives the same as snapshot(now).
 */

export function emptyConversation() {
  return {
    id: null,
    status: 'open',
    messages: [],
    cards: [],
    confirmations: [],
    turn: null,
    suggestions: [],
    offered: false, // a person was offered
    ending: null, // of the last turn, when it was not a reply: failed | stopped
    signedIn: null,
    offline: null,
    survey: null,
    lastSeq: 0,
  };
}

/** The state that a snapshot tells. What only the live stream knows (status, growing reply) starts anew. */
export function fromSnapshot(snapshot) {
  const { messages, pending = {}, last_seq: lastSeq } = snapshot;
  const isAnswered = !pending.turn_id && messages.at(-1)?.author !== 'customer';
  const confirmations = snapshot.confirmations ?? pending.confirmations ?? [];
  return {
    ...emptyConversation(),
    id: snapshot.conversation_id,
    status: snapshot.status,
    messages,
    cards: snapshot.cards ?? [],
    confirmations: confirmations.map((one) => readConfirmation({ seq: lastSeq, ...one })),
    turn: pending.turn_id ? startTurn(pending.turn_id) : null,
    suggestions: (isAnswered && snapshot.suggestions) || [],
    signedIn: snapshot.signed_in ?? null,
    offline: snapshot.offline ?? null,
    survey: snapshot.survey ?? null,
    lastSeq,
  };
}

function startTurn(id) {
  return { id, part: 0, status: '', html: '', citations: [], withdrawn: false };
}

function readConfirmation({ seq, confirmation_id: id, label, rows, expires_at: expiresAt, decision = null }) {
  return { seq, id, label, rows, expiresAt, decision };
}

/** The state after one event of the stream. Events already folded are ignored: replays do no harm. */
export function fold(state, event) {
  if (event.seq && event.seq <= state.lastSeq) return state;
  const change = CHANGES[event.type]?.(state, event) ?? {};
  return { ...state, ...change, lastSeq: event.seq ?? state.lastSeq };
}

const NOTHING_NEXT = { suggestions: [], offered: false, ending: null };

const CHANGES = {
  'message.posted': postMessage,
  'turn.started': (state, { turn_id: id }) => ({
    turn: state.turn?.id === id ? state.turn : startTurn(id),
    ...NOTHING_NEXT,
  }),
  'turn.status': (state, event) => inTurn(state, event, { status: event.text }),
  'tool.called': (state, event) => inTurn(state, event, { status: event.label }),
  'tool.returned': ({ cards }, { seq, display: card }) => (card ? { cards: [...cards, { seq, card }] } : {}),
  'reply.delta': (state, event) => inTurn(state, event, { ...shownBy(event), withdrawn: false }),
  // Whoever connects in the middle is told to begin from nothing; only what was seen can be taken back.
  'reply.withdrawn': (state, event) => inTurn(state, event, { ...shownBy(event), withdrawn: Boolean(state.turn?.html) }),
  'customer.identified': (state, { signed_in: signedIn }) => ({ signedIn }),
  'turn.ended': (state, { outcome, suggestions }) => ({
    turn: null,
    suggestions: outcome === 'replied' ? (suggestions ?? []) : [],
    ending: { failed: 'failed', cancelled: 'stopped' }[outcome] ?? null,
  }),
  'confirmation.requested': (state, event) => ({
    confirmations: [
      ...state.confirmations.filter(({ id }) => id !== event.confirmation_id),
      readConfirmation(event),
    ],
  }),
  'confirmation.decided': ({ confirmations }, { seq, confirmation_id: decided, decision }) => ({
    confirmations: confirmations.map((one) => (one.id === decided ? { ...one, decision, seq } : one)),
  }),
  'handoff.offered': () => ({ offered: true }),
  'handoff.accepted': () => ({ status: 'waiting', ...NOTHING_NEXT }),
  'handoff.returned': () => ({ status: 'open' }),
  'conversation.closed': () => ({ status: 'closed', turn: null, ...NOTHING_NEXT }),
  'survey.answered': (state, { score }) => ({ survey: score }),
};

function postMessage(state, { message, turn_id: turnId }) {
  const { messages, turn } = state;
  if (messages.some(({ message_id: id }) => id === message.message_id)) return {};
  const more = { messages: [...messages, message] };
  if (message.author === 'customer') return { ...more, ...NOTHING_NEXT };
  if (message.author === 'human_agent') return { ...more, status: 'with_human', turn: null };
  if (message.author !== 'assistant' || !turn?.html || (turnId && turnId !== turn.id)) return more;
  // The stored reply takes the place of the one that grew: same key, same node on the page.
  const kept = { ...message, key: liveKey(turn) };
  return { messages: [...messages, kept], turn: { ...startTurn(turn.id), part: turn.part + 1 } };
}

function inTurn({ turn }, { turn_id: id }, change) {
  return { turn: { ...(turn ?? startTurn(id)), ...change } };
}

function shownBy({ html, citations }) {
  return { html: html ?? '', citations: citations ?? [] };
}

function liveKey(turn) {
  return `turn:${turn.id}:${turn.part}`;
}

/** What stands on the page between welcome and composer, in order. `now` (ms) decides what has expired. */
export function listItems(state, { outbox, now }) {
  const confirmations = state.confirmations.map((one) => confirmationItem(one, { now, status: state.status }));
  const isPending = (item) => item.state === 'pending';
  const placed = [
    ...state.messages.map(messageItem),
    ...state.cards.map(cardItem),
    ...confirmations.filter((item) => !isPending(item)),
  ].sort((one, other) => one.seq - other.seq);
  return [
    ...withDividers(placed),
    ...liveItems(state),
    ...confirmations.filter(isPending), // what waits for a decision stands last
    ...outbox.map((entry) => ({ kind: 'outgoing', key: `out:${entry.id}`, entry })),
    ...endingItems(state),
  ];
}

function messageItem(message) {
  return { kind: 'message', key: message.key ?? message.message_id, seq: message.seq, message };
}

function cardItem({ seq, card }, place, cards) {
  return { kind: 'card', key: `card:${seq}`, seq, card, isLast: place === cards.length - 1 };
}

/** `paused`: while a person has the conversation, or after its end, nothing can be decided. */
function confirmationItem(one, { now, status }) {
  const isExpired = Date.parse(one.expiresAt) <= now;
  const state = one.decision ?? (isExpired ? 'expired' : status === 'open' ? 'pending' : 'paused');
  return { kind: 'confirmation', key: `confirm:${one.id}`, seq: one.seq, confirmation: one, state };
}

function liveItems({ turn, status }) {
  if (!turn || status !== 'open') return [];
  const { html, citations, withdrawn } = turn;
  const line = { kind: 'status', key: 'status', text: turn.status, withdrawn, isWriting: Boolean(html) };
  if (!html) return [line];
  const message = { author: 'assistant', html, citations, isLive: true };
  return [{ kind: 'message', key: liveKey(turn), message }, line];
}

function endingItems({ status, survey, turn, ending, suggestions, offered }) {
  if (status === 'closed') return [{ kind: 'closed', key: 'closed', score: survey }];
  if (status === 'waiting') return [{ kind: 'waiting', key: 'waiting' }];
  if (status === 'with_human' || turn) return [];
  if (ending) return [{ kind: 'ending', key: 'ending', ending }];
  if (!suggestions.length && !offered) return [];
  return [{ kind: 'suggestions', key: 'suggestions', suggestions, offered }];
}

const PAUSE_MS = 15 * 60_000;

/** Times where a pause was long, and a line wherever somebody else begins to speak for the company. */
function withDividers(items) {
  let before = null;
  let speaker = 'assistant';
  return items.flatMap((item) => {
    const { author, author_name: name, at } = item.message ?? {};
    const dividers = [];
    if (at && (!before || Date.parse(at) - Date.parse(before) > PAUSE_MS)) {
      dividers.push({ kind: 'time', key: `time:${item.key}`, at, before });
    }
    before = at ?? before;
    const speaks = { assistant: 'assistant', human_agent: `human:${name}` }[author] ?? speaker;
    if (speaks !== speaker) {
      dividers.push({ kind: 'joined', key: `joined:${item.key}`, name, isHuman: author === 'human_agent' });
    }
    speaker = speaks;
    return [...dividers, item];
  });
}

/** The last message that the customer wrote, for asking again. */
export function lastQuestion(state) {
  return state.messages.findLast(({ author }) => author === 'customer')?.text ?? '';
}
