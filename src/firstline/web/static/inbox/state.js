/**
 * What the inbox knows, as values: the queue's rows and the conversation that is looked at.
 * Pure: no network, no DOM, no clock. Everything comes from the stream; a new line begins with the whole.
 */

export const SHELVES = ['waiting', 'mine', 'with_human', 'open', 'ticket', 'approvals', 'closed', 'all'];

/** Shelves that are asked for when they are looked at: too long for the stream to bring them whole. */
export const FETCHED = new Set(['open', 'closed', 'all']);

const BELONGS = {
  waiting: (row) => row.status === 'waiting',
  mine: (row, me) => row.status === 'with_human' && row.held_by === me.staff_id,
  with_human: (row) => row.status === 'with_human',
  open: (row) => row.status === 'open',
  closed: (row) => row.status === 'closed',
  all: () => true,
  ticket: (row) => row.ticket,
  approvals: (row) => row.approvals > 0,
};

export function emptyQueue() {
  return { rows: new Map(), counts: {}, isReady: false };
}

export function foldQueue(_, { conversations, counts }) {
  return { rows: new Map(conversations.map((row) => [row.conversation_id, row])), counts, isReady: true };
}

export function foldRow(queue, { row, counts }) {
  const rows = new Map(queue.rows);
  rows.set(row.conversation_id, row);
  return { ...queue, rows, counts: counts ?? queue.counts };
}

/** The queue without a conversation that was erased. */
export function foldGone(queue, { conversation_id: id, counts }) {
  const rows = new Map(queue.rows);
  rows.delete(id);
  return { ...queue, rows, counts: counts ?? queue.counts };
}

export function isOn(shelf, row, me) {
  return BELONGS[shelf](row, me);
}

/** The rows of a live shelf, in its order. */
export function listShelf(queue, shelf, me) {
  const rows = [...queue.rows.values()].filter((row) => isOn(shelf, row, me));
  return rows.sort(shelf === 'waiting' ? byWait : byLast);
}

function byWait(one, other) {
  return Date.parse(one.waiting_since) - Date.parse(other.waiting_since);
}

function byLast(one, other) {
  return Date.parse(other.last_at) - Date.parse(one.last_at);
}

/** How many stand on a shelf, and how many of them have something unread; null where nobody counts. */
export function countShelf(queue, shelf, me) {
  if (FETCHED.has(shelf)) return { count: queue.counts[shelf] ?? (shelf === 'open' ? 0 : null), unread: 0 };
  const rows = listShelf(queue, shelf, me);
  const count = shelf === 'mine' ? rows.length : (queue.counts[shelf] ?? 0);
  return { count, unread: rows.filter((row) => row.unread > 0).length };
}

/** Who began to wait between two states of the queue. */
export function findNewlyWaiting(before, after) {
  if (!before.isReady) return [];
  const waited = (id) => before.rows.get(id)?.status === 'waiting';
  return listShelf(after, 'waiting').filter((row) => !waited(row.conversation_id));
}

/** The conversation that is looked at, from the server's `detail`. */
export function fromDetail({ entries, ...head }) {
  return { head, entries: new Map(entries.map((entry) => [entry.key, entry])), live: null };
}

/** After a `changed`: entries are replaced by their key; a finished message takes the place of the live text. */
export function foldChanged(conversation, { head, entries }) {
  const known = new Map(conversation.entries);
  for (const entry of entries) known.set(entry.key, entry);
  const isDone = entries.some((entry) => isReply(entry) || (entry.kind === 'turn' && entry.outcome));
  return { head: { ...conversation.head, ...head }, entries: known, live: isDone ? null : conversation.live };
}

function isReply({ kind, message }) {
  return kind === 'message' && message.author === 'assistant';
}

/** What stands in the transcript, in order: {kind, key, …} each. */
export function listItems({ head, entries, live }) {
  const ordered = [...entries.values()].sort((one, other) => one.seq - other.seq);
  const corrections = new Map(ordered.filter(isCorrection).map((entry) => [entry.message_id, entry]));
  const isRunning = head.status === 'open' && ordered.some((entry) => entry.kind === 'turn' && !entry.outcome);
  const items = [];
  let before = null;
  for (const entry of checksLast(ordered.filter((each) => !isCorrection(each)))) {
    if (isNewDay(before, entry)) items.push({ kind: 'day', key: `day:${entry.key}`, at: entry.at });
    items.push(toItem(entry, before, corrections));
    before = entry;
  }
  if (isRunning) items.push({ kind: 'live', key: 'live', html: live?.html ?? '' });
  return items;
}

function isCorrection({ kind }) {
  return kind === 'correction';
}

const OF_A_TURN = new Set(['card', 'confirmation', 'approval']);

/** A turn's checks stand below what came of it, not between question and answer. */
function checksLast(entries) {
  const placed = [];
  let turn = null;
  for (const entry of entries) {
    const goesOn = isReply(entry) || OF_A_TURN.has(entry.kind);
    if (turn && !goesOn) {
      placed.push(turn);
      turn = null;
    }
    if (entry.kind === 'turn') turn = entry;
    else placed.push(entry);
  }
  return turn ? [...placed, turn] : placed;
}

function toItem(entry, before, corrections) {
  const item = { kind: entry.kind, key: entry.key, entry };
  if (entry.kind !== 'message') return item;
  const isNext = before?.kind === 'message' && isSameSpeaker(before.message, entry.message);
  return { ...item, isNext, correction: corrections.get(entry.message.message_id) ?? null };
}

function isSameSpeaker(one, other) {
  return one.author === other.author && one.author_name === other.author_name;
}

function isNewDay(before, entry) {
  return !before || new Date(before.at).toDateString() !== new Date(entry.at).toDateString();
}

/** The survey's last answer, if any. */
export function findSurvey({ entries }) {
  return [...entries.values()].findLast(({ kind }) => kind === 'survey') ?? null;
}
