// What moved: a span of days against as many before, the largest change first, with the course of each.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { useAnswer } from '../parts/answer'
import { Choice } from '../parts/choice'
import { dayOf, Days } from '../parts/days'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { Select } from '../parts/select'
import { Spark, type Count } from '../parts/spark'
import { day, number, t } from '../words'
import { change, parameters, question, spans, type Question, type Span } from './movers.question'
import { Export } from './trends.export'
import { Filters } from './trends.filters'
import { trendsOf } from './trends.link'
import { axes, metrics, titleOf, told, type Axis, type Metric } from './trends.measure'

type Top = components['schemas']['TopResponse']
type Mover = Top['movers'][number]
type Series = components['schemas']['SeriesResponse']
type Answer = Top & { asked: Question; courses: Map<string, Count[]> }

/** answerTo asks what moved, and for the course of it by day, which stays away where the hub cannot give it. */
async function answerTo(asked: Question): Promise<Answer> {
  const top = (await answered(hub.GET('/v1/trends/top', { params: { query: parameters(asked) } }))) as Top
  const { limit: _, ...same } = parameters(asked)
  const query = { ...same, bucket: 'day' as const, from: new Date(top.baseline_from).toISOString() }
  const { series } = (await answered(hub.GET('/v1/trends/series', { params: { query } })).catch(() => ({
    series: [],
  }))) as Pick<Series, 'series'>
  const courses = new Map(series.map(({ key, points }) => [key, points.map(({ value }): Count => value)]))
  return { ...top, asked, courses }
}

export function MoversPage() {
  const asked = question.value
  const { answer, problem, asking, again } = useAnswer<Answer>(JSON.stringify(asked), () => answerTo(asked))
  return (
    <div class="movers">
      <h1>{t('movers_title')}</h1>
      <div class="controls">
        <Select<Metric>
          label={t('metric')}
          value={asked.metric}
          choose={(value) => change({ metric: value })}
          options={metrics.map((value) => ({ value, label: t(`metric_${value}`) }))}
        />
        <Select<Axis>
          label={t('by')}
          value={asked.by}
          choose={(value) => change({ by: value })}
          options={axes.map((value) => ({ value, label: t(`by_${value}`) }))}
        />
        <Filters />
        <Choice<Span>
          label={t('time')}
          value={asked.last}
          choose={(value) => change({ last: value })}
          options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
        />
        <Days
          from={asked.from}
          to={asked.to}
          choose={(from, to) => change({ from: from.toISOString(), to: to.toISOString() })}
        />
      </div>
      {problem && <Notice problem={problem} again={again} />}
      {!answer && !problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {answer && (
        <div aria-busy={asking} class="movers-answer">
          {answer.movers.length > 0 ? <Told answer={answer} /> : <p class="empty">{t('movers_empty')}</p>}
        </div>
      )}
    </div>
  )
}

/** spanOf names the days from a moment until another, which is not included. */
function spanOf(from: string, to: string): string {
  const [first, last] = [day(new Date(from)), day(new Date(new Date(to).getTime() - 1))]
  return first === last ? first : t('span', { first, last })
}

function Told({ answer }: { answer: Answer }) {
  const { asked, movers, by } = answer
  const most = Math.max(1, ...movers.map(({ change }) => Math.abs(change ?? 0)))
  const last = new Date(new Date(answer.to).getTime() - 1)
  return (
    <section class="sheet" aria-labelledby="movers-sum">
      <header>
        <h2 id="movers-sum">
          {t('movers_lead', {
            now: spanOf(answer.from, answer.to),
            before: spanOf(answer.baseline_from, answer.baseline_to),
          })}
        </h2>
        <Export
          name={`waspada-movers-${answer.metric}-${by}-${dayOf(new Date(answer.from))}-${dayOf(last)}`}
          ask={(accept) =>
            answered(
              hub.GET('/v1/trends/top', {
                params: { query: parameters(asked) },
                headers: { Accept: accept },
                parseAs: 'blob',
              }),
            )
          }
        />
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('page_movers')}>
        <table class="list dense movers-list">
          <caption class="unseen">{t('page_movers')}</caption>
          <thead>
            <tr>
              <th scope="col">{t(`by_${by}`)}</th>
              <th scope="col">{t('mover_course')}</th>
              <th scope="col" class="figure">
                {t('mover_now')}
              </th>
              <th scope="col" class="figure">
                {t('mover_before')}
              </th>
              <th scope="col" class="figure">
                {t('mover_change')}
              </th>
              <th scope="col">
                <span class="unseen">{t('mover_change')}</span>
              </th>
              <th scope="col" class="figure">
                {t('mover_ratio')}
              </th>
              <th scope="col">
                <span class="unseen">{t('page_trends')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {movers.map((mover) => (
              <Row key={mover.key} mover={mover} answer={answer} most={most} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Row({ mover, answer, most }: { mover: Mover; answer: Answer; most: number }) {
  const { by, metric, asked, courses } = answer
  const { value = 0, expected = 0, change = 0, ratio } = mover
  const name = titleOf(by, mover.key)
  const counts = courses.get(mover.key) ?? []
  const days = Math.round((new Date(answer.to).getTime() - new Date(answer.from).getTime()) / 86_400_000)
  const filters = { ...asked.filters, [by]: mover.key }
  const rounded = Math.round(change * 10) / 10
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        {counts.length > 0 && (
          <Spark
            label={t('mover_spark', {
              name,
              values: counts.map((n) => (n === undefined ? t('too_few') : told(metric, n))).join(', '),
            })}
            counts={counts}
            marked={counts.length - days}
          />
        )}
      </td>
      {mover.suppressed ? (
        <td colSpan={5} class="aside">
          {t('too_few_told')}
        </td>
      ) : (
        <>
          <td class="figure">{told(metric, value)}</td>
          <td class="figure">{told(metric, Math.round(expected * 10) / 10)}</td>
          <td class="figure nowrap">
            {rounded > 0 ? '▲ ' : rounded < 0 ? '▼ ' : ''}
            {told(metric, Math.abs(rounded))}
          </td>
          <td>
            <Bar share={change / most} />
          </td>
          <td class="figure">{ratio === undefined ? t('mover_new') : `×${number(Math.round(ratio * 100) / 100)}`}</td>
        </>
      )}
      <td>
        <a
          href={trendsOf(metric, new Date(answer.baseline_from), new Date(answer.to), 'day', filters)}
          aria-label={t('see_trends_of', { name })}
          title={t('see_trends')}
        >
          <Icon name="trends" size={18} />
        </a>
      </td>
    </tr>
  )
}

/** Bar shows a change from −1 to 1: falls to the left of the middle, rises to the right. */
const Bar = ({ share }: { share: number }) => (
  <svg class="change" viewBox="0 0 120 16" aria-hidden="true" focusable="false">
    <line x1="60" x2="60" y1="0" y2="16" />
    <rect
      class={share < 0 ? 'fall' : 'rise'}
      x={share < 0 ? 60 + share * 58 : 60}
      y="3"
      width={Math.abs(share) * 58}
      height="10"
    />
  </svg>
)
