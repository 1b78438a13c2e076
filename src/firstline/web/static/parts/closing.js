/** The end: one tap of five, a comment if wanted, thanks; and the way to a new conversation. */

import { h, icon } from '../dom.js';

const SCORES = [1, 2, 3, 4, 5];

export function createClosed(chat, { score }) {
  const survey = h('div', { class: 'survey' });
  const fresh = h('button', { type: 'button', class: 'primary', onclick: () => chat.startOver() }, chat.t('new_conversation'));
  const node = h('section', { class: 'card closed', 'aria-label': chat.t('closed') },
    h('h3', {}, chat.t('closed')), survey, h('div', { class: 'decision' }, fresh));
  survey.append(score ? buildThanks(chat) : buildScale(chat, survey));
  return { node, update: (item) => item.score && showComment(chat, survey, item.score) };
}

function buildScale(chat, survey) {
  const { t, format } = chat;
  const give = async (score) => {
    for (const button of buttons) button.disabled = true;
    const wasTaken = await chat.session.rate(score);
    if (wasTaken) showComment(chat, survey, score);
    else for (const button of buttons) button.disabled = false;
  };
  const buttons = SCORES.map((score) =>
    h('button', { type: 'button', class: 'score', 'aria-label': t('score', { score: format.number(score) }), onclick: () => give(score) }, format.number(score)));
  return h('div', { role: 'group', 'aria-label': t('survey_question') },
    h('p', {}, t('survey_question')),
    h('div', { class: 'scale' }, ...buttons),
    h('p', { class: 'ends' }, h('span', {}, t('score_worst')), h('span', {}, t('score_best'))));
}

/** Thanks at once; the comment is a second, optional step. */
function showComment(chat, survey, score) {
  if (survey.querySelector('form, .thanks')) return;
  const field = h('textarea', { id: 'comment', rows: '2', maxlength: '1000', dir: 'auto' });
  const form = h('form', {
    onsubmit: async (event) => {
      event.preventDefault();
      const comment = field.value.trim();
      if (comment && !(await chat.session.rate(score, comment))) return;
      survey.replaceChildren(buildThanks(chat));
    },
  }, h('label', { for: 'comment' }, chat.t('survey_comment')), field, h('button', { type: 'submit', class: 'secondary' }, chat.t('survey_send')));
  survey.replaceChildren(buildThanks(chat), form);
}

function buildThanks(chat) {
  return h('p', { class: 'outcome' }, icon('check'), chat.t('thanks'));
}
