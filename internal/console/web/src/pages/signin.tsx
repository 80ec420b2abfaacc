import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { signIn } from '../hub/client'
import { problemOf, type Problem } from '../hub/problem'
import { endedBecause } from '../hub/session'
import { Mark } from '../parts/icon'
import { Field, Notice } from '../parts/notice'
import { Preferences } from '../parts/preferences'
import { known, t } from '../words'

export function SignInPage() {
  const input = useRef<HTMLInputElement>(null)
  const keep = useSignal(false)
  const asking = useSignal(false)
  const missing = useSignal(false)
  const problem = useSignal<Problem | null>(null)

  const submit = async (event: Event) => {
    event.preventDefault()
    const key = input.current?.value.trim() ?? ''
    problem.value = null
    missing.value = !key
    if (!key) return input.current?.focus()
    asking.value = true
    try {
      await signIn(key, keep.value)
    } catch (thrown) {
      problem.value = problemOf(thrown)
      input.current?.select()
    } finally {
      asking.value = false
    }
  }

  return (
    <div class="signin">
      <header class="signin-story">
        <p class="brand">
          <Mark size={40} /> <span>Waspada</span>
        </p>
        <p class="signin-lead">{t('signin_lead')}</p>
        <ul>
          <li>{t('signin_fact_hash')}</li>
          <li>{t('signin_fact_who')}</li>
          <li>{t('signin_fact_fast')}</li>
        </ul>
      </header>
      <main id="main" class="signin-form" tabIndex={-1}>
        <form onSubmit={submit} noValidate>
          <h1>{t('signin_title')}</h1>
          {endedBecause.value && !problem.value && (
            <p class="notice" role="status">
              {known(`problem_${endedBecause.value}`, t('problem_title'))}
            </p>
          )}
          <Field id="key" label={t('api_key')} hint={t('api_key_hint')} error={missing.value ? t('key_empty') : ''}>
            <input
              ref={input}
              id="key"
              type="password"
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              autofocus
              aria-describedby={`key-hint${missing.value ? ' key-error' : ''}`}
              aria-invalid={missing.value}
            />
          </Field>
          <label class="tick">
            <input
              type="checkbox"
              checked={keep.value}
              onChange={() => (keep.value = !keep.value)}
              aria-describedby="keep-hint"
            />
            <span>{t('keep_key')}</span>
          </label>
          <p class="hint" id="keep-hint">
            {t('keep_key_hint')}
          </p>
          {problem.value && <Notice problem={problem.value} />}
          <button type="submit" class="main" disabled={asking.value}>
            {t(asking.value ? 'signing_in' : 'sign_in')}
          </button>
        </form>
        <Preferences />
      </main>
    </div>
  )
}
