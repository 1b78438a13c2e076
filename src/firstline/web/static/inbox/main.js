/** Starts the inbox: who is signed in, the words, what the address asks for; then the view. */

import { button, h } from '../dom.js';
import { createWords } from '../format.js';
import { StaffApi } from './api.js';
import { Desk } from './desk.js';
import { createDeskFormat } from './format.js';
import { Page } from './page.js';
import { Drafts, createSettings } from './settings.js';

const BASE = new URL('../..', import.meta.url).href;
const OURS = new Set(['c', 'shelf', 'q']); // of the address; anything else is a filter of the report's

const api = new StaffApi(BASE);
const settings = createSettings();
const root = document.getElementById('inbox');
let page = null;

async function start() {
  const wish = new URLSearchParams(location.search);
  const locale = settings.get('locale', document.documentElement.lang);
  const [me, words] = await Promise.all([api.loadMe(), api.loadWords(locale)]);
  const desk = new Desk({ api, me });
  const drafts = new Drafts(me.staff_id);
  desk.addEventListener('signed-out', leave);
  desk.start(readWish(wish));
  build(desk, drafts, words);
}

function readWish(wish) {
  const filters = Object.fromEntries([...wish].filter(([name]) => !OURS.has(name)));
  const fromReport = Object.keys(filters).length ? { shelf: 'all', ...filters } : null;
  return { selected: wish.get('c'), shelf: wish.get('shelf'), words: wish.get('q'), filters: fromReport };
}

/** The view in the language of the day; another language builds it anew. */
function build(desk, drafts, { locale, direction, words }) {
  page?.stop();
  const t = createWords(words, 'desk');
  const title = `${t('inbox')} · ${root.dataset.business}`;
  const format = createDeskFormat(locale);
  const setLocale = async (wanted) => {
    settings.set('locale', wanted);
    build(desk, drafts, await api.loadWords(wanted));
  };
  page = new Page({ desk, api, settings, drafts, t, format, locale, direction, title, setLocale, signOut });
  document.documentElement.lang = locale;
  document.documentElement.dir = direction;
  root.replaceChildren(page.frame);
  page.update();
  root.toggleAttribute('data-ready', true); // for tests that wait
}

async function signOut() {
  await api.signOut().catch(console.error);
  leave();
}

/** The same address shows the sign-in page now, and the inbox again afterwards. */
function leave() {
  location.reload();
}

/** Nothing could be loaded: the page brings these words with it. */
function showUnavailable(error) {
  console.error(error);
  if (error.status === 401) return leave();
  const { unavailable, again } = root.dataset;
  const retry = button({ class: 'primary', onclick: () => location.reload() }, again);
  root.replaceChildren(h('main', { class: 'root unavailable' }, h('p', { role: 'alert' }, unavailable), retry));
}

start().catch(showUnavailable);
