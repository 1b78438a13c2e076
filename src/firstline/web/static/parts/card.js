/** What a tool found, as a card: the figure large, what it rests on, and what one may do next. */

import { h } from '../dom.js';

export function createCard(chat, { card, isLast }) {
  const canAct = isLast && chat.session.conversation.status === 'open';
  const actions = canAct ? (card.actions ?? []) : [];
  const node = h('section', { class: 'card', 'aria-label': card.title },
    h('h3', { dir: 'auto' }, card.title),
    card.amount && h('p', { class: 'amount', dir: 'auto' }, card.amount),
    buildRows(card.rows),
    card.note && h('p', { class: 'note', dir: 'auto' }, card.note),
    actions.length > 0 && h('div', { class: 'actions' }, ...actions.map((text) => buildAction(chat, text))));
  return { node };
}

export function buildRows(rows) {
  if (!rows?.length) return null;
  return h('dl', {}, ...rows.map(({ label, value }) => h('div', {}, h('dt', { dir: 'auto' }, label), h('dd', { dir: 'auto' }, value))));
}

/** A message that one tap sends. */
export function buildAction(chat, text) {
  return h('button', { type: 'button', class: 'suggestion', dir: 'auto', onclick: () => chat.send(text) }, text);
}
