/**
 * Where a human agent writes: a reply, or a note that only the team sees. What is typed is kept for each
 * conversation; a message has one id however often it is sent.
 */

import { button, h } from '../dom.js';
import { createCanned } from './canned.js';
import { deskIcon } from './icons.js';
import { createProposal } from './proposal.js';
import { newMessageId } from './settings.js';

const MODES = ['reply', 'note'];

export function createComposer(page) {
  const { desk, drafts, t } = page;
  const field = h('textarea', { rows: '2', dir: 'auto', autocomplete: 'off', oninput: onInput, onkeydown: onKey });
  const tabs = Object.fromEntries(MODES.map((mode) => [mode, buildTab(mode)]));
  const hint = h('span', { class: 'hint' });
  const send = button({ type: 'submit', class: 'primary small' });
  const cancel = button({ class: 'secondary small', hidden: true, onclick: () => close?.() }, t('cancel'));
  const context = { page, field, draft: () => draft, change, setText, insert };
  const proposal = createProposal(context);
  const canned = createCanned(context);
  const head = h('div', { class: 'tabs', role: 'group', 'aria-label': t('compose') }, tabs.reply, tabs.note, hint);
  const gap = h('span', { class: 'grow' });
  const foot = h('div', { class: 'compose-foot' }, proposal.opener, canned.opener, gap, cancel, send);
  const box = h('div', { class: 'compose-box' }, head, proposal.node, field, foot);
  const node = h('form', { class: 'compose', onsubmit: onSubmit, hidden: true }, box, canned.node);
  let id = null; // of the conversation whose draft stands in the field
  let draft = drafts.load('');
  let close = null;

  function buildTab(mode) {
    const tab = { class: 'tab', onclick: () => write(mode), 'aria-keyshortcuts': mode[0] };
    return button(tab, mode === 'note' && deskIcon('lock'), t(mode));
  }

  function change(more) {
    draft = { ...draft, ...more };
    drafts.keep(id, draft);
    show();
  }

  function setText(text) {
    change({ [draft.mode]: text });
  }

  /** Put words in where the cursor is. */
  function insert(text) {
    field.focus();
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    onInput();
  }

  function onInput() {
    setText(field.value);
    if (draft.mode === 'reply' && field.value.trim()) desk.tellTyping();
  }

  function onKey(event) {
    // While an input method composes (Chinese, Japanese, Korean …), Enter picks a word; Safari says so by 229.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    node.requestSubmit();
  }

  async function onSubmit(event) {
    event.preventDefault();
    const { mode } = draft;
    const text = draft[mode].trim();
    if (!text || isSending()) return;
    const sentIn = id;
    const post = () => desk.act(mode, { client_message_id: idFor(mode, text), text });
    proposal.forget();
    if (!(await post())) {
      if (desk.notice !== 'id_used') return;
      change({ ids: {} }); // other words went under this id: these are a message of their own
      if (!(await post())) return;
    }
    const sent = drafts.load(sentIn);
    const done = { [mode]: '', mode: 'reply', proposal: null, ids: {} };
    if (sent[mode].trim() === text) drafts.keep(sentIn, { ...sent, ...done });
    if (sentIn === id) load();
    close?.();
  }

  /** The same id for the same text: sent again, it arrives once. */
  function idFor(mode, text) {
    const known = draft.ids[mode];
    if (known?.text === text) return known.id;
    const fresh = { id: newMessageId(), text };
    change({ ids: { ...draft.ids, [mode]: fresh } });
    return fresh.id;
  }

  function load() {
    draft = drafts.load(id);
    show();
  }

  /** Begin or go on writing a reply or a note. */
  function write(mode) {
    if (mode === 'reply' && !desk.head?.may.reply) return;
    if (draft.mode !== mode) change({ mode });
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  function show() {
    const { mode } = draft;
    const isNote = mode === 'note';
    if (field.value !== draft[mode]) field.value = draft[mode];
    measure();
    for (const each of MODES) tabs[each].setAttribute('aria-pressed', String(each === mode));
    tabs.reply.hidden = !desk.head?.may.reply;
    node.classList.toggle('is-note', isNote);
    field.setAttribute('aria-label', isNote ? t('note_to_team') : t('reply_to', { name: page.customerName() }));
    field.placeholder = field.getAttribute('aria-label');
    hint.textContent = isNote ? t('note_private') : t('reply_hint');
    field.readOnly = isSending();
    send.disabled = !draft[mode].trim() || isSending();
    send.textContent = t(isSending() ? 'sending' : isNote ? 'save_note' : 'send');
    proposal.update(!isNote && desk.head?.may.draft);
    canned.update(!isNote);
  }

  const isSending = () => MODES.some((mode) => desk.busy.has(mode));

  function measure() {
    field.dir = field.value ? 'auto' : page.direction; // an empty field would place its hint from the left
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', `${field.scrollHeight}px`); // the stylesheet caps it
  }

  /** `isShown`: one may write here; `close` leaves it where only a note may be written. */
  function update({ isShown, close: leave }) {
    node.hidden = !isShown;
    close = leave;
    cancel.hidden = !leave;
    if (!isShown) return;
    if (id !== desk.selected) {
      id = desk.selected;
      draft = drafts.load(id);
    }
    if (!desk.head.may.reply && draft.mode !== 'note') draft = { ...draft, mode: 'note' };
    show();
  }

  return { node, update, write, openCanned: canned.open, propose: proposal.ask };
}
