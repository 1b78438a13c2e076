/** The round picture of who speaks: the bundle's picture, or the first letter of the name. */

import { h } from '../dom.js';
import { initialOf } from '../format.js';

export function buildAvatar(name, picture) {
  const node = h('span', { class: 'avatar', 'aria-hidden': 'true' }, initialOf(name));
  if (!picture) return node;
  // The host page's policy may refuse the picture: the letter stands beneath it.
  const image = h('img', { src: picture, alt: '', onerror: () => image.remove() });
  node.append(image);
  return node;
}
