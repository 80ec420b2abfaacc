// The days that a board is about stand in its address: #/platform-board?last=30d, or from=2026-10-01&until=2026-10-31.
import { Choice } from '../parts/choice'
import { dayOf, Days } from '../parts/days'
import { goTo, query } from '../route'
import { t } from '../words'

export const spans = { '7d': 7, '30d': 30, '90d': 90, '1y': 365 } as const
export type Span = keyof typeof spans

const length = 86_400_000

/** startOf is when a day begins in Malaysia. */
export const startOf = (day: string): Date => new Date(`${day}T00:00:00+08:00`)
const after = (at: Date, days: number) => new Date(at.getTime() + days * length)

const isDay = (text: string | null): text is string =>
  !!text && /^20\d\d-\d\d-\d\d$/.test(text) && !Number.isNaN(startOf(text).getTime())

export type Window = { last: Span | undefined; first: string; until: string }

/** days are those that the address names: by default the last 30, today included. */
export function days(): Window {
  const [first, until] = [query.value.get('from'), query.value.get('until')]
  if (isDay(first) && isDay(until) && first <= until) return { last: undefined, first, until }
  const last = (Object.keys(spans) as Span[]).find((one) => one === query.value.get('last')) ?? '30d'
  const today = dayOf(new Date())
  return { last, first: dayOf(after(startOf(today), 1 - spans[last])), until: today }
}

/** bounds are what the hub is asked for. */
export const bounds = ({ first, until }: Window) => ({
  from: startOf(first).toISOString(),
  to: after(startOf(until), 1).toISOString(),
})

/** change goes on with some of the address changed; '' takes something out of it. */
export function change(page: string, values: Record<string, string>): void {
  const next = new URLSearchParams(query.value)
  if (values.last) for (const name of ['from', 'until']) next.delete(name)
  if (values.from) next.delete('last')
  for (const [name, value] of Object.entries(values)) {
    if (value) next.set(name, value)
    else next.delete(name)
  }
  goTo(page, Object.fromEntries(next))
}

export function BoardTime({ page }: { page: string }) {
  const { last, first, until } = days()
  return (
    <>
      <Choice<Span>
        label={t('time')}
        value={last}
        choose={(value) => change(page, { last: value })}
        options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
      />
      <Days
        from={startOf(first)}
        to={after(startOf(until), 1)}
        choose={(from, to) => change(page, { from: dayOf(from), until: dayOf(after(to, -1)) })}
      />
    </>
  )
}
