/** What a tool found, as a card: the figure large, what it rests on, and what one may do next. */

import { button, h } from '../dom.js';

export function createCard(chat, { card, isLast }) {
  const { title, amount, rows, note, actions = [] } = card;
  const next = isLast && actions.length > 0 && actions.map((text) => buildAction(chat, text));
  const node = h(
    'section',
    { class: 'card', 'aria-label': title },
    h('h3', { dir: 'auto' }, title),
    amount && h('p', { class: 'amount', dir: 'auto' }, amount),
    buildRows(rows),
    note && h('p', { class: 'note', dir: 'auto' }, note),
    next && h('div', { class: 'actions' }, next),
  );
  return { node };
}

export function buildRows(rows) {
  if (!rows?.length) return null;
  const auto = { dir: 'auto' };
  const row = ({ label, value }) => h('div', {}, h('dt', auto, label), h('dd', auto, value));
  return h('dl', {}, rows.map(row));
}

/** A message that one tap sends. */
export function buildAction(chat, text) {
  return button({ class: 'suggestion', dir: 'auto', onclick: () => chat.send(text) }, text);
}
