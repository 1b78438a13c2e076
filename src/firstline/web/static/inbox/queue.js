/** The left pane: search, shelves with counts, the list. Waiting and unread are counted whatever is shown. */

import { button, h, icon, keepList } from '../dom.js';
import { buildLoading } from './loading.js';
import { deskIcon } from './icons.js';
import { createRow } from './row.js';
import { SHELVES } from './state.js';

const PAUSE_MS = 300;

export function createQueue(page) {
  const { t } = page;
  const search = createSearch(page);
  const shelves = createShelves(page);
  const about = createAboutList(page);
  const list = h('ul', { class: 'rows', onkeydown: onArrow });
  const below = h('div', { class: 'list-below' });
  const frame = h('div', { class: 'list-frame' }, about.node, list, below);
  const head = h('header', { class: 'queue-head' }, h('h1', {}, t('inbox')), page.menu.opener);
  const node = h('nav', { class: 'queue', 'aria-label': t('queue') }, head, search.node, shelves.node, frame);
  const show = keepList(list, (item) => createRow(page, item));

  function onArrow(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(step);
  }

  /** Focus the next row, or the one before. */
  function move(step) {
    const ids = page.desk.rows.map(({ conversation_id: id }) => id);
    const here = ids.indexOf(page.cursor);
    focusRow(ids[here < 0 ? 0 : Math.max(0, Math.min(here + step, ids.length - 1))]);
  }

  function focusRow(id) {
    if (!id) return;
    page.setCursor(id);
    [...list.children].find((row) => row.firstChild.href === page.addressOf(id))?.firstChild.focus();
  }

  function update(desk) {
    const { rows } = desk;
    shelves.update(desk);
    search.update(desk);
    about.update(desk);
    const had = list.contains(document.activeElement) ? document.activeElement : null;
    show(rows.map((row) => toItem(page, desk, row, rows)));
    if (had?.isConnected && document.activeElement !== had) had.focus({ preventScroll: true }); // it was moved
    showBelow(desk);
  }

  /** Built anew only when it says something else, so that a button keeps the focus. */
  function showBelow(desk) {
    const { listing, queue, shelf } = desk;
    const { kind, state, hasMore } = listing;
    const said = [kind, state, hasMore, shelf, queue.isReady, desk.rows.length > 0, desk.count('open').count].join();
    if (below.dataset.said === said) return;
    below.dataset.said = said;
    below.replaceChildren(...buildBelow(page, desk).filter(Boolean));
  }

  return { node, update, move, focusRow, focusSearch: search.focus };
}

function toItem(page, desk, row, rows) {
  const id = row.conversation_id;
  const cursor = rows.some((each) => each.conversation_id === page.cursor) ? page.cursor : rows[0].conversation_id;
  const { kind } = desk.listing;
  const list = !kind || kind === 'shelf' ? desk.shelf : kind;
  return { kind: 'row', key: id, row, isCurrent: id === desk.selected, isCursor: id === cursor, list };
}

function createSearch(page) {
  const { desk, t } = page;
  let pause = null;
  const field = h('input', {
    type: 'search',
    'aria-label': t('search'),
    placeholder: t('search'),
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: '200',
    oninput: () => {
      clearTimeout(pause);
      pause = setTimeout(ask, field.value.trim() ? PAUSE_MS : 0);
    },
    onkeydown: (event) => {
      if (event.key === 'Escape' && field.value) clear(event);
      else if (event.key === 'ArrowDown') page.moveInList(1, event);
    },
  });
  const hint = h('kbd', { 'aria-hidden': 'true' }, '/');
  const onsubmit = (event) => {
    event.preventDefault();
    clearTimeout(pause);
    ask();
  };
  const node = h('form', { class: 'search', role: 'search', onsubmit }, deskIcon('search'), field, hint);

  function ask() {
    desk.search(field.value.trim());
    page.remember();
  }

  function clear(event) {
    event.stopPropagation();
    event.preventDefault();
    field.value = '';
    ask();
  }

  function update({ listing }) {
    if (document.activeElement !== field) field.value = listing.kind === 'search' ? listing.filters.q : '';
  }

  return { node, update, focus: () => field.select() };
}

function createShelves(page) {
  const { desk, t } = page;
  const tabs = SHELVES.map((shelf) => {
    const figure = h('span', { class: 'shelf-count', 'aria-hidden': 'true' });
    const said = h('span', { class: 'sr-only' });
    const tab = button({ class: `shelf shelf-${shelf}`, onclick: () => page.showShelf(shelf) }, figure, said,
      h('span', { class: 'shelf-name' }, t(`shelf_${shelf}`)));
    return { shelf, tab, figure, said };
  });
  const node = h('div', { class: 'shelves', role: 'group', 'aria-label': t('shelves') }, tabs.map(({ tab }) => tab));

  function update() {
    for (const { shelf, tab, figure, said } of tabs) {
      const { count, unread } = desk.count(shelf);
      const isShown = desk.shelf === shelf && (!desk.listing.kind || desk.listing.kind === 'shelf');
      tab.setAttribute('aria-pressed', String(isShown));
      tab.classList.toggle('is-zero', count === 0);
      tab.classList.toggle('has-unread', unread > 0);
      const words = count === null ? '' : page.format.number(count);
      figure.replaceChildren(count === null ? drawShelf(shelf) : words);
      said.textContent = unread ? `${words}, ${t('unread_here', { count: page.format.number(unread) })}` : words;
    }
  }

  return { node, update };
}

const drawShelf = (shelf) => (shelf === 'closed' ? icon('check') : deskIcon('list'));

/** What stands in the list, and the way back to the whole inbox from what the report has chosen. */
function createAboutList(page) {
  const title = h('h2');
  const chosen = h('code');
  const leave = buildQuiet(page.t('whole_inbox'), () => page.showShelf('waiting'));
  const node = h('div', { class: 'list-about' }, title, chosen, leave);
  const update = (desk) => {
    const isChosen = desk.listing.kind === 'report';
    title.textContent = describeList(page, desk);
    chosen.hidden = leave.hidden = !isChosen;
    chosen.textContent = isChosen ? describeFilters(desk.listing) : '';
  };
  return { node, update };
}

function describeFilters({ filters }) {
  const named = Object.entries(filters).filter(([name]) => name !== 'shelf');
  return named.map(([name, value]) => `${name}=${value}`).join(' ');
}

function describeList({ t }, { listing, shelf }) {
  if (listing.kind === 'search') return t('about_search', { words: listing.filters.q });
  return t(listing.kind === 'report' ? 'about_report' : `about_${shelf}`);
}

/** What stands after the rows: loading, nothing, failed, more. */
function buildBelow(page, desk) {
  const { t } = page;
  const { listing, rows, queue } = desk;
  if (!listing.kind && !queue.isReady) return [buildLoading()];
  if (listing.kind && listing.state === 'failed') {
    const again = buildQuiet(t('try_again'), listing.again);
    return [h('p', { class: 'empty', role: 'alert' }, t('cannot_load')), again];
  }
  if (listing.kind && listing.state === 'loading') return [rows.length ? null : buildLoading()];
  if (!rows.length) return buildEmpty(page, desk);
  return [listing.kind && listing.hasMore && buildQuiet(t('more_rows'), listing.more)];
}

function buildEmpty(page, desk) {
  const { t, format } = page;
  const name = desk.listing.kind && desk.listing.kind !== 'shelf' ? desk.listing.kind : desk.shelf;
  const empty = h('p', { class: 'empty' }, t(`empty_${name}`));
  const { count: open } = desk.count('open');
  if (name !== 'waiting' || !open) return [empty];
  const more = h('p', { class: 'empty' }, t('empty_waiting_more', { count: format.number(open) }));
  return [empty, more, buildQuiet(t('show_open'), () => page.showShelf('open'))];
}

function buildQuiet(words, onclick) {
  return button({ class: 'quiet', onclick }, words);
}
