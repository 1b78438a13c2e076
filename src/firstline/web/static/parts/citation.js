/** The box that shows what a sentence rests on: title, the quoted passage, the link. */

import { h } from '../dom.js';
import { createPopover } from './popover.js';

export function createCitationBox(chat) {
  const box = createPopover({ label: chat.t('source'), bounds: () => chat.frame, className: 'citation' });

  function show(opener, { title, quote, url }) {
    const href = url ? chat.api.resolve(url) : null;
    const parts = [
      h('p', { class: 'citation-title', dir: 'auto' }, title),
      quote && h('blockquote', { dir: 'auto' }, quote),
      href && h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, chat.t('read_source')),
    ];
    box.open(opener, ...parts.filter(Boolean));
  }

  return { node: box.node, show };
}
