/** One line beneath the header when something is wrong: what happened and what it means. */

import { button, h, icon } from '../dom.js';

const WORDED = new Set(['network', 'expired', 'identity', 'closed', 'too_many']); // the rest is our failure

export function createBanner(chat) {
  const { session, t } = chat;
  const text = h('span', {});
  const dismiss = button(
    { class: 'icon-button', label: t('dismiss'), onclick: () => session.dismissNotice() },
    icon('close'),
  );
  const node = h('div', { class: 'banner', role: 'status' }, text, dismiss);

  function update({ connection, notice }) {
    const isCut = connection.state !== 'live';
    const words = isCut ? t(`connection_${connection.state}`) : wordNotice(t, notice);
    node.hidden = !words;
    node.classList.toggle('calm', isCut || notice === 'expired');
    dismiss.hidden = isCut;
    if (text.textContent !== words) text.textContent = words; // said again only when it is something else
  }

  return { node, update };
}

function wordNotice(t, notice) {
  return notice ? t(`notice_${WORDED.has(notice) ? notice : 'unavailable'}`) : '';
}
