/** The inbox's view: the panes put together, and what they ask of each other. */

import { h } from '../dom.js';
import { createCitationBox } from '../parts/citation.js';
import { createAbout } from './about.js';
import { createBanner } from './banner.js';
import { chime } from './chime.js';
import { createHelp } from './help.js';
import { listenToKeys } from './keys.js';
import { createMenu } from './menu.js';
import { createQueue } from './queue.js';
import { createThread } from './thread.js';

const TICK_MS = 10_000;
const COPIED_MS = 1600;

export class Page {
  #stops = [];
  #opener = null; // of the details

  /** `given`: {desk, api, settings, drafts, t, format, locale, direction, title, setLocale}. */
  constructor(given) {
    Object.assign(this, given);
    this.cursor = this.desk.selected;
    this.frame = h('div', { class: 'desk root', lang: this.locale, dir: this.direction });
    this.announcer = h('div', { class: 'sr-only', 'aria-live': 'polite' });
    this.menu = createMenu(this);
    this.citation = createCitationBox(this);
    this.help = createHelp(this);
    this.banner = createBanner(this);
    this.queue = createQueue(this);
    this.thread = createThread(this);
    this.about = createAbout(this);
    this.shade = h('div', { class: 'shade', onclick: () => this.closeDetails() });
    const floating = [this.shade, this.menu.node, this.citation.node, this.help.node, this.announcer];
    this.frame.append(this.banner.node, this.queue.node, this.thread.node, this.about.node, ...floating);
    this.frame.addEventListener('click', (event) => void this.#copy(event));
    this.#listen();
  }

  stop() {
    for (const stop of this.#stops) stop();
  }

  update = () => {
    const { desk } = this;
    this.frame.classList.toggle('is-chosen', Boolean(desk.selected));
    for (const part of [this.banner, this.queue, this.thread, this.about]) part.update(desk);
    const { count } = desk.count('waiting');
    const figures = { count: this.format.number(count), title: this.title };
    document.title = count ? this.t('title_waiting', figures) : this.title;
  };

  // What the parts ask for

  rich = () => ({ resolve: this.api.resolve, t: this.t });

  customerName = () => this.desk.head?.customer.name || this.t('visitor');

  hasKeys = () => this.settings.get('keys', true);

  addressOf = (id) => new URL(`?c=${encodeURIComponent(id)}`, location.href.split('?')[0]).href;

  /** The time since `iso`, kept right: the bare span, or with `isWhole` the whole phrase. */
  buildSince(iso, phrase, isWhole = false) {
    const watched = { 'data-since': iso, 'data-phrase': phrase, 'data-whole': isWhole };
    const node = h('time', { datetime: iso, title: this.format.whole(iso), ...watched });
    this.#tick(node);
    return node;
  }

  announce(words) {
    this.announcer.textContent = words;
  }

  open(id) {
    if (!id) return;
    const isNew = id !== this.desk.selected;
    this.cursor = id;
    this.desk.select(id);
    if (isNew) this.remember('push');
    this.update();
    this.thread.focus();
    if (this.desk.shelf === 'approvals') this.openDetails(null);
  }

  /** Back to the list, where there is room for one pane only. */
  close() {
    const last = this.desk.selected;
    this.desk.select(null);
    this.remember('push');
    this.queue.focusRow(last);
  }

  setCursor(id) {
    if (this.cursor === id) return;
    this.cursor = id;
    this.queue.update(this.desk);
  }

  moveInList(step, event) {
    if (this.queue.node.offsetParent === null) return;
    event?.preventDefault();
    this.queue.move(step);
  }

  showShelf(shelf) {
    this.desk.showShelf(shelf);
    this.remember();
  }

  focusSearch() {
    if (this.queue.node.offsetParent === null) this.close();
    this.queue.focusSearch();
  }

  /** Do one of the moves, if it may be done; the focus then goes to where one goes on. */
  async act(move) {
    const { desk } = this;
    if (!desk.head?.may[move] || desk.isMoving) return;
    if (await desk.act(move)) this.#goOn();
  }

  async actPrimary() {
    const { primary, isMoving } = this.desk;
    if (!primary || isMoving) return;
    if (await this.desk.act(primary === 'take_over' ? 'accept' : primary)) this.#goOn();
  }

  writeNote() {
    if (this.desk.head?.may.reply) this.thread.dock.composer.write('note');
    else this.thread.dock.openNote();
  }

  #goOn() {
    if (this.desk.head?.may.reply) this.thread.dock.composer.write('reply');
    else this.thread.focus();
  }

  // The details: a pane of their own, or a drawer where there is no room

  openDetails(opener) {
    if (!this.#isDrawer()) return;
    this.#opener = opener;
    this.#showDetails(true);
    this.about.focus();
  }

  closeDetails() {
    if (!this.frame.classList.contains('has-details')) return false;
    this.#showDetails(false);
    (this.#opener ?? this.thread).focus();
    return true;
  }

  showApproval(id) {
    this.openDetails(null);
    this.about.showApproval(id);
  }

  #isDrawer() {
    return getComputedStyle(this.about.node).position === 'fixed';
  }

  #showDetails(isShown) {
    this.frame.classList.toggle('has-details', isShown);
    for (const pane of [this.queue.node, this.thread.node]) pane.inert = isShown;
  }

  openHelp = () => this.help.open();

  escape() {
    const { activeElement: here } = document;
    if (this.closeDetails()) return;
    if (here?.matches('input, textarea')) return this.#leaveField(here);
    if (this.queue.node.offsetParent === null) this.close();
  }

  #leaveField(field) {
    field.blur();
    if (this.queue.node.contains(field)) this.queue.focusRow(this.cursor);
    else this.thread.focus();
  }

  /** The address says what is looked at, so that it can be shared and the browser's way back works. */
  remember(how = 'replace') {
    const { selected, shelf, listing } = this.desk;
    const query = new URLSearchParams(listing.kind === 'report' ? listing.filters : {});
    if (selected) query.set('c', selected);
    if (listing.kind !== 'report' && shelf !== 'waiting') query.set('shelf', shelf);
    if (listing.kind === 'search') query.set('q', listing.filters.q);
    const address = `${location.pathname}${query.size ? `?${query}` : ''}`;
    history[how === 'push' ? 'pushState' : 'replaceState'](null, '', address);
  }

  #listen() {
    const { desk } = this;
    const listen = (target, name, act) => {
      target.addEventListener(name, act);
      this.#stops.push(() => target.removeEventListener(name, act));
    };
    listen(desk, 'change', this.update);
    listen(desk, 'waiting', ({ detail }) => this.#onWaiting(detail));
    listen(desk, 'gone', () => this.remember());
    listen(desk, 'message', ({ detail }) => this.#onMessage(detail));
    listen(window, 'popstate', () => desk.select(new URLSearchParams(location.search).get('c')));
    listen(window, 'resize', () => this.#isDrawer() || this.#showDetails(false));
    this.#stops.push(listenToKeys(this), this.thread.stop);
    const clock = setInterval(() => this.#tickAll(), TICK_MS);
    this.#stops.push(() => clearInterval(clock));
  }

  #onWaiting(rows) {
    const [{ customer_name: name, subject }] = rows;
    const one = this.t('new_waiting', { name: name || this.t('visitor'), subject });
    this.announce(rows.length === 1 ? one : this.t('new_waiting_many', { count: this.format.number(rows.length) }));
    if (this.settings.get('sound', false)) chime();
  }

  #onMessage({ text }) {
    this.announce(this.t('announced', { name: this.customerName(), text }));
  }

  #tickAll() {
    for (const node of this.frame.querySelectorAll('[data-since]')) this.#tick(node);
  }

  #tick(node) {
    const { since, phrase, whole } = node.dataset;
    const span = this.format.span(Date.now() - Date.parse(since)) ?? this.t('just_now');
    const words = this.t(phrase, { span });
    if (whole !== undefined) node.textContent = words;
    else node.replaceChildren(h('span', { 'aria-hidden': 'true' }, span), h('span', { class: 'sr-only' }, words));
  }

  async #copy(event) {
    const control = event.target.closest('[data-copy]');
    if (!control || control.localName !== 'button') return;
    await navigator.clipboard?.writeText(control.dataset.copy).then(() => {
      this.announce(this.t('copied'));
      control.classList.add('is-copied');
      setTimeout(() => control.classList.remove('is-copied'), COPIED_MS);
    }, console.error);
  }
}
