// Saying something about what was asked: a report, or taking one's own back.
import { useSignal } from '@preact/signals'
import type { SaidEvent } from '../hub/client'
import { problemOf, type Problem } from '../hub/problem'
import { Dialog } from '../parts/dialog'
import { Field, Notice } from '../parts/notice'
import { known, language, t } from '../words'
import { states, topCategories } from '../words/terms'
import { say, type Asked } from './lookup.state'

type Props = { asked: Asked; leave: () => void }

const roles = ['mule', 'caller', 'lure', 'collector', 'impersonated'] as const
const grounds = [
  'police_report',
  'confirmed_loss',
  'bank_suspected',
  'platform_actioned',
  'user_report',
  'predictive',
] as const
const advice = ['observe', 'warn', 'hold', 'block'] as const
const losses = ['none', 'under_1k', '1k_10k', '10k_100k', '100k_1m', 'over_1m'] as const

export function ReportDialog({ asked, leave }: Props) {
  const event = useSignal<Omit<SaidEvent, 'indicator'>>({ kind: 'report', confidence: 70, evidence: [] })
  const set = (change: Partial<SaidEvent>) => (event.value = { ...event.value, ...change })
  const { category, confidence, evidence = [] } = event.value
  const missing = useSignal(false)
  const ready = () => {
    missing.value = !category
    if (missing.value) document.getElementById('category')?.focus()
    return !missing.value
  }
  const pick = <T extends string>(value: string) => (value || undefined) as T | undefined
  return (
    <Sending
      title={t('report_title')}
      lead={t('report_lead')}
      button={t('send_report')}
      asked={asked}
      leave={leave}
      event={() => event.value}
      ready={ready}
    >
      <Field id="category" label={t('category')} error={missing.value ? t('choose_category') : ''}>
        <select
          id="category"
          required
          aria-invalid={missing.value}
          value={category ?? ''}
          onChange={({ currentTarget }) => {
            set({ category: pick(currentTarget.value) })
            missing.value = false
          }}
        >
          <option value="">{t('choose')}</option>
          {topCategories.map((top) => (
            <optgroup key={top.name} label={top[language.value]}>
              <option value={top.name}>{top[language.value]}</option>
              {top.below.map((term) => (
                <option key={term.name} value={term.name}>
                  {term[language.value]}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </Field>
      <fieldset class="ticks">
        <legend>{t('evidence')}</legend>
        <div>
          {grounds.map((ground) => (
            <label class="tick" key={ground}>
              <input
                type="checkbox"
                checked={evidence.includes(ground)}
                onChange={() =>
                  set({
                    evidence: evidence.includes(ground)
                      ? evidence.filter((one) => one !== ground)
                      : [...evidence, ground],
                  })
                }
              />
              <span>{known(`evidence_${ground}`)}</span>
            </label>
          ))}
        </div>
        <p class="hint">{t('evidence_hint')}</p>
      </fieldset>
      <div class="pair">
        <Field id="role" label={t('role')} optional>
          <select id="role" onChange={({ currentTarget }) => set({ role: pick(currentTarget.value) })}>
            <option value="">{t('role_none')}</option>
            {roles.map((role) => (
              <option key={role} value={role}>
                {t(`role_${role}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="advice" label={t('advice')} optional>
          <select id="advice" onChange={({ currentTarget }) => set({ advice: pick(currentTarget.value) })}>
            <option value="">{t('advice_none')}</option>
            {advice.map((one) => (
              <option key={one} value={one}>
                {t(`advice_${one}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="loss" label={t('loss')} optional>
          <select id="loss" onChange={({ currentTarget }) => set({ loss_band: pick(currentTarget.value) })}>
            <option value="">{t('loss_unknown')}</option>
            {losses.map((loss) => (
              <option key={loss} value={loss}>
                {t(`loss_${loss}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field id="region" label={t('region')} optional>
          <select id="region" onChange={({ currentTarget }) => set({ region: pick(currentTarget.value) })}>
            <option value="">{t('region_unknown')}</option>
            {states.map((term) => (
              <option key={term.name} value={term.name}>
                {term[language.value]}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <Field id="confidence" label={t('confidence')}>
        <div class="range">
          <input
            id="confidence"
            type="range"
            min="5"
            max="100"
            step="5"
            value={confidence}
            aria-valuetext={t('confidence_of', { n: confidence ?? 70 })}
            onInput={({ currentTarget }) => set({ confidence: Number(currentTarget.value) })}
          />
          <output for="confidence">{t('confidence_of', { n: confidence ?? 70 })}</output>
        </div>
      </Field>
      <Field id="case" label={t('case')} optional hint={t('case_hint')}>
        <input
          id="case"
          type="text"
          maxLength={64}
          pattern="[A-Za-z0-9._:\-]*"
          autocomplete="off"
          spellcheck={false}
          aria-describedby="case-hint"
          onInput={({ currentTarget }) => set({ case: pick(currentTarget.value.trim()) })}
        />
      </Field>
    </Sending>
  )
}

export const WithdrawDialog = ({ asked, leave }: Props) => (
  <Sending
    title={t('withdraw_title')}
    lead={t('withdraw_lead')}
    button={t('send_withdraw')}
    asked={asked}
    leave={leave}
    event={() => ({ kind: 'withdraw' })}
    ready={() => true}
  />
)

/** Sending is the frame of both: it sends, leaves when the hub took it, and else says why it did not. */
function Sending(
  props: Props & {
    title: string
    lead: string
    button: string
    ready: () => boolean
    event: () => Omit<SaidEvent, 'indicator'>
    children?: preact.ComponentChildren
  },
) {
  const sending = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const submit = async (submitted: Event) => {
    submitted.preventDefault()
    if (!props.ready()) return
    sending.value = true
    problem.value = null
    try {
      await say(props.asked, props.event())
      props.leave()
    } catch (thrown) {
      problem.value = problemOf(thrown)
      sending.value = false
    }
  }
  return (
    <Dialog title={props.title} lead={props.lead} leave={props.leave}>
      <form onSubmit={submit} noValidate>
        <p class="answer-question">
          <span>{t(`type_${props.asked.type}`)}</span> <bdi>{props.asked.text}</bdi>
        </p>
        {props.children}
        {problem.value && <Refused problem={problem.value} />}
        <footer>
          <button type="button" class="quiet" onClick={props.leave}>
            {t('cancel')}
          </button>
          <button type="submit" class="main" disabled={sending.value}>
            {sending.value ? t('sending') : props.button}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** Refused names the reason for which the hub did not take an event. */
function Refused({ problem }: { problem: Problem }) {
  const [result] = problem.results
  if (!result?.reason) return <Notice problem={problem} />
  return (
    <div class="notice" role="alert">
      <p>
        {t('refused_event')} {known(`reason_${result.reason}`, '')}
      </p>
      {result.detail && (
        <p class="aside">
          <span>{t('hub_says')}</span> <span lang="en">{result.detail}</span>
        </p>
      )}
    </div>
  )
}
