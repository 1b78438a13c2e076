/** The round button on somebody else's page that opens the panel. */

import { h, icon } from '../dom.js';

export function createLauncher(chat) {
  const badge = h('span', { class: 'badge', hidden: true, 'aria-hidden': 'true' });
  const node = h('button', { type: 'button', class: 'launcher', onclick: () => chat.open() }, icon('chat'), badge);
  const update = ({ unread }) => {
    const { t, format } = chat;
    badge.hidden = !unread;
    badge.textContent = format.number(Math.min(unread, 99));
    const label = unread ? t('open_unread', { count: format.number(unread) }) : t('open');
    node.setAttribute('aria-label', label);
    node.title = label;
  };
  return { node, update };
}
