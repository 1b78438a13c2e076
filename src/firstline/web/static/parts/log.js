/** The scrolled part: welcome, items, and the rule that it moves only for a reader who is at its end. */

import { button, h, icon, keepList } from '../dom.js';
import { listItems, nextChange } from '../items.js';
import { createCard } from './card.js';
import { createClosed } from './closing.js';
import { createConfirmation } from './confirmation.js';
import { createEnding, createJoined, createStatus, createSuggestions, createTime } from './lines.js';
import { createMessage } from './message.js';
import { createOutgoing } from './outgoing.js';
import { createWaiting } from './waiting.js';
import { createWelcome } from './welcome.js';

const BUILDERS = {
  card: createCard,
  closed: createClosed,
  confirmation: createConfirmation,
  ending: createEnding,
  joined: createJoined,
  message: createMessage,
  outgoing: createOutgoing,
  status: createStatus,
  suggestions: createSuggestions,
  time: createTime,
  waiting: createWaiting,
};
const NEAR_END_PX = 64;
const LONGEST_TIMER_MS = 2 ** 31 - 1; // a longer wait would be over at once

export function createLog(chat) {
  const { t } = chat;
  const welcome = createWelcome(chat);
  const list = h('div', { class: 'items' });
  const loading = buildLoading();
  const heading = chat.isPage && h('h2', { class: 'sr-only' }, t('conversation'));
  const content = h('div', { class: 'content' }, heading, welcome.node, loading, list);
  // Finished messages are announced by the chat's own live region; the log itself would read every piece.
  const announced = { role: 'log', 'aria-live': 'off', 'aria-label': t('conversation') };
  const scroller = h('div', { class: 'log', tabindex: '0', ...announced }, content);
  const pill = button({ class: 'pill', hidden: true, onclick: toEnd }, t('new_messages'), icon('down'));
  const node = h('div', { class: 'log-frame' }, scroller, pill);
  const show = keepList(list, (item) => BUILDERS[item.kind](chat, item));
  let isAtEnd = true;
  let isEmpty = true;
  let alarm = null;

  scroller.addEventListener('scroll', () => {
    isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
    if (isAtEnd) pill.hidden = true;
  });
  // Pictures, fonts and the growing composer move the end as well.
  const resize = new ResizeObserver(() => isAtEnd && !isEmpty && toEnd());
  resize.observe(content);
  resize.observe(scroller);

  function toEnd() {
    isAtEnd = true;
    pill.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  }

  function update(session) {
    const { conversation, outbox } = session;
    const now = Date.now();
    const items = listItems(conversation, { outbox: outbox.entries, now, spoken: chat.voice.locale });
    const before = scroller.scrollHeight;
    const hadFocus = list.contains(list.getRootNode().activeElement);
    isEmpty = !items.length;
    welcome.update(session);
    loading.hidden = !session.isLoading;
    show(items);
    if (hadFocus && !list.contains(list.getRootNode().activeElement)) focus();
    wakeAt(nextChange(conversation, now), session);
    if (isEmpty) scroller.scrollTop = 0; // the welcome is read from its beginning
    else if (isAtEnd) toEnd();
    else if (scroller.scrollHeight > before) pill.hidden = false;
  }

  function wakeAt(moment, session) {
    clearTimeout(alarm);
    if (moment === null) return;
    alarm = setTimeout(() => update(session), Math.min(moment - Date.now() + 50, LONGEST_TIMER_MS));
  }

  /** Whatever had the focus may be gone: the log takes it, so that the keyboard goes on from here. */
  function focus() {
    scroller.focus({ preventScroll: true });
  }

  function stop() {
    clearTimeout(alarm);
    resize.disconnect();
  }

  return { node, update, toEnd, stop, focus, isAtEnd: () => isAtEnd };
}

/** Faint lines where text will be; they come only when loading takes longer than a blink. */
export function buildLoading() {
  return h('div', { class: 'loading', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
}
