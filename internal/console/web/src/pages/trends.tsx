import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { problemOf, type Problem } from '../hub/problem'
import { Chart } from '../parts/chart'
import { Choice } from '../parts/choice'
import { download } from '../parts/download'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { bucketTime, day, language, number, percent, t } from '../words'
import { csvOf, seriesOf, titleOf, type Line, type Lines } from './trends.answer'
import { Heat } from './trends.heat'
import {
  buckets,
  change,
  dimensions,
  fits,
  question,
  spans,
  type Bucket,
  type Dimension,
  type Span,
} from './trends.question'

/** shown is how many lines a chart bears; the rest are one. */
const shown = 8
export const others = '…'

export function TrendsPage() {
  const asked = question.value
  const lines = useSignal<Lines | undefined>(undefined)
  const problem = useSignal<Problem | null>(null)
  const asking = useSignal(false)
  const again = useSignal(0)
  const { by, bucket, last } = asked
  const [from, to] = [asked.from.getTime(), asked.to.getTime()]

  useEffect(() => {
    let current = true
    asking.value = true
    seriesOf(question.peek()).then(
      (answer) => {
        if (!current) return
        lines.value = answer
        problem.value = null
        asking.value = false
      },
      (thrown) => {
        if (!current) return
        problem.value = problemOf(thrown)
        asking.value = false
      },
    )
    return () => void (current = false)
  }, [by, bucket, last ?? `${from} ${to}`, again.value])

  return (
    <div class="trends">
      <h1>{t('trends_title')}</h1>
      <Controls />
      {problem.value && <Notice problem={problem.value} again={() => again.value++} />}
      <div aria-busy={asking.value} class="trends-answer">
        {lines.value &&
          (lines.value.total > 0 ? <Told lines={lines.value} /> : <p class="empty">{t('trends_empty')}</p>)}
        {!lines.value && !problem.value && (
          <p class="waiting" role="status">
            {t('loading')}
          </p>
        )}
      </div>
      <Heat />
    </div>
  )
}

/** inMalaysia is the day of a moment there, as date fields write it. */
const inMalaysia = (at: Date) => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 10)

function Controls() {
  const { by, bucket, last, from, to } = question.value
  const between = (first: string, until: string) => {
    const start = new Date(`${first}T00:00:00+08:00`)
    const end = new Date(new Date(`${until}T00:00:00+08:00`).getTime() + 86_400_000)
    if (start < end) change({ from: start.toISOString(), to: end.toISOString() })
  }
  const [first, until] = [inMalaysia(from), inMalaysia(new Date(to.getTime() - 1))]
  return (
    <div class="controls">
      <Choice<Dimension>
        label={t('by')}
        value={by}
        choose={(value) => change({ by: value })}
        options={dimensions.map((value) => ({ value, label: t(`by_${value}`) }))}
      />
      <Choice<Span>
        label={t('time')}
        value={last}
        choose={(value) => change({ last: value })}
        options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
      />
      <div class="dates">
        <label for="from">{t('from')}</label>
        <input
          id="from"
          type="date"
          value={first}
          max={until}
          onChange={({ currentTarget }) => between(currentTarget.value, until)}
        />
        <label for="until">{t('until')}</label>
        <input
          id="until"
          type="date"
          value={until}
          min={first}
          onChange={({ currentTarget }) => between(first, currentTarget.value)}
        />
      </div>
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

function Told({ lines }: { lines: Lines }) {
  const { by, bucket, only, last } = question.value
  const reading = useSignal<number | undefined>(undefined)
  const drawn = useMemo(() => drawnOf(lines), [lines])
  const name = (key: string) => (key === others ? t('others', { n: lines.lines.length - shown + 1 }) : titleOf(by, key))
  const at = reading.value === undefined ? undefined : lines.times[reading.value]
  const save = () =>
    download(`waspada-${by}-${bucket}-${inMalaysia(lines.from)}-${inMalaysia(lines.to)}.csv`, 'text/csv', csvOf(lines))
  const unfinished = lines.to > new Date()
  const chart = useMemo(() => drawn.map(({ key, values }, i) => ({ key, values, colour: `--series-${i}` })), [drawn])
  return (
    <section class="sheet trends-sheet" aria-labelledby="trends-sum">
      <header>
        <h2 id="trends-sum">
          <b>{number(lines.total)}</b>{' '}
          {t('events_between', { from: day(lines.from), to: day(new Date(lines.to.getTime() - 1)) })}
        </h2>
        {!last && (
          <button type="button" class="quiet" onClick={() => change({ from: '', to: '', last: '30d' })}>
            {t('zoom_out')}
          </button>
        )}
        <button type="button" class="plain" onClick={save}>
          <Icon name="download" size={16} /> CSV
        </button>
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
            {t('chart_hint')} {unfinished && t('unfinished')} {lines.suppressed && t('suppressed')}
          </p>
        </div>
        <table class="legend" key={language.value}>
          <caption class="unseen">{t('legend_caption')}</caption>
          <thead>
            <tr>
              <th scope="col">{t(`by_${by}`)}</th>
              <th scope="col" class="figure">
                {at ? bucketTime(at, bucket) : t('share')}
              </th>
              <th scope="col" class="figure">
                {t('total')}
              </th>
            </tr>
          </thead>
          <tbody>
            {drawn.map(({ key, values, total }, i) => (
              <tr key={key} class={only && key !== only ? 'faded' : ''}>
                <th scope="row">
                  {key === others || !key ? (
                    <span class="legend-name">
                      <i class={`swatch series-${i}`} /> {name(key)}
                    </span>
                  ) : (
                    <button
                      type="button"
                      class="legend-name"
                      aria-pressed={key === only}
                      onClick={() => change({ only: key === only ? '' : key })}
                    >
                      <i class={`swatch series-${i}`} /> {name(key)}
                    </button>
                  )}
                </th>
                <td class="figure">
                  {reading.value === undefined ? shareOf(total, lines.total) : number(values[reading.value] ?? 0)}
                </td>
                <td class="figure">{number(total)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{t('all')}</th>
              <td class="figure">{reading.value === undefined ? '' : number(lines.sum[reading.value] ?? 0)}</td>
              <td class="figure">{number(lines.total)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
      <p class="unseen" role="status">
        {at &&
          `${bucketTime(at, bucket)}: ${drawn.map(({ key, values }) => `${name(key)} ${number(values[reading.value!] ?? 0)}`).join(', ')}`}
      </p>
      <Numbers lines={lines} name={(key) => titleOf(by, key)} />
    </section>
  )
}

/** shareOf never calls a little nothing. */
const shareOf = (part: number, all: number) =>
  part > 0 && part / all < 0.001 ? `< ${percent(0.001)}` : percent(part / all)

/** drawnOf is what a chart can bear: the largest lines, and one for the rest. */
function drawnOf({ lines }: Lines): Line[] {
  if (lines.length <= shown) return lines
  const rest = lines.slice(shown - 1)
  const values = rest[0]!.values.map((_, i) => rest.reduce((all, line) => all + (line.values[i] ?? 0), 0))
  return [...lines.slice(0, shown - 1), { key: others, values, total: rest.reduce((all, { total }) => all + total, 0) }]
}

/** Numbers is what the chart shows, for who would rather read it. */
function Numbers({ lines, name }: { lines: Lines; name: (key: string) => string }) {
  const open = useSignal(false)
  const { bucket } = question.value
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
                    {name(key)}
                  </th>
                ))}
                <th scope="col" class="figure">
                  {t('all')}
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.times.map((at, i) => (
                <tr key={i}>
                  <th scope="row">{bucketTime(at, bucket)}</th>
                  {lines.lines.map(({ key, values }) => (
                    <td class="figure" key={key}>
                      {number(values[i] ?? 0)}
                    </td>
                  ))}
                  <td class="figure">{number(lines.sum[i] ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
