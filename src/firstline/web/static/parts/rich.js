/**
 * A message's HTML as nodes. The server has sanitised it; here it is copied once more, node by node, through
 * a list of what is allowed, so that a mistake on either side is not yet a hole.
 */

import { button, h } from '../dom.js';

const KEPT = new Set([
  'p', 'br', 'strong', 'em', 'b', 'i', 'u', 's', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li',
  'thead', 'tbody', 'tr', 'th', 'td', 'hr', 'sub', 'sup',
]);
const HEADINGS = { h1: 'h3', h2: 'h3', h3: 'h4', h4: 'h4', h5: 'h4', h6: 'h4' }; // h1 and h2 are the page's
const DROPPED = new Set([
  'script', 'style', 'template', 'iframe', 'object', 'embed', 'svg', 'math', 'noscript', 'title',
]);
const MOST_DEPTH = 30;

// Host pages that require Trusted Types are asked once; parsing stays inert either way.
const policy = createPolicy();

function createPolicy() {
  try {
    return globalThis.trustedTypes?.createPolicy('firstline', { createHTML: (html) => html }) ?? null;
  } catch {
    return null;
  }
}

/**
 * A fragment with what is allowed of `html`. `resolve` makes a link absolute or null; `citations` are what its
 * marks (elements with data-citation="1" …) stand for, which become chips; `t` words them.
 */
export function buildRich(html, { resolve, citations = [], t }) {
  const source = policy ? policy.createHTML(html) : html;
  const parsed = new DOMParser().parseFromString(source, 'text/html');
  const copy = (node, depth) => copyNode(node, { resolve, citations, t, copy, depth });
  const fragment = document.createDocumentFragment();
  fragment.append(...copyChildren(parsed.body, { copy, depth: 0 }));
  return fragment;
}

function copyChildren(node, { copy, depth }) {
  if (depth >= MOST_DEPTH) return [node.textContent];
  return [...node.childNodes].flatMap((child) => copy(child, depth + 1));
}

function copyNode(node, context) {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const name = node.localName;
  if (DROPPED.has(name)) return [];
  if (name === 'img') return node.alt ? [node.alt] : [];
  if (node.hasAttribute('data-citation')) return buildChip(Number(node.dataset.citation), context);
  const children = copyChildren(node, context);
  if (node.classList.contains('citation')) return children; // the chip stands by itself
  if (name === 'a') return buildLink(node, children, context);
  if (name === 'table') return [buildTable(children, context)];
  if (name in HEADINGS) return [h(HEADINGS[name], {}, ...children)];
  if (!KEPT.has(name)) return children;
  return [h(name, attributesOf(node), ...children)];
}

function attributesOf(node) {
  if (node.localName === 'ol' && /^\d{1,6}$/.test(node.getAttribute('start'))) return { start: node.start };
  if (node.localName === 'td' || node.localName === 'th') return { class: alignmentOf(node) };
  return {};
}

function alignmentOf(cell) {
  const align = cell.getAttribute('align') ?? cell.style.textAlign;
  return align === 'right' || align === 'center' ? align : null;
}

function buildLink(node, children, { resolve }) {
  const href = resolve(node.getAttribute('href') ?? '');
  return href ? [h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, ...children)] : children;
}

/** Wide tables scroll by themselves, also with the keyboard; the page never does. */
function buildTable(children, { t }) {
  const scroll = { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': t('table') };
  return h('div', scroll, h('table', {}, children));
}

function buildChip(number, { citations, t }) {
  const citation = citations[number - 1];
  if (!citation) return [];
  const label = t('source_named', { number, title: citation.title });
  const opener = { class: 'chip', label, 'data-citation': number, 'aria-haspopup': 'dialog' };
  return [button(opener, String(number))];
}
