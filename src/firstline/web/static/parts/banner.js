/** One line beneath the header when something is wrong: what happened and what it means. */

import { h, icon } from '../dom.js';

const WORDED = new Set(['network', 'expired', 'identity', 'closed', 'too_many']);

export function createBanner(chat) {
  const { session, t } = chat;
  const text = h('span', {});
  const dismiss = h('button', { type: 'button', class: 'icon-button', 'aria-label': t('dismiss'), onclick: () => session.dismissNotice() }, icon('close'));
  const node = h('div', { class: 'banner', role: 'status', hidden: true }, text, dismiss);
  const update = ({ connection, notice }) => {
    const isLine = connection.state !== 'live';
    const words = isLine ? t(`connection_${connection.state}`) : notice && t(`notice_${WORDED.has(notice) ? notice : 'unavailable'}`);
    node.hidden = !words;
    node.classList.toggle('calm', isLine || notice === 'expired');
    dismiss.hidden = isLine;
    if (text.textContent !== (words || '')) text.textContent = words || '';
  };
  return { node, update };
}
