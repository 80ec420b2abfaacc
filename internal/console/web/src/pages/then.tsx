// Was it listed when we paid? What the hub would have answered at a time that has passed, and what was said since.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { answered, hub, type Verdict } from '../hub/client'
import type { components } from '../hub/schema'
import { authority, holds } from '../hub/session'
import { now } from '../clock'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { usePages } from '../parts/pages'
import { goTo, linkTo, query } from '../route'
import { ago, counted, known, moment, t } from '../words'
import { categoryTitle } from '../words/terms'
import { levelOf, Strength } from './lookup.answer'
import { AskBox } from './lookup.box'
import { written } from './lookup.state'
import { about, askAbout, fieldOf, keyed, momentOf, type Keyed } from './then.state'

type Told = components['schemas']['History']
type Saying = Told['events'][number]

export function ThenPage() {
  const digest = keyed()
  const subject = digest ? undefined : about.value
  const at = momentOf(query.value.get('at'))
  const field = useSignal(query.value.get('at') ?? '')
  const late = useSignal(false)
  const asks = useSignal(0)
  const passed = () => {
    const chosen = momentOf(field.value)
    late.value = !!chosen && chosen > new Date()
    return !late.value
  }
  const submit = async () => {
    const of = written()
    if (of && passed()) askAbout(of, field.value)
  }
  const submitDigest = (event: Event) => {
    event.preventDefault()
    if (!passed()) return
    const values = Object.fromEntries(query.value)
    delete values.at
    asks.value++
    goTo('then', field.value ? { ...values, at: field.value } : values)
  }
  useEffect(() => void (field.value = query.value.get('at') ?? ''), [query.value.get('at')])
  const when = (
    <div class="ask-when">
      <label for="at">{t('then_at')}</label>
      <input
        id="at"
        type="datetime-local"
        value={field.value}
        max={fieldOf(new Date())}
        aria-describedby="at-hint"
        aria-invalid={late.value}
        onInput={({ currentTarget }) => {
          field.value = currentTarget.value
          late.value = false
        }}
      />
      <span class="hint" id="at-hint">
        {t('then_at_hint')}
      </span>
      {late.value && (
        <span class="error" role="alert">
          {t('then_at_late')}
        </span>
      )}
    </div>
  )
  return (
    <div class="then">
      <h1>{t('then_title')}</h1>
      {digest ? (
        <form class="ask by-digest" onSubmit={submitDigest}>
          <p>
            {t(`type_${digest.type}`)} <code>{digest.digest.slice(0, 24)}…</code>
            {digest.grade !== 'exact' && <span class="aside"> · {t(`grade_${digest.grade}`)}</span>}
          </p>
          {when}
          <p class="buttons">
            <button type="submit" class="main">
              {t('then_ask')}
            </button>
            <button type="button" class="quiet" onClick={() => goTo('then')}>
              {t('then_other')}
            </button>
          </p>
        </form>
      ) : (
        <AskBox ask={submit} busy={false} button={t('then_ask')}>
          {when}
        </AskBox>
      )}
      {digest || subject ? (
        <Answered
          key={digest?.digest ?? 'typed'}
          question={JSON.stringify([digest ?? subject, at, asks.value])}
          indicator={
            digest
              ? { type: digest.type, digest: digest.digest, epoch: digest.epoch, grade: digest.grade }
              : { type: subject!.of.type, value: subject!.of.value }
          }
          name={digest ? undefined : subject!.of.text}
          digest={digest}
          at={at}
        />
      ) : (
        <div class="empty">
          <p>
            <strong>{t('lookup_first')}</strong>
          </p>
          <p>{t('then_first_hint')}</p>
        </div>
      )}
    </div>
  )
}

function Answered(props: {
  question: string
  indicator: components['schemas']['Question']
  name: string | undefined
  digest: Keyed | undefined
  at: Date | undefined
}) {
  const told = useSignal<Told | undefined>(undefined)
  const list = usePages<Saying>(props.question, async (cursor) => {
    if (!cursor) told.value = undefined
    const page = await answered(
      hub.POST('/v1/indicators', {
        body: { indicator: props.indicator, at: props.at?.toISOString(), cursor, limit: 50 },
      }),
    )
    if (!cursor) told.value = page
    return { rows: page.events, next: page.next }
  })
  const { name, digest, at } = props
  const answer = told.value
  const title = (
    <>
      <span>{t(`type_${props.indicator.type}`)}</span> <bdi>{name ?? `${digest!.digest.slice(0, 10)}…`}</bdi>
    </>
  )
  if (list.problem && !answer) return <Refused problem={list.problem} again={list.again} title={title} />
  if (!answer)
    return (
      <p class="waiting" role="status">
        {t('loading')}
      </p>
    )
  return (
    <div class="stack" aria-busy={list.asking}>
      <div class="then-answers" aria-live="polite">
        {answer.then && (
          <Card
            title={title}
            when={t('then_then', { time: moment(new Date(answer.then.at)) })}
            words={t(`then_${answer.then.verdict.verdict}`)}
            verdict={answer.then.verdict}
            note={t(`then_partners_${answer.then.partners}`)}
          />
        )}
        <Card
          title={title}
          when={t('then_now')}
          words={t(`verdict_${answer.verdict.verdict}`)}
          means={t(`means_${answer.verdict.verdict}`)}
          verdict={answer.verdict}
          note={answer.then ? undefined : t('then_without')}
        />
      </div>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      <Sayings rows={list.rows ?? []} at={at} digest={digest} more={list.more} asking={list.asking} />
    </div>
  )
}

/** Refused tells a value that is none of its type from all else that may go wrong. */
function Refused({ problem, again, title }: Parameters<typeof Notice>[0] & { title: preact.ComponentChildren }) {
  if (problem.code !== 'schema') return <Notice problem={problem} again={again} />
  return (
    <section class="answer fault">
      <p class="answer-question">{title}</p>
      <p class="means">
        <span>{t('hub_says')}</span> <span lang="en">{problem.detail.replace(/ \([a-z_/]+\)$/, '')}.</span>
      </p>
    </section>
  )
}

/** Card is one answer in plain words: that of then, or that of now. */
function Card(props: {
  title: preact.ComponentChildren
  when: string
  words: string
  verdict: Verdict
  means?: string
  note: string | undefined
}) {
  const { verdict } = props
  const listed = verdict.reporters > 0
  return (
    <section class={`answer then-card ${verdict.verdict}`}>
      <p class="then-when">{props.when}</p>
      <h2>
        <Icon name={verdict.verdict} size={24} /> {props.words}
      </h2>
      <p class="answer-question">{props.title}</p>
      {props.means && <p class="means">{props.means}</p>}
      <dl class="facts">
        {listed && (
          <div>
            <dt>{t('how_sure')}</dt>
            <dd>
              <Strength score={verdict.score} /> {t(`sure_${levelOf(verdict.score)}`)},{' '}
              {t('strength', { n: verdict.score })}
              <br />
              {counted('organisations', verdict.reporters)}
            </dd>
          </div>
        )}
        {verdict.categories.length > 0 && (
          <div>
            <dt>{t('about')}</dt>
            <dd>{verdict.categories.map(categoryTitle).join(' · ')}</dd>
          </div>
        )}
        {verdict.first_reported && (
          <div>
            <dt>{t('since')}</dt>
            <dd>
              <time dateTime={verdict.first_reported}>{moment(new Date(verdict.first_reported))}</time>
            </dd>
          </div>
        )}
        {verdict.last_reported && (
          <div>
            <dt>{t('last_word')}</dt>
            <dd>
              <time dateTime={verdict.last_reported}>{moment(new Date(verdict.last_reported))}</time>
            </dd>
          </div>
        )}
        {verdict.advice && (
          <div>
            <dt>{t('advice')}</dt>
            <dd>{t(`advice_${verdict.advice}`)}</dd>
          </div>
        )}
      </dl>
      {props.note && <p class="hint">{props.note}</p>}
    </section>
  )
}

function Sayings(props: {
  rows: Saying[]
  at: Date | undefined
  digest: Keyed | undefined
  more: (() => void) | undefined
  asking: boolean
}) {
  const { rows, at, digest, more } = props
  // The newest stand first: the time asked about lies before the first one that is older.
  const place = at ? rows.findIndex(({ accepted_at }) => new Date(accepted_at) <= at) : -1
  const line = (
    <tr class="moment" key="moment">
      <td colSpan={6}>
        <Icon name="clock" size={14} /> {at && t('then_moment', { time: moment(at) })}
      </td>
    </tr>
  )
  return (
    <section class="sheet" aria-labelledby="sayings">
      <header>
        <h2 id="sayings">{t('then_sayings')}</h2>
        {digest && holds('oversee') && (
          <a
            class="quiet"
            href={linkTo('audit', {
              type: digest.type,
              digest: digest.digest,
              epoch: String(digest.epoch),
              last: '1y',
            })}
          >
            {t('then_audit')}
          </a>
        )}
      </header>
      <p class="hint note">{t(authority() ? 'then_graded_authority' : 'then_graded')}</p>
      {rows.length === 0 ? (
        <p class="none">{t('then_nothing')}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('page_then')}>
          <table class="list">
            <caption class="unseen">{t('then_sayings')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('taken_at')}</th>
                <th scope="col">{t('what')}</th>
                <th scope="col">{t('then_who')}</th>
                <th scope="col">{t('category')}</th>
                <th scope="col">{t('then_says')}</th>
                <th scope="col">{t('seen_by')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row, i) => [i === place && line, <Line key={i} row={row} />])}
              {at && place < 0 && !more && line}
            </tbody>
          </table>
        </div>
      )}
      {more && (
        <p class="list-end note">
          <button type="button" class="plain" disabled={props.asking} onClick={more}>
            {t('show_more')}
          </button>
        </p>
      )}
    </section>
  )
}

const looks: Partial<Record<Saying['kind'], string>> = {
  report: 'listed',
  clear: 'cleared',
  dispute: 'disputed',
  uphold: 'upheld',
}

function Line({ row }: { row: Saying }) {
  const taken = new Date(row.accepted_at)
  const issued = new Date(row.issued_at)
  const says = [
    row.evidence?.map((one) => known(`evidence_${one}`)).join(', '),
    row.confidence && t('confidence_of', { n: row.confidence }),
    row.advice && `${t('advice')}: ${t(`advice_${row.advice}`)}`,
    row.action && t(`action_${row.action}`),
    row.expires_at && t('expires', { time: moment(new Date(row.expires_at)) }),
  ].filter(Boolean)
  return (
    <tr class={row.not_counted ? 'faded' : ''}>
      <td class="nowrap">
        <time dateTime={row.accepted_at}>{moment(taken)}</time>
        <span class="hint block">
          {taken.getTime() - issued.getTime() > 60_000
            ? t('then_issued', { time: moment(issued) })
            : ago(taken, now.value)}
        </span>
      </td>
      <td>
        <span class={`badge ${looks[row.kind] ?? ''}`}>{t(`said_kind_${row.kind}`)}</span>
        {row.grade !== 'exact' && <span class="hint block">{t(`grade_${row.grade}`)}</span>}
        {row.not_counted && <span class="hint block">{t(`not_counted_${row.not_counted}`)}</span>}
      </td>
      <td>
        <Who row={row} />
      </td>
      <td>{row.category ? categoryTitle(row.category) : '–'}</td>
      <td>{says.length > 0 ? says.join(' · ') : '–'}</td>
      <td class="nowrap">
        {row.tlp ? `TLP:${row.tlp}` : '–'}
        {row.group && <> · {row.group}</>}
      </td>
    </tr>
  )
}

/** Who is as much of an author as the reader is told. */
function Who({ row: { mine, partner, partner_kind, reporter } }: { row: Saying }) {
  const kind = partner_kind && known(`kind_${partner_kind}`)
  if (mine) return <strong>{t('you')}</strong>
  const name = partner ?? (reporter ? t('then_reporter', { n: reporter }) : '')
  if (!name && !kind) return <span class="aside">{t('then_nobody')}</span>
  return (
    <>
      {name || kind}
      {name && kind && <span class="hint block">{kind}</span>}
    </>
  )
}
