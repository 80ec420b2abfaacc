import type { ComponentChildren } from 'preact'
import type { Problem } from '../hub/problem'
import { known, t } from '../words'

/** Notice says that something went wrong, and what to do. */
export function Notice({ problem, again }: { problem: Problem; again?: () => void }) {
  const words = known(`problem_${problem.code}`, '')
  return (
    <div class="notice" role="alert">
      <p>{words || t('problem_title')}</p>
      {!words && (
        <p class="aside">
          <span>{t('hub_says')}</span> <span lang="en">{problem.detail}</span>
        </p>
      )}
      {problem.retryAfter > 0 && <p class="aside">{t('wait_seconds', { n: problem.retryAfter })}</p>}
      {problem.requestID && problem.code === 'internal' && (
        <p class="aside">{t('request_id', { id: problem.requestID })}</p>
      )}
      {again && (
        <button type="button" class="quiet" onClick={again}>
          {t('try_again')}
        </button>
      )}
    </div>
  )
}

/** Field is a label, its control and what is said about it. */
export function Field(props: {
  id: string
  label: string
  hint?: string
  optional?: boolean
  error?: string
  children: ComponentChildren
}) {
  return (
    <div class={`field${props.error ? ' wrong' : ''}`}>
      <label for={props.id}>
        {props.label} {props.optional && <span class="aside">({t('optional')})</span>}
      </label>
      {props.children}
      {props.hint && (
        <p class="hint" id={`${props.id}-hint`}>
          {props.hint}
        </p>
      )}
      {props.error && (
        <p class="error" id={`${props.id}-error`}>
          {props.error}
        </p>
      )}
    </div>
  )
}
