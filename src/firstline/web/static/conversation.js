/**
 * The conversation as a value: fold(snapshot, events) -> state, state -> the items of the page.
 * Pure: no network, no DOM, no clock. snapshot(n) + events(> n) gives the same as snapshot(now).
 */

const NO_TURN = null;

export function emptyConversation() {
  return {
    id: null,
    status: 'open',
    messages: [],
    cards: [],
    confirmations: [],
    turn: NO_TURN,
    suggestions: [],
    offered: false,
    ending: null, // of the last turn, when it was not a reply: failed | stopped
    signedIn: null,
    offline: null,
    survey: null,
    lastSeq: 0,
  };
}

/** The state that a snapshot tells. What only the live stream knew (status line, suggestions) starts anew. */
export function fromSnapshot(snapshot) {
  const turnId = snapshot.pending?.turn_id;
  const isAnswered = !turnId && snapshot.messages.at(-1)?.author !== 'customer';
  return {
    ...emptyConversation(),
    id: snapshot.conversation_id,
    status: snapshot.status,
    messages: snapshot.messages,
    cards: snapshot.cards ?? [],
    confirmations: (snapshot.confirmations ?? snapshot.pending?.confirmations ?? []).map((one) =>
      readConfirmation({ seq: snapshot.last_seq, ...one })),
    turn: turnId ? startTurn(turnId) : NO_TURN,
    suggestions: (isAnswered && snapshot.suggestions) || [],
    signedIn: snapshot.signed_in ?? null,
    offline: snapshot.offline ?? null,
    survey: snapshot.survey ?? null,
    lastSeq: snapshot.last_seq,
  };
}

function startTurn(turnId) {
  return { id: turnId, status: '', html: '', citations: [], withdrawn: false };
}

function readConfirmation({ seq, confirmation_id, label, rows, arguments: given, expires_at, decision }) {
  const shown = rows ?? Object.entries(given ?? {}).map(([name, value]) => ({ label: name, value: String(value) }));
  return { id: confirmation_id, label, rows: shown, expiresAt: expires_at, decision: decision ?? null, seq };
}

/** The state after one event of the stream. Events already folded are ignored: replays do no harm. */
export function fold(state, event) {
  if (event.seq && event.seq <= state.lastSeq) return state;
  const change = CHANGES[event.type]?.(state, event) ?? {};
  return { ...state, ...change, lastSeq: event.seq ?? state.lastSeq };
}

const CHANGES = {
  'message.posted': (state, { message, turn_id: turnId }) => {
    if (state.messages.some(({ message_id: id }) => id === message.message_id)) return {};
    if (message.author === 'customer') return { ...addMessage(state, message), suggestions: [], ending: null, offered: false };
    if (message.author === 'human_agent') return { ...addMessage(state, message), status: 'with_human', turn: NO_TURN };
    if (message.author === 'system') return addMessage(state, message);
    // The stored reply takes the place of the one that grew: same key, same node on the page.
    const wasLive = state.turn?.html && (!turnId || turnId === state.turn.id);
    const key = wasLive ? liveKey(state.turn) : message.message_id;
    const turn = state.turn && { ...state.turn, html: '', citations: [], withdrawn: false, parts: (state.turn.parts ?? 0) + 1 };
    return { ...addMessage(state, { ...message, key }), turn };
  },
  'turn.started': (state, { turn_id: id }) => ({
    turn: state.turn?.id === id ? state.turn : startTurn(id), suggestions: [], ending: null,
  }),
  'turn.status': (state, event) => ({ turn: { ...turnOf(state, event), status: event.text } }),
  'tool.called': (state, event) => ({ turn: { ...turnOf(state, event), status: event.label } }),
  'tool.returned': (state, { seq, display }) => (display ? { cards: [...state.cards, { seq, card: display }] } : {}),
  'reply.delta': (state, event) => ({ turn: { ...turnOf(state, event), ...shownOf(event), withdrawn: false } }),
  'reply.withdrawn': (state, event) => ({ turn: { ...turnOf(state, event), ...shownOf(event), withdrawn: true } }),
  'turn.ended': (state, { outcome, suggestions }) => ({
    turn: NO_TURN,
    suggestions: outcome === 'replied' ? (suggestions ?? []) : [],
    ending: { failed: 'failed', cancelled: 'stopped' }[outcome] ?? null,
  }),
  'confirmation.requested': (state, event) => ({
    confirmations: [...state.confirmations.filter(({ id }) => id !== event.confirmation_id), readConfirmation(event)],
  }),
  'confirmation.decided': (state, { seq, confirmation_id: decided, decision }) => ({
    confirmations: state.confirmations.map((one) => (one.id === decided ? { ...one, decision, seq } : one)),
  }),
  'handoff.offered': () => ({ offered: true }),
  'handoff.accepted': () => ({ status: 'waiting', offered: false, suggestions: [] }),
  'handoff.returned': () => ({ status: 'open' }),
  'conversation.closed': () => ({ status: 'closed', turn: NO_TURN, suggestions: [], offered: false, ending: null }),
  'survey.answered': (state, { score }) => ({ survey: score }),
};

function addMessage(state, message) {
  return { messages: [...state.messages, message] };
}

function shownOf({ html, citations }) {
  return { html: html ?? '', citations: citations ?? [] };
}

function turnOf(state, { turn_id: id }) {
  return state.turn ?? startTurn(id);
}

function liveKey(turn) {
  return `turn:${turn.id}:${turn.parts ?? 0}`;
}

/** What stands on the page between welcome and composer, in order. `now` decides what has expired (ms). */
export function listItems(state, { outbox, now }) {
  const confirmations = state.confirmations.map((one) => confirmationItem(one, now));
  const placed = [
    ...state.messages.map((message) => ({ seq: message.seq, kind: 'message', key: message.key ?? message.message_id, message })),
    ...state.cards.map(({ seq, card }, place) => ({ seq, kind: 'card', key: `card:${seq}`, card, isLast: place === state.cards.length - 1 })),
    ...confirmations.filter((item) => item.state !== 'pending'),
  ].sort((one, other) => one.seq - other.seq);
  return [
    ...withDividers(placed),
    ...liveItems(state),
    ...confirmations.filter((item) => item.state === 'pending'), // what waits for a decision stands last
    ...outbox.map((entry) => ({ kind: 'outgoing', key: `out:${entry.id}`, entry })),
    ...endingItems(state),
  ].map(withoutSeq);
}

function withoutSeq({ seq, ...item }) {
  return item;
}

function confirmationItem(one, now) {
  const isExpired = !one.decision && Date.parse(one.expiresAt) <= now;
  return { seq: one.seq, kind: 'confirmation', key: `confirm:${one.id}`, confirmation: one, state: one.decision ?? (isExpired ? 'expired' : 'pending') };
}

function liveItems({ turn, status }) {
  if (!turn || status !== 'open') return [];
  const reply = turn.html && { kind: 'message', key: liveKey(turn), message: { author: 'assistant', html: turn.html, citations: turn.citations, isLive: true } };
  return [...(reply ? [reply] : []), { kind: 'status', key: 'status', text: turn.status, withdrawn: turn.withdrawn, writing: Boolean(turn.html) }];
}

function endingItems(state) {
  if (state.status === 'closed') return [{ kind: 'closed', key: 'closed', score: state.survey }];
  if (state.status === 'waiting') return [{ kind: 'waiting', key: 'waiting' }];
  if (state.status === 'with_human' || state.turn) return [];
  if (state.ending) return [{ kind: 'ending', key: 'ending', ending: state.ending }];
  const { suggestions, offered } = state;
  return suggestions.length || offered ? [{ kind: 'suggestions', key: 'suggestions', suggestions, offered }] : [];
}

const PAUSE_MS = 15 * 60_000;

/** Times where a pause was long, and a line wherever somebody else begins to speak for the company. */
function withDividers(items) {
  const all = [];
  let before = null;
  let speaker = 'assistant';
  for (const item of items) {
    const message = item.message;
    if (message?.at && (!before || Date.parse(message.at) - Date.parse(before) > PAUSE_MS)) {
      all.push({ kind: 'time', key: `time:${item.key}`, at: message.at, before });
    }
    before = message?.at ?? before;
    if ((message?.author === 'human_agent' || message?.author === 'assistant') && speakerOf(message) !== speaker) {
      speaker = speakerOf(message);
      all.push({ kind: 'joined', key: `joined:${item.key}`, name: message.author_name ?? '', isHuman: message.author === 'human_agent' });
    }
    all.push(item);
  }
  return all;
}

function speakerOf(message) {
  return message.author === 'assistant' ? 'assistant' : `human:${message.author_name ?? ''}`;
}

/** The last message that a customer wrote, for asking again after a failure. */
export function lastQuestion(state) {
  return state.messages.findLast(({ author }) => author === 'customer')?.text ?? '';
}
