/** The end: one tap of five, a comment if wanted, thanks; and the ways on. In the conversation's language. */

import { button, h, icon } from '../dom.js';

const SCORES = [1, 2, 3, 4, 5];

export function createClosed(chat, item) {
  const survey = h('div', { class: 'survey' });
  const node = h('section', { class: 'card closed' });
  let spoken = null;

  function build({ score }) {
    const { t, locale, direction } = chat.voice;
    const reopen = button({ class: 'secondary', onclick: () => chat.session.reopen() }, t('reopen'));
    const fresh = button({ class: 'primary', onclick: () => chat.startOver() }, t('new_conversation'));
    node.lang = locale;
    node.dir = direction;
    node.setAttribute('aria-label', t('closed'));
    survey.replaceChildren(score ? buildThanks(t) : buildScale(chat, survey));
    node.replaceChildren(h('h3', {}, t('closed')), survey, h('div', { class: 'decision' }, fresh, reopen));
  }

  function update(now) {
    if (now.spoken !== spoken) build(now);
    else if (now.score) showComment(chat, survey, now.score);
    ({ spoken } = now);
  }

  update(item);
  return { node, update };
}

function buildScale(chat, survey) {
  const { session, voice } = chat;
  const { t, format } = voice;
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
  const { session, voice } = chat;
  const { t } = voice;
  const hadFocus = survey.contains(survey.getRootNode().activeElement);
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
    if (!comment || (await session.rate(score, comment))) survey.replaceChildren(buildThanks(t));
  }

  survey.replaceChildren(buildThanks(t), form);
  if (hadFocus && !chat.isTouch) field.focus({ preventScroll: true });
}

function buildThanks(t) {
  return h('p', { class: 'outcome', role: 'status' }, icon('check'), t('thanks'));
}
