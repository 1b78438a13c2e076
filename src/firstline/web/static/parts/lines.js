/** What stands between the messages: times, who joined, what is being done, what may come next. */

import { h } from '../dom.js';
import { isSameDay } from '../format.js';
import { lastQuestion } from '../conversation.js';
import { buildAction } from './card.js';
import { buildAvatar } from './avatar.js';

export function createTime(chat, { at, before }) {
  const { format } = chat;
  const isToday = isSameDay(at, Date.now());
  const isNewDay = before ? !isSameDay(at, before) : !isToday;
  const words = isNewDay && !isToday ? `${format.day(at)}, ${format.time(at)}` : format.time(at);
  return { node: h('p', { class: 'time' }, h('time', { datetime: at, title: format.whole(at) }, words)) };
}

export function createJoined(chat, { name, isHuman }) {
  const who = name || chat.config.assistant.name;
  const text = isHuman ? chat.t(name ? 'joined' : 'joined_unnamed', { name: who }) : chat.t('back', { name: who });
  return { node: h('div', { class: 'joined' }, buildAvatar(isHuman ? name : who, isHuman ? null : chat.picture), h('span', {}, text)) };
}

/** One line in words while something is done; the dots are decoration. */
export function createStatus(chat, item) {
  const text = h('span', { dir: 'auto' });
  const node = h('p', { class: 'status' }, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), text);
  const update = ({ text: words, withdrawn, writing }) => {
    const fallback = chat.t(writing ? 'writing' : 'working', { name: chat.config.assistant.name });
    text.textContent = withdrawn ? chat.t('withdrawn') : words || fallback;
  };
  update(item);
  return { node, update };
}

export function createSuggestions(chat, { suggestions, offered }) {
  const label = h('p', { class: 'sr-only' }, chat.t('suggestions'));
  const person = offered && buildPerson(chat);
  return { node: h('div', { class: 'suggestions' }, label, person, ...suggestions.map((text) => buildAction(chat, text))) };
}

/** The turn failed, or was stopped: what that means, and what one can do. */
export function createEnding(chat, { ending }) {
  const question = lastQuestion(chat.session.conversation);
  const again = question && h('button', { type: 'button', class: 'suggestion', onclick: () => chat.send(question) }, chat.t('ask_again'));
  return { node: h('div', { class: 'failure' }, h('p', {}, chat.t(ending)), h('div', { class: 'suggestions' }, again, ending === 'failed' && buildPerson(chat))) };
}

function buildPerson(chat) {
  return h('button', { type: 'button', class: 'suggestion', onclick: () => chat.session.handOff() }, chat.t('talk_to_person'));
}

/** Waiting for a person: what happens now, how else to reach one, and how to go on meanwhile. */
export function createWaiting(chat) {
  const { phone, email } = chat.config.contact ?? {};
  const { name } = chat.config.assistant;
  const go = h('button', { type: 'button', class: 'secondary', onclick: () => chat.session.resume() }, chat.t('go_on_meanwhile', { name }));
  const node = h('section', { class: 'card waiting', 'aria-label': chat.t('waiting_title') },
    h('h3', {}, chat.t('waiting_title')),
    h('p', {}, chat.t('waiting_text')),
    (phone || email) && h('p', { class: 'ways' },
      phone && h('a', { href: `tel:${phone.replace(/[^+\d]/g, '')}` }, h('bdi', {}, phone)),
      email && h('a', { href: `mailto:${email}` }, h('bdi', {}, email))),
    h('div', { class: 'decision' }, go));
  return { node };
}
