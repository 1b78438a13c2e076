/**
 * The stylesheets as constructed sheets: they live in the shadow root only, need no inline style, and are
 * not subject to a host page's style-src.
 */

const SHEETS = ['tokens.css', 'chat.css', 'composer.css', 'message.css', 'card.css'];
let loading = null;

export function loadStyles(base) {
  loading ??= Promise.all(SHEETS.map((name) => loadSheet(`${base}static/${name}`)));
  return loading;
}

async function loadSheet(address) {
  const response = await fetch(address, { credentials: 'omit' });
  if (!response.ok) throw new Error(`${response.status} ${address}`);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await response.text());
  return sheet;
}
