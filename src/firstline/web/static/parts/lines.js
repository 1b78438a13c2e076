/** What stands between the messages: times, who joined, what is being done, what may come next. */

import { lastQuestion } from '../conversation.js';
import { button, h } from '../dom.js';
import { isSameDay } from '../format.js';
import { buildAvatar } from './avatar.js';
import { buildAction } from './card.js';
import { pictureOf } from './speaker.js';

export function createTime({ format }, { at, before }) {
  const isToday = isSameDay(at, Date.now());
  const isNewDay = !before || !isSameDay(at, before);
  const words = isNewDay && !isToday ? `${format.day(at)}, ${format.time(at)}` : format.time(at);
  return { node: h('p', { class: 'time' }, h('time', { datetime: at, title: format.whole(at) }, words)) };
}

/** A line across, where somebody else begins to speak for the company. */
export function createJoined(chat, { human }) {
  const name = human?.name ?? chat.config.assistant.name;
  const avatar = buildAvatar(name, pictureOf(chat, human));
  const words = h('span', { dir: 'auto' }, describeJoined(chat, human));
  return { node: h('div', { class: `joined ${human ? 'human' : ''}` }, avatar, words) };
}

function describeJoined({ config, t }, human) {
  return human ? t('joined', { name: human.name }) : t('back', { name: config.assistant.name });
}

/** What a screen reader is told of a move that comes without a line in words. */
export function describeMove(chat, { status, human_agent: human }) {
  return status === 'closed' ? chat.t('closed') : describeJoined(chat, human);
}

/** One line in words while something is done; the dots are decoration. */
export function createStatus({ config, t }, item) {
  const text = h('span', { dir: 'auto' });
  const name = item.name ?? config.assistant.name;
  const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
  const update = ({ text: words, withdrawn, isWriting }) => {
    const otherwise = t(isWriting ? 'writing' : 'working', { name });
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

/** The turn failed, or was stopped: what that means, unless the reply itself says so, and what one can do. */
export function createEnding(chat, { ending, isMarked }) {
  const question = lastQuestion(chat.session.conversation);
  const again = button({ class: 'suggestion', onclick: () => chat.send(question) }, chat.t('ask_again'));
  const ways = h('div', { class: 'suggestions' }, question && again, ending === 'failed' && buildPerson(chat));
  return { node: h('div', { class: 'ending' }, !isMarked && h('p', {}, chat.t(ending)), ways) };
}

function buildPerson({ session, t }) {
  return button({ class: 'suggestion', onclick: () => session.handOff() }, t('talk_to_person'));
}
