/** A reply that the assistant proposes. It is put into the composer, marked as what it is, and never sends itself. */

import { button, h } from '../dom.js';
import { deskIcon } from './icons.js';

export function createProposal({ page, draft, change }) {
  const { desk, t } = page;
  const words = h('span');
  const opener = button(
    { class: 'quiet', onclick: () => void ask(), 'aria-keyshortcuts': 'd' },
    deskIcon('draft'),
    words,
  );
  const node = h('div', { class: 'proposal', hidden: true });
  let asked = 0;
  let shown = null;

  async function ask() {
    if (opener.hidden || opener.disabled) return;
    const [mine, id] = [(asked += 1), desk.selected];
    const answer = await desk.request('draft');
    if (!answer || mine !== asked || id !== desk.selected) return;
    if (!answer.text.trim()) return desk.tellNotice('draft_empty');
    const { citations, withheld, offline } = answer;
    change({ mode: 'reply', reply: answer.text, proposal: { citations, withheld, offline, before: draft().reply } });
    page.thread.dock.composer.write('reply');
  }

  function undo() {
    change({ reply: shown.before, proposal: null });
    page.thread.dock.composer.write('reply');
  }

  function update(isPossible) {
    const isAsking = desk.busy.has('draft');
    opener.hidden = !isPossible;
    opener.disabled = isAsking;
    words.textContent = t(isAsking ? 'drafting' : 'draft');
    const { proposal, mode } = draft();
    node.hidden = !proposal || mode !== 'reply';
    if (proposal === shown) return;
    shown = proposal;
    node.replaceChildren(...(proposal ? build(proposal) : []));
  }

  function build({ citations, withheld, offline }) {
    const chips = citations.map((citation, place) => {
      const label = t('source_named', { number: place + 1, title: citation.title });
      const show = (event) => page.citation.show(event.currentTarget, citation);
      return button({ class: 'chip', label, 'aria-haspopup': 'dialog', onclick: show }, String(place + 1));
    });
    const said = t(offline ? 'drafted_offline' : 'drafted');
    const held = withheld.length > 0 && t('draft_withheld', { count: page.format.number(withheld.length) });
    return [
      h('span', { class: 'proposal-mark', role: 'status' }, deskIcon('warn'), said),
      ...(chips.length ? [h('span', { class: 'proposal-sources' }, t('sources'), ' ', chips)] : []),
      ...(held ? [h('span', {}, held)] : []),
      button({ class: 'quiet', onclick: undo }, t('draft_undo')),
    ];
  }

  /** A proposal that is still on its way comes too late. */
  const forget = () => {
    asked += 1;
  };
  return { node, opener, ask, update, forget };
}
