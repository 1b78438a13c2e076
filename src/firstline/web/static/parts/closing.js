/** The end: one tap of five, a comment if wanted, thanks; and the way to a new conversation. */

import { button, h, icon } from '../dom.js';

const SCORES = [1, 2, 3, 4, 5];

export function createClosed(chat, { score }) {
  const { t } = chat;
  const survey = h('div', { class: 'survey' });
  const fresh = button({ class: 'primary', onclick: () => chat.startOver() }, t('new_conversation'));
  const node = h(
    'section',
    { class: 'card closed', 'aria-label': t('closed') },
    h('h3', {}, t('closed')),
    survey,
    h('div', { class: 'decision' }, fresh),
  );
  survey.append(score ? buildThanks(chat) : buildScale(chat, survey));
  return { node, update: (item) => item.score && showComment(chat, survey, item.score) };
}

function buildScale(chat, survey) {
  const { t, format, session } = chat;
  const buttons = SCORES.map((score) => {
    const label = t('score', { score: format.number(score) });
    return button({ class: 'score', label, onclick: () => give(score) }, format.number(score));
  });

  async function give(score) {
    for (const one of buttons) one.disabled = true;
    if (await session.rate(score)) showComment(chat, survey, score);
    else for (const one of buttons) one.disabled = false;
  }

  return h(
    'div',
    { role: 'group', 'aria-label': t('survey_question') },
    h('p', {}, t('survey_question')),
    h('div', { class: 'scale' }, buttons),
    h('p', { class: 'ends' }, h('span', {}, t('score_worst')), h('span', {}, t('score_best'))),
  );
}

/** Thanks at once; the comment is a second, optional step. */
function showComment(chat, survey, score) {
  if (survey.querySelector('form, .outcome')) return;
  const { t, session } = chat;
  const field = h('textarea', { id: 'comment', rows: '2', maxlength: '1000', dir: 'auto' });
  const form = h(
    'form',
    { onsubmit: onSubmit },
    h('label', { for: 'comment' }, t('survey_comment')),
    field,
    button({ type: 'submit', class: 'secondary' }, t('survey_send')),
  );

  async function onSubmit(event) {
    event.preventDefault();
    const comment = field.value.trim();
    if (!comment || (await session.rate(score, comment))) survey.replaceChildren(buildThanks(chat));
  }

  survey.replaceChildren(buildThanks(chat), form);
}

function buildThanks(chat) {
  return h('p', { class: 'outcome', role: 'status' }, icon('check'), chat.t('thanks'));
}
