/** The middle pane while nothing is chosen: how things stand, and how to begin. */

import { button, h } from '../dom.js';

export function createWelcome(page) {
  const { t } = page;
  const node = h('div', { class: 'welcome-desk' });

  function update(desk) {
    if (desk.selected) return;
    const { count } = desk.count('waiting');
    const said = [count, desk.isGone, desk.queue.isReady, desk.longestWaiting?.waiting_since].join();
    if (node.dataset.said === said) return;
    node.dataset.said = said;
    node.replaceChildren(...build(desk, count).filter(Boolean));
  }

  function build(desk, count) {
    if (!desk.queue.isReady) return [];
    const longest = desk.longestWaiting;
    const words = count ? t('choose_waiting', { count: page.format.number(count) }) : t('choose_calm');
    const open = () => page.open(longest.conversation_id);
    return [
      desk.isGone && h('p', { class: 'gone', role: 'status' }, t('gone')),
      h('p', { class: 'large' }, words),
      longest && h('p', {}, page.buildSince(longest.waiting_since, 'choose_longest', true)),
      longest && button({ class: 'primary', onclick: open }, t('next_waiting')),
      page.hasKeys() && h('p', { class: 'keys-hint' }, buildKeys(t('choose_keys'))),
    ];
  }

  return { node, update };
}

const KEYS = { down: 'J', up: 'K', open: 'Enter', help: '?' };

function buildKeys(words) {
  return words.split(/\{(\w+)\}/).map((part, place) => (place % 2 ? h('kbd', {}, KEYS[part]) : part));
}
