// What the history is asked about: a value, which is in this page's memory alone, or a digest, which may stand in the
// address: #/then?at=2026-11-20T18:00&type=phone&digest=…&epoch=1.
import { signal } from '@preact/signals'
import type { IndicatorType } from '../hub/client'
import type { components } from '../hub/schema'
import { whenSignedOut } from '../hub/session'
import { allTypes } from '../indicator/recognise'
import { goTo, query } from '../route'
import { chosen, text, typed, type Written } from './lookup.state'

export type Keyed = { type: IndicatorType; digest: string; epoch: number; grade: components['schemas']['Grade'] }

/** about is the value that is asked about; times counts how often it was. */
export const about = signal<{ of: Written; times: number } | undefined>(undefined)

whenSignedOut(() => (about.value = undefined))

/** keyed is the digest in the address. */
export function keyed(): Keyed | undefined {
  const values = query.value
  const [type, digest, epoch] = [values.get('type'), values.get('digest') ?? '', Number(values.get('epoch'))]
  const known = allTypes.find((one) => one === type)
  if (!known || !/^[0-9a-f]{64}$/.test(digest) || !(epoch >= 1)) return undefined
  const grade = (['prefix', 'weak'] as const).find((one) => one === values.get('grade')) ?? 'exact'
  return { type: known, digest, epoch, grade }
}

/** askAbout asks about a value, at a time as the field writes it; '' for none. */
export function askAbout(of: Written, at: string): void {
  about.value = { of, times: (about.peek()?.times ?? 0) + 1 }
  goTo('then', at ? { at } : {})
}

/** askThen goes from what was looked up to its history. */
export function askThen(of: Written): void {
  if (text.peek().trim() !== of.text) {
    typed(of.value)
    chosen.value = of.type
  }
  askAbout({ type: of.type, text: of.text, value: of.value }, '')
}

/** momentOf is the time that a field or an address writes, in Malaysia; undefined for none. */
export function momentOf(at: string | null): Date | undefined {
  if (!at || !/^20\d\d-\d\d-\d\dT\d\d:\d\d$/.test(at)) return undefined
  const moment = new Date(`${at}:00+08:00`)
  return Number.isNaN(moment.getTime()) ? undefined : moment
}

/** fieldOf writes a moment as the field does. */
export const fieldOf = (at: Date): string => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 16)
