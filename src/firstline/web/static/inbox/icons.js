/** Icons that only the inbox needs, drawn like the chat's. */

import { icon } from '../dom.js';

const OUTLINES = {
  back: 'M15 5l-7 7 7 7',
  book: 'M5 5.5A2.5 2.5 0 0 1 7.5 3H19v15H7.5A2.5 2.5 0 0 0 5 20.5zM5 20.5A.5.5 0 0 0 5.5 21H19',
  chevron: 'M9 6l6 6-6 6',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  draft: 'M4 20l1.2-4.6L16 4.6l3.4 3.4L8.6 18.8zM13.5 7.1l3.4 3.4',
  list: 'M5 7h14M5 12h14M5 17h14',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  panel: 'M4 5h16v14H4zM14.5 5v14',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.3 15.3L20 20',
  warn: 'M12 4l9 16H3zM12 10v4.5M12 17.3h.01',
};

export function deskIcon(name) {
  return icon(name, OUTLINES[name]);
}
