// Disputes, the overdue ones first. Each sees as much as concerns it; authorities acknowledge and decide here.
import { useSignal } from '@preact/signals'
import investigator from 'hub:investigator'
import reasons from 'hub:reason'
import { useEffect } from 'preact/hooks'
import { now } from '../clock'
import { answered, hub } from '../hub/client'
import { problemOf, type Problem } from '../hub/problem'
import type { components } from '../hub/schema'
import { authority, may } from '../hub/session'
import { Choice } from '../parts/choice'
import { Dialog } from '../parts/dialog'
import { Icon } from '../parts/icon'
import { Field, Notice } from '../parts/notice'
import { usePages } from '../parts/pages'
import { goTo, query } from '../route'
import { ago, language, moment, t } from '../words'

type Dispute = components['schemas']['Dispute']
type Outcome = components['schemas']['DisputeDecision']['outcome']

const views = {
  undecided: 'open,under_review',
  decided: 'upheld,corrected,cleared,restored,withdrawn,lapsed',
  all: '',
} as const
type View = keyof typeof views

/** judges says whether the reader's organisation decides disputes. */
const judges = () => may('report') && authority()

export function DisputesPage() {
  const view = (Object.keys(views) as View[]).find((one) => one === query.value.get('view')) ?? 'undecided'
  const id = query.value.get('id') ?? ''
  const list = usePages<Dispute>(view, async (cursor) => {
    const state = views[view] || undefined
    const { disputes, next } = await answered(hub.GET('/v1/disputes', { params: { query: { state, cursor } } }))
    return { rows: disputes, next }
  })
  const changed = useSignal<Record<string, Dispute>>({})
  const rows = list.rows?.map((row) => changed.value[row.id] ?? row)
  const chosen = rows?.find((row) => row.id === id)
  const choose = (next: string) => goTo('disputes', { view, ...(next && { id: next }) })
  return (
    <div class="disputes">
      <h1>{t('disputes_title')}</h1>
      <div class="controls">
        <Choice<View>
          label={t('state')}
          value={view}
          choose={(value) => goTo('disputes', { view: value })}
          options={(Object.keys(views) as View[]).map((value) => ({ value, label: t(`disputes_${value}`) }))}
        />
        <button type="button" class="quiet" onClick={list.again}>
          <Icon name="refresh" size={16} /> {t('refresh')}
        </button>
      </div>
      {list.problem && <Notice problem={list.problem} again={list.again} />}
      {!rows && !list.problem && (
        <p class="waiting" role="status">
          {t('loading')}
        </p>
      )}
      {rows && rows.length === 0 && <p class="empty">{t('disputes_empty')}</p>}
      {rows && rows.length > 0 && (
        <div class={chosen ? 'partners-columns' : ''}>
          <div class="sheet scroll" tabIndex={0} role="region" aria-label={t('page_disputes')}>
            <table class="list">
              <caption class="unseen">{t('page_disputes')}</caption>
              <thead>
                <tr>
                  <th scope="col">{t('about_what')}</th>
                  <th scope="col">{t('state')}</th>
                  {!chosen && <th scope="col">{t('opened')}</th>}
                  <th scope="col">{t('clock')}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.id} class={row === chosen ? 'chosen' : ''}>
                    <th scope="row">
                      <button
                        type="button"
                        class="row-button"
                        aria-pressed={row === chosen}
                        onClick={() => choose(row === chosen ? '' : row.id)}
                      >
                        {t(`type_${row.indicator.type}`)} <code>{row.indicator.digest.slice(0, 10)}…</code>
                      </button>
                      <span class="hint">{t(`as_${row.as}`)}</span>
                    </th>
                    <td>
                      <State dispute={row} />
                    </td>
                    {!chosen && <td class="nowrap">{moment(new Date(row.opened_at))}</td>}
                    <td>
                      <Clock dispute={row} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {chosen && (
            <Details
              dispute={chosen}
              close={() => choose('')}
              now={(dispute) => (changed.value = { ...changed.value, [dispute.id]: dispute })}
            />
          )}
        </div>
      )}
      {list.more && (
        <p class="list-end">
          <button type="button" class="plain" disabled={list.asking} onClick={list.more}>
            {t('show_more')}
          </button>
        </p>
      )}
    </div>
  )
}

const State = ({ dispute }: { dispute: Dispute }) => (
  <>
    <span class={`badge dispute-${dispute.state}`}>{t(`dispute_${dispute.state}`)}</span>
    {dispute.effect !== 'in_force' && <span class="hint"> {t(`effect_${dispute.effect}`)}</span>}
  </>
)

/** Clock is the deadline that runs, if one does. */
function Clock({ dispute: { state, acknowledge_by, decide_by, overdue = [], decided_at } }: { dispute: Dispute }) {
  if (decided_at) return <span class="aside">{t('decided', { time: moment(new Date(decided_at)) })}</span>
  const by = state === 'open' ? (acknowledge_by ?? decide_by) : decide_by
  if (!by || (state !== 'open' && state !== 'under_review')) return <>–</>
  const due = new Date(by)
  const late = overdue.length > 0 || due < now.value
  return (
    <span class={late ? 'error' : ''}>
      {t(late ? 'was_due' : state === 'open' ? 'acknowledge_by' : 'decide_by', { time: moment(due) })}{' '}
      <span class="hint">{late && ago(due, now.value)}</span>
    </span>
  )
}

const title = (terms: typeof reasons, name: string | undefined) =>
  (name && terms.find((term) => term.name === name)?.[language.value]) || name

function Details({
  dispute,
  close,
  now: changed,
}: {
  dispute: Dispute
  close: () => void
  now: (dispute: Dispute) => void
}) {
  const problem = useSignal<Problem | null>(null)
  const asking = useSignal(false)
  const deciding = useSignal<Outcome[]>([])
  const { authority, reason, state } = dispute
  const review = async () => {
    asking.value = true
    problem.value = null
    try {
      changed(await answered(hub.POST('/v1/disputes/{id}/review', { params: { path: { id: dispute.id } }, body: {} })))
    } catch (thrown) {
      problem.value = problemOf(thrown)
    }
    asking.value = false
  }
  useEffect(() => {
    if (dispute.effect !== 'pending') return
    const again = setTimeout(async () => {
      // Once the ledger has the event, look-ups answer as the state says; what fails here shows when the list is read anew.
      const path = { id: dispute.id }
      await answered(hub.GET('/v1/disputes/{id}', { params: { path } })).then(changed, () => undefined)
    }, 1000)
    return () => clearTimeout(again)
  }, [dispute])
  const restorable = state === 'cleared' || state === 'corrected' || state === 'lapsed'
  return (
    <>
      <section class="sheet details" aria-label={`${t('page_disputes')}: ${dispute.indicator.digest.slice(0, 10)}`}>
        <header>
          <h2>{t(`type_${dispute.indicator.type}`)}</h2>
          <button type="button" class="quiet" onClick={close}>
            {t('close')}
          </button>
        </header>
        <dl>
          <dt>{t('state')}</dt>
          <dd>
            <State dispute={dispute} />
          </dd>
          <dt>{t('digest')}</dt>
          <dd>
            <code>{dispute.indicator.digest}</code>
          </dd>
          <dt>{t('opened')}</dt>
          <dd>{moment(new Date(dispute.opened_at))}</dd>
          {authority && (
            <>
              <dt>{t('opened_by')}</dt>
              <dd>{authority.opened_by}</dd>
            </>
          )}
          {authority && (
            <>
              <dt>{t('reporters')}</dt>
              <dd>{authority.reporters.join(', ') || t('none')}</dd>
            </>
          )}
          {reason && (
            <>
              <dt>{t('reason')}</dt>
              <dd>{reason[language.value]}</dd>
            </>
          )}
          {authority?.investigator_reason && (
            <>
              <dt>{t('investigator_reason')}</dt>
              <dd>{title(investigator, authority.investigator_reason)}</dd>
            </>
          )}
        </dl>
        {authority && authority.steps.length > 0 && (
          <>
            <h3>{t('steps')}</h3>
            <ol>
              {authority.steps.map((step) => (
                <li key={step.at + step.to}>
                  {t(`dispute_${step.to}`)} · {step.by} <span class="hint">{moment(new Date(step.at))}</span>
                </li>
              ))}
            </ol>
          </>
        )}
        {problem.value && <Notice problem={problem.value} />}
        {judges() && (
          <p class="details-do">
            {state === 'open' && (
              <button type="button" class="main" disabled={asking.value} onClick={() => void review()}>
                {t('acknowledge')}
              </button>
            )}
            {state === 'under_review' && (
              <button type="button" class="main" onClick={() => (deciding.value = ['upheld', 'corrected', 'cleared'])}>
                {t('decide')}
              </button>
            )}
            {restorable && (
              <button type="button" class="plain" onClick={() => (deciding.value = ['restored'])}>
                {t('restore')}
              </button>
            )}
          </p>
        )}
      </section>
      {deciding.value.length > 0 && (
        <Decide dispute={dispute} outcomes={deciding.value} leave={() => (deciding.value = [])} decided={changed} />
      )}
    </>
  )
}

function Decide(props: {
  dispute: Dispute
  outcomes: Outcome[]
  leave: () => void
  decided: (dispute: Dispute) => void
}) {
  const outcome = useSignal<Outcome | undefined>(props.outcomes.length === 1 ? props.outcomes[0] : undefined)
  const reason = useSignal('')
  const inner = useSignal('')
  const problem = useSignal<Problem | null>(null)
  const missing = useSignal(false)
  const sending = useSignal(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    missing.value = !outcome.value || !reason.value
    if (missing.value || !outcome.value) return
    sending.value = true
    problem.value = null
    try {
      const body = { outcome: outcome.value, reason: reason.value, investigator_reason: inner.value || undefined }
      props.decided(
        await answered(hub.POST('/v1/disputes/{id}/decision', { params: { path: { id: props.dispute.id } }, body })),
      )
      props.leave()
    } catch (thrown) {
      problem.value = problemOf(thrown)
      sending.value = false
    }
  }
  return (
    <Dialog title={t('decide_title')} lead={t('decide_lead')} leave={props.leave}>
      <form onSubmit={submit} noValidate>
        <fieldset class="ticks">
          <legend>{t('outcome')}</legend>
          {props.outcomes.map((one) => (
            <label class="tick" key={one}>
              <input
                type="radio"
                name="outcome"
                checked={outcome.value === one}
                onChange={() => (outcome.value = one)}
              />
              <span>
                <b>{t(`dispute_${one}`)}</b>: {t(`outcome_${one}`)}
              </span>
            </label>
          ))}
        </fieldset>
        <Field id="reason" label={t('reason')} hint={t('reason_hint')} error={missing.value ? t('decide_missing') : ''}>
          <select
            id="reason"
            value={reason.value}
            aria-describedby="reason-hint"
            aria-invalid={missing.value}
            onChange={({ currentTarget }) => (reason.value = currentTarget.value)}
          >
            <option value="">{t('choose')}</option>
            {reasons.map((term) => (
              <option key={term.name} value={term.name}>
                {term[language.value]}
              </option>
            ))}
          </select>
        </Field>
        <Field id="inner" label={t('investigator_reason')} optional hint={t('investigator_hint')}>
          <select
            id="inner"
            value={inner.value}
            aria-describedby="inner-hint"
            onChange={({ currentTarget }) => (inner.value = currentTarget.value)}
          >
            <option value="">{t('none')}</option>
            {investigator.map((term) => (
              <option key={term.name} value={term.name}>
                {term[language.value]}
              </option>
            ))}
          </select>
        </Field>
        {problem.value && <Notice problem={problem.value} />}
        <footer>
          <button type="button" class="quiet" onClick={props.leave}>
            {t('cancel')}
          </button>
          <button type="submit" class="main" disabled={sending.value}>
            {t(sending.value ? 'sending' : 'decide')}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
