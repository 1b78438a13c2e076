/**
 * The inbox's state and everything that can be done in it, without any DOM. One stream per window tells what
 * changes; answers to our own requests are folded in the same way, so two windows always agree.
 */

import { ApiError } from '../api.js';
import { Connection } from '../connection.js';
import { Listing } from './listing.js';
import {
  FETCHED, SHELVES, countShelf, emptyQueue, findNewlyWaiting, foldChanged, foldGone, foldQueue, foldRow, fromDetail, listShelf,
} from './state.js';

const TYPING_EVERY_MS = 3000;
const TYPING_SHOWN_MS = 4000;
const MISSING_AFTER_MS = 2000;

export class Desk extends EventTarget {
  #api;
  #typingSent = 0;
  #typingTimer = null;
  #kept = null; // {id, place}: what one looks at stays where it was in the list, although it has left the shelf

  constructor({ api, me }) {
    super();
    this.#api = api;
    this.me = me;
    this.queue = emptyQueue();
    this.shelf = 'waiting';
    this.listing = new Listing(api, () => this.#tell());
    this.selected = null;
    this.conversation = null; // {head, entries, live} of the selected one, once it is there
    this.isGone = false;
    this.typing = null; // {author, name}
    this.notice = null; // the code of what went wrong, for which the page has words
    this.busy = new Set(); // actions that are under way
    this.connection = new Connection({ tell: () => this.#tell(), isIdle: () => false });
  }

  start({ selected, shelf, filters, words }) {
    this.connection.start();
    this.selected = selected;
    if (SHELVES.includes(shelf)) this.shelf = shelf;
    if (filters) this.listing.show('report', filters);
    else if (words) this.search(words);
    else if (FETCHED.has(this.shelf)) this.#fetchShelf();
    this.#follow();
  }

  // The list

  get rows() {
    if (this.listing.kind) return this.listing.rows;
    const rows = listShelf(this.queue, this.shelf, this.me);
    const kept = this.#kept && this.queue.rows.get(this.#kept.id);
    return !kept || rows.includes(kept) ? rows : rows.toSpliced(this.#kept.place, 0, kept);
  }

  count(shelf) {
    return countShelf(this.queue, shelf, this.me);
  }

  get longestWaiting() {
    return listShelf(this.queue, 'waiting', this.me)[0] ?? null;
  }

  showShelf(shelf) {
    this.shelf = shelf;
    this.#kept = null;
    if (FETCHED.has(shelf)) this.#fetchShelf();
    else this.listing.clear();
    this.#tell();
  }

  search(words) {
    if (words) this.listing.show('search', { shelf: 'all', q: words });
    else if (this.listing.kind === 'search') this.showShelf(this.shelf);
  }

  #keepPlace() {
    if (FETCHED.has(this.shelf)) return;
    const rows = listShelf(this.queue, this.shelf, this.me);
    const place = rows.findIndex((row) => row.conversation_id === this.selected);
    if (place >= 0) this.#kept = { id: this.selected, place };
  }

  #fetchShelf() {
    this.listing.show('shelf', { shelf: this.shelf });
  }

  // The conversation

  select(id) {
    if (id === this.selected) return;
    this.selected = id;
    this.#kept = null;
    this.#keepPlace();
    this.conversation = null;
    this.isGone = false;
    this.typing = null;
    this.notice = null;
    this.#follow();
    this.#tell();
  }

  get head() {
    return this.conversation?.head ?? null;
  }

  get isMine() {
    return this.head?.status === 'with_human' && this.head.human_agent?.staff_id === this.me.staff_id;
  }

  /** The one thing to do next, if there is one: its action's name. */
  get primary() {
    const { status, may } = this.head ?? {};
    if (!may) return null;
    if (may.accept) return status === 'waiting' ? 'accept' : 'take_over';
    return may.reopen ? 'reopen' : null;
  }

  /** Whether a move is under way; a draft may take its time meanwhile. */
  get isMoving() {
    return [...this.busy].some((action) => action !== 'draft');
  }

  /** Ask the server to do it. True when it was done; else `notice` says why not. */
  async act(action, body) {
    const answer = await this.request(action, body);
    if (answer) this.#useDetail(answer);
    return Boolean(answer);
  }

  async decide(approvalId, decision) {
    const answer = await this.#attempt('approval', () => this.#api.decide(approvalId, decision));
    if (answer) this.#useDetail(answer);
    return Boolean(answer);
  }

  /** What the server answers, or null after a failure. */
  request(action, body) {
    const id = this.selected;
    return this.#attempt(action, () => this.#api.act(id, action, body));
  }

  /** Tell the customer that somebody writes; seldom enough. */
  tellTyping() {
    const now = Date.now();
    if (!this.head?.may.reply || now - this.#typingSent < TYPING_EVERY_MS) return;
    this.#typingSent = now;
    this.#api.act(this.selected, 'typing').catch(() => {}); // nobody misses one
  }

  /** Say what went wrong, by its code; null takes it away. */
  tellNotice(code) {
    this.notice = code;
    this.#tell();
  }

  async #attempt(action, work) {
    const id = this.selected;
    this.busy.add(action);
    this.notice = null;
    this.#tell();
    try {
      return await work();
    } catch (error) {
      const failure = asApiError(error);
      if (failure.status === 401) return this.#onGone(failure);
      if (failure.code === 'network') this.connection.doubt();
      if (id === this.selected) this.notice = failure.code;
      return null;
    } finally {
      this.busy.delete(action);
      this.#tell();
    }
  }

  // The stream

  #follow() {
    const id = this.selected;
    let failure = null;
    let hasBegun = false;
    const open = (signal) =>
      this.#api.openEvents(id, signal).catch((error) => {
        failure = error;
        throw error;
      });
    this.connection.follow({
      open,
      onEvent: (event) => {
        const isAnew = event.type === 'queue' && hasBegun; // there was a gap: what is not streamed may be stale
        if (!hasBegun && id) setTimeout(() => void this.#lookFor(id), MISSING_AFTER_MS);
        hasBegun = true;
        if (isAnew && this.listing.kind) void this.listing.again();
        this.#onEvent(event, id);
      },
      onGone: () => this.#onGone(failure),
    });
  }

  #onEvent(event, id) {
    if (event.type === 'queue' || event.type === 'row') this.#onQueue(event);
    else if (event.type === 'gone') this.#onErased(event);
    else if (event.type === 'detail') this.#useDetail(event);
    else if (id === this.selected && this.conversation) this.#onConversation(event);
    this.#tell();
  }

  #onQueue(event) {
    const before = this.queue;
    this.#keepPlace();
    this.queue = event.type === 'queue' ? foldQueue(before, event) : foldRow(before, event);
    if (event.type === 'row') this.listing.take(event.row, { keep: this.selected });
    const newly = findNewlyWaiting(before, this.queue);
    if (newly.length) this.dispatchEvent(new CustomEvent('waiting', { detail: newly }));
  }

  #onErased(event) {
    const { conversation_id: id } = event;
    this.queue = foldGone(this.queue, event);
    this.listing.drop(id);
    if (id !== this.selected) return;
    this.conversation = null;
    void this.#lookFor(id);
  }

  #onConversation(event) {
    if (event.type === 'changed') {
      const before = this.conversation;
      this.conversation = foldChanged(before, event);
      this.#tellMessages(before, event.entries);
    } else if (event.type === 'reply') {
      this.conversation = { ...this.conversation, live: event };
    } else if (event.type === 'typing') this.#showTyping(event);
  }

  #tellMessages(before, entries) {
    for (const { kind, key, message } of entries) {
      if (kind !== 'message' || message.author !== 'customer' || before.entries.has(key)) continue;
      this.typing = null;
      this.dispatchEvent(new CustomEvent('message', { detail: message }));
    }
  }

  #showTyping({ author, name }) {
    if (author === 'human_agent' && (this.isMine || name === this.me.display_name)) return;
    clearTimeout(this.#typingTimer);
    this.typing = { author, name };
    this.#typingTimer = setTimeout(() => {
      this.typing = null;
      this.#tell();
    }, TYPING_SHOWN_MS);
  }

  /** The stream says nothing of a conversation that is not there: ask. */
  async #lookFor(id) {
    if (id !== this.selected || this.conversation) return;
    await this.#api.load(id).then((detail) => this.#useDetail(detail), (error) => {
      if (id === this.selected && asApiError(error).isGone) this.#onGone(error);
    });
  }

  #useDetail(detail) {
    const { conversation_id: id, last_seq: seq } = detail;
    if (id !== this.selected || seq < (this.head?.last_seq ?? 0)) return;
    this.conversation = fromDetail(detail);
    this.#tell();
  }

  /** The session has ended, or the conversation was erased. */
  #onGone(failure) {
    if (failure?.status !== 404 || !this.selected) {
      this.dispatchEvent(new CustomEvent('signed-out'));
      return null;
    }
    this.selected = null;
    this.conversation = null;
    this.isGone = true;
    this.#follow();
    this.#tell();
    this.dispatchEvent(new CustomEvent('gone'));
    return null;
  }

  #tell() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}

function asApiError(error) {
  if (error instanceof ApiError) return error;
  console.error(error);
  return new ApiError('unavailable');
}
