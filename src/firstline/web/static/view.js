/** The chat's frame, put together from its parts: they show the session, and call the chat to do things. */

import { h } from './dom.js';
import { createBanner } from './parts/banner.js';
import { createCitationBox } from './parts/citation.js';
import { createComposer } from './parts/composer.js';
import { createHeader } from './parts/header.js';
import { createLauncher } from './parts/launcher.js';
import { createLog } from './parts/log.js';

export function createView(chat) {
  const { config, isPage } = chat;
  const frame = isPage
    ? h('main', { class: 'chat' })
    : h('section', { class: 'chat', 'aria-label': config.assistant.title });
  chat.frame = frame; // popovers keep within it
  const header = createHeader(chat);
  const banner = createBanner(chat);
  const log = createLog(chat);
  const composer = createComposer(chat);
  const citation = createCitationBox(chat);
  const announcer = h('div', { class: 'sr-only', 'aria-live': 'polite' });
  const launcher = isPage ? null : createLauncher(chat);
  frame.append(header.node, banner.node, log.node, composer.node, citation.node, announcer);
  frame.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !frame.querySelector(':popover-open')) chat.close();
  });

  const place = { class: isPage ? 'root is-page' : 'root is-widget', lang: config.locale, dir: config.direction };
  const node = h('div', place, frame, launcher?.node);

  return {
    node,
    header,
    log,
    composer,
    citation,
    launcher,
    update: (session) => [header, banner, log, composer].forEach((part) => part.update(session)),
    showOpen: ({ isOpen, unread }) => {
      frame.hidden = !isOpen;
      launcher?.update({ isOpen, unread });
    },
    /** Tell screen readers of a finished message. */
    announce: (text) => {
      announcer.textContent = text;
    },
    stop: log.stop,
  };
}
