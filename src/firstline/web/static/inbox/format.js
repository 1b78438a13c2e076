/** Dates, spans, money and languages as a human agent reads them. */

import { createFormat, isSameDay } from '../format.js';

const MINUTE_MS = 60_000;

export function createDeskFormat(locale) {
  const short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const languages = new Intl.DisplayNames([locale], { type: 'language', fallback: 'code' });
  const unit = (name) => new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' });
  const [minutes, hours, days] = ['minute', 'hour', 'day'].map(unit);
  const dollars = (digits) =>
    new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', maximumFractionDigits: digits });
  const base = createFormat(locale);

  /** How long that is, in at most two units; null for less than a minute. */
  function span(milliseconds) {
    const whole = Math.floor(milliseconds / MINUTE_MS);
    if (whole < 1) return null;
    if (whole < 60) return minutes.format(whole);
    const rest = whole % 60 ? ` ${minutes.format(whole % 60)}` : '';
    if (whole < 24 * 60) return hours.format(Math.floor(whole / 60)) + rest;
    return days.format(Math.floor(whole / (24 * 60)));
  }

  return {
    ...base,
    span,
    /** The time of today, the date of any other day. */
    brief: (iso) => (isSameDay(iso, Date.now()) ? base.time(iso) : short.format(new Date(iso))),
    /** A moment to come: the time, and the day unless it is today. */
    moment: (iso) => (isSameDay(iso, Date.now()) ? base.time(iso) : moment.format(new Date(iso))),
    money: (usd) => dollars(2).format(usd),
    cost: (usd) => dollars(usd && usd < 0.1 ? 4 : 2).format(usd),
    languageName: (tag) => languages.of(tag) ?? tag,
  };
}
