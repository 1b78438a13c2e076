/** The box that shows what a sentence rests on: title, the quoted passage, the link. */

import { h } from '../dom.js';
import { createPopover } from './popover.js';

export function createCitationBox(chat) {
  const box = createPopover({ label: chat.t('source'), bounds: () => chat.frame, className: 'citation' });
  const show = (opener, citation) => {
    if (!citation) return;
    const href = citation.url && chat.api.resolve(citation.url);
    box.open(opener,
      h('p', { class: 'citation-title', dir: 'auto' }, citation.title),
      citation.quote && h('blockquote', { dir: 'auto' }, citation.quote),
      ...(href ? [h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, chat.t('read_source'))] : []));
  };
  return { node: box.node, show };
}
