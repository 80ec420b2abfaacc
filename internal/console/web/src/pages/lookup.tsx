import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { IndicatorType } from '../hub/client'
import { Choice } from '../parts/choice'
import { Icon } from '../parts/icon'
import { clock, t } from '../words'
import { Answer } from './lookup.answer'
import {
  ask,
  asking,
  chosen,
  current,
  forgetAll,
  guesses,
  lacking,
  need,
  others,
  past,
  show,
  text,
  type,
  typed,
} from './lookup.state'
import { Lacking } from './lookup.lacking'

export function LookupPage() {
  const input = useRef<HTMLInputElement>(null)
  const missing = useSignal('')
  const all = useSignal(false)

  const submit = async (event: Event) => {
    event.preventDefault()
    const choose = need.value && need.value !== 'bank' && !lacking.value
    missing.value = !text.value.trim() ? t('empty') : !type.value || choose ? t('needs_choice') : ''
    if (missing.value) {
      if (!text.value.trim()) input.current?.focus()
      return
    }
    await ask()
    all.value = false
  }

  const name = (one: IndicatorType) => ({ value: one, label: t(`type_${one}`) })
  const found = guesses.value.map((guess) => guess.type)
  const open = all.value || found.length === 0 || (chosen.value && !found.includes(chosen.value))

  return (
    <div class="lookup">
      <h1>{t('lookup_title')}</h1>
      <form class="ask" role="search" onSubmit={submit} noValidate>
        <label class="unseen" for="value">
          {t('lookup_label')}
        </label>
        <div class="ask-line">
          <Icon name="search" size={22} />
          <input
            ref={input}
            id="value"
            type="text"
            value={text.value}
            placeholder={t('lookup_label')}
            autofocus
            autocomplete="off"
            autocapitalize="none"
            autocorrect="off"
            spellcheck={false}
            maxLength={4096}
            enterkeyhint="search"
            aria-describedby="value-hint"
            aria-invalid={!!missing.value}
            onInput={(event) => {
              typed(event.currentTarget.value)
              missing.value = ''
            }}
          />
          <button type="submit" class="main" disabled={asking.value}>
            {t(asking.value ? 'looking_up' : 'look_up')}
          </button>
        </div>
        <div class="ask-type">
          {!text.value.trim() ? (
            <p class="hint" id="value-hint">
              {t('lookup_hint')}
            </p>
          ) : (
            <>
              <Choice<IndicatorType>
                kind="chips"
                label={t(found.length === 0 ? 'what_is_it' : found.length > 1 ? 'could_be' : 'looks_like')}
                options={[...found, ...(open ? others.value : [])].map(name)}
                value={type.value}
                choose={(value) => {
                  chosen.value = value
                  lacking.value = ''
                  missing.value = ''
                }}
              />
              {!open && (
                <button type="button" class="chip-more" onClick={() => (all.value = true)}>
                  {t('something_else')}
                </button>
              )}
              <Lacking />
            </>
          )}
        </div>
        {missing.value && (
          <p class="error" role="alert">
            {missing.value}
          </p>
        )}
      </form>
      <div class="lookup-columns">
        <div class="lookup-answer" aria-live="polite" aria-busy={asking.value}>
          {current.value ? <Answer asked={current.value} /> : <Waiting />}
        </div>
        <History />
      </div>
    </div>
  )
}

const Waiting = () => (
  <div class="empty">
    <p>
      <strong>{t('lookup_first')}</strong>
    </p>
    <p>{t('lookup_first_hint')}</p>
    <p class="aside">{t('shortcut')}</p>
  </div>
)

function History() {
  if (past.value.length === 0) return null
  return (
    <aside class="history" aria-labelledby="history">
      <header>
        <h2 id="history">{t('history')}</h2>
        <button type="button" class="quiet" onClick={forgetAll}>
          {t('history_clear')}
        </button>
      </header>
      <ol>
        {past.value.map((asked) => (
          <li key={asked.id}>
            <button type="button" aria-pressed={asked.id === current.value?.id} onClick={() => show(asked)}>
              <span class={`dot ${asked.verdict?.verdict ?? 'fault'}`} aria-hidden="true" />
              <span class="history-value">{asked.text}</span>
              <span class="history-verdict">
                {asked.verdict
                  ? t(`verdict_${asked.verdict.verdict}`)
                  : t('bad_value', { type: t(`type_${asked.type}`) })}
              </span>
              <time dateTime={asked.at.toISOString()}>{clock(asked.at)}</time>
            </button>
          </li>
        ))}
      </ol>
      <p class="hint">{t('history_hint')}</p>
    </aside>
  )
}
