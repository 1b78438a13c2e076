/** The list of all keys. */

import { button, h, icon } from '../dom.js';

const GROUPS = [
  ['keys_list', [
    [['J', '↓'], 'key_next'], [['K', '↑'], 'key_previous'], [['Enter', 'O'], 'key_open'], [['/'], 'key_search'],
  ]],
  ['keys_page', [[['Esc'], 'key_escape'], [['?'], 'key_help']]],
  ['keys_conversation', [
    [['A'], 'key_accept'], [['R'], 'key_reply'], [['N'], 'key_note'], [['D'], 'key_draft'], [['C'], 'key_canned'],
    [['E'], 'key_resolve'], [['T'], 'key_return'],
  ]],
];

export function createHelp({ t }) {
  const keys = (names) => names.flatMap((name, place) => [place > 0 && ` ${t('key_or')} `, h('kbd', {}, name)]);
  const row = ([names, words]) => h('div', {}, h('dt', {}, t(words)), h('dd', {}, keys(names)));
  const group = ([name, rows]) => h('section', {}, h('h3', {}, t(name)), h('dl', {}, rows.map(row)));
  const leave = button({ class: 'icon-button', label: t('close'), onclick: () => node.close() }, icon('close'));
  const node = h(
    'dialog',
    { class: 'help', 'aria-labelledby': 'help-title', onclick: (event) => event.target === node && node.close() },
    h('header', {}, h('h2', { id: 'help-title' }, t('shortcuts')), leave),
    h('div', { class: 'help-body' }, GROUPS.map(group)),
  );
  return { node, open: () => node.showModal() };
}
