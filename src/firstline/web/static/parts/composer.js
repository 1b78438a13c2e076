/** Where the customer writes. Enter sends, Shift+Enter breaks the line, the draft is kept, six lines show. */

import { h, icon } from '../dom.js';
import { countChars } from '../format.js';

const NEAR_LIMIT = 0.85;

export function createComposer(chat) {
  const { config, session, t, format } = chat;
  const limit = config.message_chars;
  const field = h('textarea', {
    rows: '1', 'aria-label': t('message_label'), placeholder: t('placeholder', { name: config.assistant.name }),
    'aria-describedby': 'counter', enterkeyhint: 'send', autocomplete: 'off', oninput: onInput, onkeydown: onKey,
  });
  const counter = h('p', { class: 'counter', id: 'counter', hidden: true });
  const send = h('button', { type: 'submit', class: 'send', 'aria-label': t('send'), title: t('send') }, icon('send'));
  const stop = h('button', { type: 'button', class: 'stop', 'aria-label': t('stop'), title: t('stop'), hidden: true, onclick: () => session.cancel() }, icon('stop'));
  const footnote = h('p', { class: 'footnote' });
  const form = h('form', { class: 'composer', onsubmit: onSubmit },
    h('div', { class: 'field' }, field, h('div', { class: 'field-end' }, stop, send)), counter, footnote);
  let isClosed = false;

  function onSubmit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (!text || countChars(text) > limit || isClosed) return;
    write('');
    chat.send(text);
  }

  function onKey(event) {
    // While an input method composes (Chinese, Japanese, Korean …), Enter picks a word; 229 is Safari's way to say so.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  }

  function onInput() {
    session.draft = field.value;
    fit();
  }

  function write(text) {
    field.value = text;
    onInput();
  }

  function fit() {
    field.dir = field.value ? 'auto' : config.direction; // an empty field would place its hint from the left
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', `${field.scrollHeight}px`); // CSS caps it at six lines
    const length = countChars(field.value.trim());
    const isOver = length > limit;
    counter.hidden = length < limit * NEAR_LIMIT;
    counter.classList.toggle('over', isOver);
    counter.textContent = t(isOver ? 'over_limit' : 'counter', { count: format.number(length), limit: format.number(limit) });
    send.disabled = length === 0 || isOver || isClosed;
    field.setAttribute('aria-invalid', String(isOver));
  }

  function update({ conversation }) {
    isClosed = conversation.status === 'closed';
    field.disabled = isClosed;
    field.placeholder = isClosed ? t('closed') : t('placeholder', { name: conversation.status === 'with_human' ? t('person') : config.assistant.name });
    stop.hidden = !(conversation.turn && conversation.status === 'open');
    footnote.replaceChildren(...noteFor(chat, conversation).map((note) => h('span', {}, note)));
    send.disabled = isClosed || !field.value.trim() || countChars(field.value.trim()) > limit;
  }

  const restore = () => {
    field.value = session.draft;
    fit();
  };
  return { node: form, update, restore, write, focus: () => field.focus({ preventScroll: true }) };
}

/** What is true of whoever answers: said always, not only in the small print. */
function noteFor({ config, t }, { offline, signedIn }) {
  const isOffline = offline ?? config.offline;
  const honest = t(isOffline ? 'offline_model' : 'ai_note', { name: config.assistant.name });
  return signedIn ? [t('signed_in', { name: signedIn }), honest] : [honest];
}
