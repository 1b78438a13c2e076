/** Single keys, wherever one is, except while typing; Escape leaves a field. */

const BY_PLACE = /^Key([A-Z])$/; // where the layout has no Latin letters, the key's place counts

/** Act on keys until the function that is returned is called. */
export function listenToKeys(page) {
  const acts = {
    j: () => page.moveInList(1),
    k: () => page.moveInList(-1),
    o: () => page.cursor && page.open(page.cursor),
    a: () => void page.actPrimary(),
    r: () => page.thread.dock.composer.write('reply'),
    n: () => page.writeNote(),
    d: () => void page.thread.dock.composer.propose(),
    c: () => page.thread.dock.composer.openCanned(),
    e: () => void page.act('resolve'),
    t: () => void page.act('return'),
    '/': () => page.focusSearch(),
    '?': () => page.openHelp(),
  };

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector('dialog[open], :popover-open')) return; // they have their own Escape
    if (event.key === 'Escape') return page.escape();
    if (isTyping(event.target) || !page.hasKeys()) return;
    const act = acts[nameKey(event)];
    if (!act || event.repeat && !'jk'.includes(nameKey(event))) return;
    event.preventDefault();
    act();
  }

  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function nameKey({ key, code, shiftKey }) {
  if (/^[\x21-\x7e]$/.test(key)) return key.toLowerCase();
  const letter = BY_PLACE.exec(code)?.[1];
  if (letter) return letter.toLowerCase();
  return code === 'Slash' ? (shiftKey ? '?' : '/') : key;
}

function isTyping(node) {
  return node.matches?.('input, textarea, select, [contenteditable]');
}
