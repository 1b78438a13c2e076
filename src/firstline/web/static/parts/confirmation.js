/** The exact action that waits for the customer's yes or no. Only these two buttons decide; no text does. */

import { h, icon } from '../dom.js';
import { buildRows } from './card.js';

const OUTCOMES = { confirm: 'confirmed', decline: 'declined', expired: 'confirmation_expired' };

export function createConfirmation(chat, { confirmation, state }) {
  const isPending = state === 'pending';
  const heading = h('h3', { dir: 'auto' }, confirmation.label);
  const node = h('section', { class: `card confirmation ${state}`, 'aria-label': chat.t('please_confirm') },
    h('p', { class: 'eyebrow' }, chat.t(isPending ? 'please_confirm' : 'confirmation')),
    heading,
    buildRows(confirmation.rows),
    isPending ? buildDecision(chat, confirmation) : buildOutcome(chat, state));
  return { node };
}

function buildDecision(chat, { id, expiresAt }) {
  const buttons = ['confirm', 'decline'].map((decision) =>
    h('button', { type: 'button', class: decision === 'confirm' ? 'primary' : 'secondary', onclick: () => decide(decision) }, chat.t(decision)));

  async function decide(decision) {
    for (const button of buttons) button.disabled = true;
    const wasTaken = await chat.session.decide(id, decision);
    for (const button of buttons) button.disabled = wasTaken;
  }

  return h('div', {},
    h('p', { class: 'note' }, chat.t('confirm_until', { time: chat.format.time(expiresAt) })),
    h('div', { class: 'decision' }, ...buttons));
}

function buildOutcome(chat, state) {
  return h('p', { class: 'outcome' }, state === 'confirm' && icon('check'), chat.t(OUTCOMES[state]));
}
