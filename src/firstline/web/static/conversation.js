/**
 * The conversation as a value: fold(snapshot, events) -> state; `items.js` makes the page of it.
 * Pure: no network, no DOM, no clock. snapshot(n) + events(> n) gives the same as snapshot(now).
 */

export function emptyConversation() {
  return {
    id: null,
    revision: null, // of the bundle: what speaks in it
    status: 'open', // open | waiting | with_human | closed: who has it is what the server says, never guessed
    locale: null, // the language that is spoken in it, which need not be the page's
    messages: [],
    cards: [],
    confirmations: [],
    turn: null,
    suggestions: [],
    offered: false, // a person was offered
    ending: null, // of the last turn, when it was not a reply: failed | stopped
    human: null, // {name, picture} of the person who has it
    request: null, // {since, backAt, unclaimed} while a person is asked for
    contact: null, // how the customer wants to be reached
    moves: [], // {seq, human}: who began to speak for the company; human null is the assistant
    typing: null, // {name, at} of a person who writes just now
    signedIn: null,
    offline: null,
    survey: null,
    lastSeq: 0,
  };
}

/** The state that a snapshot tells. What only the live stream knows (status, growing reply) starts anew. */
export function fromSnapshot(snapshot) {
  const { messages, handoff, pending = {}, last_seq: lastSeq } = snapshot;
  const isAnswered = !pending.turn_id && messages.at(-1)?.author === 'assistant';
  const confirmations = snapshot.confirmations ?? pending.confirmations ?? [];
  return {
    ...emptyConversation(),
    id: snapshot.conversation_id,
    revision: snapshot.revision ?? null,
    status: snapshot.status,
    locale: snapshot.locale ?? null,
    messages,
    cards: snapshot.cards ?? [],
    confirmations: confirmations.map((one) => readConfirmation({ seq: lastSeq, ...one })),
    turn: pending.turn_id ? startTurn(pending.turn_id) : null,
    suggestions: (isAnswered && snapshot.suggestions) || [],
    offered: Boolean(isAnswered && snapshot.offered),
    human: snapshot.human_agent ?? null,
    request: handoff ? { since: handoff.since, backAt: handoff.back_at, unclaimed: handoff.unclaimed } : null,
    contact: snapshot.contact ?? null,
    moves: (snapshot.moves ?? []).map(({ seq, human_agent: human }) => ({ seq, human })),
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

/**
 * The state after one event of the stream, which came at `now` (ms). Events already folded are ignored: replays
 * do no harm.
 */
export function fold(state, event, now) {
  if (event.seq && event.seq <= state.lastSeq) return state;
  const change = CHANGES[event.type]?.(state, event, now) ?? {};
  return { ...state, ...change, lastSeq: event.seq ?? state.lastSeq };
}

const NOTHING_NEXT = { suggestions: [], offered: false, ending: null };

const CHANGES = {
  'message.posted': postMessage,
  'turn.started': (state, { turn_id: id }) => ({
    turn: state.turn?.id === id ? state.turn : startTurn(id),
    ...NOTHING_NEXT,
  }),
  'route.chosen': (state, { locale }) => ({ locale }),
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
  'handoff.requested': (state, event) => ({
    ...moveTo(event),
    request: { since: event.at, backAt: event.back_at, unclaimed: false },
  }),
  'handoff.accepted': (state, event) => ({ ...moveTo(event), ...beginSpeaking(state, event) }),
  'handoff.requeued': ({ request }, event) => ({
    ...moveTo(event),
    request: { since: request?.since ?? event.at, backAt: event.back_at, unclaimed: false },
  }),
  'handoff.unclaimed': ({ request }, event) => ({
    ...moveTo(event),
    request: request && { ...request, unclaimed: true },
  }),
  'handoff.returned': (state, event) => ({
    ...moveTo(event),
    ...beginSpeaking(state, event),
    request: null,
    turn: event.turn_id ? startTurn(event.turn_id) : state.turn, // what was left unanswered is answered now
  }),
  'contact.left': (state, { contact }) => ({ contact }),
  'conversation.closed': ({ contact }, event) => ({
    ...moveTo(event),
    request: null,
    contact: event.by === 'human_agent' ? null : contact, // a person has settled it
  }),
  'conversation.reopened': (state, event) => ({ ...moveTo(event), ...beginSpeaking(state, event) }),
  'typing.shown': ({ status }, { author, name }, now) =>
    status === 'with_human' && author === 'human_agent' ? { typing: { name, at: now } } : {},
  'survey.answered': (state, { score }) => ({ survey: score }),
};

/** Every move of the hand-off names the status that it leads to. */
function moveTo({ status, human_agent: human = null }) {
  return { status, human, typing: null };
}

function beginSpeaking({ moves }, { seq, human_agent: human = null }) {
  return { moves: [...moves, { seq, human }] };
}

function postMessage(state, { message, turn_id: turnId }) {
  const { messages, turn } = state;
  if (messages.some(({ message_id: id }) => id === message.message_id)) return {};
  const more = { messages: [...messages, message] };
  if (message.author === 'human_agent') return { ...more, ...NOTHING_NEXT, typing: null };
  if (message.author !== 'assistant') return { ...more, ...NOTHING_NEXT };
  if (!turn?.html || (turnId && turnId !== turn.id)) return more;
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

/** The key on the page of the reply that grows in `turn`. */
export function liveKey(turn) {
  return `turn:${turn.id}:${turn.part}`;
}

/** The last message that the customer wrote, for asking again. */
export function lastQuestion(state) {
  return state.messages.findLast(({ author }) => author === 'customer')?.text ?? '';
}
