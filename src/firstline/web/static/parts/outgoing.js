/** A message on its way: faint while it is sent, and with what to do when it did not get out. */

import { button, h } from '../dom.js';
import { buildOwn } from './message.js';

// The rest is our side's failure.
const WORDED = new Set(['network', 'message_too_long', 'empty_message', 'too_many']);

export function createOutgoing(chat, { entry }) {
  const { session, t } = chat;
  if (entry.state === 'sending') {
    return { node: buildOwn(chat, 'own sending', entry.text, h('p', { class: 'fate' }, t('sending'))) };
  }
  const reason = h('p', { class: 'fate' }, h('strong', {}, t('not_sent')), ' ', explain(chat, entry));
  const again = button({ class: 'plain', onclick: () => session.retry(entry.id) }, t('try_again'));
  const edit = button({ class: 'plain', onclick: () => chat.editAgain(entry) }, t('edit'));
  const remedies = h('div', { class: 'remedies' }, again, edit);
  return { node: buildOwn(chat, 'own failed', entry.text, reason, remedies) };
}

function explain({ config, format, t }, { code, retryAfterSeconds }) {
  if (code === 'too_many' && retryAfterSeconds) {
    return t('error_wait', { seconds: format.number(retryAfterSeconds) });
  }
  return t(`error_${WORDED.has(code) ? code : 'unavailable'}`, { limit: format.number(config.message_chars) });
}
