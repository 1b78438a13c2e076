/** What stands in the transcript besides messages: notes, dividers, cards, what was asked of the customer. */

import { button, h, icon } from '../dom.js';
import { buildRows } from '../parts/card.js';
import { deskIcon } from './icons.js';

export function createDay({ format }, { at }) {
  return { node: h('p', { class: 'time' }, h('time', { datetime: at }, format.day(at))) };
}

export function createNote(page, { entry }) {
  const { format, t } = page;
  const time = h('time', { datetime: entry.at, title: format.whole(entry.at) }, format.time(entry.at));
  const head = h('p', { class: 'by' }, deskIcon('lock'), h('bdi', { class: 'by-name' }, entry.name), time,
    h('span', { class: 'note-private' }, t('note_private')));
  const text = h('p', { class: 'note-text', dir: 'auto' }, entry.text);
  return { node: h('article', { class: 'said note' }, head, text) };
}

export function createMoved(page, { entry }) {
  return { node: buildDivider(page, wordMove(page, entry), entry.at) };
}

export function createIdentified(page, { entry }) {
  return { node: buildDivider(page, page.t('identified', { name: entry.name }), entry.at) };
}

function buildDivider({ format }, words, at) {
  const time = h('time', { datetime: at, title: format.whole(at) }, format.time(at));
  return h('p', { class: 'joined' }, h('span', { dir: 'auto' }, words, ' · ', time));
}

function wordMove({ t }, { what, by, name, reason }) {
  if (what === 'requested') {
    if (reason === 'asked') return t('moved_requested_asked');
    return t('moved_requested', { reason: t(`reason_${reason}`) });
  }
  if (what === 'reopened' && name) return t('moved_reopened_by', { name });
  const precise = `moved_${what}_${by}`;
  const words = t(precise, { name });
  return words === precise ? t(`moved_${what}`, { name }) : words;
}

export function createCard(page, { entry }) {
  const { title, amount, rows, note } = entry.card;
  const node = h(
    'section',
    { class: 'card ours', 'aria-label': title },
    h('h3', { dir: 'auto' }, title),
    amount && h('p', { class: 'amount', dir: 'auto' }, amount),
    buildRows(rows),
    note && h('p', { class: 'note', dir: 'auto' }, note),
  );
  return { node };
}

export function createConfirmation({ t }, { entry }) {
  const { label, rows, state } = entry;
  const node = h(
    'section',
    { class: `card ours confirmation ${state}`, 'aria-label': t('confirmation') },
    h('p', { class: 'eyebrow' }, t('confirmation')),
    h('h3', { dir: 'auto' }, label),
    buildRows(rows),
    h('p', { class: 'outcome' }, state === 'confirm' && icon('check'), t(`confirmation_${state}`)),
  );
  return { node };
}

/** The decision itself is made beside the transcript; this is where the action came up. */
export function createApprovalLine(page, { entry }) {
  const { t } = page;
  const { approval_id: id, label, rows, state, by } = entry;
  const look = button({ class: 'secondary small', onclick: () => page.showApproval(id) }, t('approval_look'));
  const node = h(
    'section',
    { class: `card ours confirmation ${state}`, 'aria-label': t('approval') },
    h('p', { class: 'eyebrow' }, t('approval')),
    h('h3', { dir: 'auto' }, label),
    buildRows(rows),
    h('p', { class: 'outcome' }, t(`approval_${state}`, { name: by })),
    state === 'pending' && h('div', { class: 'decision' }, look),
  );
  return { node };
}

export function createContact({ t }, { entry }) {
  const node = h(
    'section',
    { class: 'card', 'aria-label': t('contact') },
    h('p', { class: 'eyebrow' }, t('left_contact')),
    h('h3', { dir: 'auto' }, entry.contact),
    entry.comment && h('p', { dir: 'auto' }, entry.comment),
  );
  return { node };
}

export function createSurvey({ t, format }, { entry }) {
  const marks = [1, 2, 3, 4, 5].map((score) => h('i', { class: score <= entry.score ? 'is-on' : '' }));
  const node = h(
    'section',
    { class: 'card survey-shown', 'aria-label': t('survey') },
    h('p', { class: 'eyebrow' }, t('survey')),
    h('p', { class: 'score-shown' }, h('span', { class: 'score-marks', 'aria-hidden': 'true' }, marks),
      h('strong', {}, t('survey_score', { score: format.number(entry.score) }))),
    entry.comment && h('p', { dir: 'auto' }, entry.comment),
  );
  return { node };
}
