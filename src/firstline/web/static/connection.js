/** The line to one conversation's stream, and what the browser says about the network. */

import { followStream } from './stream.js';

const LOST_AFTER_MS = 1500; // a blink of the line is nobody's business
const HIDDEN_AFTER_MS = 60_000;

export class Connection {
  #stream = null;
  #listener = null;
  #lostTimer = null;
  #hiddenTimer = null;
  #tell;
  #isIdle;

  /** `isIdle()`: nothing is expected soon. `tell()`: `state` changed. */
  constructor({ tell, isIdle }) {
    this.#tell = tell;
    this.#isIdle = isIdle;
    this.state = navigator.onLine ? 'live' : 'offline'; // live | lost | offline
  }

  start() {
    window.addEventListener('online', this.#onNetwork);
    window.addEventListener('offline', this.#onNetwork);
    document.addEventListener('visibilitychange', this.#onVisibility);
  }

  stop() {
    this.leave();
    clearTimeout(this.#hiddenTimer);
    window.removeEventListener('online', this.#onNetwork);
    window.removeEventListener('offline', this.#onNetwork);
    document.removeEventListener('visibilitychange', this.#onVisibility);
  }

  /** Follow the stream that `open(signal)` gives; `onGone()` when the conversation is not ours any more. */
  follow({ open, onEvent, onGone }) {
    this.leave();
    this.#listener = { open, onEvent, onGone };
    this.#open();
  }

  leave() {
    this.#stream?.stop();
    this.#stream = null;
    this.#listener = null;
    this.#set(navigator.onLine ? 'live' : 'offline');
  }

  /** A request could not reach the server: find out whether the line still stands. */
  doubt() {
    this.#stream?.drop();
  }

  /** The server cannot be reached; say so unless it passes in a moment. */
  report() {
    this.#lostTimer ??= setTimeout(() => this.#set(navigator.onLine ? 'lost' : 'offline'), LOST_AFTER_MS);
  }

  /** Try again at once instead of after the pause. */
  wake() {
    this.#stream?.wake();
  }

  #open() {
    this.#stream = followStream({
      ...this.#listener,
      onLive: () => this.#set('live'),
      onLost: () => this.report(),
    });
  }

  #set(state) {
    clearTimeout(this.#lostTimer);
    this.#lostTimer = null;
    if (this.state === state) return;
    this.state = state;
    this.#tell();
  }

  #onNetwork = () => {
    if (!navigator.onLine) {
      this.#stream?.drop();
      this.#set('offline');
    } else if (this.#stream) this.#stream.wake();
    else this.#set('live');
  };

  /** A browser keeps few connections to one server: an idle tab in the background gives its own back. */
  #onVisibility = () => {
    clearTimeout(this.#hiddenTimer);
    if (!document.hidden) {
      if (this.#listener && !this.#stream) this.#open();
      return;
    }
    this.#hiddenTimer = setTimeout(() => {
      if (!this.#isIdle()) return;
      this.#stream?.stop();
      this.#stream = null;
    }, HIDDEN_AFTER_MS);
  };
}
