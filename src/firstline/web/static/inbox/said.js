/** Messages in the transcript: the customer's at the start, the assistant's and the team's at the end of the line. */

import { button, grow, h } from '../dom.js';
import { buildAvatar } from '../parts/avatar.js';
import { buildRich } from '../parts/rich.js';
import { createCorrection } from './correction.js';
import { deskIcon } from './icons.js';

export function createMessage(page, item) {
  const { message } = item.entry;
  if (message.author === 'system') return createNotice(page, message);
  return message.author === 'customer' ? createCustomers(page, item) : createOurs(page, item);
}

/** What the customer was told by the system. */
function createNotice(page, { html }) {
  const text = h('div', { class: 'rich', dir: 'auto' }, buildRich(html, page.rich()));
  return { node: h('article', { class: 'line' }, text) };
}

function createCustomers(page, item) {
  const { t } = page;
  const bubble = h('div', { class: 'bubble', dir: 'auto' });
  const marks = h('div', { class: 'marks' });
  const node = h('article', { class: 'said customer' });

  function update({ entry, isNext }) {
    const { message, at } = entry;
    const name = page.customerName();
    node.replaceChildren(buildBy(page, { name, at, isNext }), bubble, marks);
    bubble.textContent = message.text;
    marks.replaceChildren(...(message.hidden ? [buildMark(t('hidden_text'))] : []));
  }

  update(item);
  return { node, update };
}

function createOurs(page, item) {
  const { t } = page;
  const body = h('div', { class: 'rich', dir: 'auto' });
  const by = h('div', { class: 'by-frame' });
  const below = h('div', { class: 'below' });
  const isAssistant = item.entry.message.author === 'assistant';
  const node = h('article', { class: `said ${isAssistant ? 'assistant' : 'human'}` }, by, body, below);
  const correction = isAssistant ? createCorrection(page, item.entry.message.message_id) : null;
  if (correction) node.append(correction.node);

  function update({ entry, isNext, correction: made }) {
    const { message, at } = entry;
    const name = message.author_name ?? (isAssistant ? page.desk.head.assistant : t('colleague'));
    const picture = message.author_picture && page.api.resolve(message.author_picture);
    by.replaceChildren(buildBy(page, { name, picture, at, isNext, isAssistant }, correction?.opener));
    grow(body, buildRich(message.html, { ...page.rich(), citations: message.citations }));
    const marks = [message.cut_off && buildMark(t('cut_off')), buildSources(page, message)];
    below.replaceChildren(...marks.filter(Boolean));
    correction?.update(made);
  }

  node.addEventListener('click', (event) => openCitation(page, event, page.desk.conversation?.entries.get(item.key)));
  update(item);
  return { node, update };
}

function openCitation(page, event, entry) {
  const chip = event.target.closest('[data-citation]');
  const citation = entry?.message.citations[chip?.dataset.citation - 1];
  if (citation) page.citation.show(chip, citation);
}

/** The assistant's reply while it grows; before there is text, only that it works. */
export function createLive(page, item) {
  const { t } = page;
  const body = h('div', { class: 'rich', dir: 'auto' });
  const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
  const status = h('p', { class: 'status' }, dots, t('working', { name: page.desk.head.assistant }));
  const node = h('article', { class: 'said assistant', 'aria-busy': 'true' }, body, status);
  const update = ({ html }) => grow(body, buildRich(html, page.rich()));
  update(item);
  return { node, update };
}

function buildBy(page, { name, picture, at, isNext, isAssistant }, opener = null) {
  const time = h('time', { datetime: at, title: page.format.whole(at) }, page.format.time(at));
  const avatar = isNext ? null : buildAvatar(name, picture);
  const tag = isAssistant && !isNext && h('span', { class: 'tag' }, page.t('ai'));
  const who = h('bdi', { class: isNext ? 'sr-only' : 'by-name' }, name);
  return h('p', { class: `by ${isNext ? 'is-next' : ''}` }, avatar, who, tag, time, opener);
}

function buildMark(words) {
  return h('p', { class: 'said-flag' }, deskIcon('warn'), words);
}

/** Every source once more below the text, by name. */
function buildSources({ t }, { citations }) {
  if (!citations?.length) return null;
  const entry = ({ title }, place) => {
    const number = h('span', { class: 'chip', 'aria-hidden': 'true' }, String(place + 1));
    const name = h('span', { class: 'source-title', dir: 'auto' }, title);
    const opener = { class: 'source', 'data-citation': place + 1, 'aria-haspopup': 'dialog' };
    return h('li', {}, button(opener, number, name));
  };
  const label = h('p', { class: 'sources-label sr-only' }, t('sources'));
  return h('div', { class: 'sources' }, label, h('ol', {}, citations.map(entry)));
}
