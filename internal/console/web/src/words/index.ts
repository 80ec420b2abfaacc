// The console's words, in English and Malay, and how it writes times and numbers. Times are Malaysia's.
import { computed, effect, signal } from '@preact/signals'
import { en } from './en'
import { ms } from './ms'

export type Language = 'en' | 'ms'
export type Word = keyof typeof en

const place = 'waspada.language'
const first = (): Language => {
  const kept = localStorage.getItem(place)
  if (kept === 'en' || kept === 'ms') return kept
  return navigator.language.toLowerCase().startsWith('ms') ? 'ms' : 'en'
}

export const language = signal<Language>(first())
const locale = computed(() => (language.value === 'ms' ? 'ms-MY' : 'en-MY'))

effect(() => {
  document.documentElement.lang = language.value
  localStorage.setItem(place, language.value)
})

/** t is a word or sentence in the reader's language, with {name} filled in. */
export function t(word: Word, values?: Record<string, string | number>): string {
  const text: string = (language.value === 'ms' ? ms : en)[word]
  return values ? text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '')) : text
}

/** known is t for a word that is made up of parts, and the fallback where there is none. */
export function known(word: string, fallback = word): string {
  return word in en ? t(word as Word) : fallback
}

type Counted = Extract<Word, `${string}_one`> extends `${infer Stem}_one` ? Stem : never

/** counted is "1 organisation" or "3 organisations". */
export function counted(stem: Counted, n: number): string {
  return t(`${stem}_${n === 1 ? 'one' : 'other'}` as Word, { n: number(n) })
}

const zone = 'Asia/Kuala_Lumpur'
const formats = computed(() => ({
  number: new Intl.NumberFormat(locale.value),
  short: new Intl.NumberFormat(locale.value, { notation: 'compact', maximumFractionDigits: 1 }),
  percent: new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 1 }),
  moment: new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }),
  brief: new Intl.NumberFormat(locale.value, { maximumFractionDigits: 1 }),
  month: new Intl.DateTimeFormat(locale.value, { month: 'long', year: 'numeric', timeZone: zone }),
  clock: new Intl.DateTimeFormat(locale.value, { timeStyle: 'medium', timeZone: zone }),
  day: new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeZone: zone }),
  weekday: new Intl.DateTimeFormat(locale.value, { weekday: 'long', timeZone: 'UTC' }),
  dayMonth: new Intl.DateTimeFormat(locale.value, { day: 'numeric', month: 'short', timeZone: zone }),
  monthYear: new Intl.DateTimeFormat(locale.value, { month: 'short', year: 'numeric', timeZone: zone }),
  hour: new Intl.DateTimeFormat(locale.value, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone }),
  relative: new Intl.RelativeTimeFormat(locale.value, { numeric: 'auto' }),
}))

export const number = (n: number): string => formats.value.number.format(n)
/** short is a number for where there is little room: 1.2M. */
export const short = (n: number): string => (Math.abs(n) < 100_000 ? number(n) : formats.value.short.format(n))
export const percent = (share: number): string => formats.value.percent.format(share)
export const moment = (at: Date): string => formats.value.moment.format(at)
export const clock = (at: Date): string => formats.value.clock.format(at)
export const day = (at: Date): string => formats.value.day.format(at)

/** month is the name of a month: "October 2026". */
export const month = (at: Date): string => formats.value.month.format(at)

/** took is a time in hours in the unit that it is best read in; "–" for none. */
export function took(hours: number | undefined): string {
  if (hours === undefined) return '–'
  const minutes = Math.round(hours * 60)
  if (minutes < 1) return t('took_less')
  if (minutes < 60) return t('took_minutes', { n: number(minutes) })
  if (hours < 48) return t('took_hours', { n: formats.value.brief.format(hours) })
  return t('took_days', { n: formats.value.brief.format(hours / 24) })
}

/** weekday is the name of a day, 0 for Monday. */
export const weekday = (n: number): string => formats.value.weekday.format(new Date(Date.UTC(2024, 0, 1 + n)))

/** axisTime is a time at an axis whose marks are so many seconds apart. */
export function axisTime(at: Date, step: number): string {
  const { hour, dayMonth, monthYear } = formats.value
  if (step >= 28 * 86_400) return monthYear.format(at)
  const time = hour.format(at)
  return step >= 86_400 || time === '00:00' ? dayMonth.format(at) : time
}

/** bucketTime names an hour, a day or the week that begins on a day. */
export const bucketTime = (at: Date, bucket: 'hour' | 'day' | 'week'): string =>
  bucket === 'hour' ? `${formats.value.dayMonth.format(at)}, ${formats.value.hour.format(at)}` : day(at)

/** ago is how long before now something was: "3 hours ago". */
export function ago(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_557_600],
    ['month', 2_629_800],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ]
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return formats.value.relative.format(Math.round(seconds / length), unit)
  }
  return formats.value.relative.format(Math.min(0, Math.round(seconds)), 'second')
}
