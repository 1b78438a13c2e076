/** One conversation in the list: a link, so that it opens in a tab of its own as well. */

import { grow, h } from '../dom.js';

export function createRow(page, item) {
  const id = item.key;
  const link = h('a', { class: 'row', href: page.addressOf(id), onclick, onfocus: () => page.setCursor(id) });

  function onclick(event) {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    page.open(id);
  }

  function update({ row, isCurrent, isCursor, list }) {
    link.tabIndex = isCursor ? 0 : -1;
    link.classList.toggle('is-unread', row.unread > 0);
    if (isCurrent) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
    grow(link, h('span', {}, buildTop(page, row), buildSubject(page, row), buildTags(page, row, list)));
  }

  update(item);
  return { node: h('li', {}, link), update };
}

function buildTop(page, row) {
  const { t, format } = page;
  const unread = row.unread > 0 && [
    h('span', { class: 'count', 'aria-hidden': 'true' }, format.number(row.unread)),
    h('span', { class: 'sr-only' }, t('unread_here', { count: format.number(row.unread) })),
  ];
  const name = h('bdi', { class: 'row-name' }, row.customer_name || t('visitor'));
  return h('span', { class: 'row-top' }, name, unread, buildTime(page, row));
}

function buildTime(page, row) {
  if (row.status === 'waiting') return page.buildSince(row.waiting_since, 'waits');
  const { t, format } = page;
  const words = format.brief(row.last_at);
  const said = h('span', { class: 'sr-only' }, t('last_active', { time: words }));
  const shown = h('span', { 'aria-hidden': 'true' }, words);
  return h('time', { datetime: row.last_at, title: format.whole(row.last_at) }, said, shown);
}

function buildSubject({ t }, row) {
  return h('span', { class: 'row-subject', dir: 'auto' }, row.subject || t('no_subject'));
}

function buildTags(page, row, list) {
  const { t, format } = page;
  const reason = row.reason && row.status !== 'open' && t(`reason_${row.reason}`);
  const tag = (words, kind = '') => words && h('span', { class: `tag ${kind}` }, words);
  return h(
    'span',
    { class: 'row-tags' },
    h('abbr', { class: 'tag language-tag', title: format.languageName(row.locale) }, row.locale.toUpperCase()),
    tag(reason),
    row.mood && buildMood(page, row.mood),
    tag(row.unclaimed && row.status === 'waiting' && t('unclaimed'), 'warn'),
    tag(row.ticket && t('ticket'), 'strong'),
    tag(row.approvals > 0 && t('approval_waits'), 'strong'),
    tag(nameStatus(page, row, list)),
    tag(row.survey && t('score', { score: format.number(row.survey) })),
  );
}

/** Who has it, where the list's heading does not say so already. */
function nameStatus({ t, desk }, row, list) {
  if (row.status === 'with_human') {
    const isMine = row.held_by === desk.me.staff_id;
    if (isMine) return list === 'mine' ? '' : t('with_you');
    return t('held_by', { name: row.holder_name });
  }
  if (row.status === list) return '';
  return t({ waiting: 'shelf_waiting', open: 'with_assistant', closed: 'closed' }[row.status]);
}

/** A mood as a mark and a word. */
export function buildMood({ t }, mood) {
  return h('span', { class: `mood ${mood}` }, h('i', { 'aria-hidden': 'true' }), t(`mood_${mood}`));
}
