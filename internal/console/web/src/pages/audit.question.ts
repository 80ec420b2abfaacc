// What the audit is asked stands in its address: #/audit?kind=refusal&what=bad_signature&partner=bank-x&last=7d.
import { goTo, query } from '../route'
import type { Word } from '../words'
import { keyed, type Keyed } from './then.state'

export const kinds = ['event', 'refusal', 'repeat', 'act', 'usage'] as const
export type Kind = (typeof kinds)[number]

export const events = ['report', 'withdraw', 'clear', 'dispute', 'sighting', 'action', 'uphold'] as const
export const refusals = [
  'protected',
  'not_entitled',
  'schema',
  'malformed',
  'too_large',
  'bad_headers',
  'unknown_key',
  'key_not_valid',
  'wrong_source',
  'bad_signature',
  'not_keyed',
  'unknown_epoch',
  'issued_in_future',
  'issued_too_old',
  'not_storable',
  'unknown_term',
] as const
export const deeds = [
  'import_partner',
  'add_partner',
  'change_partner',
  'set_state',
  'issue_api_key',
  'revoke_api_key',
  'add_signing_key',
  'revoke_signing_key',
  'void',
  'end_void',
  'undo_void',
  'begin_hold',
  'propose_release',
  'confirm_release',
  'withdraw_release',
  'restore',
  'replay_message',
  'review_dispute',
  'decide_dispute',
  'export_audit',
  'export_evidence',
  'export_trends',
  'audit_indicator',
  'erase',
  'touch_canary',
  'sweep',
] as const
export const requests = [
  'lookup_one',
  'lookup_many',
  'lookup_batch',
  'history',
  'follow',
  'events',
  'trends',
  'audit',
  'admin',
  'other',
] as const

/** whats are what a record of a kind may be of. */
export const whats: Record<Kind, readonly string[]> = {
  event: events,
  refusal: refusals,
  repeat: [],
  act: deeds,
  usage: requests,
}

/** stems are how the words for them begin. */
export const stems: Record<Kind, string> = {
  event: 'said_kind_',
  refusal: 'refusal_',
  repeat: 'said_kind_',
  act: 'deed_',
  usage: 'request_',
}

export const spans = { '24h': 1, '7d': 7, '30d': 30, '1y': 365 } as const
export type Span = keyof typeof spans

export type Question = {
  kind: Kind | undefined
  what: string
  partner: string
  last: Span
  /** The one indicator that it is asked about. */
  of: Keyed | undefined
}

/** spansOf are the times that the hub answers about: a year only where there is little. */
export const spansOf = (kind: Kind | undefined, of: Keyed | undefined): Span[] => {
  const all = Object.keys(spans) as Span[]
  if (of || kind === 'act' || kind === 'usage') return all
  return kind === 'repeat' ? ['24h', '7d'] : ['24h', '7d', '30d']
}

export function question(): Question {
  const values = query.value
  const kind = kinds.find((one) => one === values.get('kind'))
  const of = keyed()
  const what = values.get('what') ?? ''
  const partner = values.get('partner') ?? ''
  return {
    kind,
    what: kind && whats[kind].includes(what) ? what : '',
    partner: /^[a-z0-9.-]{1,48}$/.test(partner) ? partner : '',
    last: spansOf(kind, of).find((one) => one === values.get('last')) ?? '24h',
    of,
  }
}

/** change asks the same with some of it changed; '' takes something out. */
export function change(values: Partial<Record<'kind' | 'what' | 'partner' | 'last' | 'type', string>>): void {
  const next = new URLSearchParams(query.value)
  if ('kind' in values) next.delete('what')
  if (values.type === '') for (const name of ['digest', 'epoch', 'grade']) next.delete(name)
  for (const [name, value] of Object.entries(values)) {
    if (value) next.set(name, value)
    else next.delete(name)
  }
  goTo('audit', Object.fromEntries(next))
}

/** asked is what the hub is asked. */
export function asked({ kind, what, partner, last, of }: Question) {
  const to = new Date()
  return {
    kind,
    what: what || undefined,
    partner: partner || undefined,
    from: new Date(to.getTime() - spans[last] * 86_400_000).toISOString(),
    to: to.toISOString(),
    ...(of && { type: of.type, digest: of.digest, epoch: of.epoch }),
  }
}

export const kindWord = (kind: Kind): Word => `audit_${kind}`
