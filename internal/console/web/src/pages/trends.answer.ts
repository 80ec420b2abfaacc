// What the hub answers, made into the lines of a chart.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { known, t } from '../words'
import { categoryTitle, classOf } from '../words/terms'
import type { Question } from './trends.question'

export type Line = { key: string; values: number[]; total: number }
export type Lines = {
  from: Date
  to: Date
  times: Date[]
  lines: Line[]
  sum: number[]
  total: number
  /** Some points are of too few to be told, and stand as 0. */
  suppressed: boolean
}

type Series = components['schemas']['SeriesResponse']

/** seriesOf asks for the lines of a question, the largest first. */
export async function seriesOf({
  by,
  bucket,
  from,
  to,
}: Pick<Question, 'by' | 'bucket' | 'from' | 'to'>): Promise<Lines> {
  const answer = await answered(
    hub.GET('/v1/trends/series', {
      params: {
        query: { by: by === 'class' ? 'category' : by, bucket, from: from.toISOString(), to: to.toISOString() },
      },
    }),
  )
  return linesOf(answer as Series, by === 'class' ? classOf : (key) => key)
}

const add = (a: number, b: number) => a + b

function linesOf({ series, from, to }: Series, group: (key: string) => string): Lines {
  const times = (series[0]?.points ?? []).map(({ at }) => new Date(at))
  const grouped = new Map<string, number[]>()
  const suppressed = series.some(({ points }) => points.some((point) => point.suppressed))
  for (const { key, points } of series) {
    const line = grouped.get(group(key)) ?? times.map(() => 0)
    points.forEach(({ value = 0 }, i) => (line[i] = (line[i] ?? 0) + value))
    grouped.set(group(key), line)
  }
  const lines = [...grouped].map(([key, values]) => ({ key, values, total: values.reduce(add, 0) }))
  lines.sort((a, b) => b.total - a.total || a.key.localeCompare(b.key))
  const sum = times.map((_, i) => lines.reduce((all, { values }) => all + (values[i] ?? 0), 0))
  return { from: new Date(from), to: new Date(to), times, lines, sum, total: sum.reduce(add, 0), suppressed }
}

/** titleOf is a line's name in the reader's language. */
export function titleOf(by: Question['by'], key: string): string {
  if (!key) return t('no_category')
  if (by === 'type') return known(`type_${key}`, key)
  if (by === 'partner_kind') return known(`kind_${key}`, key)
  return categoryTitle(key)
}

const iso = (at: Date) => new Date(at.getTime() + 8 * 3_600_000).toISOString().replace('.000Z', '+08:00')

/** csvOf is a table with a row for each bucket and a column for each line. */
export function csvOf({ times, lines }: Lines): string {
  const rows = times.map((at, i) => [iso(at), ...lines.map(({ values }) => values[i])].join(','))
  return [['at', ...lines.map(({ key }) => key || 'none')].join(','), ...rows].join('\r\n') + '\r\n'
}

/** weekOf sums hours by weekday, Monday first, and hour of the day in Malaysia. */
export function weekOf({ times, lines, sum }: Lines, only: string): number[][] {
  const values = only ? (lines.find(({ key }) => key === only)?.values ?? []) : sum
  const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 0))
  times.forEach((at, i) => {
    const local = new Date(at.getTime() + 8 * 3_600_000)
    week[(local.getUTCDay() + 6) % 7]![local.getUTCHours()]! += values[i] ?? 0
  })
  return week
}
