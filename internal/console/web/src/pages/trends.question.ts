// What the trends page is asked stands in its address, so that a view can be sent to a colleague:
// #/trends?metric=reports&by=class&bucket=day&last=30d&region=MY-10, or from=…&to=… for a time marked in the chart.
import { computed } from '@preact/signals'
import { goTo, query } from '../route'
import { axes, distinct, filtersOf, metrics, oneOf, type Filters, type Metric } from './trends.measure'

export const dimensions = ['class', ...axes] as const
export const buckets = ['hour', 'day', 'week'] as const
export const spans = { '24h': 24, '7d': 168, '30d': 720, '90d': 2160, '1y': 8760 } as const

/** A class is a category without its subdivision; the console adds the categories of a class up. */
export type Dimension = (typeof dimensions)[number]
export type Bucket = (typeof buckets)[number]
export type Span = keyof typeof spans

export type Question = {
  metric: Metric
  by: Dimension
  bucket: Bucket
  /** Undefined when the time was marked by hand. */
  last: Span | undefined
  from: Date
  to: Date
  /** The one line that is looked at, '' for all. */
  only: string
  filters: Filters
}

const hour = 3_600_000
export const lengths: Record<Bucket, number> = { hour, day: 24 * hour, week: 168 * hour }

/** mostBuckets is how many points the hub gives of a line. */
const mostBuckets = 750

export const date = (value: string | null): Date | undefined => {
  const at = new Date(value ?? '')
  return Number.isNaN(at.getTime()) ? undefined : at
}

/** fits says whether a time can be asked about in such buckets. */
export const fits = (bucket: Bucket, from: Date, to: Date): boolean =>
  (to.getTime() - from.getTime()) / lengths[bucket] <= mostBuckets - 2

const natural = (from: Date, to: Date): Bucket => {
  const hours = (to.getTime() - from.getTime()) / hour
  return hours <= 24 * 4 ? 'hour' : hours <= 24 * 200 ? 'day' : 'week'
}

/** mayBe says whether a metric can be told by a dimension. */
export const mayBe = (metric: Metric, by: Dimension): boolean => by !== 'class' || !distinct(metric)

export const question = computed<Question>(() => {
  const values = query.value
  const marked = { from: date(values.get('from')), to: date(values.get('to')) }
  const byHand = marked.from && marked.to && marked.from < marked.to
  const last = byHand ? undefined : (oneOf(Object.keys(spans) as Span[], values.get('last')) ?? '30d')
  const to = byHand ? marked.to! : new Date()
  const from = last ? new Date(to.getTime() - spans[last] * hour) : marked.from!
  const wished = oneOf(buckets, values.get('bucket'))
  const metric = oneOf(metrics, values.get('metric')) ?? 'events'
  const by = oneOf(dimensions, values.get('by')) ?? 'class'
  return {
    metric,
    by: mayBe(metric, by) ? by : 'category',
    bucket: wished && fits(wished, from, to) ? wished : natural(from, to),
    last,
    from,
    to,
    only: values.get('only') ?? '',
    filters: filtersOf(values),
  }
})

/** nameOf is the same for questions that have the same answer, but for the passing of time. */
export const nameOf = ({ metric, by, bucket, last, from, to, filters }: Question): string =>
  JSON.stringify([metric, by, bucket, last ?? [from, to], filters])

/** change asks the same with some of it changed. */
export function change(values: Partial<Record<'metric' | 'by' | 'bucket' | 'last' | 'from' | 'to' | 'only', string>>) {
  const next = new URLSearchParams(query.value)
  if (values.last) for (const name of ['from', 'to', 'bucket']) next.delete(name)
  if (values.from) for (const name of ['last', 'bucket']) next.delete(name)
  if (values.by) next.delete('only')
  for (const [name, value] of Object.entries(values)) {
    if (value) next.set(name, value)
    else next.delete(name)
  }
  goTo('trends', Object.fromEntries(next))
}
