/** Building DOM nodes by hand: no markup strings, so nothing can be injected on the way. */

/** An element with attributes, listeners (`onclick: …`) and children; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A button. `label` names one that shows only an icon. */
export function button({ label, ...attributes }, ...children) {
  return h('button', { type: 'button', 'aria-label': label, title: label, ...attributes }, ...children);
}

const ICONS = {
  chat: 'M4 6a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5z',
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M12 5v14M6 13l6 6 6-6',
  globe: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3.5 12h17M12 3q3.8 3.8 3.8 9t-3.8 9q-3.8-3.8-3.8-9T12 3z',
  more: 'M5.5 12h.01M12 12h.01M18.5 12h.01',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-3.7 3.8-6 7.5-6s6.7 2.3 7.5 6',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M8 8h8v8H8z',
  check: 'M5 12.500l4.5 4.500L19 7.5',
};

/** A 24-unit line icon; decorative, the control beside it carries the name. */
export function icon(name, outline = ICONS[name]) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', outline);
  svg.append(path);
  return svg;
}

/**
 * Make `target`'s children equal to `source`'s and leave alone what is already equal, so that a reply which
 * grows by a sentence neither flickers nor loses the reader's selection or focus.
 */
export function grow(target, source) {
  const wanted = [...source.childNodes];
  wanted.forEach((node, place) => {
    const present = target.childNodes[place];
    if (!present) target.append(node);
    else if (present.isEqualNode(node)) return;
    else if (isSameBox(present, node)) grow(present, node);
    else present.replaceWith(node);
  });
  while (target.childNodes.length > wanted.length) target.lastChild.remove();
}

function isSameBox(one, other) {
  return one.nodeType === Node.ELEMENT_NODE && one.cloneNode().isEqualNode(other.cloneNode());
}

/**
 * Keep `parent`'s children in step with `items` ({key, kind, …}, compared field by field).
 * `build(item)` gives {node, update?}; without `update`, a changed item is built anew.
 */
export function keepList(parent, build) {
  let shown = new Map();
  return (items) => {
    const keys = new Set(items.map((item) => item.key));
    for (const [key, entry] of shown) if (!keys.has(key)) entry.node.remove();
    const next = new Map();
    let cursor = parent.firstChild;
    for (const item of items) {
      const old = shown.get(item.key);
      const entry = refresh(old, item, build);
      next.set(item.key, entry);
      if (old && old.node !== entry.node) {
        if (cursor === old.node) cursor = entry.node;
        old.node.replaceWith(entry.node);
      }
      if (entry.node === cursor) cursor = cursor.nextSibling;
      else parent.insertBefore(entry.node, cursor);
    }
    shown = next;
  };
}

function refresh(old, item, build) {
  if (!old || old.item.kind !== item.kind) return { ...build(item), item };
  if (isShallowEqual(old.item, item)) return old;
  if (!old.update) return { ...build(item), item };
  old.update(item);
  return { ...old, item };
}

function isShallowEqual(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
