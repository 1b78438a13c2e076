/** Who speaks for the company now: picture, name, and what they are. While a person is awaited, nobody does. */

import { h } from '../dom.js';
import { buildAvatar } from './avatar.js';

export function createSpeaker(chat) {
  const { config, isPage } = chat;
  const picture = h('span', { class: 'picture' });
  const name = h('bdi');
  const title = h('p', { dir: 'auto' });
  const heading = h(isPage ? 'h1' : 'h2', {}, name);
  const node = h('div', { class: 'speaker' }, picture, h('div', { class: 'identity' }, heading, title));
  let shown = null;

  function update({ conversation: { status, human } }) {
    const present = status === 'with_human' ? human : null;
    node.classList.toggle('human', Boolean(present));
    name.textContent = present?.name ?? config.assistant.name;
    title.textContent = describe(chat, status);
    const source = pictureOf(chat, present);
    const who = `${name.textContent} ${source}`;
    if (who !== shown) picture.replaceChildren(buildAvatar(name.textContent, source));
    shown = who;
  }

  return { node, update };
}

function describe({ config, t }, status) {
  if (status === 'with_human') return t('human_title', { business: config.business });
  return status === 'waiting' ? t('silent_title') : config.assistant.title;
}

/** The picture of a person, or for null of the assistant; null when there is none that may be shown. */
export function pictureOf(chat, human) {
  return human ? chat.api.resolvePicture(human.picture) : chat.picture;
}
