/** A floating box on the platform's `popover`: Escape and a tap outside close it, focus goes back. */

import { h } from '../dom.js';

const MARGIN_PX = 8;
const SAME_TAP_MS = 300; // a tap on the opener closes the box before its click comes, which must not reopen it

/** {node, open(opener, content), close()}; the box stays within the element `bounds`. */
export function createPopover({ label, bounds, className }) {
  const dialog = { role: 'dialog', 'aria-label': label, tabindex: '-1' };
  const node = h('div', { class: `popover ${className}`, popover: 'auto', ...dialog });
  let opener = null;
  let closedAt = -Infinity;

  node.addEventListener('beforetoggle', (event) => {
    if (event.newState !== 'closed') return;
    closedAt = performance.now();
    if (node.contains(node.getRootNode().activeElement)) opener?.focus();
  });

  function open(from, ...content) {
    if (from === opener && performance.now() - closedAt < SAME_TAP_MS) return;
    opener = from;
    node.replaceChildren(...content);
    node.showPopover();
    place(node, from, bounds());
    node.focus({ preventScroll: true });
  }

  const close = () => node.matches(':popover-open') && node.hidePopover();
  return { node, open, close };
}

/** Below the opener, or above where there is more room; never outside `bounds` or the window. */
function place(node, opener, bounds) {
  const anchor = opener.getBoundingClientRect();
  const area = bounds.getBoundingClientRect();
  const isRtl = getComputedStyle(node).direction === 'rtl';
  const low = Math.max(area.left, 0) + MARGIN_PX;
  node.style.setProperty('max-inline-size', `${Math.min(area.width, window.innerWidth) - 2 * MARGIN_PX}px`);
  const high = Math.min(area.right, window.innerWidth) - MARGIN_PX - node.offsetWidth;
  const wished = isRtl ? anchor.right - node.offsetWidth : anchor.left;
  const below = window.innerHeight - anchor.bottom - 2 * MARGIN_PX;
  const above = anchor.top - 2 * MARGIN_PX;
  const isBelow = node.offsetHeight <= below || below >= above;
  node.style.setProperty('max-block-size', `${Math.max(isBelow ? below : above, 120)}px`);
  node.style.setProperty('left', `${Math.max(low, Math.min(wished, high))}px`);
  const gap = MARGIN_PX / 2;
  node.style.setProperty('top', `${isBelow ? anchor.bottom + gap : anchor.top - gap - node.offsetHeight}px`);
}
