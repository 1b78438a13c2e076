/** What stands on the page between welcome and composer: state -> items {kind, key, …}, in order. Pure. */

import { liveKey } from './conversation.js';

/** Somebody who writes says so every few seconds: without a new sign they have stopped. */
export const TYPING_MS = 4000;

const PAUSE_MS = 15 * 60_000;

/**
 * `now` (ms) decides what has expired, who still writes, and whether people are back; `spoken` is the locale whose
 * words are at hand for what is asked at the end.
 */
export function listItems(state, { outbox, now, spoken }) {
  const confirmations = state.confirmations.map((one) => confirmationItem(one, { now, status: state.status }));
  const isPending = (item) => item.state === 'pending';
  const placed = [
    ...state.messages.map(messageItem),
    ...state.cards.map(cardItem),
    ...state.moves.map(joinedItem),
    ...confirmations.filter((item) => !isPending(item)),
    ...growingItems(state),
  ].sort((one, other) => one.seq - other.seq);
  return [
    ...withTimes(withReasons(placed)),
    ...statusItems(state),
    ...confirmations.filter(isPending), // what waits for a decision stands last
    ...outbox.map((entry) => ({ kind: 'outgoing', key: `out:${entry.id}`, entry })),
    ...typingItems(state, now),
    ...endingItems(state, { now, spoken }),
  ];
}

/** The next moment (ms) at which the list changes by time alone; null when it does not. */
export function nextChange({ confirmations, typing, request }, now) {
  const expiries = confirmations.filter(({ decision }) => !decision).map(({ expiresAt }) => Date.parse(expiresAt));
  const moments = [...expiries, typing && typing.at + TYPING_MS, request?.backAt && Date.parse(request.backAt)];
  const ahead = moments.filter((moment) => moment > now);
  return ahead.length ? Math.min(...ahead) : null;
}

function messageItem(message) {
  return { kind: 'message', key: message.key ?? message.message_id, seq: message.seq, message };
}

function cardItem({ seq, card }, place, cards) {
  return { kind: 'card', key: `card:${seq}`, seq, card, isLast: place === cards.length - 1 };
}

function joinedItem({ seq, human }) {
  return { kind: 'joined', key: `joined:${seq}`, seq, human };
}

/** `paused`: while a person has the conversation, or after its end, nothing can be decided. */
function confirmationItem(one, { now, status }) {
  const isExpired = Date.parse(one.expiresAt) <= now;
  const state = one.decision ?? (isExpired ? 'expired' : status === 'open' ? 'pending' : 'paused');
  return { kind: 'confirmation', key: `confirm:${one.id}`, seq: one.seq, confirmation: one, state };
}

/** The reply that is being written; when a person takes over in the middle it stays as far as it came. */
function growingItems({ turn, status }) {
  if (!turn?.html) return [];
  const isLive = status === 'open';
  const message = { author: 'assistant', html: turn.html, citations: turn.citations, isLive, cut_off: !isLive };
  return [{ kind: 'message', key: liveKey(turn), seq: Infinity, message }];
}

function statusItems({ turn, status }) {
  if (!turn || status !== 'open') return [];
  const { status: text, withdrawn, html } = turn;
  return [{ kind: 'status', key: 'status', text, withdrawn, isWriting: Boolean(html) }];
}

function typingItems({ status, typing }, now) {
  if (status !== 'with_human' || !typing || now - typing.at >= TYPING_MS) return [];
  return [{ kind: 'status', key: 'typing', name: typing.name, isWriting: true }];
}

function endingItems(state, { now, spoken }) {
  const { status, survey, turn, ending, suggestions, offered } = state;
  if (status === 'closed') return [{ kind: 'closed', key: 'closed', score: survey, spoken }];
  if (status === 'waiting') return [waitingItem(state, now)];
  if (status === 'with_human' || turn) return [];
  if (ending) return [{ kind: 'ending', key: 'ending', ending, isMarked: Boolean(state.messages.at(-1)?.cut_off) }];
  if (!suggestions.length && !offered) return [];
  return [{ kind: 'suggestions', key: 'suggestions', suggestions, offered }];
}

/** `backAt`: when people are back, while that lies ahead. A contact is for a person who was asked for. */
function waitingItem({ request, contact }, now) {
  const backAt = Date.parse(request?.backAt) > now ? request.backAt : null;
  const unclaimed = Boolean(request?.unclaimed);
  return { kind: 'waiting', key: 'waiting', backAt, unclaimed, contact, canLeave: Boolean(request) };
}

/**
 * Every reply that was cut off says why. What a person broke off is stored after the line that tells of the person;
 * it stands before it, where it was read.
 */
function withReasons(items) {
  const ordered = [];
  for (const item of items) {
    let place = ordered.length;
    if (item.message?.cut_off) while (place > 0 && tellsOfPerson(ordered[place - 1])) place -= 1;
    ordered.splice(place, 0, item);
  }
  return ordered.map((item, place) => {
    if (!item.message?.cut_off) return item;
    const next = ordered[place + 1];
    const isByPerson = next && tellsOfPerson(next) && (next.seq < item.seq || next.kind === 'joined');
    return { ...item, cut: isByPerson ? 'person' : 'customer' };
  });
}

function tellsOfPerson({ kind, message, human }) {
  return message?.author === 'system' || (kind === 'joined' && Boolean(human));
}

/** Times where a pause was long. */
function withTimes(items) {
  let before = null;
  return items.flatMap((item) => {
    const at = item.message?.at;
    if (!at) return [item];
    const isPause = !before || Date.parse(at) - Date.parse(before) > PAUSE_MS;
    const time = { kind: 'time', key: `time:${item.key}`, at, before };
    before = at;
    return isPause ? [time, item] : [item];
  });
}
