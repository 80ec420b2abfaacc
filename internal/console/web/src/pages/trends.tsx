import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { answered, hub } from '../hub/client'
import { authority } from '../hub/session'
import { useAnswer } from '../parts/answer'
import { Chart } from '../parts/chart'
import { Choice } from '../parts/choice'
import { dayOf, Days } from '../parts/days'
import { Notice } from '../parts/notice'
import { Select } from '../parts/select'
import { bucketTime, day, language, percent, t } from '../words'
import { lineTitle, parameters, seriesOf, type Line, type Lines } from './trends.answer'
import { Export } from './trends.export'
import { Filters } from './trends.filters'
import { Heat } from './trends.heat'
import { distinct, metrics, told, type Metric } from './trends.measure'
import {
  buckets,
  change,
  dimensions,
  fits,
  mayBe,
  nameOf,
  question,
  spans,
  type Bucket,
  type Dimension,
  type Span,
} from './trends.question'

/** shown is how many lines a chart bears; the rest are one, where they can be added up. */
const shown = 8
export const others = '…'

export function TrendsPage() {
  const { answer, problem, asking, again } = useAnswer<Lines>(nameOf(question.value), () => seriesOf(question.peek()))
  return (
    <div class="trends">
      <h1>{t('trends_title')}</h1>
      <Controls />
      {problem && <Notice problem={problem} again={again} />}
      <div aria-busy={asking} class="trends-answer">
        {answer && (answer.lines.length > 0 ? <Told lines={answer} /> : <p class="empty">{t('trends_empty')}</p>)}
        {!answer && !problem && (
          <p class="waiting" role="status">
            {t('loading')}
          </p>
        )}
      </div>
      <Heat />
    </div>
  )
}

function Controls() {
  const { metric, by, bucket, last, from, to } = question.value
  return (
    <div class="controls">
      <Select<Metric>
        label={t('metric')}
        value={metric}
        choose={(value) => change({ metric: value })}
        options={metrics.map((value) => ({ value, label: t(`metric_${value}`) }))}
      />
      <Select<Dimension>
        label={t('by')}
        value={by}
        choose={(value) => change({ by: value })}
        options={dimensions
          .filter((value) => mayBe(metric, value))
          .map((value) => ({ value, label: t(`by_${value}`) }))}
      />
      <Filters />
      <Choice<Span>
        label={t('time')}
        value={last}
        choose={(value) => change({ last: value })}
        options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
      />
      <Days
        from={from}
        to={to}
        choose={(from, to) => change({ from: from.toISOString(), to: to.toISOString() })}
      />
      <Choice<Bucket>
        label={t('each')}
        value={bucket}
        choose={(value) => change({ bucket: value })}
        options={buckets
          .filter((value) => value === bucket || fits(value, from, to))
          .map((value) => ({ value, label: t(`each_${value}`) }))}
      />
    </div>
  )
}

/** point is one value of a line as it is written: a part of it may not be told. */
function point({ values, few }: Line, i: number, metric: Metric): string {
  const value = values[i] ?? 0
  if (!few[i]) return told(metric, value)
  return value > 0 ? t('at_least', { n: told(metric, value) }) : t('too_few')
}

/** totalOf is a line's total as it is written. */
const totalOf = ({ few, total }: Line, metric: Metric): string =>
  !few.includes(true)
    ? told(metric, total)
    : total > 0
      ? t('at_least', { n: told(metric, total) })
      : t('too_few')

function Told({ lines }: { lines: Lines }) {
  const { metric, by, bucket, from, to } = lines.asked
  const { only, last } = question.value
  const reading = useSignal<number | undefined>(undefined)
  const drawn = useMemo(() => drawnOf(lines), [lines])
  const name = (key: string) =>
    key === others ? t('others', { n: lines.lines.length - shown + 1 }) : lineTitle(by, key)
  const at = reading.value === undefined ? undefined : lines.times[reading.value]
  const unfinished = to > new Date()
  const chart = useMemo(
    () =>
      drawn.map(({ key, values, few }, i) => ({
        key,
        values: values.map((value, j) => (few[j] && value === 0 ? null : value)),
        colour: `--series-${i}`,
      })),
    [drawn],
  )
  const dates = { from: day(from), to: day(new Date(to.getTime() - 1)) }
  const all = told(metric, lines.total)
  return (
    <section class="sheet trends-sheet" aria-labelledby="trends-sum">
      <header>
        <h2 id="trends-sum">
          {!distinct(metric) && <b>{lines.suppressed ? t('at_least', { n: all }) : all}</b>}{' '}
          {t(`${metric}_between`, dates)}
        </h2>
        {!last && (
          <button type="button" class="quiet" onClick={() => change({ from: '', to: '', last: '30d' })}>
            {t('zoom_out')}
          </button>
        )}
        <Export
          name={`waspada-${metric}-${by}-${bucket}-${dayOf(from)}-${dayOf(new Date(to.getTime() - 1))}`}
          ask={(accept) =>
            answered(
              hub.GET('/v1/trends/series', {
                params: { query: parameters(lines.asked) },
                headers: { Accept: accept },
                parseAs: 'blob',
              }),
            )
          }
        />
      </header>
      <div class="trends-columns">
        <div>
          <Chart
            label={t('chart_label')}
            times={lines.times}
            lines={chart}
            only={only}
            read={(index) => (reading.value = index)}
            mark={(from, to) => change({ from: from.toISOString(), to: to.toISOString() })}
          />
          <p class="hint">
            {t('chart_hint')} {unfinished && t('unfinished')} {lines.suppressed && t('suppressed')}{' '}
            {!authority() && t('rounded')}{' '}
            {drawn.length < lines.lines.length && !lines.sum && t('others_below', { n: lines.lines.length - shown })}
          </p>
        </div>
        <table class="legend" key={language.value}>
          <caption class="unseen">{t('legend_caption')}</caption>
          <thead>
            <tr>
              <th scope="col">{t(`by_${by}`)}</th>
              <th scope="col" class="figure">
                {at ? bucketTime(at, bucket) : lines.sum ? t('share') : ''}
              </th>
              <th scope="col" class="figure">
                {lines.sum ? t('total') : t('peak')}
              </th>
            </tr>
          </thead>
          <tbody>
            {drawn.map((line, i) => (
              <tr key={line.key} class={only && line.key !== only ? 'faded' : ''}>
                <th scope="row">
                  {line.key === others || !line.key ? (
                    <span class="legend-name">
                      <i class={`swatch series-${i}`} /> {name(line.key)}
                    </span>
                  ) : (
                    <button
                      type="button"
                      class="legend-name"
                      aria-pressed={line.key === only}
                      onClick={() => change({ only: line.key === only ? '' : line.key })}
                    >
                      <i class={`swatch series-${i}`} /> {name(line.key)}
                    </button>
                  )}
                </th>
                <td class="figure">
                  {reading.value !== undefined
                    ? point(line, reading.value, metric)
                    : lines.sum && shareOf(line.total, lines.total)}
                </td>
                <td class="figure">{totalOf(line, metric)}</td>
              </tr>
            ))}
          </tbody>
          {lines.sum && (
            <tfoot>
              <tr>
                <th scope="row">{t('all')}</th>
                <td class="figure">
                  {reading.value === undefined ? '' : told(metric, lines.sum[reading.value] ?? 0)}
                </td>
                <td class="figure">{lines.suppressed ? t('at_least', { n: all }) : all}</td>
              </tr>
            </tfoot>
          )}
        </table>
      </div>
      <p class="unseen" role="status">
        {at &&
          `${bucketTime(at, bucket)}: ${drawn
            .map((line) => `${name(line.key)} ${point(line, reading.value!, metric)}`)
            .join(', ')}`}
      </p>
      <Numbers lines={lines} />
    </section>
  )
}

/** shareOf never calls a little nothing. */
const shareOf = (part: number, all: number) =>
  all === 0 ? '' : part > 0 && part / all < 0.001 ? `< ${percent(0.001)}` : percent(part / all)

/** drawnOf is what a chart can bear: the largest lines, and one for the rest where that can be added up. */
function drawnOf({ lines, sum }: Lines): Line[] {
  if (lines.length <= shown) return lines
  if (!sum) return lines.slice(0, shown)
  const rest = lines.slice(shown - 1)
  const values = rest[0]!.values.map((_, i) => rest.reduce((all, line) => all + (line.values[i] ?? 0), 0))
  const few = rest[0]!.few.map((_, i) => rest.some((line) => line.few[i]))
  const total = rest.reduce((all, line) => all + line.total, 0)
  return [...lines.slice(0, shown - 1), { key: others, values, few, total }]
}

/** Numbers is what the chart shows, for who would rather read it. */
function Numbers({ lines }: { lines: Lines }) {
  const open = useSignal(false)
  const { metric, by, bucket } = lines.asked
  return (
    <details class="numbers" onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>{t('numbers')}</summary>
      {open.value && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('numbers')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                {lines.lines.map(({ key }) => (
                  <th scope="col" class="figure" key={key}>
                    {lineTitle(by, key)}
                  </th>
                ))}
                {lines.sum && (
                  <th scope="col" class="figure">
                    {t('all')}
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {lines.times.map((at, i) => (
                <tr key={i}>
                  <th scope="row">{bucketTime(at, bucket)}</th>
                  {lines.lines.map((line) => (
                    <td class="figure" key={line.key}>
                      {point(line, i, metric)}
                    </td>
                  ))}
                  {lines.sum && <td class="figure">{told(metric, lines.sum[i] ?? 0)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
