/**
 * What stays in the browser, for each bundle: the conversation's id and token, the draft, messages not yet
 * sent, and the chosen language. Nothing of the conversation's content that was sent.
 */

const FIELDS = ['conversation', 'draft', 'outbox', 'locale'];

/** Where storage is refused (private mode, a host's policy) the chat works on and forgets with the page. */
export class BrowserStorage {
  constructor(bundle) {
    this.prefix = `firstline:${bundle}:`;
    this.memory = new Map();
  }

  load(field) {
    const text = this.#read(this.prefix + field);
    try {
      return text === null ? null : JSON.parse(text);
    } catch {
      return null;
    }
  }

  keep(field, value) {
    const key = this.prefix + field;
    const text = value === null ? null : JSON.stringify(value);
    this.memory.set(key, text);
    try {
      if (text === null) localStorage.removeItem(key);
      else localStorage.setItem(key, text);
    } catch {
      // Refused or full: the copy in memory serves until the page goes.
    }
  }

  /** Call `listener(field)` when another tab changed something. Returns the function that stops it. */
  watch(listener) {
    const onStorage = (event) => {
      const field = FIELDS.find((name) => event.key === this.prefix + name);
      if (!field) return;
      this.memory.delete(event.key);
      listener(field);
    };
    window.addEventListener('storage', onStorage);
    return () => window.removeEventListener('storage', onStorage);
  }

  #read(key) {
    if (this.memory.has(key)) return this.memory.get(key);
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }
}
