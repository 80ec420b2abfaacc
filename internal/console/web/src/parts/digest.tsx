import type { components } from '../hub/schema'
import { may } from '../hub/session'
import { linkTo } from '../route'
import { t } from '../words'

type Keyed = { type: components['schemas']['Type']; epoch: number; digest: string }

/** Digest is the beginning of one; it leads to what was said of the indicator. */
export function Digest({ of, grade }: { of: Keyed; grade?: string }) {
  const code = <code title={of.digest}>{of.digest.slice(0, 10)}…</code>
  if (!may('lookup')) return code
  const values = { type: of.type, digest: of.digest, epoch: String(of.epoch) }
  return (
    <a
      class="digest"
      href={linkTo('then', grade && grade !== 'exact' ? { ...values, grade } : values)}
      aria-label={t('digest_history', { type: t(`type_${of.type}`), digest: of.digest.slice(0, 10) })}
    >
      {code}
    </a>
  )
}
