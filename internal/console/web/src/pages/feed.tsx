// The live feed: who watches sees what is listed, withdrawn and disputed within a second, and never by whom.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { now } from '../clock'
import { follow, type Change, type Changes } from '../hub/feed'
import type { Problem } from '../hub/problem'
import { Choice } from '../parts/choice'
import { Digest } from '../parts/digest'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { clock, number, t } from '../words'
import { categoryTitle } from '../words/terms'

const minutes = 15
/** kept is how many changes the page remembers, and shown how many it shows. */
const kept = 2000
const shown = 200

const stances = ['listed', 'withdrawn', 'disputed', 'cleared', 'upheld', 'sighted'] as const
type Stance = Change['stance']
type Row = Change & { key: string; at: Date }

export function FeedPage() {
  const rows = useSignal<Row[]>([])
  const state = useSignal<'connecting' | 'live' | 'cut'>('connecting')
  const asOf = useSignal('')
  const problem = useSignal<Problem | null>(null)
  const recheck = useSignal(false)
  const paused = useSignal(false)
  const stance = useSignal<Stance | ''>('')
  const frozen = useSignal<Row[]>([])
  const known = useRef(new Map<string, Change['indicator']>())

  useEffect(() => {
    const leaving = new AbortController()
    const told = ({ changes, as_of, recheck: again }: Changes) => {
      state.value = 'live'
      problem.value = null
      if (as_of) asOf.value = as_of
      if (again) recheck.value = true
      if (changes.length === 0) return
      const names = known.current
      const fresh = changes.map((change) => {
        if (change.indicator) names.set(change.about, change.indicator)
        // A correction comes without the indicator: it is of what was listed here before.
        const indicator = change.indicator ?? names.get(change.about)
        return {
          ...change,
          indicator,
          key: change.word + change.version,
          at: new Date(change.accepted_at ?? Date.now()),
        }
      })
      const before = new Set(fresh.map(({ key }) => key))
      rows.value = [...fresh.reverse(), ...rows.value.filter(({ key }) => !before.has(key))].slice(0, kept)
      if (names.size > 2 * kept) for (const name of [...names.keys()].slice(0, kept)) names.delete(name)
    }
    const cut = (why: Problem | undefined) => {
      state.value = 'cut'
      problem.value = why ?? null
    }
    void follow(new Date(Date.now() - minutes * 60_000), { told, cut }, leaving.signal)
    return () => leaving.abort()
  }, [])

  const pause = () => {
    frozen.value = rows.value
    paused.value = !paused.value
  }
  const all = paused.value ? frozen.value : rows.value
  const seen = (stance.value ? all.filter((row) => row.stance === stance.value) : all).slice(0, shown)
  return (
    <div class="feed">
      <h1>{t('feed_title')}</h1>
      <div class="controls">
        <Choice<Stance | ''>
          label={t('said')}
          value={stance.value}
          choose={(value) => (stance.value = value)}
          options={[
            { value: '', label: t('all') },
            ...stances.map((value) => ({ value, label: t(`stance_${value}`) })),
          ]}
        />
        <button type="button" class="plain" aria-pressed={paused.value} onClick={pause}>
          {t(paused.value ? 'go_on' : 'pause')}
        </button>
        <p class={`feed-state ${state.value}`}>
          <span role="status">{t(`feed_${state.value}`)}</span>
          {asOf.value && <span class="aside"> · {t('as_of', { time: clock(new Date(asOf.value)) })}</span>}
        </p>
      </div>
      {problem.value && <Notice problem={problem.value} />}
      {recheck.value && (
        <p class="notice" role="status">
          {t('feed_recheck')}
        </p>
      )}
      <Pulse rows={rows.value} />
      {seen.length === 0 ? (
        <p class="empty">{t('feed_empty', { n: minutes })}</p>
      ) : (
        <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_feed')}>
          <table class="list dense">
            <caption class="unseen">{t('page_feed')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col">{t('said')}</th>
                <th scope="col">{t('about_what')}</th>
                <th scope="col">{t('category')}</th>
                <th scope="col">{t('advice')}</th>
                <th scope="col">{t('seen_by')}</th>
              </tr>
            </thead>
            <tbody>
              {seen.map((row) => (
                <Line key={row.key} row={row} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="hint">{t('feed_hint')}</p>
    </div>
  )
}

const Line = ({ row }: { row: Row }) => (
  <tr>
    <td class="nowrap">
      <time dateTime={row.at.toISOString()}>{clock(row.at)}</time>
    </td>
    <td>
      <span class={`badge ${row.stance}`}>{t(`stance_${row.stance}`)}</span>
    </td>
    <td>
      {row.indicator ? (
        <>
          {t(`type_${row.indicator.type}`)}{' '}
          <Digest of={row.indicator} grade={row.grade} />
        </>
      ) : (
        <span class="aside">{t('not_told')}</span>
      )}
      {row.grade && row.grade !== 'exact' && <span class="aside"> · {t(`grade_${row.grade}`)}</span>}
    </td>
    <td>{row.category ? categoryTitle(row.category) : '–'}</td>
    <td>{row.advice ? t(`advice_${row.advice}`) : '–'}</td>
    <td class="nowrap">
      {row.tlp ? `TLP:${row.tlp}` : '–'}
      {row.group && <> · {row.group}</>}
    </td>
  </tr>
)

/** Pulse is how much was said in each of the last minutes; the icons of a chart and the words of a table. */
function Pulse({ rows }: { rows: Row[] }) {
  const end = now.value.getTime()
  const counts = Array.from({ length: minutes }, () => 0)
  for (const { at } of rows) {
    const ago = Math.floor((end - at.getTime()) / 60_000)
    if (ago >= 0 && ago < minutes) counts[minutes - 1 - ago]!++
  }
  const most = Math.max(1, ...counts)
  const icon = { listed: 'flag', withdrawn: 'undo', disputed: 'disputed', cleared: 'cleared' } as const
  return (
    <div class="pulse">
      <dl class="summary">
        {(Object.keys(icon) as (keyof typeof icon)[]).map((stance) => (
          <div key={stance}>
            <dt>
              <Icon name={icon[stance]} size={14} /> {t(`stance_${stance}`)}
            </dt>
            <dd>
              {number(rows.filter((row) => row.stance === stance && end - row.at.getTime() < minutes * 60_000).length)}
            </dd>
          </div>
        ))}
      </dl>
      <svg
        viewBox={`0 0 ${minutes * 12} 40`}
        class="pulse-bars"
        role="img"
        aria-label={t('pulse', { n: minutes, counts: counts.join(', ') })}
      >
        {counts.map((n, i) => (
          <rect
            key={i}
            x={i * 12 + 1}
            y={39 - Math.round((n / most) * 36)}
            width="10"
            height={Math.max(1, Math.round((n / most) * 36))}
            rx="1.5"
          />
        ))}
      </svg>
    </div>
  )
}
