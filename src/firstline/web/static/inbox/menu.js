/** The menu of whoever is signed in: choices of this browser, the report, the way out. */

import { button, h, icon } from '../dom.js';
import { buildAvatar } from '../parts/avatar.js';
import { createPopover } from '../parts/popover.js';
import { chime } from './chime.js';

const LOCALES = ['en', 'zh', 'ar'];

export function createMenu(page) {
  const { desk, settings, t } = page;
  const { display_name: name, role, picture } = desk.me;
  const box = createPopover({ label: t('menu'), bounds: () => page.frame, className: 'menu' });
  const opener = button(
    { class: 'icon-button me', label: `${t('menu')}: ${name}`, 'aria-haspopup': 'dialog', onclick: open },
    buildAvatar(name, picture && page.api.resolve(picture)),
  );

  function open() {
    box.open(opener, ...build());
  }

  function build() {
    return [
      h('p', { class: 'menu-label' }, h('bdi', {}, name), ' · ', t(`role_${role}`)),
      h('ul', {}, buildSwitch('sound', 'sound', false), buildSwitch('keys', 'single_keys', true)),
      h('p', { class: 'menu-label' }, t('language')),
      h('ul', {}, LOCALES.map(buildLocale)),
      h('ul', { class: 'menu-end' },
        entry(t('shortcuts'), page.openHelp),
        h('li', {}, h('a', { href: '/report' }, t('report'))),
        entry(t('sign_out'), page.signOut)),
    ];
  }

  function entry(words, act) {
    const onclick = () => {
      box.close();
      act();
    };
    return h('li', {}, button({ onclick }, words));
  }

  function buildSwitch(field, words, otherwise) {
    const state = h('small', { 'aria-hidden': 'true' });
    const control = button({ role: 'switch', onclick: flip }, h('span', {}, t(words)), state);
    function show() {
      const isOn = settings.get(field, otherwise);
      control.setAttribute('aria-checked', String(isOn));
      state.textContent = t(isOn ? 'on' : 'off');
    }
    function flip() {
      const isOn = !settings.get(field, otherwise);
      settings.set(field, isOn);
      if (field === 'sound' && isOn) chime();
      show();
      page.update();
    }
    show();
    return h('li', {}, control);
  }

  function buildLocale(tag) {
    const isChosen = tag === page.locale;
    const choose = () => {
      box.close();
      void page.setLocale(tag);
    };
    const chosen = button({ lang: tag, 'aria-pressed': String(isChosen), onclick: choose },
      h('span', {}, page.format.language(tag)), isChosen && icon('check'));
    return h('li', {}, chosen);
  }

  return { node: box.node, opener };
}
