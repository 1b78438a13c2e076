/** The sign-in page: name and password, or one of the demo's roles; what went wrong is said in the page's words. */

import { ApiError } from '../api.js';
import { StaffApi } from './api.js';
import { createDeskFormat } from './format.js';

const SECOND_MS = 1000;
const WORDED = new Set(['bad_sign_in', 'locked_out', 'too_many', 'network', 'unlocked']); // the rest is our failure

const api = new StaffApi(new URL('../..', import.meta.url).href);
const format = createDeskFormat(document.documentElement.lang);
const form = document.querySelector('form');
const notice = document.querySelector('.sign-in-notice');
const buttons = [...document.querySelectorAll('button')];
const words = JSON.parse(form.dataset.words);
let countdown = null;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { name, password } = form.elements;
  void attempt(() => api.signIn(name.value, password.value));
});

// The lock is on the name: with another one it can be tried at once.
form.elements.name.addEventListener('input', () => {
  clearInterval(countdown);
  form.querySelector('[type="submit"]').disabled = false;
});

for (const choice of document.querySelectorAll('[data-role]')) {
  choice.addEventListener('click', () => void attempt(() => api.signInAsDemo(choice.dataset.role)));
}

async function attempt(signIn) {
  clearInterval(countdown);
  setBusy(true);
  notice.hidden = true;
  try {
    await signIn();
    location.reload(); // the same address shows what was asked for
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error);
    setBusy(false);
    tell(error);
  }
}

function tell({ code, retryAfterSeconds }) {
  if (!retryAfterSeconds) {
    say(code);
    form.elements.password.select();
    form.elements.password.focus();
    return;
  }
  const until = Date.now() + retryAfterSeconds * SECOND_MS;
  const show = () => {
    const left = until - Date.now();
    form.querySelector('[type="submit"]').disabled = left > 0;
    if (left > 0) return say(code, left);
    clearInterval(countdown);
    say('unlocked');
  };
  show();
  countdown = setInterval(show, SECOND_MS);
}

function say(code, left = 0) {
  const phrase = words[WORDED.has(code) ? code : 'unavailable'];
  const text = phrase.replace('{span}', format.span(left) ?? words.moment);
  notice.hidden = false;
  notice.classList.toggle('is-good', code === 'unlocked');
  if (notice.textContent !== text) notice.textContent = text; // said again only when it is something else
}

function setBusy(isBusy) {
  for (const each of buttons) each.disabled = isBusy;
  form.querySelector('[type="submit"]').textContent = isBusy ? words.busy : words.idle;
}
