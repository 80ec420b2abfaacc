import { may } from '../hub/session'
import { linkTo } from '../route'
import { t } from '../words'
import type { Node, Whole } from './campaigns.evidence'

/** Digest is a node's, short, and leads to what was said of it and when. */
export function Digest({ node, whole }: { node: Node; whole: Whole }) {
  const short = <code title={node.digest}>{node.digest.slice(0, 10)}…</code>
  if (!whole.epoch || !may('lookup')) return short
  return (
    <a
      class="digest"
      href={linkTo('then', { type: node.type, digest: node.digest, epoch: String(whole.epoch) })}
    >
      {short} <span class="unseen">{t('see_history')}</span>
    </a>
  )
}
