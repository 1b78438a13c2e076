/** Waiting for a person: what happens now, a contact for later, other ways to reach one, and going on meanwhile. */

import { button, h } from '../dom.js';

export function createWaiting(chat, item) {
  const { config, format, t } = chat;
  const title = h('h3');
  const text = h('p');
  const contact = createContact(chat);
  const goOn = button(
    { class: 'secondary', onclick: () => chat.goOnWithAssistant() },
    t('go_on_meanwhile', { name: config.assistant.name }),
  );
  const node = h(
    'section',
    { class: 'card waiting', 'aria-label': t('waiting_title') },
    title,
    text,
    contact.node,
    buildWays(chat),
    h('div', { class: 'decision' }, goOn),
  );
  let wasUnclaimed = item.unclaimed;

  function update(now) {
    const state = now.unclaimed ? 'unclaimed' : now.backAt ? 'later' : 'here';
    title.textContent = t(`waiting_${state}_title`, { when: now.backAt && format.moment(now.backAt) });
    text.textContent = t(`waiting_${state}`);
    contact.update(now);
    if (now.unclaimed && !wasUnclaimed && chat.mayMoveFocus) contact.focus();
    wasUnclaimed = now.unclaimed;
  }

  update(item);
  return { node, update };
}

function buildWays({ config, t }) {
  const { phone, email } = config.contact ?? {};
  if (!phone && !email) return null;
  const link = (href, text) => h('a', { href }, h('bdi', {}, text));
  return h(
    'p',
    { class: 'ways' },
    h('span', {}, t('ways')),
    phone && link(`tel:${phone.replace(/[^+\d]/g, '')}`, phone),
    email && link(`mailto:${email}`, email),
  );
}

/** One field for an e-mail address or a phone number. While somebody answers here it is only offered. */
function createContact(chat) {
  const { session, t } = chat;
  const kept = h('p', { class: 'kept', role: 'status' });
  const change = button({ class: 'plain', onclick: edit }, t('contact_change'));
  const offer = button({ class: 'plain', onclick: edit }, t('contact_offer'));
  const field = h('input', {
    id: 'contact', type: 'text', inputmode: 'email', autocomplete: 'email', maxlength: '200', dir: 'auto',
    autocapitalize: 'none', spellcheck: 'false', 'aria-describedby': 'contact-error', oninput: onInput,
  });
  const error = h('p', { class: 'error', id: 'contact-error', role: 'alert' });
  const comment = h('textarea', { id: 'contact-comment', rows: '1', maxlength: '1000', dir: 'auto' });
  const more = h('div', {}, h('label', { for: 'contact-comment' }, t('contact_comment')), comment);
  const send = button({ type: 'submit', class: 'primary' }, t('contact_send'));
  const form = h(
    'form',
    { class: 'contact', novalidate: true, onsubmit: onSubmit },
    h('label', { for: 'contact' }, t('contact_label')),
    field,
    error,
    more,
    send,
  );
  const node = h('div', {}, offer, h('div', { class: 'kept-row' }, kept, change), form);
  let shown = null; // the item
  let isEditing = false;
  let isSending = false;
  more.hidden = true;

  function update(item) {
    if (item.contact !== shown?.contact) isEditing = false;
    shown = item;
    const hadFocus = form.contains(form.getRootNode().activeElement);
    const isAsked = Boolean(item.backAt) || item.unclaimed;
    node.hidden = !item.canLeave;
    form.hidden = !(isEditing || (isAsked && !item.contact));
    offer.hidden = !form.hidden || Boolean(item.contact);
    change.parentNode.hidden = !item.contact || isEditing;
    const address = `\u2068${item.contact}\u2069`; // it keeps its own direction within the sentence
    const words = item.contact ? t('contact_kept', { contact: address }) : '';
    if (kept.textContent !== words) kept.textContent = words;
    if (hadFocus && form.hidden) (item.contact ? change : offer).focus({ preventScroll: true });
  }

  function edit() {
    isEditing = true;
    update(shown);
    field.value ||= shown.contact ?? '';
    field.focus();
    onInput();
  }

  /** What else there is to say is asked of whoever has begun. */
  function onInput() {
    more.hidden &&= !field.value.trim();
    complain('');
  }

  async function onSubmit(event) {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    const address = field.value.trim();
    const failure = address ? await session.leaveContact(address, comment.value.trim()) : 'invalid';
    isSending = false;
    if (!failure) {
      isEditing = false;
      return update(shown);
    }
    complain(t(`contact_error_${failure === 'invalid' ? 'invalid' : 'unavailable'}`));
    field.focus();
  }

  function complain(words) {
    error.textContent = words;
    field.setAttribute('aria-invalid', String(Boolean(words)));
  }

  const focus = () => !form.hidden && field.focus({ preventScroll: true });
  return { node, update, focus };
}
