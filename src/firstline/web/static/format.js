/** Words and figures as their reader reads them. */

/** `t('key', {name})`: the phrase `ui.key` in the reader's language with its placeholders filled. */
export function createWords(words, set = 'ui') {
  return (key, values = {}) =>
    (words[`${set}.${key}`] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Dates, times and numbers in `locale`. Times come as ISO strings and are shown in the reader's time zone. */
export function createFormat(locale) {
  const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
  const whole = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' });
  const moment = new Intl.DateTimeFormat(locale, {
    weekday: 'long', day: 'numeric', month: 'long', hour: 'numeric', minute: '2-digit',
  });
  const number = new Intl.NumberFormat(locale);
  return {
    time: (iso) => clock.format(new Date(iso)),
    day: (iso) => day.format(new Date(iso)),
    moment: (iso) => moment.format(new Date(iso)),
    whole: (iso) => whole.format(new Date(iso)),
    number: (value) => number.format(value),
    language: (tag) => nameLanguage(tag),
  };
}

/** A language's name in that language: whoever looks for theirs can read it. */
function nameLanguage(tag) {
  const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
}

/** Length as the server counts it: code points, not UTF-16 units. */
export function countChars(text) {
  return [...text].length;
}

export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** The first letter of a name, for the round picture when there is none. */
export function initialOf(name) {
  return [...(name ?? '').trim()][0]?.toLocaleUpperCase() ?? '·';
}
