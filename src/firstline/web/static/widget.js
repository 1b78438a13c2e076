/**
 * What a company puts on its pages:
 *   <script src="https://chat.example.com/widget.js" data-bundle="shop" async></script>
 * A classic script, so that it can ask who it is; it adds one element and one global, `Firstline`.
 */
(() => {
  const script = document.currentScript;
  if (!script?.src || window.Firstline) return;
  const { bundle, locale, accent, identity } = script.dataset;
  const calls = [];
  let element = null;

  // Calls made before the module is here are kept and made then.
  const call = (name, ...given) => (element ? element[name](...given) : calls.push([name, given]));
  window.Firstline = Object.freeze({
    identify: (jwt) => call('identify', jwt),
    open: () => call('open'),
    close: () => call('close'),
  });

  function add() {
    element = document.createElement('firstline-chat');
    for (const [name, value] of Object.entries({ bundle, locale, accent })) {
      if (value) element.setAttribute(name, value);
    }
    document.body.append(element);
    if (identity) element.identify(identity);
    for (const [name, given] of calls.splice(0)) element[name](...given);
  }

  import(new URL('static/chat.js', script.src).href).then(() => {
    if (document.body) add();
    else document.addEventListener('DOMContentLoaded', add, { once: true });
  }, (error) => console.error('Firstline: the chat could not be loaded.', error));
})();
