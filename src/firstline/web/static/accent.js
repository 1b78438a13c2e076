/* The bundle's accent on a page of ours: through the object model, for the policy allows no inline style. */
(() => {
  const { accent } = document.documentElement.dataset;
  if (/^#[0-9a-f]{6}$/i.test(accent)) document.documentElement.style.setProperty('--fl-accent', accent);
})();
