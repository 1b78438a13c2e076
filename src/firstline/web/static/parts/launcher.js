/** The round button on somebody else's page that opens the panel. */

import { button, h, icon } from '../dom.js';

export function createLauncher(chat) {
  const { t, format } = chat;
  const badge = h('span', { class: 'badge', 'aria-hidden': 'true' });
  const node = button({ class: 'launcher', onclick: () => chat.open() }, icon('chat'), badge);
  const update = ({ isOpen, unread }) => {
    const label = unread ? t('open_unread', { count: format.number(unread) }) : t('open');
    node.hidden = isOpen;
    node.title = label;
    node.setAttribute('aria-label', label);
    badge.hidden = !unread;
    badge.textContent = format.number(Math.min(unread, 99));
  };
  return { node, update, focus: () => node.focus() };
}
