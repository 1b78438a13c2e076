/** The exact action that waits for the customer's yes or no. Only these two buttons decide; no text does. */

import { button, h, icon } from '../dom.js';
import { buildRows } from './card.js';

const OUTCOMES = {
  confirm: 'confirmed',
  decline: 'declined',
  expired: 'confirmation_expired',
  paused: 'confirmation_paused',
};

export function createConfirmation(chat, { confirmation, state }) {
  const { t } = chat;
  const isPending = state === 'pending';
  const node = h(
    'section',
    { class: `card confirmation ${state}`, 'aria-label': t('please_confirm') },
    h('p', { class: 'eyebrow' }, t(isPending ? 'please_confirm' : 'confirmation')),
    h('h3', { dir: 'auto' }, confirmation.label),
    buildRows(confirmation.rows),
    isPending ? buildDecision(chat, confirmation) : buildOutcome(chat, state),
  );
  return { node };
}

function buildDecision({ t, format, session }, { id, expiresAt }) {
  const yes = button({ class: 'primary', onclick: () => decide('confirm') }, t('confirm'));
  const no = button({ class: 'secondary', onclick: () => decide('decline') }, t('decline'));

  async function decide(decision) {
    yes.disabled = no.disabled = true;
    const wasTaken = await session.decide(id, decision);
    yes.disabled = no.disabled = wasTaken;
  }

  const until = t('confirm_until', { time: format.time(expiresAt) });
  return h('div', {}, h('p', { class: 'note' }, until), h('div', { class: 'decision' }, yes, no));
}

function buildOutcome(chat, state) {
  return h('p', { class: 'outcome' }, state === 'confirm' && icon('check'), chat.t(OUTCOMES[state]));
}
