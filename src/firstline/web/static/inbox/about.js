/** The right pane: the customer, what waits for a yes, and the package that came with the hand-off. */

import { button, grow, h, icon, keepList } from '../dom.js';
import { createApproval } from './approval.js';
import { deskIcon } from './icons.js';
import { buildMood } from './row.js';

export function createAbout(page) {
  const { t } = page;
  const title = h('h2', { tabindex: '-1' }, t('about'));
  const leave = button(
    { class: 'icon-button details-close', label: t('close'), onclick: () => page.closeDetails() },
    icon('close'),
  );
  const customer = h('div');
  const approvals = h('div', { class: 'approvals' });
  const rest = h('div');
  const body = h('div', { class: 'about-body' }, customer, approvals, rest);
  const node = h('aside', { class: 'about', 'aria-label': t('about') }, h('header', {}, title, leave), body);
  const show = keepList(approvals, (item) => createApproval(page, item));

  function update({ head }) {
    node.classList.toggle('is-empty', !head);
    body.hidden = !head;
    if (!head) return;
    grow(customer, h('div', {}, buildCustomer(page, head), buildDoubts(page, head)));
    show(head.approvals.map((approval) => ({ kind: 'approval', key: approval.approval_id, approval })));
    grow(rest, h('div', {}, buildPackage(page, head), buildReference(page, head)));
  }

  function showApproval(id) {
    const card = [...approvals.children].find((each) => each.id === id);
    card?.scrollIntoView({ block: 'center' });
    card?.focus({ preventScroll: true });
  }

  return { node, update, showApproval, focus: () => title.focus() };
}

function section(name, ...content) {
  return h('section', {}, h('h3', {}, name), content.flat());
}

function facts(rows) {
  const row = ([label, value]) => h('div', {}, h('dt', {}, label), h('dd', { dir: 'auto' }, value));
  return h('dl', { class: 'facts' }, rows.filter(([, value]) => value).map(row));
}

function buildCustomer(page, head) {
  const { t, format } = page;
  const { customer, contact, locale, business } = head;
  const [mark, words] = customer.signed_in ? ['check', 'signed_in_yes'] : ['person', 'signed_in_no'];
  const parts = [
    h('p', { class: 'customer-name' }, h('bdi', {}, page.customerName())),
    h('p', { class: 'signed' }, icon(mark), t(words)),
    facts([[t('field_language'), format.languageName(locale)], [t('field_business'), business]]),
  ];
  if (!contact) return section(t('customer'), parts);
  const copy = button({ class: 'icon-button', label: t('copy'), 'data-copy': contact.contact }, deskIcon('copy'));
  const card = [
    h('p', { class: 'copyable' }, h('bdi', {}, contact.contact), copy),
    contact.comment && h('p', { dir: 'auto', class: 'contact-comment' }, contact.comment),
    h('p', { class: 'hint' }, h('time', { datetime: contact.at }, format.whole(contact.at))),
  ];
  return [section(t('customer'), parts), section(t('contact'), card)];
}

/** What may or may not have taken effect: a person looks it up, tells the customer, and resolves. */
function buildDoubts({ t, format }, { in_doubt: doubts }) {
  if (!doubts.length) return null;
  const entry = ({ label, at }) =>
    h('li', {}, h('span', { dir: 'auto' }, label), ' ', h('time', { class: 'hint', datetime: at }, format.whole(at)));
  return section(t('in_doubt'), h('ul', { class: 'doubts' }, doubts.map(entry)), h('p', { class: 'hint' }, t('in_doubt_words')));
}

function buildPackage(page, head) {
  const { t, format } = page;
  const { package: given, reason, back_at: backAt } = head;
  const told = backAt && h('p', { class: 'hint' }, t('back_at', { time: format.whole(backAt) }));
  if (!given) return section(t('package'), h('p', { class: 'hint' }, t('package_none')), told);
  const part = (name, content) => content && h('div', { class: 'part' }, h('h4', {}, t(name)), content);
  return section(
    t('package'),
    part('why', reason && h('p', {}, t(`reason_${reason}`))),
    told,
    part('intent', given.intent && h('p', { dir: 'auto' }, given.intent)),
    part('mood', given.mood && buildMoods(page, given)),
    part('summary', given.summary && buildSummary(given.summary)),
    part('slots', given.slots.length > 0 && facts(given.slots.map(({ label, value }) => [label, value]))),
    part('tried', given.actions.length > 0 && buildActions(page, given.actions)),
    part('sources', given.sources.length > 0 && buildSources(page, given.sources)),
  );
}

/** A line for each message that is quoted: the customer's, then what was answered, without its marks of Markdown. */
function buildSummary(summary) {
  const lines = summary.split('\n').filter(Boolean);
  const line = (text) => {
    const isAnswer = text.startsWith('↳');
    const plain = text.replace(/^[—↳]\s*/, '').replace(/\*\*|`/g, '');
    return h('p', { class: isAnswer ? 'answered' : 'asked', dir: 'auto' }, plain);
  };
  return h('div', { class: 'summary' }, lines.map(line));
}

function buildMoods(page, { mood_start: start, mood }) {
  const now = buildMood(page, mood);
  if (!start || start === mood) return h('p', {}, now);
  return facts([[page.t('mood_start'), buildMood(page, start)], [page.t('mood_now'), now]]);
}

function buildActions({ t }, actions) {
  const entry = ({ label, outcome, arguments: given }) => {
    const isBad = ['failed', 'denied', 'unknown', 'rejected'].includes(outcome);
    const words = h('span', { class: isBad ? 'warn' : 'hint' }, t(`outcome_${outcome}`));
    const values = Object.values(given).map(String).join(' · ');
    const below = values && h('p', { class: 'hint', dir: 'auto' }, values);
    return h('li', {}, h('span', { dir: 'auto' }, label), ' ', words, below);
  };
  return h('ul', {}, actions.map(entry));
}

function buildSources(page, sources) {
  const entry = ({ title, url }) => {
    const href = page.api.resolve(url);
    return h('li', { dir: 'auto' }, href ? h('a', { href, target: '_blank', rel: 'noopener' }, title) : title);
  };
  return h('ul', {}, sources.map(entry));
}

function buildReference({ t }, { conversation_id: id }) {
  const copy = button({ class: 'icon-button', label: t('copy'), 'data-copy': id }, deskIcon('copy'));
  return section(t('field_reference'), h('p', { class: 'copyable' }, h('code', {}, id), copy));
}
