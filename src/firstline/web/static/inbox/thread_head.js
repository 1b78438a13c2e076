/** Above the transcript: the customer's name, who has the conversation, and the moves that are seldom made. */

import { button, h, icon } from '../dom.js';
import { createPopover } from '../parts/popover.js';
import { deskIcon } from './icons.js';

const MOVES = [['return', 't'], ['release', null], ['resolve', 'e']];

export function createThreadHead(page) {
  const { desk, t } = page;
  const name = h('h2', {}, h('bdi'));
  const status = h('p');
  const pending = h('span', { class: 'count', hidden: true, 'aria-hidden': 'true' });
  const menu = createPopover({ label: t('more'), bounds: () => page.frame, className: 'menu' });
  const back = button({ class: 'icon-button back', label: t('back'), onclick: () => page.close() }, deskIcon('back'));
  const more = button(
    { class: 'icon-button', label: t('more'), 'aria-haspopup': 'dialog', onclick: openMenu },
    icon('more'),
  );
  const details = button(
    { class: 'icon-button details-opener', label: t('details'), onclick: () => page.openDetails(details) },
    deskIcon('panel'),
    pending,
  );
  const identity = h('div', { class: 'identity' }, name, status);
  const node = h('header', { class: 'thread-head' }, back, identity, details, more, menu.node);

  function openMenu() {
    menu.open(more, h('ul', {}, listMoves().map(buildMove)));
  }

  const listMoves = () => MOVES.filter(([move]) => desk.head?.may[move]);

  function buildMove([move, key]) {
    const onclick = () => {
      menu.close();
      void page.act(move);
    };
    const keys = key && h('kbd', { 'aria-hidden': 'true' }, key.toUpperCase());
    return h('li', {}, button({ onclick, 'aria-keyshortcuts': key }, h('span', {}, t(move)), keys));
  }

  function update() {
    const { head } = desk;
    name.firstChild.textContent = head ? page.customerName() : '…';
    status.replaceChildren(...(head ? describeStatus(page) : []));
    more.hidden = !listMoves().length;
    const waiting = head?.approvals.filter(({ state }) => state === 'pending').length ?? 0;
    pending.hidden = !waiting;
    pending.textContent = page.format.number(waiting);
  }

  return { node, update };
}

function describeStatus(page) {
  const { desk, t, format } = page;
  const { status, status_since: since, human_agent: holder, locale } = desk.head;
  const words = {
    waiting: () => (since ? page.buildSince(since, 'status_waiting', true) : t('status_waiting_now')),
    open: () => t('status_open'),
    with_human: () => (desk.isMine ? t('status_mine') : t('status_held', { name: holder.name })),
    closed: () => t('status_closed'),
  };
  return [h('span', { class: `status-word is-${status}` }, words[status]()), ' · ', format.languageName(locale)];
}
