/** The server as functions. Every failure is an ApiError with a code that the view has words for. */

const TIMEOUT_MS = 20_000;

export class ApiError extends Error {
  /** `code` is the server's, or `network` when nothing came back; `status` 0 then. */
  constructor(code, { status = 0, retryAfterSeconds = null } = {}) {
    super(code);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The conversation is not ours any more: its token ran out, or it was erased. */
  get isGone() {
    return this.status === 401 || this.status === 404;
  }
}

export class Api {
  /** `base` is the folder that the server is reached under, with its closing slash. */
  constructor(base) {
    this.base = base;
  }

  /** An address from the server, absolute; null unless it is one that a customer may follow. */
  resolve(address) {
    try {
      const url = new URL(address, this.base);
      return ['http:', 'https:', 'mailto:', 'tel:'].includes(url.protocol) ? url.href : null;
    } catch {
      return null;
    }
  }

  /** A picture's address when it is ours, else null: a page's policy refuses others, and they would learn who reads. */
  resolvePicture(address) {
    const href = address ? this.resolve(address) : null;
    return href && new URL(href).origin === new URL(this.base).origin ? href : null;
  }

  /** What the page shows of the business; without a revision the server chooses one of those that are published. */
  loadBundle(name, { locale, revision }) {
    const query = new URLSearchParams({ ...(locale && { locale }), ...(revision && { revision }) });
    return this.#json('GET', `v1/bundles/${encodeURIComponent(name)}?${query}`);
  }

  startConversation(body) {
    return this.#json('POST', 'v1/conversations', { body });
  }

  requestDemoIdentity(body) {
    return this.#json('POST', 'demo/identity', { body });
  }

  loadSnapshot(conversation) {
    return this.#json('GET', pathOf(conversation), { token: conversation.token });
  }

  /** One of the conversation's actions: `messages`, `cancel`, `handoff`, `confirmations/<id>` … */
  act(conversation, action, body = {}) {
    return this.#json('POST', `${pathOf(conversation)}/${action}`, { token: conversation.token, body });
  }

  loadTranscript(conversation) {
    return this.#json('GET', `${pathOf(conversation)}/transcript`, { token: conversation.token });
  }

  /** The raw response of the event stream, from the event after `after`. */
  openEvents(conversation, after, signal) {
    const path = `${pathOf(conversation)}/events?after=${after}`;
    return this.#request('GET', path, { token: conversation.token, signal, accept: 'text/event-stream' });
  }

  async #json(method, path, options = {}) {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await this.#request(method, path, { signal, ...options });
    if (response.status === 204) return null;
    return response.json().catch(() => {
      throw new ApiError('network');
    });
  }

  async #request(method, path, { token, body, signal, accept = 'application/json' } = {}) {
    const headers = { Accept: accept };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        signal,
        body: body && JSON.stringify(body),
        credentials: 'omit',
        cache: 'no-store',
      });
    } catch {
      throw new ApiError('network');
    }
    if (!response.ok) throw await readError(response);
    return response;
  }
}

function pathOf(conversation) {
  return `v1/conversations/${encodeURIComponent(conversation.id)}`;
}

async function readError(response) {
  const body = await response.json().catch(() => null);
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return new ApiError(body?.error?.code ?? 'unavailable', {
    status: response.status,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
  });
}
