/** A message on its way: faint while it is sent, and with what to do when it did not get out. */

import { h } from '../dom.js';

const WORDED = new Set(['network', 'message_too_long', 'empty_message', 'too_many']); // the rest is our side's failure

export function createOutgoing(chat, { entry }) {
  const bubble = h('div', { class: 'bubble', dir: 'auto' }, entry.text);
  const label = h('span', { class: 'sr-only' }, chat.t('you_said'));
  if (entry.state === 'sending') {
    return { node: h('article', { class: 'message own sending' }, label, bubble, h('p', { class: 'fate' }, chat.t('sending'))) };
  }
  const fate = h('p', { class: 'fate failed' }, h('strong', {}, chat.t('not_sent')), ' ', explainFailure(chat, entry));
  const again = h('button', { type: 'button', class: 'plain', onclick: () => chat.session.retry(entry.id) }, chat.t('try_again'));
  const edit = h('button', { type: 'button', class: 'plain', onclick: () => chat.editAgain(entry) }, chat.t('edit'));
  return { node: h('article', { class: 'message own failed' }, label, bubble, fate, h('p', { class: 'fate' }, again, edit)) };
}

export function explainFailure(chat, { code, retryAfterSeconds }) {
  if (code === 'too_many' && retryAfterSeconds) {
    return chat.t('error_wait', { seconds: chat.format.number(retryAfterSeconds) });
  }
  const limit = chat.format.number(chat.config.message_chars);
  return chat.t(`error_${WORDED.has(code) ? code : 'unavailable'}`, { limit });
}
