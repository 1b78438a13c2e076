/** The header: who speaks, the way to a person, the language, and the menu. */

import { button, h, icon } from '../dom.js';
import { createSpeaker } from './speaker.js';
import { createPopover } from './popover.js';

export function createHeader(chat) {
  const { isPage, t } = chat;
  const speaker = createSpeaker(chat);
  const person = createPersonButton(chat);
  const language = buildLanguages(chat);
  const menu = createPopover({ label: t('menu'), bounds: () => chat.frame, className: 'menu' });
  const more = button(
    { class: 'icon-button', label: t('menu'), 'aria-haspopup': 'dialog', onclick: openMenu },
    icon('more'),
  );
  const close = button(
    { class: 'icon-button', label: t('close_panel'), onclick: () => chat.close() },
    icon('close'),
  );

  function openMenu() {
    menu.open(more, ...buildMenu(chat, menu));
  }

  const row = h(
    'div',
    { class: 'header-row' },
    speaker.node,
    person.node,
    language,
    more,
    !isPage && close,
  );
  const node = h('header', { class: 'header' }, row, menu.node);
  const update = (session) => [speaker, person].forEach((part) => part.update(session));
  return { node, update, focusLanguage: () => language?.querySelector('select').focus() };
}

function createPersonButton(chat) {
  const { session, t } = chat;
  const words = h('span', { class: 'wide' });
  const node = button({ class: 'person', onclick: () => session.handOff() }, icon('person'), words);
  const update = ({ conversation: { status } }) => {
    const label = { waiting: t('person_asked'), with_human: t('person_here') }[status] ?? t('talk_to_person');
    words.textContent = label;
    node.title = label;
    node.setAttribute('aria-label', label);
    const hadFocus = node.matches(':focus');
    node.disabled = status === 'waiting' || status === 'with_human';
    if (hadFocus && node.disabled) chat.focusLog();
  };
  return { node, update };
}

/** A plain select, which every browser and screen reader knows; where room is short only its icon shows. */
function buildLanguages(chat) {
  const { config, format, t } = chat;
  const locales = [...new Set([...config.locales, config.locale])];
  if (locales.length < 2) return null;
  const options = locales.map((tag) =>
    h('option', { value: tag, lang: tag, selected: tag === config.locale }, format.language(tag)));
  const onchange = () => chat.setLocale(select.value);
  const select = h('select', { 'aria-label': t('language'), onchange }, options);
  return h('span', { class: 'language' }, icon('globe'), select);
}

function buildMenu(chat, menu) {
  const { config, session, t } = chat;
  const { id, status, signedIn, messages } = session.conversation;

  function entry(text, act, note) {
    const onclick = () => {
      menu.close();
      act();
    };
    return h('li', {}, button({ onclick }, h('span', {}, text), note && h('small', {}, note)));
  }

  const actions = [
    entry(t('new_conversation'), () => chat.startOver()),
    messages.length > 0 && entry(t('download_transcript'), () => chat.downloadTranscript()),
    id && status !== 'closed' && entry(t('close_conversation'), () => session.close()),
    signedIn && entry(t('sign_out'), () => session.signOut()),
  ];
  const customers = (config.demo_customers ?? []).map(({ id: customer, name, note }) =>
    entry(name, () => session.signInAsDemo(customer), note));
  const label = (text) => h('p', { class: 'menu-label' }, text);
  return [
    ...(signedIn ? [label(t('signed_in', { name: signedIn }))] : []),
    h('ul', {}, actions),
    ...(customers.length ? [label(t('try_as')), h('ul', {}, customers)] : []),
  ];
}
