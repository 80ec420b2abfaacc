// What rises beyond chance: each alarm with its reason, the numbers behind it, its course and the way to the trends.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { useAnswer } from '../parts/answer'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { Select } from '../parts/select'
import { Spark } from '../parts/spark'
import { goTo, query } from '../route'
import { moment, number, t } from '../words'
import { trendsOf } from './trends.link'
import { axes, oneOf, titleOf, type Axis, type Filters } from './trends.measure'

type Emerging = components['schemas']['EmergingResponse']
type Alarm = Emerging['alarms'][number]
type Series = components['schemas']['SeriesResponse']

/** drawn is how many alarms have their course drawn, which the hub is asked for one by one. */
const drawn = 20
const week = 7 * 86_400_000

export function EmergingPage() {
  const values = query.value
  const by = oneOf(axes, values.get('by')) ?? 'category'
  const across = oneOf(axes, values.get('across'))
  const second = across === by ? undefined : across
  const asked = second ? `${by},${second}` : by
  const { answer, problem, asking, again } = useAnswer<Emerging>(asked, () =>
    answered(hub.GET('/v1/trends/emerging', { params: { query: { by: asked } } })),
  )
  const change = (next: { by?: string; across?: string }) => {
    const merged = { by, across: second ?? '', ...next }
    goTo('emerging', Object.fromEntries(Object.entries(merged).filter(([, value]) => value)))
  }
  return (
    <div class="emerging">
      <h1>{t('emerging_title')}</h1>
      <div class="controls">
        <Select<Axis>
          label={t('by')}
          value={by}
          choose={(value) => change({ by: value, ...(value === second && { across: '' }) })}
          options={axes.map((value) => ({ value, label: t(`by_${value}`) }))}
        />
        <Select<Axis | ''>
          label={t('across')}
          value={second ?? ''}
          choose={(value) => change({ across: value })}
          options={[
            { value: '', label: t('across_none') },
            ...axes.filter((axis) => axis !== by).map((value) => ({ value, label: t(`by_${value}`) })),
          ]}
        />
        <button type="button" class="quiet" onClick={again}>
          <Icon name="refresh" size={16} /> {t('refresh')}
        </button>
      </div>
      {problem && <Notice problem={problem} again={again} />}
      {!answer && !problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {answer && (
        <div class="emerging-answer" aria-busy={asking}>
          <p class="lead">
            {t('emerging_lead', {
              n: number(answer.watched),
              time: moment(new Date(answer.as_of)),
              days: answer.baseline_days,
              share: number(Math.round(1 / answer.false_discoveries)),
              least: answer.at_least,
              ratio: number(answer.least_ratio),
            })}
          </p>
          {answer.alarms.length === 0 && (
            <p class="empty">
              <strong>{t('emerging_empty')}</strong> {t('emerging_empty_hint')}
            </p>
          )}
          <ol class="alarms">
            {answer.alarms.map((alarm, i) => (
              <li key={`${answer.by} ${alarm.keys}`}>
                <Told alarm={alarm} answer={answer} course={i < drawn} />
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  )
}

/** Where next to nothing is usual, the hub tells 0 and the multiple of the least that it tells apart. */
const usualOf = ({ expected }: Alarm) => (expected < 0.1 ? `< ${number(0.1)}` : number(expected))
const ratioOf = ({ expected, ratio }: Alarm) =>
  expected < 0.1 ? t('at_least', { n: number(ratio) }) : number(ratio)

const chanceOf = (chance: number) =>
  chance < 1e-9 ? t('chance_never') : t('chance_once', { n: number(Number((1 / chance).toPrecision(2))) })

function Told({ alarm, answer, course }: { alarm: Alarm; answer: Emerging; course: boolean }) {
  const { window_hours: hours, rising_for_hours: rising, reporters } = alarm
  const filters: Filters = Object.fromEntries(answer.by.map((axis, i) => [axis, alarm.keys[i]!]))
  const to = new Date(answer.as_of)
  const from = new Date(to.getTime() - week)
  const name = answer.by.map((axis, i) => titleOf(axis, alarm.keys[i]!)).join(' · ')
  return (
    <article class="sheet alarm">
      <header>
        <h2>{name}</h2>
        {alarm.one_reporter && <span class="badge held">{t('alarm_one')}</span>}
      </header>
      <div class="alarm-columns">
        <dl class="summary">
          <div>
            <dt>{t('alarm_observed', { n: hours })}</dt>
            <dd>{number(alarm.observed)}</dd>
          </div>
          <div>
            <dt>{t('alarm_usual')}</dt>
            <dd>{usualOf(alarm)}</dd>
          </div>
          <div>
            <dt>{t('alarm_ratio')}</dt>
            <dd>{ratioOf(alarm)}</dd>
          </div>
          <div>
            <dt>{t('alarm_rising')}</dt>
            <dd>{t('alarm_hours', { n: number(rising) })}</dd>
          </div>
          <div>
            <dt>{t('alarm_reporters')}</dt>
            <dd>{reporters ? number(reporters) : t('too_few')}</dd>
          </div>
        </dl>
        {course && <Course alarm={alarm} filters={filters} from={from} to={to} />}
      </div>
      <footer>
        <p>
          {t('alarm_reason', {
            n: number(alarm.observed),
            hours,
            usual: usualOf(alarm),
            ratio: ratioOf(alarm),
            rising: number(rising),
            chance: chanceOf(alarm.chance),
          })}
        </p>
        <a class="with-icon" href={trendsOf('reports', from, to, 'hour', filters)}>
          <Icon name="trends" size={16} />{' '}
          <span>
            {t('see_trends')}
            <span class="unseen">: {name}</span>
          </span>
        </a>
      </footer>
    </article>
  )
}

/** Course is the week before, hour by hour, with the alarm's window marked. */
function Course({ alarm, filters, from, to }: { alarm: Alarm; filters: Filters; from: Date; to: Date }) {
  const { answer } = useAnswer<Series>(JSON.stringify([filters, to]), async () => {
    const query = {
      ...filters,
      metric: 'reports' as const,
      by: Object.keys(filters)[0] as keyof Filters,
      bucket: 'hour' as const,
      from: from.toISOString(),
      to: to.toISOString(),
    }
    return (await answered(hub.GET('/v1/trends/series', { params: { query } }))) as Series
  })
  if (!answer) return <div class="spark" /> // what is not drawn is told beside it
  const counts = answer.series[0]?.points.map(({ value }) => value) ?? []
  const most = Math.max(0, ...counts.map((n) => n ?? 0))
  return (
    <Spark
      label={t('alarm_spark', { n: number(most) })}
      counts={counts}
      marked={counts.length - alarm.window_hours}
      level={alarm.expected / alarm.window_hours}
    />
  )
}
