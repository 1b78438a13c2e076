/** The header: who speaks, the way to a person, the language, and the menu. */

import { h, icon } from '../dom.js';
import { buildAvatar } from './avatar.js';
import { createPopover } from './popover.js';

export function createHeader(chat) {
  const { config, t } = chat;
  const { assistant } = config;
  const person = createPersonButton(chat);
  const menu = createPopover({ label: t('menu'), bounds: () => chat.frame, className: 'menu' });
  const more = h('button', { type: 'button', class: 'icon-button', 'aria-label': t('menu'), 'aria-haspopup': 'dialog', title: t('menu'),
    onclick: () => menu.open(more, ...buildMenu(chat, menu)) }, icon('more'));
  const close = !chat.isPage && h('button', { type: 'button', class: 'icon-button', 'aria-label': t('close_panel'), title: t('close_panel'), onclick: () => chat.close() }, icon('close'));
  const node = h('header', { class: 'header' },
    h('div', { class: 'header-row' },
      buildAvatar(assistant.name, chat.picture),
      h('div', { class: 'identity' }, h(chat.isPage ? 'h1' : 'h2', {}, assistant.name), h('p', {}, assistant.title)),
      person.node, buildLanguages(chat), more, close),
    menu.node);
  return { node, update: person.update };
}

function createPersonButton(chat) {
  const { t } = chat;
  const words = h('span', { class: 'wide' });
  const node = h('button', { type: 'button', class: 'person', onclick: () => chat.session.handOff() }, icon('person'), words);
  const update = ({ conversation: { status } }) => {
    const label = { waiting: t('person_asked'), with_human: t('person_here') }[status] ?? t('talk_to_person');
    words.textContent = label;
    node.setAttribute('aria-label', label);
    node.title = label;
    node.disabled = status === 'waiting' || status === 'with_human';
  };
  return { node, update };
}

/** A plain select: every browser, keyboard and screen reader knows it. The icon lies over it where there is little room. */
function buildLanguages(chat) {
  const { config, format, t } = chat;
  if (config.locales.length < 2) return null;
  const options = config.locales.map((locale) =>
    h('option', { value: locale, lang: locale, selected: locale === config.locale }, format.language(locale)));
  const select = h('select', { 'aria-label': t('language'), onchange: () => chat.setLocale(select.value) }, ...options);
  return h('span', { class: 'language' }, icon('globe'), select);
}

function buildMenu(chat, menu) {
  const { config, session, t } = chat;
  const { id, status, signedIn, messages } = session.conversation;
  const entry = (text, act, note) =>
    h('li', {}, h('button', { type: 'button', onclick: () => { menu.close(); act(); } }, h('span', {}, text), note && h('small', {}, note)));
  const common = [
    entry(t('new_conversation'), () => chat.startOver()),
    id && messages.length > 0 && entry(t('download_transcript'), () => chat.downloadTranscript()),
    id && status !== 'closed' && entry(t('close_conversation'), () => session.close()),
    signedIn && entry(t('sign_out'), () => session.signOut()),
  ];
  const customers = (config.demo_customers ?? []).map(({ id: customer, name, note }) =>
    entry(name, () => session.signInAsDemo(customer), note));
  return [
    signedIn && h('p', { class: 'menu-label' }, t('signed_in', { name: signedIn })),
    h('ul', {}, ...common),
    customers.length > 0 && h('p', { class: 'menu-label' }, t('try_as')),
    customers.length > 0 && h('ul', {}, ...customers),
  ].filter(Boolean);
}
