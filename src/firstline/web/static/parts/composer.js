/** Where the customer writes. Enter sends, Shift+Enter breaks the line, the draft is kept, six lines show. */

import { button, h, icon } from '../dom.js';
import { countChars } from '../format.js';

const NEAR_LIMIT = 0.85;

export function createComposer(chat) {
  const { config, session, t, format } = chat;
  const limit = config.message_chars;
  const field = h('textarea', {
    rows: '1',
    'aria-label': t('message_label'),
    'aria-describedby': 'counter',
    enterkeyhint: 'send',
    autocomplete: 'off',
    oninput: onTyped,
    onkeydown: onKey,
  });
  const counter = h('p', { class: 'counter', id: 'counter' });
  const footnote = h('p', { class: 'footnote' });
  const send = button({ type: 'submit', class: 'send', label: t('send') }, icon('send'));
  const stop = button({ class: 'stop', label: t('stop'), onclick: () => session.cancel() }, icon('stop'));
  const box = h('div', { class: 'field' }, field, h('div', { class: 'field-end' }, stop, send));
  const node = h('form', { class: 'composer', onsubmit: onSubmit }, box, counter, footnote);

  function onSubmit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (send.disabled || !text) return;
    write('');
    chat.send(text);
  }

  function onKey(event) {
    // While an input method composes (Chinese, Japanese, Korean …), Enter picks a word; Safari says so by 229.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    node.requestSubmit();
  }

  function onTyped() {
    onInput();
    if (field.value.trim()) session.showTyping();
  }

  function onInput() {
    session.draft = field.value;
    measure();
  }

  function write(text) {
    field.value = text;
    onInput();
  }

  function restore() {
    field.value = session.draft;
    measure();
  }

  function measure() {
    field.dir = field.value ? 'auto' : config.direction; // an empty field would place its hint from the left
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', `${field.scrollHeight}px`); // the stylesheet caps it at six lines
    const length = countChars(field.value.trim());
    const isOver = length > limit;
    const figures = { count: format.number(length), limit: format.number(limit) };
    counter.hidden = length < limit * NEAR_LIMIT;
    counter.textContent = counter.hidden ? '' : t(isOver ? 'over_limit' : 'counter', figures);
    counter.classList.toggle('over', isOver);
    field.setAttribute('aria-invalid', String(isOver));
    send.disabled = length === 0 || isOver || field.disabled;
  }

  function update({ conversation }) {
    const { status, turn } = conversation;
    field.disabled = status === 'closed';
    field.placeholder = wordPlaceholder(chat, conversation);
    stop.hidden = !(turn && status === 'open');
    send.disabled = field.disabled || !field.value.trim() || countChars(field.value.trim()) > limit;
    footnote.replaceChildren(...noteFor(chat, conversation).map((note) => h('span', {}, note)));
  }

  return { node, update, restore, write, focus: () => field.focus({ preventScroll: true }) };
}

/** To whom one writes. */
function wordPlaceholder({ config, t }, { status, human }) {
  if (status === 'closed') return t('closed');
  if (status === 'waiting') return t('placeholder_waiting');
  return t('placeholder', { name: human?.name ?? config.assistant.name });
}

/** Who is signed in, and what it is that answers. */
function noteFor({ config, t }, { offline, signedIn, human }) {
  const isOffline = offline ?? config.offline;
  const name = human?.name ?? config.assistant.name;
  const honest = t(human ? 'human_note' : isOffline ? 'offline_model' : 'ai_note', { name });
  return signedIn ? [t('signed_in', { name: signedIn }), honest] : [honest];
}
