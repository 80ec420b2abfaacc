// What was asked in this session. It lives in this page's memory alone and is forgotten when the session ends.
import { computed, signal } from '@preact/signals'
import { answered, hub, type IndicatorType, type SaidEvent, type Verdict } from '../hub/client'
import { problemOf, Problem } from '../hub/problem'
import { whenSignedOut } from '../hub/session'
import { allTypes, compose, recognise, type Guess, type Need } from '../indicator/recognise'

/** Asked is one question and its answer: a verdict, why the value is none of its type, or what went wrong. */
export type Asked = {
  id: number
  type: IndicatorType
  /** As it was typed, and as it was sent: with the bank or platform that it lacked. */
  text: string
  value: string
  at: Date
  verdict?: Verdict
  fault?: string
  problem?: Problem
}

export const text = signal('')
/** chosen is the type that the reader chose instead of the likeliest. */
export const chosen = signal<IndicatorType | undefined>(undefined)
export const lacking = signal('')
export const asking = signal(false)
export const current = signal<Asked | undefined>(undefined)
export const past = signal<Asked[]>([])

export const guesses = computed<Guess[]>(() => recognise(text.value))
export const type = computed(() => chosen.value ?? guesses.value[0]?.type)

const needs: Partial<Record<IndicatorType, Need>> = {
  social_account: 'platform',
  payment_id: 'payment',
  crypto_address: 'chain',
}

/** need is what the value lacks to be asked about, undefined when it is whole. */
export const need = computed<Need | undefined>(() => {
  const guess = guesses.value.find((one) => one.type === type.value)
  if (guess) return guess.need
  if (type.value === 'bank_account' && !/\p{L}/u.test(text.value)) return 'bank'
  return type.value && !text.value.includes(':') ? needs[type.value] : undefined
})

/** others are the types that the text was not taken for. */
export const others = computed(() => allTypes.filter((one) => !guesses.value.some((guess) => guess.type === one)))

export function typed(value: string): void {
  text.value = value
  chosen.value = undefined
  lacking.value = ''
}

/** Written is what was typed, as one type. */
export type Written = Pick<Asked, 'type' | 'text' | 'value'>

export const written = (): Written | undefined =>
  type.value && {
    type: type.value,
    text: text.value.trim(),
    value: compose(text.value, need.value, lacking.value),
  }

let count = 0

/** ask asks the hub about what was typed. */
export async function ask(): Promise<void> {
  const about = written()
  if (!about || asking.value) return
  const asked: Asked = { id: ++count, ...about, at: new Date() }
  asking.value = true
  const answer = await answerTo(asked)
  asking.value = false
  show(answer)
  if (!answer.problem)
    past.value = [answer, ...past.value.filter((one) => one.value !== answer.value || one.type !== answer.type)]
}

/** askAgain asks the same once more. */
export async function askAgain(asked: Asked): Promise<void> {
  asking.value = true
  const answer = await answerTo({ ...asked, at: new Date() })
  asking.value = false
  show(answer)
  if (!answer.problem) remember(answer)
}

export function show(asked: Asked): void {
  current.value = asked
}

function remember(answer: Asked): void {
  past.value = past.value.map((one) => (one.id === answer.id ? answer : one))
}

async function answerTo({ id, type, text, value, at }: Asked): Promise<Asked> {
  const asked = { id, type, text, value, at }
  try {
    const { results } = await answered(hub.POST('/v1/lookup', { body: { indicators: [{ type, value }] } }))
    const [result] = results
    if (!result) throw new Problem('internal', 'no result')
    return 'error' in result ? { ...asked, fault: result.error.detail } : { ...asked, verdict: result }
  } catch (thrown) {
    return { ...asked, problem: problemOf(thrown) }
  }
}

/** Said is what the reader's organisation said about something, on its way. */
export type Said = {
  asked: Asked
  kind: 'report' | 'withdraw'
  /** Until look-ups showed it; undefined while they don't, null when they did not in time. */
  seconds?: number | null
  stored?: boolean
}

export const said = signal<Said | undefined>(undefined)

/** say sends one event about what was asked. It throws the Problem for which the hub did not take it. */
export async function say(asked: Asked, event: Omit<SaidEvent, 'indicator'>): Promise<void> {
  const indicator = { type: asked.type, value: asked.value }
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const sent = performance.now()
  const { results } = await answered(
    hub.POST('/v1/events', {
      params: { header: { 'Idempotency-Key': key } },
      body: { events: [{ ...event, indicator }] },
    }),
  )
  const id = results[0]?.event_id
  said.value = { asked, kind: event.kind === 'withdraw' ? 'withdraw' : 'report' }
  void follow(said.value, id, sent)
}

const pause = (milliseconds: number) => new Promise((wake) => setTimeout(wake, milliseconds))

/** What of a verdict a word changes; its strength also fades by itself. */
const standing = ({ verdict }: Asked) =>
  JSON.stringify([verdict?.verdict, verdict?.reporters, verdict?.categories, verdict?.last_reported, verdict?.advice])

/** follow asks until look-ups show what was said, and the ledger has it. */
async function follow(begun: Said, event: string | undefined, sent: number): Promise<void> {
  let latest = begun
  const tell = (news: Partial<Said>) => {
    if (said.value !== latest) return false // something else was said since, or the session has ended
    said.value = latest = { ...latest, ...news }
    return true
  }
  for (let seen = false; !seen; await pause(performance.now() - sent < 2000 ? 100 : 500)) {
    const answer = await answerTo({ ...begun.asked, at: new Date() })
    const seconds = (performance.now() - sent) / 1000
    seen = !answer.problem && standing(answer) !== standing(begun.asked)
    if (seen) {
      if (!tell({ seconds })) return
      remember(answer)
      if (current.value?.id === answer.id) show(answer)
    } else if (seconds > 20) {
      if (!tell({ seconds: null })) return
      break
    }
    if (said.value !== latest) return
  }
  for (let tries = 0; event && tries < 30; tries++, await pause(500)) {
    const fate = await answered(hub.GET('/v1/events/{id}', { params: { path: { id: event } } })).catch(() => undefined)
    if (fate) return void tell({ stored: fate.status === 'stored' })
    if (said.value !== latest) return
  }
}

export function forgetAll(): void {
  past.value = []
  current.value = undefined
  said.value = undefined
  typed('')
}

whenSignedOut(forgetAll)
