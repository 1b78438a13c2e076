"use strict";
/* The filter of an evaluation's report. What is asked for stands behind the address's #, so every figure can link to it. */

const form = document.getElementById("filters");
const trials = [...document.querySelectorAll(".trial")].map((element) => ({
  element,
  marks: element.dataset.marks.split(" "),
  tags: element.dataset.tags.split("|"),
}));

function fits(trial, asked) {
  const { criterion, state, tag, text } = asked;
  if (tag && !trial.tags.includes(tag)) return false;
  if (criterion && state && !trial.marks.includes(`${state}:${criterion}`)) return false;
  if (criterion && !trial.marks.some((mark) => mark.endsWith(`:${criterion}`))) return false;
  if (!criterion && state && !trial.marks.includes(state)) return false;
  if (!text) return true;
  trial.text ??= trial.element.textContent.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => trial.text.includes(word));
}

function show() {
  const asked = Object.fromEntries(new FormData(form));
  let count = 0;
  for (const trial of trials) {
    const fitting = fits(trial, asked);
    trial.element.hidden = !fitting;
    count += fitting;
  }
  document.getElementById("shown").textContent =
    count === trials.length ? `All ${count} shown` : `${count} of ${trials.length} shown`;
}

/* From the address to the form, and back. */
function read() {
  const hash = location.hash.slice(1);
  const named = document.getElementById(hash);
  if (named?.matches(".trial")) named.open = true;
  if (named) return;
  const asked = new URLSearchParams(hash);
  for (const field of form.elements) if (field.name) field.value = asked.get(field.name) ?? "";
  show();
}

function write() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) asked.set(name, value);
  history.replaceState(null, "", `#${asked}`);
  show();
}

function move(by) {
  const rows = trials.filter((trial) => !trial.element.hidden).map((trial) => trial.element.firstElementChild);
  const here = rows.findIndex((row) => row.parentElement.contains(document.activeElement));
  const next = rows[here < 0 ? 0 : Math.min(Math.max(here + by, 0), rows.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

form.hidden = false;
form.addEventListener("input", write);
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("clear").addEventListener("click", () => {
  form.reset();
  write();
});
addEventListener("hashchange", () => {
  read();
  if (location.hash.includes("=")) document.getElementById("conversations").scrollIntoView();
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "/") {
    event.preventDefault();
    form.elements.text.focus();
  }
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
});
read();
