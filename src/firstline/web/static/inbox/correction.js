/** "Should have said …": a human agent's better answer, which becomes an evaluation case. */

import { button, h, icon } from '../dom.js';

/** {node, opener, update(correction)}: the form or what was saved, and the button that opens it. */
export function createCorrection(page, messageId) {
  const { t } = page;
  const opener = button({ class: 'quiet should', onclick: open, 'aria-expanded': 'false' }, t('correct'));
  const node = h('div', { class: 'correction' });
  let saved = null;

  function open() {
    const field = h('textarea', { id: `correct-${messageId}`, rows: '3', dir: 'auto', maxlength: '8000' });
    field.value = saved?.should_say ?? '';
    const save = button({ type: 'submit', class: 'primary small' }, t('correct_save'));
    const form = h(
      'form',
      { onsubmit: (event) => void submit(event, field, save), onkeydown: onKey },
      h('label', { for: field.id }, t('correct_label')),
      field,
      h('p', { class: 'hint' }, t('correct_hint')),
      h('div', { class: 'decision' }, save, button({ class: 'secondary small', onclick: close }, t('cancel'))),
    );
    opener.setAttribute('aria-expanded', 'true');
    node.replaceChildren(form);
    field.focus();
  }

  async function submit(event, field, save) {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return field.focus();
    save.disabled = true;
    const wasSaved = await page.desk.act('corrections', { message_id: messageId, should_say: text });
    save.disabled = false;
    if (wasSaved) close();
  }

  function onKey(event) {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  }

  function close() {
    show();
    if (opener.isConnected) opener.focus();
  }

  function show() {
    opener.setAttribute('aria-expanded', 'false');
    node.replaceChildren(...(saved ? [buildSaved(page, saved)] : []));
  }

  function update(correction) {
    const isSame = correction === saved;
    saved = correction;
    opener.hidden = !page.desk.head.may.correct;
    if (!isSame && !node.querySelector('form')) show();
  }

  return { node, opener, update };
}

function buildSaved(page, { name, should_say: text, case_url: address }) {
  const { t } = page;
  const link = h('a', { href: page.api.resolve(address), target: '_blank', rel: 'noopener' }, t('correct_open'));
  return h(
    'div',
    { class: 'corrected' },
    h('p', { class: 'hint' }, t('correct_by', { name })),
    h('p', { class: 'corrected-text', dir: 'auto' }, text),
    h('p', { class: 'outcome' }, icon('check'), h('span', {}, t('correct_saved'), ' · ', link)),
  );
}
