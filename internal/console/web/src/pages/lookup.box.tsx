// The box that a value is typed into. What is typed is recognised as it is typed, and stays in this page's memory.
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { IndicatorType } from '../hub/client'
import { Choice } from '../parts/choice'
import { Icon } from '../parts/icon'
import { t } from '../words'
import { Lacking } from './lookup.lacking'
import { chosen, guesses, lacking, need, others, text, type, typed } from './lookup.state'

/** AskBox calls ask once what was typed says what it is. */
export function AskBox(props: {
  ask: () => Promise<void>
  busy: boolean
  button: string
  children?: ComponentChildren
}) {
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
    await props.ask()
    all.value = false
  }

  const name = (one: IndicatorType) => ({ value: one, label: t(`type_${one}`) })
  const found = guesses.value.map((guess) => guess.type)
  const open = all.value || found.length === 0 || (chosen.value && !found.includes(chosen.value))

  return (
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
        <button type="submit" class="main" disabled={props.busy}>
          {props.button}
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
      {props.children}
      {missing.value && (
        <p class="error" role="alert">
          {missing.value}
        </p>
      )}
    </form>
  )
}
