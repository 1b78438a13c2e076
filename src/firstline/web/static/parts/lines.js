/** What stands between the messages: times, who joined, what is being done, what may come next. */

import { lastQuestion } from '../conversation.js';
import { button, h } from '../dom.js';
import { isSameDay } from '../format.js';
import { buildAvatar } from './avatar.js';
import { buildAction } from './card.js';

export function createTime({ format }, { at, before }) {
  const isToday = isSameDay(at, Date.now());
  const isNewDay = !before || !isSameDay(at, before);
  const words = isNewDay && !isToday ? `${format.day(at)}, ${format.time(at)}` : format.time(at);
  return { node: h('p', { class: 'time' }, h('time', { datetime: at, title: format.whole(at) }, words)) };
}

export function createJoined({ config, picture, t }, { name, isHuman }) {
  const who = name || config.assistant.name;
  const human = () => (name ? t('joined', { name }) : t('joined_unnamed'));
  const words = h('span', {}, isHuman ? human() : t('back', { name: who }));
  return { node: h('div', { class: 'joined' }, buildAvatar(who, isHuman ? null : picture), words) };
}

/** One line in words while something is done; the dots are decoration. */
export function createStatus({ config, t }, item) {
  const text = h('span', { dir: 'auto' });
  const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
  const update = ({ text: words, withdrawn, isWriting }) => {
    const otherwise = t(isWriting ? 'writing' : 'working', { name: config.assistant.name });
    text.textContent = withdrawn ? t('withdrawn') : words || otherwise;
  };
  update(item);
  return { node: h('p', { class: 'status' }, dots, text), update };
}

export function createSuggestions(chat, { suggestions, offered }) {
  const label = h('p', { class: 'sr-only' }, chat.t('suggestions'));
  const actions = suggestions.map((text) => buildAction(chat, text));
  return { node: h('div', { class: 'suggestions' }, label, offered && buildPerson(chat), actions) };
}

/** The turn failed, or was stopped: what that means, and what one can do. */
export function createEnding(chat, { ending }) {
  const question = lastQuestion(chat.session.conversation);
  const again = button({ class: 'suggestion', onclick: () => chat.send(question) }, chat.t('ask_again'));
  const ways = h('div', { class: 'suggestions' }, question && again, ending === 'failed' && buildPerson(chat));
  return { node: h('div', { class: 'ending' }, h('p', {}, chat.t(ending)), ways) };
}

function buildPerson({ session, t }) {
  return button({ class: 'suggestion', onclick: () => session.handOff() }, t('talk_to_person'));
}

/** Waiting for a person: what happens now, how else to reach one, and how to go on meanwhile. */
export function createWaiting({ config, session, t }) {
  const { phone, email } = config.contact ?? {};
  const link = (href, text) => h('a', { href }, h('bdi', {}, text));
  const goOn = button(
    { class: 'secondary', onclick: () => session.resume() },
    t('go_on_meanwhile', { name: config.assistant.name }),
  );
  const node = h(
    'section',
    { class: 'card waiting', 'aria-label': t('waiting_title') },
    h('h3', {}, t('waiting_title')),
    h('p', {}, t('waiting_text')),
    h(
      'p',
      { class: 'ways' },
      phone && link(`tel:${phone.replace(/[^+\d]/g, '')}`, phone),
      email && link(`mailto:${email}`, email),
    ),
    h('div', { class: 'decision' }, goOn),
  );
  return { node };
}
