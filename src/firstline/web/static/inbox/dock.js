/** Below the transcript: the one thing to do next. A button, or the composer once the conversation is ours. */

import { button, h, icon } from '../dom.js';
import { createComposer } from './composer.js';

export function createDock(page) {
  const { desk, t } = page;
  const composer = createComposer(page);
  const text = h('p', { class: 'bar-text', dir: 'auto' });
  const act = button({ class: 'primary', onclick: () => void page.actPrimary(), 'aria-keyshortcuts': 'a' });
  const note = button({ class: 'secondary', onclick: () => openNote(), 'aria-keyshortcuts': 'n' }, t('add_note'));
  const kept = h('p', { class: 'bar-kept', hidden: true });
  const words = h('div', { class: 'bar-words' }, text, kept);
  const bar = h('div', { class: 'dock-bar' }, words, h('div', { class: 'bar-ways' }, note, act));
  const notice = createNotice(page);
  const node = h('footer', { class: 'dock' }, notice.node, bar, composer.node);
  let noteIn = null; // the conversation in which a note is written without holding it

  function openNote() {
    if (!desk.head?.may.note) return;
    noteIn = desk.selected;
    update();
    composer.write('note');
  }

  function closeNote() {
    noteIn = null;
    update();
  }

  function update() {
    const { head, primary } = desk;
    const isNoting = noteIn === desk.selected;
    const writes = Boolean(head?.may.reply || (head?.may.note && isNoting));
    composer.update({ isShown: writes, close: head?.may.reply ? null : closeNote });
    bar.hidden = !head || writes;
    text.textContent = head ? wordState(page) : '';
    showKept(head && !writes ? page.drafts.load(desk.selected).reply : '');
    act.hidden = !primary;
    act.replaceChildren(primary ? t(primary) : '', h('kbd', { 'aria-hidden': 'true' }, 'A'));
    act.disabled = desk.isMoving;
    note.hidden = !head?.may.note;
    notice.update();
  }

  /** A reply that could not be sent any more is not lost: it can be taken elsewhere. */
  function showKept(reply) {
    kept.hidden = !reply;
    if (kept.dataset.copy === reply) return;
    kept.dataset.copy = reply;
    const copy = button({ class: 'quiet', 'data-copy': reply }, t('copy'));
    kept.replaceChildren(t('unsent'), ' ', h('q', { dir: 'auto' }, reply), ' ', copy);
  }

  return { node, update, composer, openNote };
}

function wordState({ desk, t, customerName }) {
  const { status, human_agent: holder, assistant, ticket } = desk.head;
  if (desk.me.role === 'viewer') return t('bar_viewer');
  if (status === 'waiting') return t('bar_waiting', { name: customerName() });
  if (status === 'with_human') return t('bar_held', { name: holder.name });
  if (status === 'closed') return t(ticket ? 'bar_ticket' : 'bar_closed');
  return t('bar_open', { assistant });
}

const WORDED = new Set([
  'closed', 'already_taken', 'not_yours', 'not_accepted', 'not_waiting', 'not_allowed', 'not_found',
  'already_decided', 'approval_expired', 'message_too_long', 'empty_message', 'too_many', 'network', 'draft_empty',
]); // the rest is our failure

/** What went wrong, just above where one acted. */
function createNotice({ desk, t }) {
  const text = h('span');
  const dismiss = button(
    { class: 'icon-button', label: t('dismiss'), onclick: () => desk.tellNotice(null) },
    icon('close'),
  );
  const node = h('div', { class: 'notice', role: 'alert', hidden: true }, text, dismiss);

  function update() {
    const code = desk.notice;
    node.hidden = !code;
    const words = code ? wordCode(t, code) : '';
    if (text.textContent !== words) text.textContent = words;
  }

  return { node, update };
}

function wordCode(t, code) {
  return code === 'draft_empty' ? t(code) : t(`error_${WORDED.has(code) ? code : 'unavailable'}`);
}
