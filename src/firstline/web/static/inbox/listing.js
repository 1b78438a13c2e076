/** Rows that are asked for, not streamed: the long shelves, search results, what the report points at. */

import { isOn } from './state.js';

const PAGE = 50;

export class Listing {
  #api;
  #tell;
  #asked = 0; // answers to earlier questions come too late and are dropped

  constructor(api, tell) {
    this.#api = api;
    this.#tell = tell;
    this.clear();
  }

  clear() {
    this.#asked += 1;
    this.kind = null; // shelf | search | report
    this.filters = {};
    this.rows = [];
    this.state = 'ready'; // loading | ready | failed
    this.hasMore = false;
  }

  /** Begin a list. While one types, what was found before stays until the answer comes. */
  show(kind, filters) {
    if (kind !== 'search' || this.kind !== 'search') this.rows = [];
    this.kind = kind;
    this.filters = filters;
    return this.#load(0);
  }

  more = () => this.#load(this.rows.length);

  again = () => this.#load(0);

  /** A row has changed: it is shown as it is now; on a shelf, which has the latest first, it goes to the top. */
  take(row, { keep }) {
    const id = row.conversation_id;
    const place = this.rows.findIndex((each) => each.conversation_id === id);
    if (this.kind !== 'shelf' || (id === keep && place >= 0)) {
      if (place >= 0) this.rows = this.rows.with(place, row);
      return;
    }
    const others = this.rows.filter((each) => each.conversation_id !== id);
    this.rows = isOn(this.filters.shelf, row) ? [row, ...others] : others;
  }

  drop(id) {
    this.rows = this.rows.filter((each) => each.conversation_id !== id);
  }

  async #load(offset) {
    const asked = (this.#asked += 1);
    this.state = 'loading';
    this.#tell();
    try {
      const { conversations } = await this.#api.list({ ...this.filters, limit: PAGE, offset });
      if (asked !== this.#asked) return;
      this.rows = offset ? [...this.rows, ...conversations] : conversations;
      this.hasMore = conversations.length === PAGE;
      this.state = 'ready';
    } catch (error) {
      if (asked !== this.#asked) return;
      console.error(error);
      this.state = 'failed';
    }
    this.#tell();
  }
}
