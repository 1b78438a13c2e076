/** Messages that the customer sent and the conversation does not show yet. Kept across a refresh. */

export class Outbox {
  #storage;
  #tell;

  constructor(storage, tell) {
    this.#storage = storage;
    this.#tell = tell;
    // What was on its way when the page went may or may not have arrived: sending it again is safe either way.
    const left = storage.load('outbox') ?? [];
    this.entries = left.map((entry) => ({ ...entry, state: 'failed', code: 'network' }));
  }

  add(text) {
    const entry = { id: crypto.randomUUID?.() ?? randomId(), text, state: 'sending', code: null };
    this.#set([...this.entries, entry]);
    return entry;
  }

  find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  change(id, change) {
    this.#set(this.entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry)));
  }

  remove(id) {
    this.#set(this.entries.filter((entry) => entry.id !== id));
  }

  clear() {
    this.#set([]);
  }

  /** Drop what stands in the conversation by now; the server's answer and the stream come in either order. */
  settle(messages, clientMessageId) {
    const known = new Set(messages.map(({ message_id: id }) => id));
    const newest = messages.findLast(({ author }) => author === 'customer')?.text.trim();
    const isShown = ({ id, messageId, state, text }) =>
      id === clientMessageId || known.has(messageId) || (state === 'sending' && text.trim() === newest);
    if (this.entries.some(isShown)) this.#set(this.entries.filter((entry) => !isShown(entry)));
  }

  #set(entries) {
    this.entries = entries;
    const kept = entries.map(({ id, text }) => ({ id, text }));
    this.#storage.keep('outbox', kept.length ? kept : null);
    this.#tell();
  }
}

/** Where crypto.randomUUID is missing (plain http on another host): 128 random bits all the same. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
