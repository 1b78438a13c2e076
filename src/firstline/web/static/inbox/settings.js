/** What this browser keeps: choices, and what was typed and not sent, for each member and conversation. */

import { BrowserStorage } from '../storage.js';

const KEPT_MS = 14 * 24 * 3600_000;
const NOTHING = { reply: '', note: '', mode: 'reply', proposal: null, ids: {} };

/** The choices: `locale`, `sound`, `keys`. */
export function createSettings() {
  const storage = new BrowserStorage('desk');
  return {
    get: (name, otherwise) => storage.load(name) ?? otherwise,
    set: (name, value) => storage.keep(name, value),
  };
}

export class Drafts {
  #storage;

  constructor(staffId) {
    this.#storage = new BrowserStorage(`desk:${staffId}`);
    this.#forgetOld(Date.now());
  }

  /** {reply, note, mode, proposal, ids} of a conversation. */
  load(id) {
    return { ...NOTHING, ...this.#storage.load(`draft:${id}`) };
  }

  keep(id, draft) {
    const isEmpty = !draft.reply && !draft.note && draft.mode === 'reply';
    this.#storage.keep(`draft:${id}`, isEmpty ? null : { ...draft, at: Date.now() });
  }

  #forgetOld(now) {
    const begin = `${this.#storage.prefix}draft:`;
    for (const key of listKeys().filter((each) => each.startsWith(begin))) {
      const field = key.slice(this.#storage.prefix.length);
      if (!(now - this.#storage.load(field)?.at < KEPT_MS)) this.#storage.keep(field, null);
    }
  }
}

function listKeys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** An id for one message: 128 random bits. */
export function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
