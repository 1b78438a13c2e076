/** An action above the limit that waits for a human agent's yes: the exact action, decided in two steps. */

import { button, h, icon } from '../dom.js';
import { buildRows } from '../parts/card.js';
import { buildJson } from './checks.js';
import { deskIcon } from './icons.js';

const SAME_CLICK_MS = 400; // a double click must not decide

export function createApproval(page, item) {
  const node = h('section', { class: 'card approval', id: item.key, tabindex: '-1' });
  let shown = null;

  function update({ approval }) {
    if (shown === approval.state) return; // a step that was begun is not taken back
    shown = approval.state;
    node.className = `card approval confirmation ${approval.state}`;
    node.setAttribute('aria-label', approval.label);
    node.replaceChildren(...build(page, approval).filter(Boolean));
  }

  update(item);
  return { node, update };
}

function build(page, approval) {
  const { t, format } = page;
  const amount = findAmount(approval.arguments);
  const isPending = approval.state === 'pending';
  return [
    h('p', { class: 'eyebrow' }, t('approval')),
    h('h3', { dir: 'auto' }, approval.label),
    amount !== null && h('p', { class: 'amount' }, format.money(amount)),
    h('p', { class: 'note' }, t('approval_text', { limit: format.money(approval.limit_usd) })),
    buildRows(approval.rows),
    buildExact(page, approval),
    isPending ? buildDecision(page, approval, amount) : buildOutcome(page, approval),
  ];
}

/** The one amount of money among the arguments, which carry their unit in their name. */
function findAmount(given) {
  const amounts = Object.entries(given).filter(([name, value]) => name.endsWith('_usd') && typeof value === 'number');
  return amounts.length === 1 ? amounts[0][1] : null;
}

function buildExact(page, { tool, arguments: given }) {
  const words = h('summary', {}, deskIcon('chevron'), page.t('arguments'), ' ', h('code', {}, tool));
  return h('details', { class: 'exact' }, words, buildJson(page, 'arguments', given));
}

function buildOutcome({ t }, { state, by }) {
  return h('p', { class: 'outcome' }, state === 'approve' && icon('check'), t(`approval_${state}`, { name: by }));
}

function buildDecision(page, approval, amount) {
  const { t, format, desk } = page;
  const until = h('p', { class: 'note' }, t('approval_until', { time: format.moment(approval.expires_at) }));
  const place = h('div', { class: 'decide' });
  if (desk.me.role === 'viewer') return h('div', {}, until, h('p', { class: 'outcome' }, t('approval_pending')));

  function ask() {
    const choose = (decision, kind) =>
      button({ class: `${kind} small`, onclick: () => confirm(decision) }, t(decision));
    const ways = [choose('approve', 'primary'), choose('decline', 'secondary')];
    place.replaceChildren(h('div', { class: 'decision' }, ways));
  }

  function confirm(decision) {
    const begun = performance.now();
    const words = decision === 'approve' && amount !== null
      ? t('approve_yes_amount', { amount: format.money(amount) })
      : t(`${decision}_yes`);
    const yes = button({ class: 'primary small', onclick: () => void decide(decision, begun, yes) }, words);
    const back = button({ class: 'secondary small', onclick: leave }, t('go_back'));
    const question = h('p', { class: 'sure', role: 'status' }, t(`${decision}_sure`));
    place.replaceChildren(question, h('div', { class: 'decision' }, yes, back));
    back.focus(); // Enter pressed twice goes back
  }

  async function decide(decision, begun, yes) {
    if (performance.now() - begun < SAME_CLICK_MS) return;
    yes.disabled = true;
    if (!(await desk.decide(approval.approval_id, decision))) leave();
  }

  function leave() {
    ask();
    place.querySelector('button').focus();
  }

  ask();
  return h('div', {}, until, place);
}
