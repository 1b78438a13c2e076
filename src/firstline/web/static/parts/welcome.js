/** The opening: who this is, what it can help with, and a few ways to begin. */

import { h } from '../dom.js';
import { buildAction } from './card.js';
import { buildAvatar } from './avatar.js';

export function createWelcome(chat) {
  const { assistant, welcome, starters } = chat.config;
  const label = h('p', { class: 'starters-label' }, chat.t('starters'));
  const ways = h('div', { class: 'starters' }, label, starters.map((text) => buildAction(chat, text)));
  const greeting = h('p', { class: 'greeting', dir: 'auto' }, welcome);
  const node = h('section', { class: 'welcome' }, buildAvatar(assistant.name, chat.picture), greeting, ways);
  const update = ({ conversation, isLoading, outbox }) => {
    const hasBegun = conversation.messages.length > 0 || outbox.entries.length > 0;
    ways.hidden = hasBegun || isLoading;
    node.classList.toggle('begun', hasBegun || isLoading);
    // Where the server posts the greeting as the first message, once is enough.
    node.hidden = conversation.messages[0]?.author === 'assistant';
  };
  return { node, update };
}
