// What the reader's organisation said, and what became of each: taken, waiting, or refused and why.
import { answered, hub } from '../hub/client'
import type { components } from '../hub/schema'
import { Digest } from '../parts/digest'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { ListEnd, usePages } from '../parts/pages'
import { Choice } from '../parts/choice'
import { goTo, query } from '../route'
import { known, moment, t } from '../words'
import { categoryTitle } from '../words/terms'

type Arrival = components['schemas']['Arrivals']['events'][number]

const states = ['stored', 'held', 'refused'] as const
const kinds = ['report', 'withdraw', 'clear', 'dispute', 'sighting', 'action', 'uphold'] as const
const spans = { '24h': 1, '7d': 7, '30d': 30 } as const
type Span = keyof typeof spans

export function ReportsPage() {
  const values = query.value
  const state = states.find((one) => one === values.get('state'))
  const kind = kinds.find((one) => one === values.get('kind'))
  const last = (Object.keys(spans) as Span[]).find((one) => one === values.get('last')) ?? '7d'
  const change = (next: Record<string, string>) => {
    const merged = { state: state ?? '', kind: kind ?? '', last, ...next }
    goTo('reports', Object.fromEntries(Object.entries(merged).filter(([, value]) => value)))
  }
  const list = usePages<Arrival>(`${state} ${kind} ${last}`, async (cursor) => {
    const from = new Date(Date.now() - spans[last] * 86_400_000).toISOString()
    const { events, next } = await answered(
      hub.GET('/v1/events', { params: { query: { mine: 'true', state, kind, from, cursor } } }),
    )
    return { rows: events, next }
  })
  return (
    <div class="reports">
      <h1>{t('reports_title')}</h1>
      <div class="controls">
        <Choice<string>
          label={t('state')}
          value={state ?? ''}
          choose={(value) => change({ state: value })}
          options={[{ value: '', label: t('all') }, ...states.map((value) => ({ value, label: t(`state_${value}`) }))]}
        />
        <div class="dates">
          <label for="kind">{t('what')}</label>
          <select id="kind" value={kind ?? ''} onChange={({ currentTarget }) => change({ kind: currentTarget.value })}>
            <option value="">{t('all')}</option>
            {kinds.map((value) => (
              <option key={value} value={value}>
                {t(`said_kind_${value}`)}
              </option>
            ))}
          </select>
        </div>
        <Choice<Span>
          label={t('time')}
          value={last}
          choose={(value) => change({ last: value })}
          options={(Object.keys(spans) as Span[]).map((value) => ({ value, label: t(`last_${value}`) }))}
        />
        <button type="button" class="quiet" onClick={list.again}>
          <Icon name="refresh" size={16} /> {t('refresh')}
        </button>
      </div>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {list.rows &&
        (list.rows.length === 0 ? (
          <p class="empty">{t('reports_empty')}</p>
        ) : (
          <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_reports')} aria-busy={list.asking}>
            <table class="list">
              <caption class="unseen">{t('page_reports')}</caption>
              <thead>
                <tr>
                  <th scope="col">{t('taken_at')}</th>
                  <th scope="col">{t('what')}</th>
                  <th scope="col">{t('about_what')}</th>
                  <th scope="col">{t('category')}</th>
                  <th scope="col">{t('seen_by')}</th>
                  <th scope="col">{t('became')}</th>
                </tr>
              </thead>
              <tbody>
                {list.rows.map((row, i) => (
                  <Row key={i} row={row} />
                ))}
              </tbody>
            </table>
          </div>
        ))}
      {!list.rows && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {list.rows && list.rows.length > 0 && <ListEnd list={list} of="rows" />}
    </div>
  )
}

function Row({ row }: { row: Arrival }) {
  return (
    <tr>
      <td class="nowrap">
        <time dateTime={row.taken_at}>{moment(new Date(row.taken_at))}</time>
      </td>
      <td>{row.kind ? t(`said_kind_${row.kind}`) : '–'}</td>
      <td>
        {row.indicator ? (
          <>
            {t(`type_${row.indicator.type}`)}{' '}
            <Digest of={row.indicator} />
          </>
        ) : (
          '–'
        )}
      </td>
      <td>{row.category ? categoryTitle(row.category) : '–'}</td>
      <td class="nowrap">
        {row.tlp ? `TLP:${row.tlp}` : '–'}
        {row.group && <> · {row.group}</>}
      </td>
      <td>
        <span class={`badge ${row.void ? 'void' : row.status}`}>
          {t(row.void ? 'state_void' : row.released ? 'state_released' : `state_${row.status}`)}
        </span>
        {row.status === 'held' && !row.released && <p class="hint">{t('held_means')}</p>}
        {row.void && <p class="hint">{t('void_means')}</p>}
        {row.reason && (
          <p class="hint">
            {known(`reason_${row.reason}`, '')} {row.whole_bundle && t('whole_bundle')}
            {row.detail && (
              <>
                {' '}
                <span lang="en">({row.detail})</span>
              </>
            )}
          </p>
        )}
      </td>
    </tr>
  )
}
