/** A message: the customer's in a bubble, the assistant's as plain text with its sources, the rest as lines. */

import { button, grow, h } from '../dom.js';
import { buildAvatar } from './avatar.js';
import { buildRich } from './rich.js';
import { pictureOf } from './speaker.js';

export function createMessage(chat, item) {
  const { author } = item.message;
  if (author === 'customer') return createOwn(chat, item);
  if (author === 'system') return createLine(chat, item);
  return createReply(chat, item);
}

function createOwn(chat, { message }) {
  return { node: buildOwn(chat, 'own', message.text) };
}

/** What the customer wrote, as typed: never markup. */
export function buildOwn(chat, state, text, ...below) {
  const label = h('span', { class: 'sr-only' }, chat.t('you_said'));
  const bubble = h('div', { class: 'bubble', dir: 'auto' }, text);
  return h('article', { class: `message ${state}` }, label, bubble, ...below);
}

function createLine(chat, { message }) {
  const text = h('div', { class: 'rich', dir: 'auto' }, buildRich(message.html, chat.rich()));
  return { node: h('article', { class: 'message line' }, text) };
}

function createReply(chat, item) {
  const isHuman = item.message.author === 'human_agent';
  const { assistant } = chat.config;
  const { author_name: given, author_picture: picture } = item.message;
  const name = given ?? assistant.name;
  const body = h('div', { class: 'rich', dir: 'auto' });
  const sources = h('div', { class: 'sources' });
  const by = h('p', { class: 'by' }, buildAvatar(name, pictureOf(chat, isHuman ? { picture } : null)), h('bdi', {}, name));
  const mark = h('p', { class: 'mark' });
  const node = h('article', { class: `message reply ${isHuman ? 'human' : ''}` }, by, body, mark, sources);
  let citations = [];

  node.addEventListener('click', (event) => {
    const chip = event.target.closest('[data-citation]');
    const citation = citations[chip?.dataset.citation - 1];
    if (citation) chat.showCitation(chip, citation);
  });

  function update({ message, cut }) {
    mark.hidden = !cut;
    mark.textContent = cut ? chat.t(`cut_by_${cut}`) : '';
    citations = message.citations ?? [];
    node.setAttribute('aria-busy', String(Boolean(message.isLive)));
    grow(body, buildRich(message.html, { ...chat.rich(), citations }));
    sources.replaceChildren(...(citations.length && !message.isLive ? [buildSources(chat, citations)] : []));
  }

  update(item);
  return { node, update };
}

/** Every source once more below the text, by name. */
function buildSources(chat, citations) {
  const entry = ({ title }, place) => {
    const number = h('span', { class: 'chip', 'aria-hidden': 'true' }, String(place + 1));
    const name = h('span', { class: 'source-title', dir: 'auto' }, title);
    const opener = { class: 'source', 'data-citation': place + 1, 'aria-haspopup': 'dialog' };
    return h('li', {}, button(opener, number, name));
  };
  return h('div', {}, h('p', { class: 'sources-label' }, chat.t('sources')), h('ol', {}, citations.map(entry)));
}

/** What a screen reader is told when a message is complete. */
export function describeMessage(chat, message) {
  const text = h('div', {}, buildRich(message.html, chat.rich())).textContent.trim();
  const name = message.author === 'system' ? '' : (message.author_name ?? chat.config.assistant.name);
  return name ? chat.t('announced', { name, text }) : text;
}
