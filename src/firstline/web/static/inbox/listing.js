/** Rows that are asked for, not streamed: closed conversations, search results, what the report points at. */

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

  /** A row has changed; where it stands here, it is shown as it is now. */
  replace(row) {
    const place = this.rows.findIndex(({ conversation_id: id }) => id === row.conversation_id);
    if (place >= 0) this.rows = this.rows.with(place, row);
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
