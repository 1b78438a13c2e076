/** The middle pane: whose conversation it is, the transcript, and below it what to do next. */

import { button, h, icon, keepList } from '../dom.js';
import { buildLoading } from './loading.js';
import { createChecks } from './checks.js';
import { createDock } from './dock.js';
import {
  createApprovalLine, createCard, createConfirmation, createContact, createDay, createIdentified, createMoved,
  createNote, createSurvey,
} from './entries.js';
import { createThreadHead } from './thread_head.js';
import { createLive, createMessage } from './said.js';
import { listItems } from './state.js';
import { createWelcome } from './welcome.js';

const BUILDERS = {
  approval: createApprovalLine,
  card: createCard,
  confirmation: createConfirmation,
  contact: createContact,
  day: createDay,
  identified: createIdentified,
  live: createLive,
  message: createMessage,
  moved: createMoved,
  note: createNote,
  survey: createSurvey,
  turn: createChecks,
};
const NEAR_END_PX = 64;

export function createThread(page) {
  const { t } = page;
  const head = createThreadHead(page);
  const dock = createDock(page);
  const welcome = createWelcome(page);
  const loading = buildLoading();
  const list = h('div', { class: 'items' });
  const typing = h('p', { class: 'status typing', hidden: true });
  const content = h('div', { class: 'content' }, loading, list, typing);
  // New messages are announced by the page's own live region; the log itself would read every piece.
  const announced = { role: 'log', 'aria-live': 'off', 'aria-label': t('transcript') };
  const scroller = h('div', { class: 'log', tabindex: '0', ...announced }, content);
  const pill = button({ class: 'pill', hidden: true, onclick: toEnd }, t('new_messages'), icon('down'));
  const frame = h('div', { class: 'log-frame' }, scroller, pill);
  const node = h('main', { class: 'thread' }, welcome.node, head.node, frame, dock.node);
  let show = null;
  let shown = null; // the conversation whose transcript stands there
  let isAtEnd = true;
  let measured = '';

  scroller.addEventListener('scroll', () => {
    if (measured !== measure()) return; // it was not the reader who moved, but the page that grew or shrank
    isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
    if (isAtEnd) pill.hidden = true;
  });
  const measure = () => `${scroller.clientHeight} ${scroller.scrollHeight}`;
  const resize = new ResizeObserver(() => {
    measured = measure();
    if (isAtEnd) toEnd();
  });
  resize.observe(content);
  resize.observe(scroller);

  function toEnd() {
    isAtEnd = true;
    pill.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  }

  function update(desk) {
    const { conversation, selected } = desk;
    for (const part of [head.node, frame, dock.node]) part.hidden = !selected;
    welcome.node.hidden = Boolean(selected);
    welcome.update(desk);
    loading.hidden = Boolean(conversation);
    if (conversation) showTranscript(conversation, selected);
    else list.replaceChildren();
    if (!conversation) shown = null;
    showTyping(desk.typing);
    head.update(desk);
    dock.update(desk);
  }

  function showTranscript(conversation, selected) {
    const isNew = shown !== selected;
    if (isNew) {
      list.replaceChildren();
      show = keepList(list, (item) => BUILDERS[item.kind](page, item));
    }
    shown = selected;
    const before = scroller.scrollHeight;
    show(listItems(conversation).filter((item) => item.kind in BUILDERS)); // what a newer server adds is left out
    if (isNew || isAtEnd) toEnd();
    else if (scroller.scrollHeight > before) pill.hidden = false;
  }

  function showTyping(who) {
    const name = who && (who.author === 'customer' ? page.customerName() : who.name);
    typing.hidden = !who;
    typing.textContent = who ? t('typing', { name }) : '';
  }

  const focus = () => scroller.focus({ preventScroll: true });
  return { node, update, focus, dock, stop: () => resize.disconnect() };
}
