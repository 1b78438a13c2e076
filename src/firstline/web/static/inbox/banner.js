/** One line above everything while the connection is cut. */

import { h } from '../dom.js';

export function createBanner({ t }) {
  const text = h('span');
  const node = h('div', { class: 'banner calm', role: 'status', hidden: true }, text);
  const update = ({ connection: { state } }) => {
    const words = state === 'live' ? '' : t(`connection_${state}`);
    node.hidden = !words;
    if (text.textContent !== words) text.textContent = words;
  };
  return { node, update };
}
