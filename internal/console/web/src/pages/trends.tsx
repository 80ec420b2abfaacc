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
import { lineTitle, parameters, seriesOf, together, type Line, type Lines } from './trends.answer'
import { Export } from './trends.export'
import { Filters } from './trends.filters'
import { Heat } from './trends.heat'
import { metrics, told, type Metric } from './trends.measure'
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

/** written is a count as it can be told: with nothing left out, as the least that it is, as too few, or not at all. */
function written(metric: Metric, value: number, few: number): string {
  if (few === 0) return told(metric, value)
  if (value > 0) return t('at_least', { n: told(metric, value) })
  return few === 1 ? t('too_few') : t('untold') // several that are too few may be many
}

const point = ({ values, few }: Line, i: number, metric: Metric) => written(metric, values[i] ?? 0, few[i] ?? 0)

const totalOf = ({ few, total }: Line, metric: Metric) =>
  written(
    metric,
    total,
    few.reduce((all, n) => all + n, 0),
  )

/** peakOf is the highest point as it is written: what is not told is lower than what is. */
const peakOf = ({ few, total }: Line, metric: Metric) =>
  total === 0 && few.some((n) => n > 0) ? t('too_few') : told(metric, total)

function Told({ lines }: { lines: Lines }) {
  const { metric, by, bucket, from, to } = lines.asked
  const { only, last } = question.value
  const reading = useSignal<number | undefined>(undefined)
  const drawn = useMemo(() => drawnOf(lines), [lines])
  const name = (key: string) =>
    key === others ? t('others', { n: lines.lines.length - shown + 1 }) : lineTitle(by, key)
  const at = reading.value === undefined ? undefined : lines.times[reading.value]
  const shares = lines.suppressed ? undefined : lines.sum // of what is not told there is none
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
  return (
    <section class="sheet trends-sheet" aria-labelledby="trends-sum">
      <header>
        <h2 id="trends-sum">
          {lines.sum && <b>{totalOf(lines.sum, metric)}</b>} {t(`${metric}_between`, dates)}
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
                {at ? bucketTime(at, bucket) : <span class={shares ? '' : 'unseen'}>{t('share')}</span>}
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
                    : shares && shareOf(line.total, shares.total)}
                </td>
                <td class="figure">{lines.sum ? totalOf(line, metric) : peakOf(line, metric)}</td>
              </tr>
            ))}
          </tbody>
          {lines.sum && (
            <tfoot>
              <tr>
                <th scope="row">{t('all')}</th>
                <td class="figure">
                  {reading.value === undefined ? '' : point(lines.sum, reading.value, metric)}
                </td>
                <td class="figure">{totalOf(lines.sum, metric)}</td>
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
  const [kept, rest] = [lines.slice(0, shown - 1), lines.slice(shown - 1)]
  return [...kept, together(others, rest, sum.values.length)]
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
                  {lines.sum && <td class="figure">{point(lines.sum, i, metric)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
