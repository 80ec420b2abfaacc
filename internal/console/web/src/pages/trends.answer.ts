// What the hub answers, made into the lines of a chart.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { classOf } from '../words/terms'
import { distinct, titleOf, type Axis } from './trends.measure'
import type { Dimension, Question } from './trends.question'

export type Line = {
  key: string
  values: number[]
  /** Of how many parts of each point there are too few to be told; its value leaves them out. */
  few: number[]
  /** The sum of the values, or the highest where they cannot be added up. */
  total: number
}
export type Lines = {
  /** What was asked, with the bounds that the hub made of it. */
  asked: Asked
  times: Date[]
  lines: Line[]
  /** Of all lines, where they can be added up. */
  sum: Line | undefined
  /** Something was not told. */
  suppressed: boolean
}

type Series = components['schemas']['SeriesResponse']

export type Asked = Pick<Question, 'metric' | 'by' | 'bucket' | 'from' | 'to' | 'filters'>

/** axisOf is the dimension that the hub is asked by. */
export const axisOf = (by: Dimension): Axis => (by === 'class' ? 'category' : by)

/** parameters are what the hub is asked. */
export const parameters = ({ metric, by, bucket, from, to, filters }: Asked) => ({
  ...filters,
  metric,
  by: axisOf(by),
  bucket,
  from: from.toISOString(),
  to: to.toISOString(),
})

/** seriesOf asks for the lines of a question, the largest first. */
export async function seriesOf(asked: Asked): Promise<Lines> {
  const answer = await answered(hub.GET('/v1/trends/series', { params: { query: parameters(asked) } }))
  return linesOf(answer as Series, asked)
}

/** together is the sum of lines. */
export function together(key: string, lines: Line[], points: number): Line {
  const sumOf = (of: (line: Line) => number[]) =>
    Array.from({ length: points }, (_, i) => lines.reduce((all, line) => all + (of(line)[i] ?? 0), 0))
  const values = sumOf((line) => line.values)
  return { key, values, few: sumOf((line) => line.few), total: values.reduce(add, 0) }
}

const add = (a: number, b: number) => a + b

function linesOf({ metric, series, from, to }: Series, asked: Asked): Lines {
  const group = asked.by === 'class' ? classOf : (key: string) => key
  const times = (series[0]?.points ?? []).map(({ at }) => new Date(at))
  const grouped = new Map<string, Omit<Line, 'total'>>()
  for (const { key, points } of series) {
    const name = group(key)
    const line = grouped.get(name) ?? { key: name, values: times.map(() => 0), few: times.map(() => 0) }
    points.forEach(({ value = 0, suppressed }, i) => {
      line.values[i]! += value
      if (suppressed) line.few[i]!++
    })
    grouped.set(name, line)
  }
  const adds = !distinct(metric)
  const totalOf = (values: number[]) => (adds ? values.reduce(add, 0) : Math.max(0, ...values))
  const lines = [...grouped.values()].map((line) => ({ ...line, total: totalOf(line.values) }))
  lines.sort((a, b) => b.total - a.total || a.key.localeCompare(b.key))
  const sum = adds ? together('', lines, times.length) : undefined
  const bounds = { from: new Date(from), to: new Date(to) }
  return {
    asked: { ...asked, ...bounds },
    times,
    lines,
    sum,
    suppressed: lines.some(({ few }) => few.some((n) => n > 0)),
  }
}

/** lineTitle is a line's name in the reader's language. */
export const lineTitle = (by: Dimension, key: string): string => titleOf(axisOf(by), key)

/** weekOf sums hours by weekday, Monday first, and hour of the day in Malaysia. */
export function weekOf({ times, lines, sum }: Lines, only: string): number[][] {
  const values = only ? (lines.find(({ key }) => key === only)?.values ?? []) : (sum?.values ?? [])
  const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 0))
  times.forEach((at, i) => {
    const local = new Date(at.getTime() + 8 * 3_600_000)
    week[(local.getUTCDay() + 6) % 7]![local.getUTCHours()]! += values[i] ?? 0
  })
  return week
}
