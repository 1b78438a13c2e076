/** The staff's side of the server as functions. Every failure is an ApiError with a code that there are words for. */

import { Api, ApiError } from '../api.js';

const TIMEOUT_MS = 20_000;
const DRAFT_TIMEOUT_MS = 90_000; // a model writes it

export class StaffApi {
  #links;

  /** `base` is the folder that the server is reached under, with its closing slash. */
  constructor(base) {
    this.base = base;
    this.#links = new Api(base);
  }

  /** An address from the server, absolute; null unless it is one that may be followed. */
  resolve = (address) => this.#links.resolve(address);

  loadMe = () => this.#json('GET', 'v1/staff/me');
  loadWords = (locale) => this.#json('GET', `v1/staff/words?locale=${encodeURIComponent(locale)}`);
  signIn = (name, password) => this.#json('POST', 'v1/staff/login', { body: { name, password } });
  signInAsDemo = (role) => this.#json('POST', 'demo/staff', { body: { role } });
  signOut = () => this.#json('POST', 'v1/staff/logout', { body: {} });

  /** A page of the list: {conversations, counts}. */
  list = (filters) => this.#json('GET', `v1/staff/conversations?${new URLSearchParams(filters)}`);

  load = (id) => this.#json('GET', pathOf(id));

  /** One of the moves: `accept`, `reply`, `note` …; the conversation afterwards. */
  act(id, action, body = {}) {
    const timeout = action === 'draft' ? DRAFT_TIMEOUT_MS : TIMEOUT_MS;
    return this.#json('POST', `${pathOf(id)}/${action}`, { body, signal: AbortSignal.timeout(timeout) });
  }

  decide = (approvalId, decision) =>
    this.#json('POST', `v1/staff/approvals/${encodeURIComponent(approvalId)}`, { body: { decision } });

  /** The raw response of the event stream; with a conversation, that one is watched in full. */
  openEvents(id, signal) {
    const query = id ? `?conversation=${encodeURIComponent(id)}` : '';
    return this.#request('GET', `v1/staff/events${query}`, { signal, accept: 'text/event-stream' });
  }

  async #json(method, path, options = {}) {
    const response = await this.#request(method, path, { signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
    if (response.status === 204) return null;
    return response.json().catch(() => {
      throw new ApiError('network');
    });
  }

  async #request(method, path, { body, signal, accept = 'application/json' } = {}) {
    const headers = { Accept: accept, ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const options = { method, headers, signal, body: body && JSON.stringify(body), cache: 'no-store' };
    let response;
    try {
      response = await fetch(this.base + path, { ...options, credentials: 'same-origin' });
    } catch {
      throw new ApiError('network');
    }
    if (!response.ok) throw await readError(response);
    return response;
  }
}

function pathOf(id) {
  return `v1/staff/conversations/${encodeURIComponent(id)}`;
}

async function readError(response) {
  const body = await response.json().catch(() => null);
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const retryAfterSeconds = Number.isFinite(seconds) ? seconds : null;
  return new ApiError(body?.error?.code ?? 'unavailable', { status: response.status, retryAfterSeconds });
}
