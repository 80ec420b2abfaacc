import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { t, weekday } from '../words'
import { lineTitle, seriesOf, weekOf, type Lines } from './trends.answer'
import { distinct, told } from './trends.measure'
import { question } from './trends.question'

const weeks = 4
const levels = 6
const hours = Array.from({ length: 24 }, (_, hour) => hour)

/** Heat shows at which hours of the week things happen, over the four weeks before the end of the time asked about. */
export function Heat() {
  return distinct(question.value.metric) ? null : <Week /> // its squares are sums
}

function Week() {
  const lines = useSignal<Lines | undefined>(undefined)
  const { metric, by, only, to, last, filters } = question.value

  useEffect(() => {
    let current = true
    const end = question.peek().to
    const from = new Date(end.getTime() - weeks * 7 * 86_400_000)
    // What went wrong is said above the chart, which asks the same of the same server.
    seriesOf({ ...question.peek(), bucket: 'hour', from, to: end }).then(
      (answer) => current && (lines.value = answer),
      () => current && (lines.value = undefined),
    )
    return () => void (current = false)
  }, [metric, by, last ?? to.getTime(), JSON.stringify(filters)])

  if (!lines.value || !lines.value.sum?.total) return null
  const week = weekOf(lines.value, only)
  const most = Math.max(1, ...week.flat())
  const at = week.flat().indexOf(most)
  const title = only ? t('heat_title_of', { name: lineTitle(by, only) }) : t('heat_title')
  return (
    <section class="sheet heat-sheet">
      <header>
        <h2 id="heat">{title}</h2>
        <p class="aside">
          {at >= 0 &&
            t('heat_most', { day: weekday(Math.floor(at / 24)), hour: `${at % 24}:00`, n: told(metric, most) })}
        </p>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label={title}>
        <table class="heat">
          <thead>
            <tr>
              <td />
              {hours.map((hour) => (
                <th scope="col" key={hour}>
                  <span class={hour % 3 ? 'unseen' : ''}>{hour}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {week.map((row, i) => (
              <tr key={i}>
                <th scope="row">{weekday(i)}</th>
                {row.map((n, hour) => (
                  <td
                    key={hour}
                    class={`level-${Math.ceil((n / most) * levels)}`}
                    title={`${weekday(i)} ${hour}:00: ${told(metric, n)}`}
                  >
                    <span class="unseen">{told(metric, n)}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="heat-key hint">
        {t('fewer')}{' '}
        {Array.from({ length: levels + 1 }, (_, i) => (
          <i key={i} class={`level-${i}`} />
        ))}{' '}
        {t('more')}
        <span>{t('heat_hint')}</span>
      </p>
    </section>
  )
}
