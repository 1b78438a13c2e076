/**
 * One customer's session with one bundle: the conversation's state and what the customer does with it.
 * Knows the server and the browser's storage; knows nothing of the page, which listens to `change`, `message`,
 * `move` and `draft`.
 */

import { ApiError } from './api.js';
import { Connection } from './connection.js';
import { emptyConversation, fold, fromSnapshot } from './conversation.js';
import { Outbox } from './outbox.js';

const TYPING_PAUSE_MS = 3000;
const MOVES = new Set([
  'handoff.accepted', 'handoff.returned', 'conversation.closed', 'conversation.reopened',
]); // the others come with a line in words

export class Session extends EventTarget {
  #api;
  #storage;
  #bundle;
  #now;
  #toldTypingAt = -Infinity;
  #address = null; // {id, token} of the conversation
  #identity = null; // the host page's JWT; in memory only
  #starting = null;
  #unwatch = null;

  constructor({ api, storage, bundle, now = Date.now }) {
    super();
    this.#api = api;
    this.#storage = storage;
    this.#bundle = bundle;
    this.#now = now;
    this.locale = null;
    this.revision = null; // of what the page shows: what speaks then
    this.conversation = emptyConversation();
    this.outbox = new Outbox(storage, () => this.#tell());
    this.connection = new Connection({ tell: () => this.#tell(), isIdle: () => this.#isIdle() });
    this.notice = null; // the code of what went wrong, for which the page has words
    this.isLoading = false;
  }

  get draft() {
    return this.#storage.load('draft') ?? '';
  }

  set draft(text) {
    this.#storage.keep('draft', text || null);
  }

  /** Take up the conversation that this browser knows. */
  async start() {
    this.#unwatch = this.#storage.watch((field) => field === 'conversation' && void this.#adopt());
    this.connection.start();
    await this.#adopt();
  }

  stop() {
    this.#unwatch?.();
    this.connection.stop();
  }

  async send(text) {
    await this.#deliver(this.outbox.add(text));
  }

  /** Send again what did not get out. The same id, so the server takes it once however often it arrives. */
  async retry(id) {
    const entry = this.outbox.find(id);
    if (!entry || entry.state === 'sending') return;
    this.outbox.change(id, { state: 'sending', code: null });
    this.connection.wake();
    await this.#deliver(entry);
  }

  discard(id) {
    this.outbox.remove(id);
  }

  // Each of these is true when the server took it.
  cancel = () => this.#act('cancel');
  resume = () => this.#act('resume');
  close = () => this.#act('close');
  reopen = () => this.#act('reopen');
  rate = (score, comment) => this.#act('survey', comment ? { score, comment } : { score });
  decide = (id, decision) => this.#act(`confirmations/${encodeURIComponent(id)}`, { decision });

  /** A person who is asked for at the end reads what went before. */
  async handOff() {
    if (this.conversation.status === 'closed' && !(await this.reopen())) return false;
    return this.#act('handoff');
  }

  /** null when the contact was kept; else the code of what went wrong, which is told where it was written. */
  async leaveContact(contact, comment) {
    try {
      await this.#api.act(this.#address, 'contact', { contact, comment });
      return null;
    } catch (error) {
      const failure = asApiError(error);
      if (failure.isGone || failure.status === 409) void this.#refresh();
      return failure.code;
    }
  }

  /** Let a person know that the customer is writing: seldom, and never mind when it cannot be told. */
  showTyping() {
    const { status } = this.conversation;
    const isHeard = status === 'waiting' || status === 'with_human';
    if (!isHeard || this.#now() - this.#toldTypingAt < TYPING_PAUSE_MS) return;
    this.#toldTypingAt = this.#now();
    this.#api.act(this.#address, 'typing').catch(() => {});
  }

  loadTranscript() {
    return this.#attempt(() => this.#api.loadTranscript(this.#address));
  }

  /** Vouch for the customer with the host page's JWT; null signs out. */
  async identify(identity) {
    if (!identity) return this.signOut();
    this.#identity = identity;
    if (!this.#address) return;
    try {
      await this.#api.act(this.#address, 'identify', { identity });
      await this.#refresh();
    } catch (error) {
      this.#onIdentityRefused(error);
    }
  }

  async signInAsDemo(customerId) {
    const wish = { bundle: this.#bundle, customer_id: customerId };
    const answer = await this.#attempt(() => this.#api.requestDemoIdentity(wish));
    if (!answer) return;
    this.startOver();
    this.#identity = answer.identity;
    await this.#attempt(() => this.#ensureConversation());
  }

  /** The conversation's token speaks for the customer, so signing out means leaving the conversation. */
  signOut() {
    this.#identity = null;
    this.startOver();
  }

  dismissNotice() {
    this.notice = null;
    this.#tell();
  }

  startOver() {
    this.notice = null;
    this.outbox.clear();
    this.#forget();
  }

  async #deliver(entry) {
    try {
      const conversation = await this.#ensureConversation();
      const message = { client_message_id: entry.id, text: entry.text };
      const answer = await this.#api.act(conversation, 'messages', message);
      this.notice = null;
      this.outbox.change(entry.id, { messageId: answer.message_id });
      this.outbox.settle(this.conversation.messages);
    } catch (error) {
      this.#onNotSent(entry, asApiError(error));
    }
  }

  #onNotSent(entry, error) {
    if (!error.isGone && error.code !== 'closed') {
      const { code, retryAfterSeconds } = error;
      this.outbox.change(entry.id, { state: 'failed', code, retryAfterSeconds });
      if (error.code === 'network') this.connection.doubt();
      return;
    }
    // The text goes back to where it was written: the customer decides whether to ask it anew.
    this.draft = entry.text;
    this.outbox.remove(entry.id);
    this.dispatchEvent(new CustomEvent('draft'));
    if (error.isGone) this.#onGone();
    else void this.#refresh();
  }

  /** The conversation begins with the first thing that the customer does, not with a look at the page. */
  async #ensureConversation() {
    if (this.#address) return this.#address;
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #begin() {
    const wish = { bundle: this.#bundle, locale: this.locale, revision: this.revision };
    const vouched = { ...wish, identity: this.#identity ?? undefined };
    const started = await this.#api.startConversation(vouched).catch((error) => {
      if (!this.#identity || error.status !== 401) throw error;
      this.#onIdentityRefused(error); // go on without a name rather than not at all
      return this.#api.startConversation(wish);
    });
    this.#address = { id: started.conversation_id, token: started.token };
    this.#storage.keep('conversation', this.#address);
    this.conversation = fromSnapshot(started.snapshot);
    this.#follow();
    this.#tell();
    return this.#address;
  }

  /** Make the stored conversation ours: at the start, and when another tab began or left one. */
  async #adopt() {
    const stored = this.#storage.load('conversation');
    if (stored?.id === this.#address?.id) return;
    this.connection.leave();
    this.#address = stored;
    this.conversation = emptyConversation();
    this.isLoading = Boolean(stored);
    this.#tell();
    if (!stored) return;
    await this.#refresh();
    this.isLoading = false;
    if (this.#address === stored) this.#follow();
    this.#tell();
    if (this.#identity && this.#address) await this.identify(this.#identity);
  }

  async #refresh() {
    const address = this.#address;
    if (!address) return;
    try {
      const snapshot = await this.#api.loadSnapshot(address);
      if (address !== this.#address || snapshot.last_seq < this.conversation.lastSeq) return;
      this.conversation = fromSnapshot(snapshot);
      this.outbox.settle(this.conversation.messages);
    } catch (error) {
      if (address === this.#address && asApiError(error).isGone) this.#onGone();
      else this.connection.report();
    }
    this.#tell();
  }

  #follow() {
    const address = this.#address;
    this.connection.follow({
      open: (signal) => this.#api.openEvents(address, this.conversation.lastSeq, signal),
      onEvent: (event) => this.#onEvent(event),
      onGone: () => this.#onGone(),
    });
  }

  #onEvent(event) {
    if (event.type === 'reset') {
      this.conversation = { ...this.conversation, lastSeq: 0 };
      void this.#refresh();
      return;
    }
    const before = this.conversation;
    this.conversation = fold(before, event, this.#now());
    const { messages, lastSeq } = this.conversation;
    if (messages !== before.messages) this.#onMessage(event);
    if (lastSeq > before.lastSeq && MOVES.has(event.type)) {
      this.dispatchEvent(new CustomEvent('move', { detail: event }));
    }
    this.#tell();
  }

  #onMessage({ message, client_message_id: clientMessageId }) {
    if (message.author === 'customer') this.outbox.settle(this.conversation.messages, clientMessageId);
    else this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  async #act(action, body) {
    const answer = await this.#attempt(async () => {
      const conversation = await this.#ensureConversation();
      return (await this.#api.act(conversation, action, body)) ?? true;
    });
    return Boolean(answer);
  }

  /** What `work` gives, or null after a failure, which is then told as a notice. */
  async #attempt(work) {
    try {
      const result = await work();
      this.notice = null;
      return result;
    } catch (error) {
      const failure = asApiError(error);
      this.notice = failure.code;
      // Somebody was faster, or the conversation is gone: the snapshot tells.
      if (failure.isGone || failure.status === 409) void this.#refresh();
      return null;
    } finally {
      this.#tell();
    }
  }

  #isIdle() {
    const { status, turn } = this.conversation;
    return !turn && (status === 'open' || status === 'closed');
  }

  #onGone() {
    this.#forget();
    this.notice = 'expired';
    this.#tell();
  }

  #onIdentityRefused(error) {
    this.#identity = null;
    this.notice = 'identity';
    const { code } = asApiError(error);
    window.dispatchEvent(new CustomEvent('firstline:identity-needed', { detail: { code } }));
    this.#tell();
  }

  #forget() {
    this.#address = null;
    this.#storage.keep('conversation', null);
    this.conversation = emptyConversation();
    this.connection.leave();
    this.#tell();
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
