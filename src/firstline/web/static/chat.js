/**
 * <firstline-chat>: the customer's side, complete. With the attribute `page` it fills its place on the page;
 * without, it is a button in the corner that opens a panel. Attributes: bundle, locale, accent, page.
 */

import { Api } from './api.js';
import { button, h } from './dom.js';
import { createFormat, createWords } from './format.js';
import { Session } from './session.js';
import { BrowserStorage } from './storage.js';
import { loadStyles } from './styles.js';
import { createView } from './view.js';
import { FIRST_WORDS } from './words.js';
import { describeMove } from './parts/lines.js';
import { buildLoading } from './parts/log.js';
import { describeMessage } from './parts/message.js';

const BASE = new URL('..', import.meta.url).href;
const HEX_COLOUR = /^#[0-9a-f]{6}$/i;

class FirstlineChat extends HTMLElement {
  #storage = null;
  #view = null;
  #waiting = []; // calls that came before the session was there
  #spoken = null; // the locale whose words were asked for last
  #shown = null; // the revision that was asked for last
  #title = null;

  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({ mode: 'open' });
    this.api = new Api(BASE);
    this.session = null;
    this.isPage = this.hasAttribute('page');
    this.isOpen = this.isPage;
    this.unread = 0;
    void this.#begin();
  }

  disconnectedCallback() {
    this.#view?.stop();
    this.session?.stop();
  }

  /** The host page's JWT for its customer; null signs out. */
  identify(identity) {
    this.#whenReady(() => void this.session.identify(identity));
  }

  open() {
    this.#whenReady(() => this.#setOpen(true));
  }

  close() {
    this.#whenReady(() => this.#setOpen(false));
  }

  // What the parts of the view call.

  send(text) {
    // A tapped suggestion goes away and the focus with it.
    if (this.shadowRoot.activeElement?.localName !== 'textarea') this.#focusOnward();
    void this.session.send(text);
    this.#view.log.toEnd();
  }

  startOver() {
    this.session.startOver();
    this.#view.composer.focus();
    void this.#showAnother();
  }

  async goOnWithAssistant() {
    if (await this.session.resume()) this.#focusOnward();
  }

  /** Whether the focus may go elsewhere: not from somebody who writes, reads further up, or is on a host's page. */
  get mayMoveFocus() {
    const { activeElement } = this.shadowRoot;
    return this.#view.log.isAtEnd() && (activeElement ? !activeElement.value : this.isPage);
  }

  focusLog() {
    this.#view.log.focus();
  }

  /** Take a message that did not get out back into the composer. */
  editAgain(entry) {
    this.session.discard(entry.id);
    this.#view.composer.write(entry.text);
    this.#view.composer.focus();
  }

  showCitation(opener, citation) {
    this.#view.citation.show(opener, citation);
  }

  async downloadTranscript() {
    const transcript = await this.session.loadTranscript();
    if (!transcript) return;
    const file = new Blob([JSON.stringify(transcript, null, 2)], { type: 'application/json' });
    const href = URL.createObjectURL(file);
    const day = new Date().toISOString().slice(0, 10);
    h('a', { href, download: `${this.config.bundle}-${day}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  async setLocale(locale) {
    try {
      this.#useConfig(await this.#load(locale));
    } catch (error) {
      console.error(error);
      return;
    }
    this.#storage.keep('locale', locale);
    this.#build();
    this.#view.header.focusLanguage();
  }

  /** How the HTML of messages is copied. */
  rich() {
    return { resolve: (address) => this.api.resolve(address), t: this.t };
  }

  /** On touch screens a field that takes the focus brings up the keyboard. */
  get isTouch() {
    return matchMedia('(pointer: coarse)').matches;
  }

  #focusOnward() {
    (this.isTouch ? this.#view.log : this.#view.composer).focus();
  }

  get #bundle() {
    return this.getAttribute('bundle') || 'default';
  }

  async #begin() {
    this.#storage = new BrowserStorage(this.#bundle);
    try {
      this.shadowRoot.adoptedStyleSheets = await loadStyles(BASE);
      if (this.isPage) this.shadowRoot.replaceChildren(h('div', { class: 'root' }, buildLoading()));
      this.#useConfig(await this.#load(this.#preferredLocale()));
    } catch (error) {
      console.error(error);
      return this.#showUnavailable();
    }
    this.session = this.#startSession();
    this.#build();
    for (const call of this.#waiting.splice(0)) call();
    await this.session.start();
    this.toggleAttribute('data-ready', true); // for tests and host pages that wait
  }

  /** The customer's own choice counts most; only a link to our page that names a language counts more. */
  #preferredLocale() {
    const [chosen, given] = [this.#storage.load('locale'), this.getAttribute('locale')];
    return (this.isPage ? (given ?? chosen) : (chosen ?? given)) ?? navigator.language;
  }

  /** What is shown of the business; from the first time on, of the same revision. */
  #load(locale, revision = this.config?.revision) {
    return this.api.loadBundle(this.#bundle, { locale, revision });
  }

  /** A new conversation is shown what is published now, which may be another revision than the last one's. */
  async #showAnother() {
    const config = await this.#load(this.config.locale, null).catch(() => null);
    if (!config || config.revision === this.config.revision || this.session.conversation.id) return;
    this.#useConfig(config);
    this.#build();
    this.#view.composer.focus();
  }

  #startSession() {
    const session = new Session({ api: this.api, storage: this.#storage, bundle: this.config.bundle });
    session.locale = this.config.locale;
    session.revision = this.config.revision;
    session.addEventListener('change', () => this.#onChange());
    session.addEventListener('move', ({ detail }) => this.#view.announce(describeMove(this, detail)));
    session.addEventListener('message', ({ detail }) => this.#onMessage(detail));
    session.addEventListener('draft', () => this.#view.composer.restore());
    document.addEventListener('visibilitychange', () => this.#showUnread());
    return session;
  }

  #useConfig(config) {
    this.config = config;
    this.voice = createVoice(config);
    this.#spoken = null;
    this.t = this.voice.t;
    this.format = this.voice.format;
    this.picture = config.assistant.picture ? this.api.resolve(config.assistant.picture) : null;
    const accent = this.getAttribute('accent') || config.accent;
    if (HEX_COLOUR.test(accent)) this.style.setProperty('--fl-accent', accent);
    if (!this.session) return;
    this.session.locale = config.locale;
    this.session.revision = config.revision;
  }

  /** The view in the language of the day; another language builds it anew. */
  #build() {
    this.#view?.stop();
    this.#view = createView(this);
    this.shadowRoot.replaceChildren(this.#view.node);
    this.#view.showOpen(this);
    this.#onChange();
    this.#view.composer.restore();
    if (!this.isPage) return;
    document.documentElement.lang = this.config.locale;
    document.documentElement.dir = this.config.direction;
  }

  #setOpen(isOpen) {
    if (this.isPage || this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    this.unread = 0;
    this.toggleAttribute('open', isOpen);
    this.#view.showOpen(this);
    if (!isOpen) return this.#view.launcher.focus();
    if (this.session.conversation.messages.length) this.#view.log.toEnd();
    this.#view.composer.focus();
  }

  #onChange() {
    void this.#listenTo(this.session.conversation.locale);
    void this.#showRevision(this.session.conversation.revision);
    this.#view.update(this.session);
  }

  /** A conversation that was begun before goes on under the welcome that it began with. */
  async #showRevision(revision) {
    if (!revision || revision === this.#shown || revision === this.config.revision) return;
    this.#shown = revision;
    const config = await this.#load(this.config.locale, revision).catch(() => null);
    if (config?.revision !== this.session.conversation.revision) return;
    this.#useConfig(config);
    this.#build();
  }

  /** The words of the language that the conversation is in: the survey is asked in it, whatever the page speaks. */
  async #listenTo(locale) {
    const wanted = locale ?? this.config.locale;
    if (wanted === this.#spoken) return;
    this.#spoken = wanted;
    const config = wanted === this.config.locale ? this.config : await this.#loadVoice(wanted);
    if (wanted !== this.#spoken) return;
    this.voice = createVoice(config ?? this.config);
    this.#view.update(this.session);
  }

  /** null where the bundle does not speak it, or it cannot be loaded: the page's own words serve. */
  async #loadVoice(locale) {
    const config = await this.#load(locale).catch(() => null);
    return config?.locale === locale ? config : null;
  }

  #onMessage(message) {
    this.#view.announce(describeMessage(this, message));
    if (this.isOpen && !document.hidden) return;
    this.unread += 1;
    this.#showUnread();
  }

  /** Unread on the launcher, or in the tab's title while our page is in the background. */
  #showUnread() {
    if (!this.isPage) return this.#view.showOpen(this);
    if (!document.hidden) this.unread = 0;
    this.#title ??= document.title;
    document.title = this.unread ? `(${this.format.number(this.unread)}) ${this.#title}` : this.#title;
  }

  #whenReady(call) {
    if (this.session) call();
    else this.#waiting.push(call);
  }

  /** Nothing could be loaded: our own page says so and offers to try again; a host's page stays as it is. */
  #showUnavailable() {
    if (!this.isPage) return;
    const text = h('p', { role: 'alert' }, FIRST_WORDS.unavailable);
    const again = button({ class: 'primary', onclick: () => location.reload() }, FIRST_WORDS.tryAgain);
    this.shadowRoot.replaceChildren(h('main', { class: 'root unavailable' }, text, again));
  }
}

/** How one language is written: its words, its dates and figures, its direction. */
function createVoice({ locale, direction, words }) {
  return { locale, direction, t: createWords(words), format: createFormat(locale) };
}

if (!customElements.get('firstline-chat')) customElements.define('firstline-chat', FirstlineChat);
