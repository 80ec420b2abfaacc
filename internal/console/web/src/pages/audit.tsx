// Who did what, for supervisors and operators: the newest first, page by page. It tells of no value and no digest.
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { answered, hub } from '../hub/client'
import { problemOf, type Problem } from '../hub/problem'
import type { components } from '../hub/schema'
import { Choice } from '../parts/choice'
import { dayOf } from '../parts/days'
import { download } from '../parts/download'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { ListEnd, usePages } from '../parts/pages'
import { Select } from '../parts/select'
import { clock, counted, day, known, moment, number, t } from '../words'
import { asked, change, kinds, kindWord, question, spansOf, stems, whats, type Kind, type Span } from './audit.question'

type Audit = components['schemas']['Audit']
type Entry = Audit['records'][number]

export function AuditPage() {
  const q = question()
  const first = useRef(asked(q)) // pages after the first are of the same time
  const list = usePages<Entry>(JSON.stringify(q), async (cursor) => {
    if (!cursor) first.current = asked(q)
    const query = { ...first.current, cursor }
    const { records, next } = (await answered(hub.GET('/v1/audit', { params: { query } }))) as Audit
    return { rows: records, next }
  })
  const problem = useSignal<Problem | null>(null)
  const saving = useSignal(false)
  const save = async () => {
    saving.value = true
    problem.value = null
    try {
      const text = await answered(
        hub.GET('/v1/audit', { params: { query: { ...asked(q), format: 'csv' } }, parseAs: 'text' }),
      )
      download(`waspada-audit-${dayOf(new Date())}.csv`, 'text/csv;charset=utf-8', text as unknown as string)
    } catch (thrown) {
      problem.value = problemOf(thrown)
    }
    saving.value = false
  }
  const seen = [...new Set((list.rows ?? []).flatMap(({ by, whom }) => [by, whom]).filter((id) => !!id))].sort()
  return (
    <div class="audit">
      <h1>{t('audit_title')}</h1>
      <div class="controls">
        <Choice<Kind | ''>
          label={t('what')}
          value={q.kind ?? ''}
          choose={(value) => change({ kind: value })}
          options={[
            { value: '', label: t('all') },
            ...kinds.filter((kind) => !q.of || kind === 'event').map((value) => ({ value, label: t(kindWord(value)) })),
          ]}
        />
        <Choice<Span>
          label={t('time')}
          value={q.last}
          choose={(value) => change({ last: value })}
          options={spansOf(q.kind, q.of).map((value) => ({ value, label: t(`last_${value}`) }))}
        />
        {q.kind && whats[q.kind].length > 0 && (
          <Select
            label={t('audit_what')}
            value={q.what}
            options={[
              { value: '', label: t('all') },
              ...whats[q.kind].map((value) => ({ value, label: known(stems[q.kind!] + value) })),
            ]}
            choose={(value) => change({ what: value })}
          />
        )}
        <div class="dates">
          <label for="audit-partner">{t('partner')}</label>
          <input
            id="audit-partner"
            type="text"
            list="audit-partners"
            value={q.partner}
            placeholder={t('all')}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            maxLength={48}
            onChange={({ currentTarget }) => change({ partner: currentTarget.value.trim().toLowerCase() })}
          />
          <datalist id="audit-partners">
            {seen.map((id) => (
              <option key={id} value={id} />
            ))}
          </datalist>
          {q.partner && (
            <button type="button" class="quiet" onClick={() => change({ partner: '' })}>
              {t('audit_everybody')}
            </button>
          )}
        </div>
        <div class="pair-of-buttons">
          <button type="button" class="quiet" onClick={list.again}>
            <Icon name="refresh" size={16} /> {t('refresh')}
          </button>
          <button
            type="button"
            class="plain"
            disabled={saving.value}
            title={t('audit_export_hint')}
            onClick={() => void save()}
          >
            <Icon name="download" size={16} /> CSV
          </button>
        </div>
      </div>
      {q.of && (
        <p class="about-one">
          {t('audit_of_one')} {t(`type_${q.of.type}`)} <code>{q.of.digest.slice(0, 10)}…</code>
          <button type="button" class="quiet" onClick={() => change({ type: '' })}>
            {t('audit_of_all')}
          </button>
        </p>
      )}
      {problem.value && <Notice problem={problem.value} />}
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {!list.rows && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {list.rows && list.rows.length === 0 && <p class="empty">{t('audit_empty')}</p>}
      {list.rows && list.rows.length > 0 && <Table rows={list.rows} asking={list.asking} />}
      {list.rows && list.rows.length > 0 && <ListEnd list={list} of="records" />}
      <p class="hint">
        {t('audit_hint')} {t('audit_export_hint')}
      </p>
    </div>
  )
}

const Table = ({ rows, asking }: { rows: Entry[]; asking: boolean }) => (
  <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_audit')} aria-busy={asking}>
    <table class="list dense">
      <caption class="unseen">{t('audit_title')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('time')}</th>
          <th scope="col">{t('what')}</th>
          <th scope="col">{t('audit_by')}</th>
          <th scope="col">{t('audit_details')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.cursor}>
            <td class="nowrap">
              <When row={row} />
            </td>
            <td>
              <span class={`badge ${row.kind === 'refusal' ? 'refused' : row.kind}`}>{t(kindWord(row.kind))}</span>{' '}
              <span class="audit-what">{known(stems[row.kind] + row.what)}</span>
            </td>
            <td>
              <By row={row} />
            </td>
            <td>
              <Details row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

/** When is a moment; of usage it is an hour. */
function When({ row: { at, kind } }: { row: Entry }) {
  const date = new Date(at)
  return (
    <time dateTime={at}>
      {kind === 'usage' ? t('audit_hour', { time: moment(date) }) : `${day(date)}, ${clock(date)}`}
    </time>
  )
}

const By = ({ row: { by, key, node } }: { row: Entry }) => (
  <>
    {by ? (
      <button type="button" class="row-button" onClick={() => change({ partner: by })}>
        <span class="unseen">{t('audit_only')} </span>
        {by}
      </button>
    ) : (
      <span class="aside">{t('audit_nobody')}</span>
    )}
    {key && <span class="hint block">{t('audit_key', { key })}</span>}
    {!key && node && <span class="hint block">{t('audit_node', { node })}</span>}
  </>
)

const verdicts = ['confirmed', 'suspected', 'disputed', 'cleared', 'not_listed', 'unsure'] as const

function Details({ row }: { row: Entry }) {
  switch (row.kind) {
    case 'event':
    case 'repeat':
      return (
        <>
          {row.type && t(`type_${row.type}`)}
          <span class="hint block">
            {row.place && t('audit_place', { place: row.place })}
            {row.first && ` · ${t('audit_first', { place: row.first })}`}
          </span>
        </>
      )
    case 'refusal':
      return (
        <>
          {known(`reason_${row.what}`, '–')}
          <span class="hint block">
            {row.type && `${t(`type_${row.type}`)} · `}
            {row.place && t('audit_place', { place: row.place })}
          </span>
        </>
      )
    case 'act':
      return (
        <>
          {[row.whom, row.object].filter(Boolean).join(' · ') || '–'}
          {row.done === false && <span class="badge refused">{t('audit_not_done')}</span>}
          {row.reason && (
            <span class="hint block" lang="en">
              {row.reason}
            </span>
          )}
        </>
      )
    case 'usage': {
      const found = verdicts.filter((one) => row[one]).map((one) => `${t(`verdict_${one}`)} ${number(row[one]!)}`)
      return (
        <>
          {counted('calls', row.calls ?? 0)}
          {row.indicators ? `, ${counted('asked', row.indicators)}` : ''}
          {row.refused ? <strong class="late"> {counted('turned_away', row.refused)}</strong> : ''}
          {found.length > 0 && <span class="hint block">{found.join(' · ')}</span>}
        </>
      )
    }
  }
}
