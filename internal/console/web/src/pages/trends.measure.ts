// What the hub counts and by what, in the reader's language: the words that the pages about trends share.
import { number, known, t } from '../words'
import { taxonomies, termTitle } from '../words/terms'

export const metrics = ['events', 'reports', 'indicators', 'reporters', 'losses'] as const
export type Metric = (typeof metrics)[number]

/** distinct says that values cannot be added up: what is in two points, or in two lines, is one thing. */
export const distinct = (metric: Metric): boolean => metric === 'indicators' || metric === 'reporters'

export const axes = [
  'type',
  'category',
  'platform',
  'institution',
  'region',
  'loss_band',
  'partner_kind',
  'kind',
] as const
export type Axis = (typeof axes)[number]

const keys = {
  type: ['bank_account', 'payment_id', 'phone', 'url', 'domain', 'email', 'crypto_address', 'social_account'],
  loss_band: ['none', 'under_1k', '1k_10k', '10k_100k', '100k_1m', 'over_1m'],
  partner_kind: ['bank', 'ewallet', 'platform', 'telco', 'police', 'regulator'],
  kind: ['report', 'withdraw', 'clear', 'dispute', 'sighting', 'action', 'uphold'],
} as const

/** keysOf are the values of a dimension that a filter may ask for. */
export const keysOf = (axis: Axis): readonly string[] =>
  axis in taxonomies
    ? taxonomies[axis as keyof typeof taxonomies].map(({ name }) => name)
    : keys[axis as keyof typeof keys]

/** titleOf is a value of a dimension; '' is what has none. */
export function titleOf(axis: Axis, key: string): string {
  if (!key) return t('no_key')
  switch (axis) {
    case 'type':
      return known(`type_${key}`, key)
    case 'partner_kind':
      return known(`kind_${key}`, key)
    case 'kind':
      return known(`said_kind_${key}`, key)
    case 'loss_band':
      return known(`loss_${key}`, key)
  }
  return termTitle(axis, key)
}

/** told is a count as it is written. */
export const told = (metric: Metric, n: number): string =>
  metric === 'losses' ? t('ringgit', { n: number(n) }) : number(n)

/** Filters narrow a question to some values of dimensions: words with commas, as the API has them. */
export type Filters = Partial<Record<Axis, string>>

export const filtersOf = (values: URLSearchParams): Filters =>
  Object.fromEntries(axes.filter((axis) => values.has(axis)).map((axis) => [axis, values.get(axis)!]))

/** oneOf is the value when it is among those that are known. */
export const oneOf = <T extends string>(among: readonly T[], value: string | null): T | undefined =>
  among.find((it) => it === value)
