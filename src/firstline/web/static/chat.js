/**
 * <firstline-chat>: the customer's side, complete. With the attribute `page` it fills its place on the page;
 * without, it is a button in the corner that opens a panel. Attributes: bundle, locale, accent, page.
 */

import { Api } from './api.js';
import { h } from './dom.js';
import { createFormat, createWords } from './format.js';
import { Session } from './session.js';
import { BrowserStorage } from './storage.js';
import { createBanner } from './parts/banner.js';
import { createCitationBox } from './parts/citation.js';
import { createComposer } from './parts/composer.js';
import { createHeader } from './parts/header.js';
import { createLauncher } from './parts/launcher.js';
import { buildLoading, createLog } from './parts/log.js';
import { describeMessage } from './parts/message.js';
import { loadStyles } from './styles.js';
import { FIRST_WORDS } from './words.js';

const BASE = new URL('..', import.meta.url).href;
const HEX_COLOUR = /^#[0-9a-f]{6}$/i;

class FirstlineChat extends HTMLElement {
  #session = null;
  #storage = null;
  #view = null;
  #waiting = []; // calls that came before the session was there
  #titleBefore = null;

  connectedCallback() {
    if (this.shadowRoot) return;
    this.isPage = this.hasAttribute('page');
    this.isOpen = this.isPage;
    this.unread = 0;
    this.api = new Api(BASE);
    this.attachShadow({ mode: 'open' });
    this.toggleAttribute('data-ready', false);
    void this.#begin();
  }

  disconnectedCallback() {
    this.#view?.log.stop();
    this.#session?.stop();
  }

  get session() {
    return this.#session;
  }

  /** The host page's JWT for its customer; null signs out. */
  identify(identity) {
    this.#whenReady(() => void this.#session.identify(identity));
  }

  open() {
    this.#whenReady(() => this.#setOpen(true));
  }

  close() {
    this.#whenReady(() => !this.isPage && this.#setOpen(false));
  }

  // What the parts call.

  send(text) {
    // A tapped suggestion goes away; on touch screens the composer would bring up the keyboard, so the log takes the focus.
    const isTyping = this.shadowRoot.activeElement?.localName === 'textarea';
    if (!isTyping) (matchMedia('(pointer: coarse)').matches ? this.#view.log : this.#view.composer).focus();
    void this.#session.send(text);
    this.#view.log.toEnd();
  }

  startOver() {
    this.#session.startOver();
    this.#view.composer.focus();
  }

  /** Take a message that did not get out back into the composer. */
  editAgain(entry) {
    this.#session.discard(entry.id);
    this.#view.composer.write(entry.text);
    this.#view.composer.focus();
  }

  showCitation(opener, citation) {
    this.#view.citation.show(opener, citation);
  }

  async downloadTranscript() {
    const transcript = await this.#session.loadTranscript();
    if (!transcript) return;
    const file = new Blob([JSON.stringify(transcript, null, 2)], { type: 'application/json' });
    const href = URL.createObjectURL(file);
    const day = new Date().toISOString().slice(0, 10);
    h('a', { href, download: `${this.config.bundle}-${day}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  async setLocale(locale) {
    try {
      this.#useConfig(await this.api.loadBundle(this.#bundleName, locale));
    } catch (error) {
      console.error(error);
      return;
    }
    this.#storage.keep('locale', locale);
    this.#build();
    this.frame.querySelector('select')?.focus();
  }

  /** How the HTML of messages is copied. */
  rich() {
    return { resolve: (address) => this.api.resolve(address), t: this.t };
  }

  get #bundleName() {
    return this.getAttribute('bundle') || 'default';
  }

  async #begin() {
    try {
      this.shadowRoot.adoptedStyleSheets = await loadStyles(BASE);
      if (this.isPage) this.shadowRoot.replaceChildren(h('div', { class: 'root' }, buildLoading()));
      const preferred = new BrowserStorage(this.#bundleName).load('locale');
      const locale = preferred ?? this.getAttribute('locale') ?? navigator.language;
      this.#useConfig(await this.api.loadBundle(this.#bundleName, locale));
    } catch (error) {
      console.error(error);
      return this.#showUnavailable();
    }
    this.#storage = new BrowserStorage(this.#bundleName);
    this.#session = new Session({ api: this.api, storage: this.#storage, bundle: this.config.bundle });
    this.#session.locale = this.config.locale;
    this.#session.addEventListener('change', () => this.#update());
    this.#session.addEventListener('message', ({ detail }) => this.#onMessage(detail));
    this.#session.addEventListener('draft', () => this.#view.composer.restore());
    document.addEventListener('visibilitychange', () => this.#showUnread());
    this.#build();
    for (const call of this.#waiting.splice(0)) call();
    await this.#session.start();
    this.toggleAttribute('data-ready', true);
  }

  #useConfig(config) {
    this.config = config;
    this.t = createWords(config.words);
    this.format = createFormat(config.locale);
    this.picture = config.assistant.picture ? this.api.resolve(config.assistant.picture) : null;
    const accent = this.getAttribute('accent') || config.accent;
    if (HEX_COLOUR.test(accent)) this.style.setProperty('--fl-accent', accent);
    if (this.#session) this.#session.locale = config.locale;
  }

  #build() {
    this.#view?.log.stop();
    this.frame = h(this.isPage ? 'main' : 'section', { class: 'chat', lang: this.config.locale, dir: this.config.direction, 'aria-label': this.isPage ? null : this.config.assistant.title });
    const view = {
      header: createHeader(this), banner: createBanner(this), log: createLog(this), composer: createComposer(this),
      citation: createCitationBox(this), announcer: h('div', { class: 'sr-only', 'aria-live': 'polite' }),
    };
    this.frame.append(view.header.node, view.banner.node, view.log.node, view.composer.node, view.citation.node, view.announcer);
    view.launcher = this.isPage ? null : createLauncher(this);
    this.frame.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.frame.querySelector(':popover-open')) this.close();
    });
    this.#view = view;
    const box = h('div', { class: `root ${this.isPage ? 'is-page' : 'is-widget'}`, lang: this.config.locale, dir: this.config.direction }, this.frame, view.launcher?.node);
    this.shadowRoot.replaceChildren(box);
    this.#showOpen();
    this.#update();
    view.composer.restore();
    if (this.isPage) {
      document.documentElement.lang = this.config.locale;
      document.documentElement.dir = this.config.direction;
    }
  }

  #update() {
    if (!this.#view) return;
    const { header, banner, log, composer } = this.#view;
    for (const part of [header, banner, log, composer]) part.update(this.#session);
  }

  #setOpen(isOpen) {
    if (this.isPage || this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    this.#showOpen();
    if (isOpen) {
      this.#view.log.toEnd();
      this.#view.composer.focus();
    } else this.#view.launcher.node.focus();
  }

  #showOpen() {
    this.toggleAttribute('open', this.isOpen);
    this.frame.hidden = !this.isOpen;
    if (this.#view.launcher) this.#view.launcher.node.hidden = this.isOpen;
    if (this.isOpen) this.unread = 0;
    this.#view.launcher?.update(this);
  }

  #onMessage(message) {
    this.#view.announcer.textContent = describeMessage(this, message);
    if (this.isOpen && !document.hidden) return;
    this.unread += 1;
    this.#showUnread();
  }

  /** Unread on the launcher, or in the tab's title while the page is in the background. */
  #showUnread() {
    if (!this.isPage) return this.#view.launcher.update(this);
    if (!document.hidden) this.unread = 0;
    this.#titleBefore ??= document.title;
    document.title = this.unread ? `(${this.format.number(this.unread)}) ${this.#titleBefore}` : this.#titleBefore;
  }

  #whenReady(call) {
    if (this.#session) call();
    else this.#waiting.push(call);
  }

  /** Nothing could be loaded: on our own page say so and offer to try again; on a host's page stay out of the way. */
  #showUnavailable() {
    if (!this.isPage) return;
    const again = h('button', { type: 'button', class: 'primary', onclick: () => location.reload() }, FIRST_WORDS.tryAgain);
    const text = h('p', {}, FIRST_WORDS.unavailable);
    this.shadowRoot.replaceChildren(h('main', { class: 'root unavailable', role: 'alert' }, text, again));
  }
}

if (!customElements.get('firstline-chat')) customElements.define('firstline-chat', FirstlineChat);
