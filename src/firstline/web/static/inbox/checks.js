/** What the assistant looked at and did in one turn, folded in: route, verdicts, what was held back, tools, cost. */

import { h } from '../dom.js';
import { deskIcon } from './icons.js';

export function createChecks(page, item) {
  const summary = h('summary');
  const body = h('div', { class: 'checks-body' });
  const node = h('details', { class: 'checks' }, summary, body);
  const update = ({ entry }) => {
    summary.replaceChildren(deskIcon('chevron'), page.t('checks'), ...buildHints(page, entry));
    body.replaceChildren(...buildSections(page, entry));
  };
  update(item);
  return { node, update };
}

/** What is worth opening it for: first what went wrong, then how much there is. */
function buildHints({ t, format }, turn) {
  const count = (key, number) => number > 0 && [t(key, { count: format.number(number) })];
  const warn = (words) => words && [words[0], 'warn'];
  const hasEndedOtherwise = turn.outcome && turn.outcome !== 'replied';
  const hints = [
    warn(count('checks_withheld', turn.withheld.length)),
    warn(count('checks_blocked', turn.verdicts.filter(({ decision }) => decision === 'block').length)),
    !turn.outcome && [t('checks_running')],
    hasEndedOtherwise && [t(`checks_${turn.outcome}`), turn.outcome === 'failed' ? 'warn' : ''],
    count('checks_calls', turn.calls.length),
    count('checks_passages', turn.passages.length),
  ];
  return hints.filter(Boolean).map(([words, kind = '']) => h('span', { class: `hint ${kind}` }, words));
}

function buildSections(page, turn) {
  const { t } = page;
  const section = (name, ...content) => {
    const shown = content.flat().filter(Boolean);
    return shown.length ? h('section', {}, h('h3', {}, t(name)), shown) : null;
  };
  return [
    section('withheld', turn.withheld.map((each) => buildWithheld(each))),
    section('route', h('p', {}, describeRoute(page, turn))),
    section('verdicts', buildVerdicts(page, turn)),
    section('calls', turn.calls.map((call) => buildCall(page, call))),
    section('passages', buildPassages(page, turn)),
    section('ended', describeEnd(page, turn)),
    turn.outcome && section('cost', h('p', {}, describeCost(page, turn))),
  ].filter(Boolean);
}

function buildWithheld({ reason, excerpt }) {
  const quote = h('blockquote', { dir: 'auto' }, excerpt);
  return h('div', { class: 'withheld' }, quote, h('p', { class: 'hint' }, reason));
}

function describeRoute({ t, format }, turn) {
  const parts = [
    turn.playbook ?? t('route_unsure'),
    turn.score !== null && t('route_score', { score: format.number(turn.score) }),
    turn.locale && format.languageName(turn.locale),
    turn.wants_human && t('route_wants_human'),
  ];
  return parts.filter(Boolean).join(' · ');
}

function buildVerdicts({ t }, { verdicts }) {
  if (!verdicts.length) return null;
  const entry = ({ guardrail, decision, reason }) =>
    h('li', { class: decision === 'block' ? 'warn' : '' }, `${guardrail}: ${t(`verdict_${decision}`)}`,
      reason && ` · ${reason}`);
  return h('ul', {}, verdicts.map(entry));
}

function buildPassages(page, { passages }) {
  if (!passages.length) return null;
  const entry = ({ title, url }) => {
    const href = page.api.resolve(url);
    return h('li', { dir: 'auto' }, href ? h('a', { href, target: '_blank', rel: 'noopener' }, title) : title);
  };
  return h('ul', {}, passages.map(entry));
}

function buildCall(page, { tool, label, arguments: given, outcome, result }) {
  const { t } = page;
  const words = t(`outcome_${outcome ?? 'running'}`);
  const isBad = ['failed', 'denied', 'unknown', 'rejected'].includes(outcome);
  const named = tool === 'hand_off' ? t('call_hand_off') : label; // the assistant's own tool, of no bundle
  const head = h('p', {}, h('span', { dir: 'auto' }, named), ' ', h('code', {}, tool), ' ',
    h('span', { class: isBad ? 'warn' : 'hint' }, words));
  const fold = (name, value) =>
    h('details', {}, h('summary', {}, deskIcon('chevron'), t(name)), buildJson(page, name, value));
  const hasArguments = Object.keys(given ?? {}).length > 0;
  const folded = [hasArguments && fold('arguments', given), outcome && fold('result', result)];
  return h('div', { class: 'call' }, head, folded);
}

export function buildJson({ t }, name, value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return h('pre', { tabindex: '0', 'aria-label': t(name), role: 'region' }, h('code', {}, text));
}

function describeEnd({ t }, { outcome, code }) {
  if (!outcome || outcome === 'replied') return null;
  return h('p', { class: outcome === 'failed' ? 'warn' : '' }, t(`ended_${outcome}`, { code: code ?? '' }));
}

function describeCost({ t, format }, { cost_usd: cost, tokens, seconds, model }) {
  const figures = { cost: format.cost(cost), tokens: format.number(tokens), seconds: format.number(seconds ?? 0) };
  return t('cost_words', { ...figures, model: model ?? '–' });
}
