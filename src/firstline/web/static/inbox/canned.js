/** Words that are sent often: a list to filter, put in where the cursor is. */

import { button, h } from '../dom.js';
import { createPopover } from '../parts/popover.js';
import { deskIcon } from './icons.js';

export function createCanned({ page, field, insert }) {
  const { desk, t } = page;
  const box = createPopover({ label: t('canned'), bounds: () => page.frame, className: 'canned' });
  const opener = button(
    { class: 'quiet', onclick: open, 'aria-haspopup': 'dialog', 'aria-keyshortcuts': 'c' },
    deskIcon('book'),
    h('span', { class: 'wide' }, t('canned')),
  );
  let place = 0;

  function open() {
    if (opener.hidden) return;
    const answers = desk.head?.canned ?? [];
    if (!answers.length) return box.open(opener, h('p', { class: 'empty' }, t('canned_empty')));
    const list = h('ul', { role: 'listbox', id: 'canned-list', 'aria-label': t('canned') });
    const filter = h('input', {
      type: 'text',
      role: 'combobox',
      class: 'canned-filter',
      'aria-label': t('canned_filter'),
      'aria-controls': 'canned-list',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list',
      placeholder: t('canned_filter'),
      autocomplete: 'off',
      oninput: () => show(0),
      onkeydown: onKey,
    });

    function show(wanted) {
      const found = filterAnswers(answers, filter.value);
      place = Math.max(0, Math.min(wanted, found.length - 1));
      list.replaceChildren(...found.map((answer, index) => buildOption(answer, index, index === place, choose)));
      const none = { class: 'empty', role: 'option', 'aria-disabled': 'true' };
      if (!found.length) list.replaceChildren(h('li', none, t('canned_none')));
      filter.setAttribute('aria-activedescendant', found.length ? `canned-${place}` : '');
      list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
    }

    function onKey(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) show(place + step);
      else if (event.key === 'Enter' && !event.isComposing) choose(filterAnswers(answers, filter.value)[place]);
      else return;
      event.preventDefault();
    }

    show(0);
    box.open(opener, filter, list);
    filter.focus();
  }

  function choose(answer) {
    if (!answer) return;
    box.close();
    insert(answer.text);
    field.focus();
  }

  const update = (isPossible) => {
    opener.hidden = !isPossible;
  };
  return { node: box.node, opener, open, update };
}

function filterAnswers(answers, words) {
  const wanted = words.trim().toLocaleLowerCase();
  return answers.filter(({ title, text }) => `${title}\n${text}`.toLocaleLowerCase().includes(wanted));
}

function buildOption(answer, index, isSelected, choose) {
  const selection = { id: `canned-${index}`, 'aria-selected': String(isSelected) };
  const option = { role: 'option', ...selection, onclick: () => choose(answer) };
  return h('li', option, h('strong', { dir: 'auto' }, answer.title), h('span', { dir: 'auto' }, answer.text));
}
