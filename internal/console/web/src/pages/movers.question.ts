// What the movers page is asked stands in its address: #/movers?metric=reports&by=region&last=7d&category=investment,
// or from=…&to=… for days that were chosen by hand. What it is held against is as long, and before it.
import { computed } from '@preact/signals'
import { now } from '../clock'
import { goTo, query } from '../route'
import { axes, filtersOf, metrics, oneOf, type Axis, type Filters, type Metric } from './trends.measure'
import { date } from './trends.question'

export const spans = { '1d': 1, '7d': 7, '30d': 30, '90d': 90 } as const
export type Span = keyof typeof spans

export type Question = {
  metric: Metric
  by: Axis
  last: Span | undefined
  from: Date
  to: Date
  filters: Filters
}

const day = 86_400_000
const ahead = 8 * 3_600_000 // Malaysia's

/** today is when the day began in Malaysia: it is not over, so spans end before it. */
const today = computed(() => Math.floor((now.value.getTime() + ahead) / day) * day - ahead)

export const question = computed<Question>(() => {
  const values = query.value
  const marked = { from: date(values.get('from')), to: date(values.get('to')) }
  const byHand = marked.from && marked.to && marked.from < marked.to
  const last = byHand ? undefined : (oneOf(Object.keys(spans) as Span[], values.get('last')) ?? '7d')
  const to = byHand ? marked.to! : new Date(today.value)
  return {
    metric: oneOf(metrics, values.get('metric')) ?? 'reports',
    by: oneOf(axes, values.get('by')) ?? 'category',
    last,
    from: last ? new Date(to.getTime() - spans[last] * day) : marked.from!,
    to,
    filters: filtersOf(values),
  }
})

/** parameters are what the hub is asked. */
export const parameters = ({ metric, by, from, to, filters }: Question) => ({
  ...filters,
  metric,
  by,
  from: from.toISOString(),
  to: to.toISOString(),
  limit: 50,
})

/** change asks the same with some of it changed. */
export function change(values: Partial<Record<'metric' | 'by' | 'last' | 'from' | 'to', string>>): void {
  const next = new URLSearchParams(query.value)
  if (values.last) for (const name of ['from', 'to']) next.delete(name)
  if (values.from) next.delete('last')
  for (const [name, value] of Object.entries(values)) next.set(name, value)
  goTo('movers', Object.fromEntries(next))
}
