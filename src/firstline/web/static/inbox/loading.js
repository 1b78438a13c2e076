/** Faint lines where text will be. */

import { h } from '../dom.js';

export function buildLoading() {
  return h('div', { class: 'loading', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
}
